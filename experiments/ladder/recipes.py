"""The leakage ablation: recipes that differ in one thing each, and the folds that they make of the clips.

A recipe says how clips are split, copied, padded, scaled and labelled. Every step changes one field of the
one before, so that the difference between two steps is the inflation by that one leak. The first six are the
article's method and what becomes of it; the last, with permuted labels, shows that nothing else leaks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Literal

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from ser.data.fold import ROLES, Array, Fold, Labels, emotion_index
from ser.data.protocols import LUNA5, split_at_random, split_by_actor
from ser.data.scaling import Scaler
from ser.evaluation.leakage_tests import permute_labels

CLIPS = ("clip", "emotion", "actor", "gender", "sha256")
"""Columns of the table of clips that are needed."""

VARIANTS = ("clean", "noise", "stretch", "speed_pitch")


@dataclass(frozen=True)
class Recipe:
    """How a result is come by.

    Attributes
    ----------
    split_unit : {"rows", "clips", "actors"}
        Augmented rows at random, so that copies of a clip may be in training and test; clips at random; or
        actors, by the folds of LUNA5.
    copies : tuple of str
        The variants of a clip, the clean recording first. Unless rows are split, only training has the
        others.
    padding : {"0 dB", "silence"}
        Of the frame-mean log-mel where a clip is shorter than its window.
    monitored : {"test", "validation"}
        The clips on which an epoch is selected. Validation clips do not train.
    scaling : {"training", "all", "speaker"}
        Whose mean and standard deviation are used: those of the training rows, of all rows, or of each
        speaker's own clean clips, a test speaker's too (without labels), before those of the training rows.
    permuted : bool
        Whether the training clips' labels are permuted.
    duplicates : bool
        Whether a clip may train whose samples are those of a test clip.
    """

    split_unit: Literal["rows", "clips", "actors"]
    copies: tuple[str, ...]
    padding: Literal["0 dB", "silence"]
    monitored: Literal["test", "validation"]
    scaling: Literal["training", "all", "speaker"] = "training"
    permuted: bool = False
    duplicates: bool = True


def _steps() -> dict[str, Recipe]:
    # Three of the four copies are equal, as in the article's loops; see ser.models.network_inputs.INPUTS.
    first = Recipe("rows", ("clean", "clean", "clean", "speed_pitch"), padding="0 dB", monitored="test")
    second = replace(first, split_unit="clips")
    third = replace(second, copies=VARIANTS)
    fourth = replace(third, padding="silence")
    fifth = replace(fourth, monitored="validation")
    sixth = replace(fifth, split_unit="actors")
    return {
        "augment_first": first,
        "split_first": second,
        "real_copies": third,
        "silence": fourth,
        "own_validation": fifth,
        "speakers": sixth,
        "permuted": replace(sixth, permuted=True),
    }


STEPS: Mapping[str, Recipe] = MappingProxyType(_steps())
"""The steps, from the most inflated to the check."""

BESIDE: Mapping[str, Recipe] = MappingProxyType(
    {
        "scaled_on_all": replace(STEPS["speakers"], scaling="all"),
        "scaled_by_speaker": replace(STEPS["speakers"], scaling="speaker"),
        # Its name in outputs, where duplicate clips are called twins.
        "without_twins": replace(STEPS["own_validation"], duplicates=False),
    }
)
"""One thing changed in a step, which is no step itself."""

RECIPES: Mapping[str, Recipe] = MappingProxyType({**STEPS, **BESIDE})
BY_ACTORS = tuple(name for name, recipe in RECIPES.items() if recipe.split_unit == "actors")


@dataclass(frozen=True)
class Sizes:
    """How many clips do not train.

    Attributes
    ----------
    test_size : float
        The proportion of clips that a random split tests, between 0 and 1.
    validation_clips : int
        How many training clips of a random split validate instead. With 0 nobody validates, and LUNA5's
        validation actors train as well.
    """

    test_size: float
    validation_clips: int = 0


def n_folds(recipe: Recipe) -> int:
    """Count the folds that test every clip once, or 1 where the split is random."""
    return len(LUNA5) if recipe.split_unit == "actors" else 1


def make_fold(
    recipe: Recipe,
    clips: pd.DataFrame,
    copies: Sequence[Array],
    *,
    axes: tuple[int, ...],
    seed: int,
    number: int,
    sizes: Sizes,
) -> tuple[Fold, Scaler]:
    """Split, label and scale the clips by a recipe.

    Parameters
    ----------
    recipe
        How, one of `RECIPES` or its like.
    clips
        A row a clip, with `CLIPS`.
    copies
        Features of the same clips, each [shape=(clips, ...)], the clean recordings first.
    axes
        Over what the scaler's mean and standard deviation are taken.
    seed
        Of the random split and of permuted labels.
    number
        Which of `n_folds`, 0-based.
    sizes
        Of the test and validation parts.

    Returns
    -------
    fold : Fold
        Its features are as they were before scaling, but where each speaker has a scaler. Where rows are
        split, it has a single copy of all rows [shape=(copies * clips, ...)], each row a clip of its own.
    scaler : Scaler
        To be applied to all parts of the fold.
    """
    if recipe.split_unit == "rows":
        clips, copies = pd.concat([clips] * len(copies)), [np.concatenate(copies)]
    clips = clips.reset_index(drop=True)
    fold = _split(recipe, clips, copies, seed=seed, number=number, sizes=sizes)
    if not recipe.duplicates:
        fold = replace(fold, train=fold.train[~fold.train["sha256"].isin(fold.test["sha256"])])
    if recipe.permuted:
        fold = permute_labels(fold, seed=seed)
    if recipe.scaling == "speaker":
        fold = _scale_by_speaker(fold, clips["actor"].to_numpy(), axes=axes)
    rows = np.concatenate(fold.copies) if recipe.scaling == "all" else fold.training().x  # (rows, ...)
    return fold, Scaler.fit(rows, axes=axes)


def _split(
    recipe: Recipe, clips: pd.DataFrame, copies: Sequence[Array], *, seed: int, number: int, sizes: Sizes
) -> Fold:
    at_random = recipe.split_unit != "actors"
    rows = clips.assign(clip=clips.index)  # Copies of a clip share its name.
    if at_random:
        split = split_at_random(rows, test_size=sizes.test_size, random_state=seed)
    else:
        split = split_by_actor(rows, LUNA5)
    role = split.loc[split["fold"] == number, "role"].to_numpy()  # (clips,)
    train, validation, test = (clips[role == name] for name in ROLES)
    fold = Fold(number, train, validation, test, copies)
    if sizes.validation_clips == 0:
        return fold.merge_validation()
    if at_random and recipe.monitored == "validation":
        train, validation = train_test_split(
            train, test_size=sizes.validation_clips, random_state=seed, stratify=emotion_index(train)
        )
        fold = replace(fold, train=train.sort_index(), validation=validation.sort_index())
    return fold


def _scale_by_speaker(fold: Fold, actors: Labels, *, axes: tuple[int, ...]) -> Fold:
    """Give every speaker the training rows' mean and deviation: features stay in dB, as augmentation needs.

    Parameters
    ----------
    fold
        With features of all clips, each [shape=(clips, ...)].
    actors
        Who speaks in each row of the features [shape=(clips,)].
    axes
        Over what mean and deviation are taken.
    """
    usual = Scaler.fit(fold.training().x, axes=axes)
    scaled = [np.empty(features.shape, dtype=np.float32) for features in fold.copies]  # each (clips, ...)
    for actor in np.unique(actors):
        own = actors == actor  # (clips,)
        scaler = Scaler.fit(fold.copies[0][own], axes=axes)
        for features, result in zip(fold.copies, scaled, strict=True):
            result[own] = scaler.transform(features[own]) * usual.deviation + usual.mean
    return replace(fold, copies=scaled)
