"""A fold of a protocol: the clips that train, validate and are tested, joined with their features."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.data.ravdess import EMOTIONS

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

ROLES = ("train", "validation", "test")


@dataclass(frozen=True)
class Part:
    """Some clips, with their features and labels.

    Attributes
    ----------
    clips : numpy.ndarray [shape=(n,)]
        Clip ids, in the order of the rows of `x`.
    actors : numpy.ndarray [shape=(n,), dtype=int64]
        Speaker of each clip, 1 to 24.
    x : numpy.ndarray [shape=(n, ...), dtype=float32]
        Features, the model's input before scaling.
    y : numpy.ndarray [shape=(n,), dtype=int64]
        The labels: places in `EMOTIONS`, 0 to 7.
    """

    clips: npt.NDArray[np.str_]
    actors: Labels
    x: Array
    y: Labels


@dataclass(frozen=True)
class Fold:
    """One fold of a protocol.

    Models are fitted to `train` alone; the clips of `test` are predicted once, at the end. A leakage test is
    a function from a fold to a fold (`ser.evaluation.leakage_tests`).

    Attributes
    ----------
    number : int
        Number of the fold in its protocol, 0-based.
    train, validation, test : pandas.DataFrame
        Clips: ``clip``, ``emotion``, ``actor``, and what else the table of clips has. The index is the row of
        the clip in each of `copies`, ascending.
    copies : sequence of numpy.ndarray [shape=(clips, ...), dtype=float32]
        Features of all clips of the corpus: of the recordings, then of each augmented copy.
    """

    number: int
    train: pd.DataFrame
    validation: pd.DataFrame
    test: pd.DataFrame
    copies: Sequence[Array] = ()

    def training(self) -> Part:
        """Join the training clips with their features in all copies, copy by copy, the recordings first."""
        return join(self.train, self.copies)

    def recordings(self, clips: pd.DataFrame) -> Part:
        """Join `validation` or `test` with the features of the recordings themselves, never of a copy."""
        return join(clips, self.copies[:1])

    def merge_validation(self) -> Self:
        """Let the validation clips train as well, where nothing is selected by them."""
        train = pd.concat([self.train, self.validation]).sort_index()
        return replace(self, train=train, validation=self.validation.iloc[:0])


def folds(clips: pd.DataFrame, split: pd.DataFrame, copies: Sequence[Array] = ()) -> Iterator[Fold]:
    """Give the folds of a protocol, in the order of their numbers.

    Parameters
    ----------
    clips
        The table of clips, in the order of the features' rows: ``clip``, ``emotion``, ``actor``.
    split
        The protocol's table: ``fold`` (0-based), ``clip``, ``role`` (one of `ROLES`).
    copies
        Features of all clips, each [shape=(clips, ...)], the recordings first.

    Yields
    ------
    Fold
        The folds of the protocol, which share `copies`.
    """
    clips = clips.reset_index(drop=True)
    for number, of_fold in split.groupby("fold"):
        role = clips["clip"].map(of_fold.set_index("clip")["role"])
        train, validation, test = (clips[role == name] for name in ROLES)
        yield Fold(int(str(number)), train, validation, test, copies)


def join(clips: pd.DataFrame, copies: Sequence[Array]) -> Part:
    """Join clips of a `Fold` with some of its copies: the rows of one copy follow those of the other.

    Parameters
    ----------
    clips
        n clips of the fold; their index is their row in each copy.
    copies
        Features, each [shape=(clips, ...)].

    Returns
    -------
    Part
        copies * n rows.
    """
    rows = clips.index.to_numpy()  # (n,)
    return Part(
        clips=np.tile(clips["clip"].to_numpy(dtype=np.str_), len(copies)),
        actors=np.tile(clips["actor"].to_numpy(dtype=np.int64), len(copies)),
        x=np.concatenate([features[rows] for features in copies]),  # (copies * n, ...)
        y=np.tile(emotion_index(clips), len(copies)),
    )


def emotion_index(clips: pd.DataFrame) -> Labels:
    """Each clip's emotion as its place in `EMOTIONS` [shape=(clips,)]."""
    places: Labels = clips["emotion"].map(EMOTIONS.index).to_numpy(dtype=np.int64)
    return places


def rows_of(clips: pd.DataFrame, split: pd.DataFrame, *, fold: int, role: str) -> Labels:
    """Row numbers in `clips` [shape=(n,)], ascending, of the clips that have `role` in `fold`."""
    chosen = split.loc[(split["fold"] == fold) & (split["role"] == role), "clip"]
    rows: Labels = np.flatnonzero(clips["clip"].isin(set(chosen)))
    return rows


def take(clips: pd.DataFrame, split: pd.DataFrame, copies: list[Array], *, fold: int, role: str) -> Part:
    """Join the clips that have `role` in `fold` with their features, copy by copy.

    Parameters
    ----------
    clips, split
        The table of clips, in the order of the features' rows, and a protocol's ``fold``, ``clip``, ``role``.
    copies
        Features of all clips, each [shape=(clips, ...)], the recordings first.
    fold, role
        Number of the fold, 0-based, and one of its roles.

    Returns
    -------
    Part
        copies * n rows, where n clips have the role.
    """
    rows = rows_of(clips, split, fold=fold, role=role)
    chosen = clips.iloc[rows]
    repeated = len(copies)
    return Part(
        clips=np.tile(chosen["clip"].to_numpy(dtype=np.str_), repeated),
        actors=np.tile(chosen["actor"].to_numpy(dtype=np.int64), repeated),
        x=np.concatenate([features[rows] for features in copies]),
        y=np.tile(emotion_index(chosen), repeated),
    )
