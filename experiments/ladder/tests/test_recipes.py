"""The recipes of the ladder: one change a rung, and who is on which side."""

from dataclasses import asdict, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.ladder.padding import with_silence
from experiments.ladder.recipes import BESIDE, CLIPS, RECIPES, RUNGS, LadderSides, n_folds, sides
from ser.data.fold import Array
from ser.data.protocols import LUNA5
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.data.scaling import Scaler

NAMES = [name for name in all_clips() if name[12:17] in ("01-01", "02-01") and name[9:11] == "01"]
TABLE = pd.DataFrame([vars(parse_clip(name)) for name in NAMES])
TABLE = TABLE.assign(sha256=[f"{place:064x}" for place in range(len(TABLE))])[list(CLIPS)]
STEP = 10_000
"""Between the copies: the first feature tells the copy and the clip."""
COPIES = 4
VALIDATION = 24
SEEDS = st.integers(0, 2**32 - 1)
FOLDS = st.integers(0, 4)
NOT_DIVIDED_BY_ROWS = [name for name, recipe in RECIPES.items() if recipe.divided != "rows"]
BY_ACTORS = [name for name, recipe in RECIPES.items() if recipe.divided == "actors"]
few = settings(max_examples=8, deadline=None)


def copies_of(n: int = COPIES) -> list[Array]:
    rows = np.arange(len(TABLE))
    noise = np.random.default_rng(0).normal(-40, 9, len(TABLE))
    return [np.stack([rows + STEP * place, noise + place], axis=1).astype(np.float32) for place in range(n)]


def divided(
    name: str, *, seed: int = 0, fold: int = 0, table: pd.DataFrame = TABLE, **more: Any
) -> LadderSides:
    # Unscaled, so that the features tell who they are.
    recipe = RECIPES[name] if RECIPES[name].scaling != "speaker" else RUNGS["speakers"]
    arguments: dict[str, Any] = {"copies": copies_of(), "validation_clips": VALIDATION} | more
    return sides(recipe, table, axes=(0,), seed=seed, fold=fold, test_size=0.5, **arguments)


def test_every_rung_changes_one_thing() -> None:
    rungs = [asdict(recipe) for recipe in RUNGS.values()]
    for below, above in pairwise(rungs):
        assert sum(below[field] != above[field] for field in below) == 1
    for recipe in BESIDE.values():
        changes = [sum(asdict(recipe)[key] != rung[key] for key in rung) for rung in rungs]
        assert min(changes) == 1


@few
@given(seed=SEEDS)
def test_augmented_first_copies_of_tested_clips_train_and_copies_are_tested(seed: int) -> None:
    it = divided("augment_first", seed=seed)
    shared = set(it.training.clips) & set(it.tested.clips)
    # With half of four copies tested, seven clips of eight have some on both sides.
    assert len(shared) > len(TABLE) / 2
    assert (it.tested.x[:, 0] >= STEP).any()
    rows = np.concatenate([it.training.x[:, 0], it.tested.x[:, 0]])
    assert sorted(rows) == sorted(np.concatenate([copy[:, 0] for copy in copies_of()]))
    np.testing.assert_array_equal(it.watched.x, it.tested.x)


@few
@given(seed=SEEDS, fold=FOLDS, name=st.sampled_from(NOT_DIVIDED_BY_ROWS))
def test_split_first_no_copy_of_a_tested_or_validating_clip_trains(seed: int, fold: int, name: str) -> None:
    it = divided(name, seed=seed, fold=fold)
    training = set(it.training.x[:, 0] % STEP)
    assert not training & set(it.tested.x[:, 0] % STEP)
    assert not training & set(it.watched.x[:, 0] % STEP)
    assert not set(it.training.clips) & (set(it.tested.clips) | set(it.watched.clips))
    assert (it.tested.x[:, 0] < STEP).all()
    assert (it.watched.x[:, 0] < STEP).all()
    assert it.copies == COPIES
    blocks = it.training.x[:, 0].reshape(COPIES, -1)
    np.testing.assert_array_equal(blocks, blocks[0] + STEP * np.arange(COPIES)[:, None])


