"""Standardisation, fitted to training rows: in memory, or block by block where they are too many."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ser.data.fold import Array, Fold
from ser.errors import InputError
from ser.files import write_arrays

BLOCK = 256
"""Rows that are read at once."""

Sums = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scaler:
    """Standardisation that is fitted to training rows.

    Attributes
    ----------
    mean, deviation : numpy.ndarray [shape=(columns,), dtype=float32]
        Mean and standard deviation of each column, in the unit of the features: over rows, and for log-mel,
        whose columns are its bands, over frames too. A column that is constant has deviation 1.
    """

    mean: Array
    deviation: Array

    @classmethod
    def fit(cls, x: Array, *, axes: tuple[int, ...]) -> Self:
        """Fit mean and standard deviation over `axes` of training features [shape=(n, ...)]."""
        mean = x.mean(axis=axes, dtype=np.float64)  # The shape of x without `axes`.
        deviation = x.std(axis=axes, dtype=np.float64)
        deviation = np.where(deviation > 0, deviation, 1.0)
        return cls(mean=mean.astype(np.float32), deviation=deviation.astype(np.float32))

    def transform(self, x: Array) -> Array:
        """Standardise features [shape=(n, ...)] of any role; the shape stays."""
        return (x - self.mean) / self.deviation


def stream_scaler(fold: Fold, *, axes: tuple[int, ...]) -> Scaler:
    """Fit a scaler to a fold's training rows in all copies, as `Scaler.fit` does, in two passes over blocks.

    Parameters
    ----------
    fold
        A fold whose copies may be mapped from files: no more than `BLOCK` rows are in memory.
    axes
        First axes of the features, over which mean and standard deviation are taken: ``(0,)`` or ``(0, 1)``.

    Returns
    -------
    Scaler
        Mean and deviation have the shape of the other axes.
    """
    copies, rows = fold.copies, fold.train.index.to_numpy()
    kept = copies[0].shape[len(axes) :]
    # Values of each column: copies, training rows and, for axes (0, 1), frames.
    count = len(copies) * len(rows) * int(np.prod(copies[0].shape[1 : len(axes)]))
    mean = _sum(copies, rows, kept, lambda x: x) / count  # (*kept,)
    deviation = np.sqrt(_sum(copies, rows, kept, lambda x: np.square(x - mean)) / count)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return Scaler(mean=mean.astype(np.float32), deviation=deviation.astype(np.float32))


def _sum(
    copies: Sequence[Array],
    rows: npt.NDArray[np.integer],
    kept: tuple[int, ...],
    change: Callable[[Sums], Sums],
) -> Sums:
    total: Sums | None = None
    for copy in copies:
        for start in range(0, len(rows), BLOCK):
            # (rows of the block, ...) to (rows, *kept), where frames, if any, are rows too.
            block = change(copy[rows[start : start + BLOCK]].reshape(-1, *kept).astype(np.float64))
            # The sum so far is the first row, so that all are added in the order of one sum of them all.
            total = np.add.reduce(block if total is None else np.concatenate([total[None], block]), axis=0)
    if total is None:
        raise ValueError("no training rows")
    return total


def write_scalers(path: str, scalers: list[Scaler]) -> None:
    """Write the scalers of all folds as ``.npz``: mean and deviation, [shape=(folds, ...)]."""
    write_arrays(
        path,
        mean=np.stack([scaler.mean for scaler in scalers]),
        deviation=np.stack([scaler.deviation for scaler in scalers]),
    )


def read_scaler(path: str, *, fold: int) -> Scaler:
    """Read one fold's scaler.

    Raises
    ------
    InputError
        Where the file is missing, damaged, or has no such fold.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Scaler(mean=arrays["mean"][fold], deviation=arrays["deviation"][fold])
    except (OSError, ValueError, EOFError, LookupError, BadZipFile) as error:
        raise InputError(f"{path}: scaler cannot be read ({error}); run the stage normalize") from error
