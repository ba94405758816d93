"""The article's networks: shapes, sizes and settings as published."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

from pathlib import Path

import keras
import pytest

from ser.models.article_cnn import article_cnn
from ser.params import ArticleCnn, load_params

COMMITTED = load_params(Path(__file__).parents[2] / "params.yaml").train_cnn
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
    model = article_cnn(n_frames=FRAMES, settings=settings)
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
    model = article_cnn(n_frames=FRAMES, settings=COMMITTED.article)
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
    model = article_cnn(n_frames=FRAMES, settings=settings)
    assert type(model.optimizer) is keras.optimizers.Adam
    assert model.loss == "categorical_crossentropy"
    assert (settings.batch_size, settings.epochs) == (batch_size, epochs)
    schedule = keras.optimizers.schedules.deserialize(model.optimizer.get_config()["learning_rate"])
    for step in (0, 1000, 11_520):
        # As Keras' optimizers had it when the article was written.
        assert float(schedule(step)) == pytest.approx(rate / (1 + decay * step), rel=1e-5)


def test_the_seed_decides_the_first_weights() -> None:
    def weights(seed: int) -> bytes:
        deterministic_tensorflow.start(seed)
        model = article_cnn(n_frames=FRAMES, settings=COMMITTED.article)
        return b"".join(array.tobytes() for array in model.get_weights())

    assert weights(0) == weights(0) != weights(1)