@few
@given(seed=SEEDS, name=st.sampled_from([*NOT_DIVIDED_BY_ROWS, "augment_first"]), fold=FOLDS)
def test_rows_hold_the_features_and_actor_of_their_clip_and_tested_ones_its_label(
    seed: int, name: str, fold: int
) -> None:
    it = divided(name, seed=seed, fold=fold)
    for part in (it.training, it.watched, it.tested):
        assert part.clips.tolist() == [NAMES[int(place)] for place in part.x[:, 0] % STEP]
        assert part.actors.tolist() == [int(name[-2:]) for name in part.clips]
        if part is not it.training or name != "permuted":
            assert [EMOTIONS[place] for place in part.y] == [parse_clip(name).emotion for name in part.clips]


@few
@given(seed=SEEDS, name=st.sampled_from(BY_ACTORS), fold=FOLDS)
def test_divided_by_actors_no_actor_is_on_two_sides(seed: int, name: str, fold: int) -> None:
    it = divided(name, seed=seed, fold=fold)
    training, watched, tested = (set(part.actors) for part in (it.training, it.watched, it.tested))
    assert tested == set(LUNA5[fold].test)
    assert watched == set(LUNA5[fold].validation)
    assert not training & (watched | tested)
    assert len(training | watched | tested) == 24


@pytest.mark.parametrize("name", BY_ACTORS)
def test_the_folds_test_every_clip_once(name: str) -> None:
    folds = [divided(name, fold=fold) for fold in range(n_folds(RECIPES[name]))]
    assert sorted(clip for it in folds for clip in it.tested.clips) == sorted(NAMES)


def test_at_random_there_is_one_fold() -> None:
    assert {n_folds(recipe) for recipe in RECIPES.values() if recipe.divided != "actors"} == {1}


@few
@given(seed=SEEDS, fold=FOLDS)
def test_permuted_labels_change_the_training_labels_and_nothing_else(seed: int, fold: int) -> None:
    true, dealt = divided("speakers", seed=seed, fold=fold), divided("permuted", seed=seed, fold=fold)
    for name in ("training", "watched", "tested"):
        one, two = getattr(true, name), getattr(dealt, name)
        np.testing.assert_array_equal(one.x, two.x)
        np.testing.assert_array_equal(one.clips, two.clips)
        assert (name == "training") != np.array_equal(one.y, two.y)
    np.testing.assert_array_equal(true.scaler.mean, dealt.scaler.mean)
    blocks = dealt.training.y.reshape(COPIES, -1)
    assert (blocks == blocks[0]).all()
    assert sorted(dealt.training.y) == sorted(true.training.y)
    # Of eight about equal classes, an eighth stays where it is by chance.
    assert (dealt.training.y == true.training.y).mean() < 0.3


@few
@given(seed=SEEDS)
def test_random_rungs_with_one_seed_test_the_same_clips(seed: int) -> None:
    names = ("split_first", "real_copies", "silence", "own_validation", "without_twins")
    tested = {tuple(divided(name, seed=seed).tested.clips) for name in names}
    assert len(tested) == 1
    assert tested != {tuple(divided("split_first", seed=(seed + 1) % 2**32).tested.clips)}


def test_who_validates_does_not_train() -> None:
    without, with_some = divided("silence"), divided("own_validation")
    assert len(with_some.watched.clips) == VALIDATION
    assert len(without.training.clips) - len(with_some.training.clips) == COPIES * VALIDATION
    assert set(with_some.training.clips) | set(with_some.watched.clips) == set(without.training.clips)


@pytest.mark.parametrize("name", ["own_validation", "speakers"])
def test_without_validation_all_train_who_are_not_tested(name: str) -> None:
    it = divided(name, validation_clips=0)
    assert len(it.watched.clips) == 0
    assert sorted({*it.training.clips, *it.tested.clips}) == sorted(NAMES)


def spoilt(it: LadderSides) -> list[Array]:
    """Copies in which all but the clean training clips is NaN; or, without training, their like."""
    copies = copies_of()
    held_out = ~np.isin(NAMES, it.training.clips)
    for copy in copies:
        copy[held_out] = np.nan
    return copies


