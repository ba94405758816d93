"""Joining clips, features and splits; and that whatever is learned is learned of training rows alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.data.fold import Array, Part, emotion_index, folds, join
from ser.data.predictions import prediction_table
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.data.scaling import Scaler

NAMES = [name for name in all_clips() if name[12:17] == "01-01"]
CLIPS = pd.DataFrame([vars(parse_clip(name)) for name in NAMES])
SPLIT = split_by_actor(CLIPS, LUNA5)
FIRST = SPLIT[SPLIT["fold"] == 0]
CLEAN: Array = np.arange(3 * len(CLIPS), dtype=np.float32).reshape(len(CLIPS), 3)
PROBABILITIES = [f"p_{emotion}" for emotion in EMOTIONS]


def part_of(fold: int, role: str, copies: list[Array]) -> Part:
    own = list(folds(CLIPS, SPLIT, copies))[fold]
    return join(getattr(own, role), own.copies)


@pytest.mark.parametrize("role", ["train", "validation", "test"])
@pytest.mark.parametrize("fold", range(5))
def test_a_side_holds_the_clips_of_its_actors_with_their_own_features(fold: int, role: str) -> None:
    part = part_of(fold, role, [CLEAN])
    wanted = [row for row, actor in enumerate(CLIPS["actor"]) if LUNA5[fold].role(actor) == role]
    assert part.clips.tolist() == [NAMES[row] for row in wanted]
    np.testing.assert_array_equal(part.x, CLEAN[wanted])
    assert part.actors.tolist() == [int(name[-2:]) for name in part.clips]
    assert [EMOTIONS[place] for place in part.y] == [parse_clip(name).emotion for name in part.clips]


@settings(max_examples=20)
@given(order=st.permutations(range(len(FIRST))))
def test_the_order_of_the_split_does_not_matter(order: list[int]) -> None:
    [shuffled], [ordered] = (list(folds(CLIPS, split)) for split in (SPLIT.iloc[order], FIRST))
    for role in ("train", "validation", "test"):
        pd.testing.assert_frame_equal(getattr(shuffled, role), getattr(ordered, role))


def test_merged_validation_clips_train_in_the_order_of_the_table() -> None:
    for fold in folds(CLIPS, SPLIT, [CLEAN]):
        merged = fold.merge_validation()
        assert not len(merged.validation)
        assert merged.test.equals(fold.test)
        assert merged.train["clip"].tolist() == [name for name in NAMES if name not in set(fold.test["clip"])]


def test_copies_follow_one_another_each_with_the_label_and_actor_of_its_clip() -> None:
    copies = [CLEAN, CLEAN + 10_000, CLEAN + 20_000]
    clean = part_of(2, "train", [CLEAN])
    part = part_of(2, "train", copies)
    n = len(clean.x)
    for place in range(3):
        block = slice(place * n, (place + 1) * n)
        assert part.clips[block].tolist() == clean.clips.tolist()
        np.testing.assert_array_equal(part.x[block], clean.x + 10_000 * place)
        np.testing.assert_array_equal(part.y[block], clean.y)
        np.testing.assert_array_equal(part.actors[block], clean.actors)
    assert len(part.x) == 3 * n


def test_no_copy_of_a_tested_clip_trains() -> None:
    for fold in folds(CLIPS, SPLIT, [CLEAN, CLEAN + 10_000]):
        training, test = fold.training(), fold.recordings(fold.test)
        assert not set(training.clips) & set(test.clips)
        assert not set(training.actors) & set(test.actors)
        assert not set(training.x[:, 0] % 10_000) & set(test.x[:, 0])


def test_emotions_are_numbered_in_their_fixed_order() -> None:
    assert emotion_index(pd.DataFrame({"emotion": EMOTIONS})).tolist() == list(range(8))


@settings(max_examples=30)
@given(shape=st.tuples(st.integers(1, 30), st.integers(1, 6), st.integers(1, 5)), seed=st.integers(0, 99))
def test_scaled_training_rows_have_mean_0_and_deviation_1(shape: tuple[int, ...], seed: int) -> None:
    x = np.random.default_rng(seed).normal(-30, 9, shape).astype(np.float32)
    for axes in ((0,), (0, 1)):
        scaler = Scaler.fit(x, axes=axes)
        scaled = scaler.transform(x)
        assert scaled.dtype == scaler.mean.dtype == scaler.deviation.dtype == np.float32
        assert scaler.mean.shape == shape[len(axes) :]
        np.testing.assert_allclose(scaled.mean(axis=axes), 0, atol=1e-3)
        spread = x.std(axis=axes) > 0
        np.testing.assert_allclose(scaled.std(axis=axes)[spread], 1, rtol=1e-3)


@pytest.mark.parametrize("constant", [0.0, -80.0, 0.1])
def test_a_column_without_spread_is_only_moved(constant: float) -> None:
    x = np.full((1152, 2), constant, dtype=np.float32)
    x[:, 1] = np.arange(1152)
    scaler = Scaler.fit(x, axes=(0,))
    assert scaler.deviation[0] == 1
    unseen = np.array([[constant + 1, 0]], dtype=np.float32)
    assert scaler.transform(unseen)[0, 0] == pytest.approx(1)
    assert (scaler.transform(x)[:, 0] == 0).all()


def some_part(n: int = 5) -> Part:
    part = part_of(0, "test", [CLEAN])
    return Part(clips=part.clips[:n], actors=part.actors[:n], x=part.x[:n], y=part.y[:n])


def test_the_table_of_predictions_is_that_of_the_contract() -> None:
    scores = np.random.default_rng(0).random((5, 8)).astype(np.float32)
    table = prediction_table(some_part(), scores, protocol="luna5", model="lda", seed=3, fold=4)
    assert list(table.columns) == ["protocol", "model", "seed", "fold", "clip", *PROBABILITIES]
    assert set(table["protocol"]) == {"luna5"}
    assert set(table["model"]) == {"lda"}
    assert set(table["seed"]) == {3}
    assert set(table["fold"]) == {4}
    assert table["clip"].tolist() == some_part().clips.tolist()
    assert (table[PROBABILITIES].dtypes == np.float64).all()
    np.testing.assert_allclose(table[PROBABILITIES].sum(axis=1), 1, rtol=0, atol=1e-12)
    np.testing.assert_allclose(table[PROBABILITIES], scores / scores.sum(axis=1, keepdims=True), rtol=1e-6)


def test_the_scores_of_a_sigmoid_keep_their_order_and_their_owner() -> None:
    scores = np.random.default_rng(0).random((5, 8))
    before = scores.copy()
    table = prediction_table(some_part(), scores, protocol="article", model="cnn", seed=0, fold=0)
    np.testing.assert_array_equal(scores, before)
    order = table[PROBABILITIES].to_numpy().argsort(axis=1)
    np.testing.assert_array_equal(order, scores.argsort(axis=1))
