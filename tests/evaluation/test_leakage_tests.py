"""The leakage tests: each changes what it says of a fold, and finds the leak that it is made for."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ser.data.fold import Fold, Part, join
from ser.data.predictions import prediction_table
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.evaluation.leakage_tests import add_canary, largest_difference, permute_labels, remove_test_clips
from ser.models.shrinkage_lda import ShrinkageLda

COPIES = 3
ACTORS = (3, 5, 7, 9)
CLIPS = pd.DataFrame(
    [(f"{actor:02d}-{name}", name, actor) for actor in ACTORS for name in EMOTIONS],
    columns=["clip", "emotion", "actor"],
)


def fold_testing(*actors: int) -> Fold:
    """Two layers of five columns, three copies, one clip an emotion and actor; nobody validates."""
    features = np.random.default_rng(0).normal(size=(COPIES, len(CLIPS), 2, 5)).astype(np.float32)
    tested = CLIPS["actor"].isin(actors)
    return Fold(0, CLIPS[~tested], CLIPS[:0], CLIPS[tested], list(features))


FOLD = fold_testing(5)


@given(seed=st.integers(0, 999))
def test_permuted_labels_keep_copies_together_and_features_alone(seed: int) -> None:
    before, after = FOLD.training(), permute_labels(FOLD, seed=seed).training()
    by_copy = after.y.reshape(COPIES, -1)
    assert (by_copy == by_copy[0]).all()
    np.testing.assert_array_equal(np.bincount(after.y), np.bincount(before.y))
    np.testing.assert_array_equal(after.x, before.x)
    np.testing.assert_array_equal(permute_labels(FOLD, seed=seed).training().y, after.y)


def test_permutations_differ_by_seed_and_leave_the_test_clips_alone() -> None:
    permuted = [permute_labels(FOLD, seed=seed) for seed in range(5)]
    labels = {fold.training().y.tobytes() for fold in permuted}
    assert len(labels) == 5
    assert FOLD.training().y.tobytes() not in labels
    assert all(fold.test.equals(FOLD.test) for fold in permuted)


@pytest.mark.parametrize("clips", ["train", "test"])
def test_the_canary_tells_actor_and_emotion_in_every_layer(clips: str) -> None:
    changed = add_canary(FOLD)
    before, after = (join(getattr(fold, clips), fold.copies) for fold in (FOLD, changed))
    np.testing.assert_array_equal(after.x[..., :5], before.x)
    for layer in (0, 1):
        columns = after.x[:, layer, 5:].reshape(-1, 4, 8)
        np.testing.assert_array_equal(columns.sum(axis=(1, 2)), 1)
        place, emotion = columns.any(axis=2).argmax(axis=1), columns.any(axis=1).argmax(axis=1)
        np.testing.assert_array_equal(np.array(ACTORS)[place], before.actors)
        np.testing.assert_array_equal(emotion, before.y)


def test_the_canary_sings_where_actors_are_on_both_sides_and_only_there() -> None:
    def score(training: Part, test: Part) -> float:
        model = make_pipeline(StandardScaler(), ShrinkageLda(shrinkage=0.5))
        model.fit(training.x[:, 0], training.y)
        return float(model.score(test.x[:, 0], test.y))

    changed = add_canary(FOLD)
    assert score(changed.training(), join(changed.train, changed.copies[1:2])) == 1
    assert score(changed.training(), changed.recordings(changed.test)) < 0.6


@pytest.mark.parametrize("actors", [(5,), (3, 9)])
def test_test_clips_are_gone_from_every_copy_and_the_fold_stays(actors: tuple[int, ...]) -> None:
    fold = fold_testing(*actors)
    after = remove_test_clips(fold)
    for old, new in zip(fold.copies, after.copies, strict=True):
        assert np.isfinite(old).all()
        assert np.isnan(new[fold.test.index]).all()
        np.testing.assert_array_equal(new[fold.train.index], old[fold.train.index])


def test_a_test_clip_that_trains_is_noticed() -> None:
    with pytest.raises(InputError, match="a test clip is among the training clips of fold 0"):
        remove_test_clips(replace(FOLD, train=CLIPS))


def test_the_largest_difference_is_of_the_same_clips_in_any_order() -> None:
    draw = np.random.default_rng(0)
    part = FOLD.recordings(FOLD.test)
    former = prediction_table(part, draw.random((8, 8)), protocol="luna5", model="lda", seed=0, fold=0)
    again = former.iloc[[5, 2, 7]].copy()
    assert largest_difference(again, former) == 0
    again["p_sad"] += np.array([0, 0.25, 0])
    assert largest_difference(again, former) == pytest.approx(0.25)
    again["p_calm"] = np.nan
    with pytest.raises(InputError, match="the model has read them"):
        largest_difference(again, former)
