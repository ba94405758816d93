"""The trials that would show a leak: each changes what it says, and finds the leak that it is made for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ser.data.datasets import Part
from ser.evaluation.leak_checks import permuted, with_canary, without
from ser.models.shrinkage_lda import ShrinkageLda

COPIES = 3


def part_of(actors: list[int], *, seed: int = 0) -> Part:
    """Two layers of five columns, three copies, one clip an emotion and actor."""
    draw = np.random.default_rng(seed)
    n = 8 * len(actors)
    return Part(
        clips=np.tile([f"{actor:02d}-{emotion}" for actor in actors for emotion in range(8)], COPIES),
        actors=np.tile(np.repeat(np.array(actors, dtype=np.int64), 8), COPIES),
        x=draw.normal(size=(COPIES * n, 2, 5)).astype(np.float32),
        y=np.tile(np.tile(np.arange(8), len(actors)), COPIES),
    )


PART = part_of([3, 7, 9])


@given(seed=st.integers(0, 999))
def test_shuffled_labels_keep_copies_together_and_features_alone(seed: int) -> None:
    shuffled = permuted(PART, copies=COPIES, seed=seed)
    by_copy = shuffled.y.reshape(COPIES, -1)
    assert (by_copy == by_copy[0]).all()
    np.testing.assert_array_equal(np.bincount(shuffled.y), np.bincount(PART.y))
    np.testing.assert_array_equal(shuffled.x, PART.x)
    np.testing.assert_array_equal(permuted(PART, copies=COPIES, seed=seed).y, shuffled.y)


def test_shuffles_differ_by_seed() -> None:
    shuffles = {permuted(PART, copies=COPIES, seed=seed).y.tobytes() for seed in range(5)}
    assert len(shuffles) == 5
    assert PART.y.tobytes() not in shuffles


def test_the_canary_tells_actor_and_emotion_in_every_layer() -> None:
    told = with_canary(PART, actors=np.array([3, 5, 7, 9]))
    np.testing.assert_array_equal(told.x[..., :5], PART.x)
    for layer in (0, 1):
        columns = told.x[:, layer, 5:].reshape(-1, 4, 8)
        np.testing.assert_array_equal(columns.sum(axis=(1, 2)), 1)
        place, emotion = columns.any(axis=2).argmax(axis=1), columns.any(axis=1).argmax(axis=1)
        np.testing.assert_array_equal(np.array([3, 5, 7, 9])[place], PART.actors)
        np.testing.assert_array_equal(emotion, PART.y)


def test_the_canary_sings_where_actors_are_on_both_sides_and_only_there() -> None:
    told = with_canary(PART, actors=np.array([3, 7, 9]))
    clips = len(PART.y) // COPIES

    def score(heard: np.ndarray, tested: np.ndarray) -> float:
        model = make_pipeline(StandardScaler(), ShrinkageLda(shrinkage=0.5))
        model.fit(told.x[heard, 0], told.y[heard])
        return float(model.score(told.x[tested, 0], told.y[tested]))

    copy = np.arange(len(PART.y)) // clips
    assert score(copy < 2, copy == 2) == 1
    assert score(PART.actors != 9, PART.actors == 9) < 0.6


@pytest.mark.parametrize("rows", [[0], [2, 5, 11]])
def test_what_is_removed_is_gone_from_every_copy_and_the_original_stays(rows: list[int]) -> None:
    copies = [np.ones((12, 2, 5), dtype=np.float32) * number for number in range(COPIES)]
    lacking = without(copies, np.array(rows))
    for before, after in zip(copies, lacking, strict=True):
        assert np.isfinite(before).all()
        assert np.isnan(after[rows]).all()
        others = np.setdiff1d(np.arange(12), rows)
        np.testing.assert_array_equal(after[others], before[others])
