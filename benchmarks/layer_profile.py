"""Which layers of the networks take the time of training: ``python -m benchmarks.layer_profile WORKSPACE``.

Each layer is timed alone, forward and with its gradients, on a batch of what it reads in training, by one
thread as in the stages; of what comes before any weights no gradient is asked, as in training. Nothing is
fused with its neighbours here, and the optimizer's step is left out, so that the shares are near those of
training, not equal.
"""

import os
import sys
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cases import PROJECT
from ser.params import load_params

_REPEATS = 7


def profile(network: str) -> dict[str, float]:
    """Time each kind of layer of a network.

    Parameters
    ----------
    network
        Its section of ``train_cnn``; its features must be in the working folder.

    Returns
    -------
    dict
        By layer, with its name where it has weights: its share of the sum.
    """
    seconds: dict[str, float] = defaultdict(float)
    learned_before = False
    for layer, inputs in _layers(network):
        seconds[_name(layer)] += _time(layer, inputs, of_inputs=learned_before)
        learned_before |= bool(layer.trainable_variables)
    total = sum(seconds.values())
    return {name: it / total for name, it in sorted(seconds.items(), key=lambda pair: -pair[1])}


def time_of_channels_first(network: str) -> float:
    """Time a network's 2-D convolutions with channels before frames and bands, in what they take as they are.

    The values are in that order already: what it would take to bring them there is not in the time. Here the
    first one's inputs have a gradient, too.
    """
    import keras
    import tensorflow as tf

    convolutions = [pair for pair in _layers(network) if isinstance(pair[0], keras.layers.Conv2D)]
    seconds = first_seconds = 0.0
    for layer, inputs in convolutions:
        seconds += _time(layer, inputs, of_inputs=True)
        other = keras.layers.Conv2D.from_config({**layer.get_config(), "data_format": "channels_first"})
        first_seconds += _time(other, tf.transpose(inputs, (0, 3, 1, 2)), of_inputs=True)
    return first_seconds / seconds


def _layers(network: str) -> list[tuple[Any, Any]]:
    """Build a network as in training; pair each layer with what it reads."""
    from ser.models import deterministic_tensorflow
    from ser.models.article_cnn import NETWORKS as ARTICLE
    from ser.models.logmel_cnn import NETWORKS as LOGMEL
    from stages.train_cnn import read_inputs

    settings = getattr(load_params(PROJECT / "params.yaml").train_cnn, network)
    wanted = {**ARTICLE, **LOGMEL}[network]
    shape = read_inputs(network)[0][0].copies[0].shape[1:]
    deterministic_tensorflow.start(0)
    model = wanted.build(shape, settings, 100)
    frames = min(getattr(settings, "crop_frames", 0) or shape[0], shape[0])
    return _values(model, batch=settings.batch_size, shape=(frames, *shape[1:]))


def _values(model: Any, *, batch: int, shape: tuple[int, ...]) -> list[tuple[Any, Any]]:
    """Pair each layer with what it reads when a batch goes through."""
    import keras
    import numpy as np

    layers = [layer for layer in model.layers if not isinstance(layer, keras.layers.InputLayer)]
    tensors = [layer.input for layer in layers]
    reader = keras.Model(model.inputs, tensors)
    channels = (1,) * (len(model.input_shape) - 1 - len(shape))
    x = np.random.default_rng(0).standard_normal((batch, *shape, *channels), dtype=np.float32)
    return list(zip(layers, reader(x), strict=True))


def _time(layer: Any, inputs: Any, *, of_inputs: bool) -> float:
    """Time a layer's way and its gradients, those of its inputs too where something before it learns."""
    import tensorflow as tf

    @tf.function(reduce_retracing=False)  # type: ignore[untyped-decorator]
    def step(values: Any) -> Any:
        # Outside of a network TensorFlow takes no layer for a scope whose name begins with an underscore.
        with tf.GradientTape() as tape, tf.name_scope("alone"):
            tape.watch(values)
            out = layer(values, training=True) if layer._call_has_training_arg else layer(values)
            total = tf.reduce_sum(out)
        # With the sum, without which TensorFlow would leave out what the gradients do not need.
        return total, tape.gradient(total, [*([values] if of_inputs else []), *layer.trainable_variables])

    step(inputs)
    taken = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        step(inputs)
        taken.append(time.perf_counter() - start)
    return median(taken)


def _name(layer: Any) -> str:
    kind = type(layer).__name__
    if not kind.startswith("Conv"):
        return kind
    return f"{kind} {layer.kernel.shape[-2]} to {layer.kernel.shape[-1]}"


def main() -> None:
    """Print a sentence for each network."""
    os.chdir(Path(sys.argv[1]))
    for network in ("article", "article_augmented", "logmel"):
        shares = ", ".join(f"{name} {it:.0%}" for name, it in profile(network).items() if it >= 0.02)
        print(f"Share of each kind of layer in a step of `{network}`, each layer timed alone: {shares}.")
    first = time_of_channels_first("logmel")
    print(f"The convolutions of `logmel` with channels first take {first:.2f} times as long.")


if __name__ == "__main__":
    main()
