"""The 2-D network: its outputs, its size, its learning rate."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

from pathlib import Path

import keras
import numpy as np
import pytest

from ser.models import logmel_cnn as module
from ser.params import LogMelCnn, load_params

COMMITTED = load_params(Path(__file__).parents[2] / "params.yaml").train_cnn


@pytest.fixture(autouse=True)
def seeded() -> None:
    deterministic_tensorflow.start(0)


def logmel_cnn(settings: LogMelCnn = COMMITTED.logmel, *, bands: int = 64) -> keras.Model:
    return module.logmel_cnn(n_mels=bands, settings=settings, steps_per_epoch=10)


@pytest.mark.parametrize(("frames", "bands"), [(160, 64), (33, 20)])
def test_the_logmel_network_gives_a_distribution_for_each_clip(frames: int, bands: int) -> None:
    model = logmel_cnn(bands=bands)
    assert model.output_shape == (None, 8)
    x = np.random.default_rng(0).normal(size=(3, frames, bands)).astype(np.float32)
    probabilities = model.predict_on_batch(x)
    assert (probabilities > 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert np.ptp(probabilities, axis=0).max() > 0


def test_what_it_learned_of_excerpts_it_applies_to_whole_clips() -> None:
    model = logmel_cnn(bands=16)
    model.train_on_batch(np.ones((4, 24, 16), dtype=np.float32), np.eye(8, dtype=np.float32)[:4])
    assert model.predict_on_batch(np.ones((2, 32, 16), dtype=np.float32)).shape == (2, 8)


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
    model = logmel_cnn(bands=16)
    model.train_on_batch(np.zeros((4, 32, 16), dtype=np.float32), np.eye(8, dtype=np.float32)[:4])
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_architecture_and_weights_come_back_as_the_same_network(tmp_path: Path) -> None:
    model = logmel_cnn(bands=16)
    x = np.random.default_rng(0).normal(size=(3, 32, 16)).astype(np.float32)
    model.save_weights(tmp_path / "a.weights.h5")
    again = keras.models.model_from_json(model.to_json())
    again.load_weights(tmp_path / "a.weights.h5")
    np.testing.assert_array_equal(again.predict_on_batch(x), model.predict_on_batch(x))
