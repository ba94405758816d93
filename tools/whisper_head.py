"""A network on top of Whisper's frames: attention over time, and Whisper's last layers, fine-tuned."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser import deterministic_tensorflow  # isort: split

import keras
from keras import layers, ops

from ser.ravdess import EMOTIONS
from ser.whisper_encoder import WhisperEncoder

HIDDEN, ATTENTION, DROPOUT, WEIGHT_DECAY, LABEL_SMOOTHING = 256, 64, 0.3, 0.02, 0.1
FAR = -1e9
"""What is added to the score of a frame that is not there."""


def head(
    shape: tuple[int, ...],
    *,
    encoder: WhisperEncoder,
    tuned_layers: int,
    learning_rate: float,
    steps: int,
    seed: int,
) -> keras.Model:
    """Build the network, compiled.

    What enters it is normalised anew (with fine-tuned layers in place of Whisper's own last normalisation). A
    layer and attention over time follow; weighted mean and deviation of its units decide. Weight decay acts
    on fine-tuned layers, too.

    Parameters
    ----------
    shape
        Of a clip's states: frames, layers and units. Frames of zeros are not there.
    encoder
        Whose last layers are fine-tuned.
    tuned_layers
        How many of them. If any, the network reads what enters the first of these; else a weighted sum of all
        layers' states, whose weights it learns.
    learning_rate
        At the start; a cosine to 0.
    steps
        Batches in all.
    seed
        Of its first weights and its dropout.

    Returns
    -------
    keras.Model
        [shape=(n, *shape)] to probabilities [shape=(n, 8)].
    """
    deterministic_tensorflow.start(seed)
    states = layers.Input(shape)
    there = ops.cast(ops.any(states != 0, axis=(2, 3)), "float32")
    if tuned_layers:
        x = layers.Reshape((shape[0], shape[2]))(states)
        last = sum(name.endswith("ffn/linear_0/weight") for name in encoder.weights)
        for place in range(last - tuned_layers, last):
            x = EncoderLayer(encoder, f"layer_{place}")(x, there)
    else:
        x = WeightedSum()(states)
    x = layers.LayerNormalization()(x)
    x = layers.Dropout(DROPOUT)(layers.Dense(HIDDEN, activation="relu")(x))
    scores = layers.Dense(1)(layers.Dense(ATTENTION, activation="tanh")(x))[..., 0]
    weights = ops.expand_dims(ops.softmax(scores + (1 - there) * FAR, axis=1), 2)
    mean = ops.sum(weights * x, axis=1)
    variance = ops.sum(weights * ops.square(x), axis=1) - ops.square(mean)
    pooled = ops.concatenate([mean, ops.sqrt(ops.maximum(variance, 1e-6))], axis=1)
    model = keras.Model(states, layers.Dense(len(EMOTIONS), activation="softmax")(pooled))
    model.compile(
        optimizer=keras.optimizers.AdamW(
            keras.optimizers.schedules.CosineDecay(learning_rate, steps), weight_decay=WEIGHT_DECAY
        ),
        loss=keras.losses.CategoricalCrossentropy(label_smoothing=LABEL_SMOOTHING),
        metrics=["accuracy"],
    )
    return model


class WeightedSum(layers.Layer):  # type: ignore[misc]
    """The layers' states, normalised and added up with weights that are learned."""

    def build(self, shape: tuple[int, ...]) -> None:
        """Begin with equal weights."""
        self.importance = self.add_weight(shape=(shape[2],), initializer="zeros")

    def call(self, states: keras.KerasTensor) -> keras.KerasTensor:
        """Add up [shape=(n, frames, layers, units)]."""
        return ops.einsum("ntlu,l->ntu", _standardized(states), ops.softmax(self.importance))


class EncoderLayer(layers.Layer):  # type: ignore[misc]
    """A layer of Whisper's encoder, as `ser.whisper_encoder` computes it, whose weights can be changed.

    Parameters
    ----------
    encoder
        With whose weights it begins.
    name
        The layer's name in them.
    """

    def __init__(self, encoder: WhisperEncoder, name: str) -> None:
        super().__init__()
        self.heads = encoder.heads
        self.own = {}
        for key, values in encoder.weights.items():
            if key.startswith(f"{name}/"):
                variable = self.add_weight(shape=values.shape, initializer="zeros")
                variable.assign(values)
                self.own[key.removeprefix(f"{name}/")] = variable

    def call(self, x: keras.KerasTensor, there: keras.KerasTensor) -> keras.KerasTensor:
        """Apply it to [shape=(n, frames, units)]; nobody attends to frames that are not there."""
        _, frames, units = x.shape
        projected = self._linear("self_attention/linear_0", self._normal("self_attention/layer_norm", x))
        split = ops.reshape(projected, (-1, frames, 3, self.heads, units // self.heads))
        query, key, value = (split[:, :, place] for place in range(3))
        scores = ops.einsum("nqhd,nkhd->nhqk", query, key) / (units // self.heads) ** 0.5
        weights = ops.softmax(scores + (1 - there)[:, None, None, :] * FAR, axis=-1)
        heard = ops.reshape(ops.einsum("nhqk,nkhd->nqhd", weights, value), (-1, frames, units))
        x = x + self._linear("self_attention/linear_1", heard)
        inner = self._linear("ffn/linear_0", self._normal("ffn/layer_norm", x))
        return x + self._linear("ffn/linear_1", ops.gelu(inner, approximate=False))

    def _linear(self, name: str, x: keras.KerasTensor) -> keras.KerasTensor:
        return ops.matmul(x, ops.transpose(self.own[f"{name}/weight"])) + self.own[f"{name}/bias"]

    def _normal(self, name: str, x: keras.KerasTensor) -> keras.KerasTensor:
        return _standardized(x) * self.own[f"{name}/gamma"] + self.own[f"{name}/beta"]


def _standardized(x: keras.KerasTensor) -> keras.KerasTensor:
    centred = x - ops.mean(x, axis=-1, keepdims=True)
    return centred / ops.sqrt(ops.mean(ops.square(centred), axis=-1, keepdims=True) + 1e-5)
