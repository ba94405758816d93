"""The leakage ablation: recipes that differ in one thing each, and the splits that they make of the clips.

A recipe says how clips are split, copied, padded, scaled and labelled. Every step changes one field of the
one before, so that the difference between two steps is the inflation by that one leak. The first six are the
article's method and what becomes of it; the last, with permuted labels, shows that nothing else leaks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.model_selection import train_test_split

from ser.data.fold import Array, Labels, Part, emotion_index
from ser.data.protocols import LUNA5, split_at_random, split_by_actor
from ser.data.scaling import Scaler

CLIPS = ("clip", "emotion", "actor", "gender", "sha256")
"""Columns of the table of clips that are needed."""

VARIANTS = ("clean", "noise", "stretch", "speed_pitch")
Chosen = npt.NDArray[np.bool_]
"""Rows of one part of a split [shape=(copies, clips)]."""


@dataclass(frozen=True)
class Recipe:
    """How a result is come by.

    Attributes
    ----------
    divided : {"rows", "clips", "actors"}
        The split unit: augmented rows at random, so that copies of a clip may be in both parts; clips at
        random; or actors, by the folds of LUNA5.
    copies : tuple of str
        The variants of a clip, the clean recording first. Unless rows are split, only training has the
        others.
    padding : {"0 dB", "silence"}
        Of the frame-mean log-mel where a clip is shorter than its window.
    watched : {"test", "validation"}
        By whom an epoch is chosen. Who validates does not train.
    scaling : {"training", "all", "speaker"}
        Whose mean and standard deviation are used: those of the training rows, of all rows, or of each
        speaker's own clean clips, a test speaker's too (without labels), before those of the training rows.
    permuted : bool
        Whether the training clips' labels are permuted.
    twins : bool
        Whether a clip may train whose samples are those of a tested clip.
    """

    divided: Literal["rows", "clips", "actors"]
    copies: tuple[str, ...]
    padding: Literal["0 dB", "silence"]
    watched: Literal["test", "validation"]
    scaling: Literal["training", "all", "speaker"] = "training"
    permuted: bool = False
    twins: bool = True


def _rungs() -> dict[str, Recipe]:
    # Three of the four copies are equal, as in the article's loops; see ser.data.scaling.INPUTS.
    first = Recipe("rows", ("clean", "clean", "clean", "speed_pitch"), padding="0 dB", watched="test")
    second = replace(first, divided="clips")
    third = replace(second, copies=VARIANTS)
    fourth = replace(third, padding="silence")
    fifth = replace(fourth, watched="validation")
    sixth = replace(fifth, divided="actors")
    return {
        "augment_first": first,
        "split_first": second,
        "real_copies": third,
        "silence": fourth,
        "own_validation": fifth,
        "speakers": sixth,
        "permuted": replace(sixth, permuted=True),
    }


RUNGS: Mapping[str, Recipe] = MappingProxyType(_rungs())
"""The steps, from the most inflated to the check."""

BESIDE: Mapping[str, Recipe] = MappingProxyType(
    {
        "scaled_on_all": replace(RUNGS["speakers"], scaling="all"),
        "scaled_by_speaker": replace(RUNGS["speakers"], scaling="speaker"),
        "without_twins": replace(RUNGS["own_validation"], twins=False),
    }
)
"""One thing changed in a step, which is not on the way up."""

RECIPES: Mapping[str, Recipe] = MappingProxyType({**RUNGS, **BESIDE})


@dataclass(frozen=True)
class LadderSides:
    """What a recipe makes of one fold.

    Attributes
    ----------
    training : Part
        All copies of the training clips, copy by copy.
    copies : int
        How many; 1 where rows are split, since a clip has another number of copies than the next.
    watched : Part
        The clips by whose score an epoch may be chosen: the tested ones or the validation clips.
    tested : Part
        The clips whose score is the result, with their true labels.
    scaler : Scaler
        To be applied to all of them.
    """

    training: Part
    copies: int
    watched: Part
    tested: Part
    scaler: Scaler


def n_folds(recipe: Recipe) -> int:
    """Count the folds that test every clip once, or 1 where the split is random."""
    return len(LUNA5) if recipe.divided == "actors" else 1


def sides(
    recipe: Recipe,
    clips: pd.DataFrame,
    copies: list[Array],
    *,
    axes: tuple[int, ...],
    seed: int,
    fold: int,
    test_size: float,
    validation_clips: int,
) -> LadderSides:
    """Split, scale and label the clips.

    Parameters
    ----------
    recipe
        How.
    clips
        With `CLIPS`.
    copies
        Features of the same clips, each [shape=(clips, ...)], the clean recordings first.
    axes
        Over what the scaler's mean and standard deviation are taken.
    seed
        Of the random split and of permuted labels.
    fold
        Which of `n_folds`.
    test_size
        The proportion that a random split tests.
    validation_clips
        How many training clips validate instead, where the split is random, or 0 for none. By actors
        they are those of LUNA5's validation actors, or with 0 none.
    """
    if recipe.divided == "rows":
        train, watched, tested = _divide_rows(clips, len(copies), test_size=test_size, seed=seed)
    else:
        role = _divide_clips(recipe, clips, seed=seed, fold=fold, test_size=test_size, n=validation_clips)
        train = np.tile(role == "train", (len(copies), 1))
        tested = _clean(role == "test", len(copies))
        watched = tested if recipe.watched == "test" else _clean(role == "validation", len(copies))
    if not recipe.twins:
        samples = clips["sha256"].to_numpy()
        train = train & ~np.isin(samples, samples[_any_copy(tested)])

    labels = emotion_index(clips)
    learned = _permuted(labels, _any_copy(train), seed=seed) if recipe.permuted else labels
    if recipe.scaling == "speaker":
        usual = Scaler.fit(_part(clips, copies, train, labels).x, axes=axes)
        copies = _scaled_by_speaker(copies, clips["actor"].to_numpy(), axes=axes, usual=usual)
    training = _part(clips, copies, train, learned)
    rows = np.concatenate(copies) if recipe.scaling == "all" else training.x
    return LadderSides(
        training=training,
        copies=1 if recipe.divided == "rows" else len(copies),
        watched=_part(clips, copies, watched, labels),
        tested=_part(clips, copies, tested, labels),
        scaler=Scaler.fit(rows, axes=axes),
    )


def _divide_rows(
    clips: pd.DataFrame, n_copies: int, *, test_size: float, seed: int
) -> tuple[Chosen, Chosen, Chosen]:
    copies = [clips.assign(clip=clips["clip"] + f"/{place}") for place in range(n_copies)]
    split = split_at_random(pd.concat(copies, ignore_index=True), test_size=test_size, random_state=seed)
    tested = (split["role"] == "test").to_numpy().reshape(n_copies, len(clips))
    return ~tested, tested, tested


def _divide_clips(
    recipe: Recipe, clips: pd.DataFrame, *, seed: int, fold: int, test_size: float, n: int
) -> npt.NDArray[np.str_]:
    """Give each clip its role."""
    if recipe.divided == "actors":
        split = split_by_actor(clips, LUNA5)
        role = split.loc[split["fold"] == fold, "role"].to_numpy(dtype="U10")
        if n == 0:
            role[role == "validation"] = "train"
        return role
    split = split_at_random(clips, test_size=test_size, random_state=seed)
    role = split["role"].to_numpy(dtype="U10")
    if recipe.watched == "validation" and n > 0:
        rows = np.flatnonzero(role == "train")
        _, validating = train_test_split(
            rows, test_size=n, random_state=seed, stratify=emotion_index(clips)[rows]
        )
        role[validating] = "validation"
    return role


def _clean(chosen: npt.NDArray[np.bool_], n_copies: int) -> Chosen:
    """Take the clean recordings alone."""
    rows = np.zeros((n_copies, len(chosen)), dtype=np.bool_)
    rows[0] = chosen
    return rows


def _any_copy(chosen: Chosen) -> npt.NDArray[np.bool_]:
    """Find the clips of which any copy was chosen."""
    return np.asarray(chosen.any(axis=0))


def _permuted(labels: Labels, training: npt.NDArray[np.bool_], *, seed: int) -> Labels:
    """Permute the training clips' labels; all copies of a clip share the one it gets."""
    dealt = labels.copy()
    dealt[training] = np.random.default_rng(seed).permutation(labels[training])
    return dealt


def _scaled_by_speaker(
    copies: list[Array], actors: Labels, *, axes: tuple[int, ...], usual: Scaler
) -> list[Array]:
    """Give every speaker the usual mean and standard deviation: they stay in dB, as augmentation needs."""
    scaled = [np.empty(features.shape, dtype=np.float32) for features in copies]
    for actor in np.unique(actors):
        own = actors == actor
        scaler = Scaler.fit(copies[0][own], axes=axes)
        for features, result in zip(copies, scaled, strict=True):
            result[own] = scaler.transform(features[own]) * usual.deviation + usual.mean
    return scaled


def _part(clips: pd.DataFrame, copies: list[Array], chosen: Chosen, labels: Labels) -> Part:
    rows = np.concatenate([np.flatnonzero(each) for each in chosen])
    return Part(
        clips=clips["clip"].to_numpy(dtype=np.str_)[rows],
        actors=clips["actor"].to_numpy(dtype=np.int64)[rows],
        x=np.concatenate([features[each] for features, each in zip(copies, chosen, strict=True)]),
        y=labels[rows],
    )
