"""The recipes of the leakage ablation: one change a step, and which clips train, validate and are tested."""

from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.ladder.pad_with_silence import with_silence
from experiments.ladder.recipes import (
    BESIDE,
    BY_ACTORS,
    CLIPS,
    RECIPES,
    STEPS,
    Recipe,
    Sizes,
    make_fold,
    n_folds,
)
from ser.data.fold import Array, Part
from ser.data.protocols import LUNA5
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.data.scaling import Scaler

NAMES = [name for name in all_clips() if name[12:17] in ("01-01", "02-01") and name[9:11] == "01"]
TABLE = pd.DataFrame([vars(parse_clip(name)) for name in NAMES])
TABLE = TABLE.assign(sha256=[f"{place:064x}" for place in range(len(TABLE))])[list(CLIPS)]
OFFSET = 10_000
"""Between the copies: the first feature tells the copy and the clip."""
COPIES = 4
VALIDATION = 24
SEEDS = st.integers(0, 2**32 - 1)
FOLDS = st.integers(0, 4)
COPIES_APART = [name for name, recipe in RECIPES.items() if recipe.split_unit != "rows"]
few = settings(max_examples=8, deadline=None)


def copies_of(n: int = COPIES) -> list[Array]:
    rows = np.arange(len(TABLE))
    noise = np.random.default_rng(0).normal(-40, 9, len(TABLE))
    return [np.stack([rows + OFFSET * place, noise + place], axis=1).astype(np.float32) for place in range(n)]


@dataclass(frozen=True)
class Split:
    """What a recipe makes of the clips: the rows of each part, the number of copies, and the scaler."""

    training: Part
    copies: int
    monitored: Part
    tested: Part
    scaler: Scaler


def split(
    recipe: Recipe,
    copies: list[Array] | None = None,
    *,
    seed: int = 0,
    fold: int = 0,
    table: pd.DataFrame = TABLE,
    validation_clips: int = VALIDATION,
    axes: tuple[int, ...] = (0,),
) -> Split:
    sizes = Sizes(0.5, validation_clips)
    number = fold if recipe.split_unit == "actors" else 0
    made, scaler = make_fold(
        recipe, table, copies or copies_of(), axes=axes, seed=seed, number=number, sizes=sizes
    )
    training, tested = made.training(), made.recordings(made.test)
    monitored = tested if recipe.monitored == "test" else made.recordings(made.validation)
    return Split(training, len(made.copies), monitored, tested, scaler)


def unscaled(name: str, copies: list[Array] | None = None, **more: Any) -> Split:
    """Split without scaling by speaker, so that the features tell their clip and copy."""
    return split(RECIPES[name] if RECIPES[name].scaling != "speaker" else STEPS["speakers"], copies, **more)


def test_every_step_changes_one_thing() -> None:
    steps = [asdict(recipe) for recipe in STEPS.values()]
    for below, above in pairwise(steps):
        assert sum(below[field] != above[field] for field in below) == 1
    for recipe in BESIDE.values():
        changes = [sum(asdict(recipe)[key] != step[key] for key in step) for step in steps]
        assert min(changes) == 1


@few
@given(seed=SEEDS)
def test_augmented_first_copies_of_test_clips_train_and_copies_are_tested(seed: int) -> None:
    it = unscaled("augment_first", seed=seed)
    shared = set(it.training.clips) & set(it.tested.clips)
    # With half of four copies tested, seven clips of eight have some in training and test.
    assert len(shared) > len(TABLE) / 2
    assert (it.tested.x[:, 0] >= OFFSET).any()
    rows = np.concatenate([it.training.x[:, 0], it.tested.x[:, 0]])
    assert sorted(rows) == sorted(np.concatenate([copy[:, 0] for copy in copies_of()]))
    np.testing.assert_array_equal(it.monitored.x, it.tested.x)


