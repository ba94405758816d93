"""Shrinkage LDA from statistics that are computed once for each group of clips.

The covariance within emotions is a sum over groups. A weight scales a group's part of it, and to move a group
changes only what the offsets of its emotions' means add. So any weight, move and shrinkage is tried, and any
group left out, without another pass over the clips.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import solve

from ser.data.fold import Array, Labels
from ser.data.ravdess import EMOTIONS

Matrix = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Statistics:
    """What an LDA needs to know of training clips.

    Attributes
    ----------
    counts : numpy.ndarray [shape=(8,)]
        Clips of each emotion, in the order of `EMOTIONS`; no whole numbers where clips have weights.
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

    @classmethod
    def pool(cls, groups: Sequence[Self], weights: Sequence[float]) -> Self:
        """Give the statistics of several groups together.

        Parameters
        ----------
        groups
            At least one, all with the same columns.
        weights
            Weight of a clip of each group, none below 0: with 0.5, two clips count as one.
        """
        counts = np.stack([w * it.counts for w, it in zip(weights, groups, strict=True)])  # (groups, 8)
        by_group = np.stack([it.means for it in groups])  # (groups, 8, columns)
        total = counts.sum(axis=0)  # (8,)
        # Where nobody has an emotion, its mean stays 0.
        means = np.einsum("ge,ged->ed", counts, by_group) / np.maximum(total, 1e-300)[:, None]
        offsets = (by_group - means) * np.sqrt(counts)[:, :, None]  # (groups, 8, columns)
        offsets = offsets.reshape(-1, means.shape[1])
        scatter = sum(w * it.scatter for w, it in zip(weights, groups, strict=True)) + offsets.T @ offsets
        return cls(total, means, scatter)

    @property
    def n(self) -> float:
        """Number of clips."""
        return float(self.counts.sum())

    @property
    def mean(self) -> Matrix:
        """Mean over all clips [shape=(columns,)], of which there must be one."""
        return np.asarray(self.counts @ self.means / self.n)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """Which emotions have a clip [shape=(8,)]."""
        return self.counts > 0

    def moved_by(self, offset: Matrix) -> Self:
        """Give the statistics of the same clips, all moved by an offset [shape=(columns,)]."""
        return replace(self, means=np.where(self.present[:, None], self.means + offset, 0.0))


def fit_lda(training: Statistics, *, shrinkage: float) -> tuple[Matrix, Matrix]:
    """Fit an LDA, for which all emotions are equally probable.

    Columns are scaled by their standard deviation around the mean of all clips, then the covariance within
    emotions is shrunk towards its mean variance.

    Parameters
    ----------
    training
        Statistics of all training clips.
    shrinkage
        Above 0, and at most 1, which leaves of the covariance its mean variance alone.

    Returns
    -------
    coefficients : numpy.ndarray [shape=(columns, 8)]
        Weight of each column for each emotion, in the order of `EMOTIONS`; 0 for one without a clip.
    bias : numpy.ndarray [shape=(8,)]
        Added to each logit; 0 for an emotion without a clip.
    """
    if not 0 < shrinkage <= 1:
        raise ValueError(f"shrinkage must be above 0 and at most 1, got {shrinkage}")
    within = training.scatter / training.n  # (columns, columns)
    mean, present = training.mean, training.present
    between = training.counts @ (training.means - mean) ** 2 / training.n  # (columns,)
    scale = np.sqrt(np.diag(within) + between)
    scale = np.where(scale > 0, scale, 1.0)
    covariance = (1 - shrinkage) * within / np.outer(scale, scale)
    variance = np.mean(np.diag(within) / scale**2)
    # Where no column varies within an emotion, the sphere has no extent either.
    covariance[np.diag_indices_from(covariance)] += shrinkage * variance + 1e-9
    offsets = np.where(present[:, None], (training.means - mean) / scale, 0.0)  # (8, columns)
    solved = solve(covariance, offsets.T, assume_a="pos", overwrite_a=True, check_finite=False)
    bias = -0.5 * np.einsum("ed,de->e", offsets, solved)  # (8,)
    coefficients = solved / scale[:, None]  # (columns, 8)
    return coefficients, np.where(present, bias - mean @ coefficients, 0.0)
