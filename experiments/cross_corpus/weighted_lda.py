"""Shrinkage LDA of several corpora, each with a weight, from statistics that are computed once a corpus.

The covariance within emotions is a sum over corpora. A weight scales a corpus's part of it, and to move a
corpus changes only what the offsets of its emotions' means add. So any weight, move and shrinkage is tried
without another pass over the clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve
from scipy.special import log_softmax

from ser.data.fold import Array, Labels
from ser.data.ravdess import EMOTIONS

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """What an LDA needs to know of a corpus's training clips.

    Attributes
    ----------
    counts : numpy.ndarray [shape=(8,)]
        Clips of each emotion, in the order of `EMOTIONS`.
    means : numpy.ndarray [shape=(8, columns)]
        Mean of each emotion's clips; 0 for one without a clip.
    scatter : numpy.ndarray [shape=(columns, columns)]
        Sum over all clips of the outer product of a clip's deviation from its emotion's mean.
    """

    counts: Matrix
    means: Matrix
    scatter: Matrix

    @classmethod
    def of(cls, x: Array | Matrix, y: Labels) -> Self:
        """Gather them from features [shape=(n, columns)] and labels [shape=(n,)], places in `EMOTIONS`."""
        members = np.eye(len(EMOTIONS))[:, y]  # (8, n), 1 where a clip has the emotion
        counts = members.sum(axis=1)
        means = members @ x / np.maximum(counts, 1)[:, None]  # (8, columns)
        within = x - means[y]  # (n, columns)
        return cls(counts, means, within.T @ within)

    @property
    def mean(self) -> Matrix:
        """Mean over all clips [shape=(columns,)]."""
        return np.asarray(self.counts @ self.means / self.counts.sum())

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which emotions have a clip [shape=(8,)]."""
        return self.counts > 0

    def moved_to(self, mean: Matrix) -> Self:
        """Give the statistics of the same clips, all moved by one offset so that `mean` is their mean."""
        return replace(self, means=np.where(self.present[:, None], self.means + mean - self.mean, 0.0))


@dataclass(frozen=True)
class WeightedLda:
    """A linear classifier whose logits are features times `weights`, plus `bias`.

    Attributes
    ----------
    weights : numpy.ndarray [shape=(columns, 8)]
        Of each column for each emotion, in the order of `EMOTIONS`; 0 for one that no corpus has.
    bias : numpy.ndarray [shape=(8,)]
        Added to each logit; minus infinity for an emotion that no corpus has.
    """

    weights: Matrix
    bias: Matrix

    @classmethod
    def fit(cls, corpora: Sequence[Statistics], weights: Sequence[float], *, shrinkage: float) -> Self:
        """Fit to corpora; all emotions are equally probable.

        Columns are scaled by their standard deviation around the joint mean, then the covariance within
        emotions is shrunk towards its mean variance.

        Parameters
        ----------
        corpora
            At least one.
        weights
            Weight of a clip of each corpus, none below 0: with 0.5, two clips count as one.
        shrinkage
            Above 0, and at most 1, which leaves of the covariance its mean variance alone.
        """
        if not 0 < shrinkage <= 1:
            raise ValueError(f"shrinkage must be above 0 and at most 1, got {shrinkage}")
        counts = np.stack([w * it.counts for w, it in zip(weights, corpora, strict=True)])  # (corpora, 8)
        per_corpus = np.stack([it.means for it in corpora])  # (corpora, 8, columns)
        total = counts.sum(axis=0)  # (8,)
        present = total > 0
        means = np.einsum("ce,ced->ed", counts, per_corpus) / np.maximum(total, 1e-300)[:, None]
        offsets = (per_corpus - means) * np.sqrt(counts)[:, :, None]  # (corpora, 8, columns)
        offsets = offsets.reshape(-1, means.shape[1])
        within = sum(w * it.scatter for w, it in zip(weights, corpora, strict=True)) + offsets.T @ offsets
        within = within / total.sum()  # (columns, columns)
        mean = total @ means / total.sum()  # (columns,)
        between = total @ (means - mean) ** 2 / total.sum()  # (columns,)
        scale = np.sqrt(np.diag(within) + between)
        scale = np.where(scale > 0, scale, 1.0)
        covariance = (1 - shrinkage) * within / np.outer(scale, scale)
        variance = np.mean(np.diag(within) / scale**2)
        # Where no column varies within an emotion, the sphere has no extent either.
        covariance[np.diag_indices_from(covariance)] += shrinkage * variance + 1e-9
        offset = np.where(present[:, None], (means - mean) / scale, 0.0)  # (8, columns)
        solved = solve(covariance, offset.T, assume_a="pos")  # (columns, 8)
        bias = -0.5 * np.einsum("ed,de->e", offset, solved)  # (8,)
        unscaled = solved / scale[:, None]
        return cls(unscaled, np.where(present, bias - mean @ unscaled, -np.inf))

    def log_probabilities(self, x: Array | Matrix) -> Matrix:
        """Give log posteriors [shape=(n, 8)] of features [shape=(n, columns)]."""
        return np.asarray(log_softmax(x @ self.weights + self.bias, axis=1))