@few
@given(seed=SEEDS, fold=FOLDS, name=st.sampled_from(COPIES_APART))
def test_split_first_no_copy_of_a_test_or_validation_clip_trains(seed: int, fold: int, name: str) -> None:
    it = unscaled(name, seed=seed, fold=fold)
    training = set(it.training.x[:, 0] % OFFSET)
    assert not training & set(it.tested.x[:, 0] % OFFSET)
    assert not training & set(it.monitored.x[:, 0] % OFFSET)
    assert not set(it.training.clips) & (set(it.tested.clips) | set(it.monitored.clips))
    assert (it.tested.x[:, 0] < OFFSET).all()
    assert (it.monitored.x[:, 0] < OFFSET).all()
    assert it.copies == COPIES
    blocks = it.training.x[:, 0].reshape(COPIES, -1)
    np.testing.assert_array_equal(blocks, blocks[0] + OFFSET * np.arange(COPIES)[:, None])


@few
@given(seed=SEEDS, name=st.sampled_from([*COPIES_APART, "augment_first"]), fold=FOLDS)
def test_rows_hold_the_features_and_actor_of_their_clip_and_test_rows_its_label(
    seed: int, name: str, fold: int
) -> None:
    it = unscaled(name, seed=seed, fold=fold)
    for part in (it.training, it.monitored, it.tested):
        assert part.clips.tolist() == [NAMES[int(place)] for place in part.x[:, 0] % OFFSET]
        assert part.actors.tolist() == [int(name[-2:]) for name in part.clips]
        if part is not it.training or name != "permuted":
            assert [EMOTIONS[place] for place in part.y] == [parse_clip(name).emotion for name in part.clips]


@few
@given(seed=SEEDS, name=st.sampled_from(BY_ACTORS), fold=FOLDS)
def test_split_by_actors_no_actor_is_in_two_parts(seed: int, name: str, fold: int) -> None:
    it = unscaled(name, seed=seed, fold=fold)
    training, monitored, tested = (set(part.actors) for part in (it.training, it.monitored, it.tested))
    assert tested == set(LUNA5[fold].test)
    assert monitored == set(LUNA5[fold].validation)
    assert not training & (monitored | tested)
    assert len(training | monitored | tested) == 24


@pytest.mark.parametrize("name", BY_ACTORS)
def test_the_folds_test_every_clip_once(name: str) -> None:
    folds = [unscaled(name, fold=fold) for fold in range(n_folds(RECIPES[name]))]
    assert sorted(clip for it in folds for clip in it.tested.clips) == sorted(NAMES)


def test_at_random_there_is_one_fold() -> None:
    assert {n_folds(recipe) for recipe in RECIPES.values() if recipe.split_unit != "actors"} == {1}


@few
@given(seed=SEEDS, fold=FOLDS)
def test_permuted_labels_change_the_training_labels_and_nothing_else(seed: int, fold: int) -> None:
    true, permuted = unscaled("speakers", seed=seed, fold=fold), unscaled("permuted", seed=seed, fold=fold)
    for name in ("training", "monitored", "tested"):
        one, two = getattr(true, name), getattr(permuted, name)
        np.testing.assert_array_equal(one.x, two.x)
        np.testing.assert_array_equal(one.clips, two.clips)
        assert (name == "training") != np.array_equal(one.y, two.y)
    np.testing.assert_array_equal(true.scaler.mean, permuted.scaler.mean)
    blocks = permuted.training.y.reshape(COPIES, -1)
    assert (blocks == blocks[0]).all()
    assert sorted(permuted.training.y) == sorted(true.training.y)
    # Of eight about equal classes, an eighth stays where it is by chance.
    assert (permuted.training.y == true.training.y).mean() < 0.3


@few
@given(seed=SEEDS)
def test_random_steps_with_one_seed_test_the_same_clips(seed: int) -> None:
    names = ("split_first", "real_copies", "silence", "own_validation", "without_twins")
    tested = {tuple(unscaled(name, seed=seed).tested.clips) for name in names}
    assert len(tested) == 1
    assert tested != {tuple(unscaled("split_first", seed=(seed + 1) % 2**32).tested.clips)}


