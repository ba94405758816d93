"""Unsupervised adaptation: what an offset is estimated from, and that little is mistaken for one."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.models.layers.linear import LinearLayers
from ser.recognizer.adaptation import PRIOR, adapted, centres_of, effective_number, gather
from ser.recognizer.bundle_format import ExportedModel
from ser.recognizer.certainty import Thresholds

LAYERS = 3
WEIGHTS = np.array([0.2, 0.3, 0.5])
CENTRES = np.repeat(6.0 * np.eye(8)[:, None], LAYERS, axis=1)  # (8, layers, 8)
LINEAR = LinearLayers(np.zeros((LAYERS, 4, 8)), np.zeros((LAYERS, 8)), WEIGHTS)
MODEL = ExportedModel(LINEAR, 1.0, Thresholds(0.0, 0.0, 0.0), about={}, centres=CENTRES)


def windows(emotions: list[int], *, offset: float = 0.0, noise: float = 0.5, seed: int = 0) -> np.ndarray:
    """Logits [shape=(n, layers, 8)] of windows of these emotions, of which the first one's are moved."""
    drawn = np.random.default_rng(seed).normal(0, noise, (len(emotions), LAYERS, 8))
    return np.asarray(CENTRES[emotions] + drawn + offset * np.eye(8)[0])


def test_without_recordings_the_model_stays_as_it_is() -> None:
    found = gather(MODEL, np.zeros((0, LAYERS, 8)))
    assert found.windows == 0
    np.testing.assert_array_equal(adapted(MODEL, found).linear.biases, LINEAR.biases)


@given(st.permutations(range(12)))
def test_the_order_of_the_recordings_changes_nothing(order: list[int]) -> None:
    logits = windows([*range(8), 0, 0, 3, 5], offset=1.3)
    in_order, shuffled = gather(MODEL, logits), gather(MODEL, logits[order])
    np.testing.assert_array_equal(in_order.residuals, shuffled.residuals)
    assert in_order.emotions == shuffled.emotions


def test_an_offset_is_found_and_shrunk_by_the_prior() -> None:
    found = gather(MODEL, windows([*range(8)] * 8, offset=2.0))
    expected = 2.0 * 64 / (64 + PRIOR) * np.eye(8)[0]
    np.testing.assert_allclose(found.offsets, np.tile(expected, (LAYERS, 1)), atol=0.25)
    biases = adapted(MODEL, found).linear.biases
    np.testing.assert_array_equal(biases, LINEAR.biases - found.offsets)


@pytest.mark.parametrize("emotion", range(8))
def test_one_emotion_alone_is_no_offset(emotion: int) -> None:
    logits = windows([emotion] * 32)
    by_mean = logits.mean(axis=(0, 1)) - CENTRES.mean(axis=(0, 1))  # (8,)
    assert np.abs(by_mean).max() > 4
    assert np.abs(gather(MODEL, logits).offsets).max() < 0.3


def test_recordings_of_one_emotion_look_one_sided() -> None:
    neutral, angry = EMOTIONS.index("neutral"), EMOTIONS.index("angry")
    assert gather(MODEL, windows([angry] * 12)).one_sided
    assert gather(MODEL, windows([angry] * 10 + [neutral] * 2)).one_sided
    assert not gather(MODEL, windows([*range(8)] * 2)).one_sided


def test_the_effective_number_counts_emotions() -> None:
    assert effective_number(np.eye(8)[[2, 2]]) == pytest.approx(1)
    assert effective_number(np.eye(8)[[2, 3]]) == pytest.approx(2)
    assert effective_number(np.full((3, 8), 1 / 8)) == pytest.approx(8)


def test_centres_are_the_logits_of_the_mean_of_each_emotion() -> None:
    draw = np.random.default_rng(0)
    linear = LinearLayers(draw.normal(0, 1, (LAYERS, 4, 8)), draw.normal(0, 1, (LAYERS, 8)), WEIGHTS)
    x, y = draw.normal(0, 1, (80, LAYERS, 4)), np.arange(80) % 8
    found = centres_of(linear, x, y)
    assert found.shape == CENTRES.shape
    # The classifiers are linear: the mean's logits are the logits' mean.
    np.testing.assert_allclose(found[5], linear.layer_logits(x[y == 5]).mean(axis=0))


def test_a_model_without_centres_is_refused() -> None:
    with pytest.raises(InputError, match="export it again"):
        gather(replace(MODEL, centres=None), windows([1]))
