"""Recordings of one or several corpora with their features, and corrupted copies of them, a row each."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

from ser.data.fold import Array, Labels
from ser.data.ravdess import EMOTIONS

Mask = npt.NDArray[np.bool_]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Clips:
    """Rows of features, and what is known of each.

    Attributes
    ----------
    x : numpy.ndarray [shape=(n, layers, columns), dtype=float32]
        Features in each layer of an encoder.
    y : numpy.ndarray [shape=(n,)]
        Labels: places in `EMOTIONS`.
    clip, actor, corpus : numpy.ndarray [shape=(n,)]
        Id, speaker and corpus of each. Speakers of two corpora are two, though they have one name.
    fold : numpy.ndarray [shape=(n,)]
        Number of the fold in which the speaker is held out, 0-based within the corpus.
    copy : numpy.ndarray [shape=(n,)]
        Kind of the corrupted copy; empty for the recording itself.
    """

    x: Array
    y: Labels
    clip: Names
    actor: Names
    corpus: Names
    fold: Labels
    copy: Names

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """Put several tables below one another."""
        columns = (np.concatenate([getattr(it, field.name) for it in parts]) for field in fields(cls))
        return cls(*columns)

    def take(self, rows: Mask) -> Self:
        """Give the rows where `rows` [shape=(n,)] is True."""
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def corrupted(self) -> Mask:
        """Which rows are copies [shape=(n,)]."""
        return np.asarray(self.copy != "")

    @property
    def corpora(self) -> list[str]:
        """List the corpora by the place of their first row."""
        return list(dict.fromkeys(self.corpus.tolist()))

    @property
    def emotions(self) -> tuple[str, ...]:
        """List the emotions that occur, in the order of `EMOTIONS`."""
        return tuple(EMOTIONS[place] for place in np.unique(self.y))