def test_validation_clips_do_not_train() -> None:
    without, with_some = unscaled("silence"), unscaled("own_validation")
    assert len(with_some.monitored.clips) == VALIDATION
    assert len(without.training.clips) - len(with_some.training.clips) == COPIES * VALIDATION
    assert set(with_some.training.clips) | set(with_some.monitored.clips) == set(without.training.clips)


@pytest.mark.parametrize("name", ["own_validation", "speakers"])
def test_without_validation_all_clips_train_that_are_not_tested(name: str) -> None:
    it = unscaled(name, validation_clips=0)
    assert len(it.monitored.clips) == 0
    assert sorted({*it.training.clips, *it.tested.clips}) == sorted(NAMES)


def spoilt(it: Split) -> list[Array]:
    """Copies in which all but the clean training clips is NaN; or, without training, their like."""
    copies = copies_of()
    held_out = ~np.isin(NAMES, it.training.clips)
    for copy in copies:
        copy[held_out] = np.nan
    return copies


@pytest.mark.parametrize("fold", [0, 4])
@pytest.mark.parametrize("name", COPIES_APART)
def test_the_scaler_is_fitted_to_training_rows_unless_the_recipe_says_else(name: str, fold: int) -> None:
    it = unscaled(name, fold=fold)
    again = unscaled(name, spoilt(it), fold=fold)
    leaks = RECIPES[name].scaling == "all"
    assert np.isfinite(again.scaler.mean).all() != leaks
    if not leaks:
        learned = Scaler.fit(it.training.x, axes=(0,))
        np.testing.assert_array_equal(it.scaler.mean, learned.mean)
        np.testing.assert_array_equal(it.scaler.deviation, learned.deviation)


def test_scaling_by_speaker_takes_each_actors_own_clean_clips_and_no_labels() -> None:
    it = split(RECIPES["scaled_by_speaker"], fold=1)
    other_labels = TABLE.assign(emotion=TABLE["emotion"].to_numpy()[::-1])
    other = split(RECIPES["scaled_by_speaker"], fold=1, table=other_labels)
    np.testing.assert_array_equal(it.tested.x, other.tested.x)
    usual = unscaled("speakers", fold=1).scaler
    for part in (it.tested, it.monitored):
        for actor in set(part.actors):
            own = part.x[part.actors == actor]
            np.testing.assert_allclose(own.mean(axis=0), usual.mean, rtol=1e-3)
            np.testing.assert_allclose(own.std(axis=0), usual.deviation, rtol=1e-3)


@few
@given(seed=SEEDS)
def test_a_duplicate_of_a_test_clip_does_not_train_where_the_recipe_says_so(seed: int) -> None:
    one, two = 5, 100
    sums = TABLE["sha256"].to_list()
    sums[two] = sums[one]
    table = TABLE.assign(sha256=sums)
    kept, removed = (unscaled(name, seed=seed, table=table) for name in ("own_validation", "without_twins"))
    gone = set(kept.training.clips) - set(removed.training.clips)
    tested = [place for place in (one, two) if NAMES[place] in kept.tested.clips]
    duplicate = {NAMES[place] for place in (one, two)} - {NAMES[place] for place in tested}
    assert gone == (duplicate & set(kept.training.clips) if len(tested) == 1 else set())
    np.testing.assert_array_equal(kept.tested.x, removed.tested.x)


def test_features_may_have_more_dimensions() -> None:
    copies = [
        np.random.default_rng(place).normal(size=(len(TABLE), 3, 2)).astype(np.float32) for place in (0, 1)
    ]
    for name in ("own_validation", "scaled_by_speaker", "scaled_on_all"):
        it = split(RECIPES[name], copies, axes=(0, 1), validation_clips=9)
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
