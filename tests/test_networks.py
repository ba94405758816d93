"""The networks: the article's shapes, sizes and settings, and the 2-D network's outputs."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser import deterministic_tensorflow  # isort: split

from pathlib import Path

import keras
import numpy as np
import pytest

from ser import networks
from ser.params import ArticleCnn, LogMelCnn, load_params

COMMITTED = load_params(Path(__file__).parents[1] / "params.yaml").train_cnn
FRAMES = 259


@pytest.fixture(autouse=True)
def seeded() -> None:
    deterministic_tensorflow.start(0)


def layers_of(model: keras.Model, kind: type[keras.layers.Layer]) -> list[keras.layers.Layer]:
    return [layer for layer in model.layers if isinstance(layer, kind)]


VARIANTS = [
    pytest.param(
        COMMITTED.article,
        [(250, 64), (241, 128), (30, 128), (21, 128), (2, 128), (256,), (256,), (8,)],
        314_568,
        (10, 0.4, "sigmoid"),
        id="first",
    ),
    pytest.param(
        COMMITTED.article_augmented,
        [(240, 64), (221, 128), (27, 128), (8, 128), (1, 128), (128,), (256,), (8,)],
        528_200,
        (20, 0.2, "softmax"),
        id="augmented",
    ),
]


@pytest.mark.parametrize(("settings", "shapes", "weights", "facts"), VARIANTS)
def test_the_articles_networks_are_as_published(
    settings: ArticleCnn, shapes: list[tuple[int, ...]], weights: int, facts: tuple[int, float, str]
) -> None:
    kernel, dropout, output = facts
    model = networks.article_cnn(n_frames=FRAMES, settings=settings)
    assert model.input_shape == (None, FRAMES, 1)
    assert [layer.output.shape[1:] for layer in model.layers if "dropout" not in layer.name] == shapes
    assert model.count_params() == weights

    convolutions = layers_of(model, keras.layers.Conv1D)
    assert [layer.filters for layer in convolutions] == [64, 128, 128]
    assert {layer.kernel_size for layer in convolutions} == {(kernel,)}
    assert {layer.strides for layer in convolutions} == {(1,)}
    assert {layer.activation.__name__ for layer in convolutions} == {"relu"}
    assert [layer.rate for layer in layers_of(model, keras.layers.Dropout)] == [dropout] * 3
    assert {layer.pool_size for layer in layers_of(model, keras.layers.MaxPooling1D)} == {(8,)}
    assert [layer.activation.__name__ for layer in layers_of(model, keras.layers.Dense)] == ["relu", output]


def test_only_the_second_convolution_is_penalized() -> None:
    model = networks.article_cnn(n_frames=FRAMES, settings=COMMITTED.article)
    for place, layer in enumerate(layers_of(model, keras.layers.Conv1D)):
        for penalty in (layer.kernel_regularizer, layer.bias_regularizer):
            assert (penalty is None) == (place != 1)
            assert penalty is None or float(penalty.l2) == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("settings", "rate", "decay", "batch_size", "epochs"),
    [
        pytest.param(COMMITTED.article, 1e-3, 0.0, 32, 40, id="first"),
        pytest.param(COMMITTED.article_augmented, 1e-4, 1e-6, 8, 20, id="augmented"),
    ],
)
def test_the_articles_networks_are_trained_as_published(
    settings: ArticleCnn, rate: float, decay: float, batch_size: int, epochs: int
) -> None:
    model = networks.article_cnn(n_frames=FRAMES, settings=settings)
    assert type(model.optimizer) is keras.optimizers.Adam
    assert model.loss == "categorical_crossentropy"
    assert (settings.batch_size, settings.epochs) == (batch_size, epochs)
    schedule = keras.optimizers.schedules.deserialize(model.optimizer.get_config()["learning_rate"])
    for step in (0, 1000, 11_520):
        # As Keras' optimizers had it when the article was written.
        assert float(schedule(step)) == pytest.approx(rate / (1 + decay * step), rel=1e-5)


def logmel_cnn(settings: LogMelCnn = COMMITTED.logmel, *, frames: int = 160, bands: int = 64) -> keras.Model:
    return networks.logmel_cnn(n_frames=frames, n_mels=bands, settings=settings, steps_per_epoch=10)


@pytest.mark.parametrize(("frames", "bands"), [(160, 64), (33, 20)])
def test_the_logmel_network_gives_a_distribution_for_each_clip(frames: int, bands: int) -> None:
    model = logmel_cnn(frames=frames, bands=bands)
    assert model.output_shape == (None, 8)
    x = np.random.default_rng(0).normal(size=(3, frames, bands)).astype(np.float32)
    probabilities = model.predict_on_batch(x)
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.ptp(probabilities, axis=0).max() > 0


def test_the_logmel_network_is_small() -> None:
    assert 100_000 < logmel_cnn().count_params() < 300_000


def test_its_learning_rate_rises_then_falls_to_0() -> None:
    settings = COMMITTED.logmel.model_copy(
        update={"epochs": 20, "warmup_epochs": 2, "learning_rate": 0.004, "weight_decay": 0.03}
    )
    optimizer = logmel_cnn(settings).optimizer
    assert type(optimizer) is keras.optimizers.AdamW
    assert optimizer.weight_decay == 0.03
    schedule = keras.optimizers.schedules.deserialize(optimizer.get_config()["learning_rate"])
    rates = [float(schedule(step)) for step in (0, 10, 20, 110, 200)]
    assert rates == pytest.approx([0, 0.002, 0.004, 0.002, 0], abs=1e-7)


def test_a_warm_up_longer_than_the_training_is_cut() -> None:
    settings = COMMITTED.logmel.model_copy(update={"epochs": 1, "warmup_epochs": 9})
    schedule = keras.optimizers.schedules.deserialize(
        logmel_cnn(settings).optimizer.get_config()["learning_rate"]
    )
    assert np.isfinite([float(schedule(step)) for step in range(12)]).all()


def test_the_gradient_is_finite_where_nothing_varies() -> None:
    # All frames alike have a deviation of 0, where the slope of a root is infinite.
    model = logmel_cnn(frames=32, bands=16)
    model.train_on_batch(np.zeros((4, 32, 16), dtype=np.float32), np.eye(8, dtype=np.float32)[:4])
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_architecture_and_weights_come_back_as_the_same_network(tmp_path: Path) -> None:
    model = logmel_cnn(frames=32, bands=16)
    x = np.random.default_rng(0).normal(size=(3, 32, 16)).astype(np.float32)
    model.save_weights(tmp_path / "a.weights.h5")
    again = keras.models.model_from_json(model.to_json())
    again.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(again.predict_on_batch(x), model.predict_on_batch(x))


def test_the_seed_decides_the_first_weights() -> None:
    def weights(seed: int) -> bytes:
        deterministic_tensorflow.start(seed)
        model = networks.article_cnn(n_frames=FRAMES, settings=COMMITTED.article)
        return b"".join(array.tobytes() for array in model.get_weights())

    assert weights(0) == weights(0) != weights(1)