@pytest.mark.parametrize("fold", [0, 4])
@pytest.mark.parametrize("name", NOT_DIVIDED_BY_ROWS)
def test_the_scaler_is_learned_of_training_rows_unless_the_recipe_says_else(name: str, fold: int) -> None:
    it = divided(name, fold=fold)
    again = divided(name, fold=fold, copies=spoilt(it))
    leaks = RECIPES[name].scaling == "all"
    assert np.isfinite(again.scaler.mean).all() != leaks
    if not leaks:
        learned = Scaler.fit(it.training.x, axes=(0,))
        np.testing.assert_array_equal(it.scaler.mean, learned.mean)
        np.testing.assert_array_equal(it.scaler.deviation, learned.deviation)


def test_scaling_by_speaker_takes_each_actors_own_clean_clips_and_no_labels() -> None:
    recipe = RECIPES["scaled_by_speaker"]
    arguments: dict[str, Any] = {"axes": (0,), "seed": 0, "fold": 1, "test_size": 0.5, "validation_clips": 1}
    it = sides(recipe, TABLE, copies_of(), **arguments)
    other_labels = TABLE.assign(emotion=TABLE["emotion"].to_numpy()[::-1])
    np.testing.assert_array_equal(it.tested.x, sides(recipe, other_labels, copies_of(), **arguments).tested.x)
    usual = divided("speakers", fold=1).scaler
    for part in (it.tested, it.watched):
        for actor in set(part.actors):
            own = part.x[part.actors == actor]
            np.testing.assert_allclose(own.mean(axis=0), usual.mean, rtol=1e-3)
            np.testing.assert_allclose(own.std(axis=0), usual.deviation, rtol=1e-3)


@few
@given(seed=SEEDS)
def test_a_twin_of_a_tested_clip_does_not_train_where_the_recipe_says_so(seed: int) -> None:
    one, two = 5, 100
    sums = TABLE["sha256"].to_list()
    sums[two] = sums[one]
    table = TABLE.assign(sha256=sums)
    kept, removed = (divided(name, seed=seed, table=table) for name in ("own_validation", "without_twins"))
    gone = set(kept.training.clips) - set(removed.training.clips)
    tested = [place for place in (one, two) if NAMES[place] in kept.tested.clips]
    twin = {NAMES[place] for place in (one, two)} - {NAMES[place] for place in tested}
    assert gone == (twin & set(kept.training.clips) if len(tested) == 1 else set())
    np.testing.assert_array_equal(kept.tested.x, removed.tested.x)


def test_features_may_have_more_dimensions() -> None:
    copies = [
        np.random.default_rng(place).normal(size=(len(TABLE), 3, 2)).astype(np.float32) for place in (0, 1)
    ]
    for name in ("own_validation", "scaled_by_speaker", "scaled_on_all"):
        recipe = replace(RECIPES[name], copies=("clean", "other"))
        it = sides(recipe, TABLE, copies, axes=(0, 1), seed=0, fold=0, test_size=0.5, validation_clips=9)
        assert it.scaler.mean.shape == (2,)
        assert it.training.x.shape[1:] == it.tested.x.shape[1:] == (3, 2)


@settings(deadline=None)
@given(frames=st.integers(1, 20), length=st.integers(1, 30), seed=st.integers(0, 99))
def test_padding_becomes_the_clips_own_floor_and_the_rest_stays(frames: int, length: int, seed: int) -> None:
    speech = np.random.default_rng(seed).uniform(-90, -10, (6, frames)).astype(np.float32)
    speech = np.maximum(speech, speech.max() - 80)
    logmel = np.pad(speech, ((0, 0), (0, length)))
    contour = logmel.mean(axis=0)
    filled = with_silence(logmel, contour, top_db=80)
    np.testing.assert_array_equal(filled[:frames], contour[:frames])
    np.testing.assert_array_equal(filled[frames:], speech.max() - np.float32(80))
    assert filled.dtype == np.float32
    assert filled[frames:].max() <= contour[:frames].min() + 1e-4


def test_a_clip_of_padding_alone_is_refused() -> None:
    with pytest.raises(ValueError, match="no frame"):
        with_silence(np.zeros((3, 4), np.float32), np.zeros(4, np.float32), top_db=80)
