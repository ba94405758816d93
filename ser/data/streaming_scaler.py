"""Scalers of more rows than memory holds: what `ser.data.datasets.Scaler.fit` gives, block by block.

`ser.data.scaling.fit_scalers` is for those who train on the rows as well, and so have them in memory.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.data.datasets import Array, Labels, Scaler, rows_of

BLOCK = 256
"""Rows that are read at once."""

Sums = npt.NDArray[np.float64]


def stream_scalers(
    clips: pd.DataFrame, split: pd.DataFrame, copies: list[Array], *, axes: tuple[int, ...]
) -> Iterator[Scaler]:
    """Learn one scaler a fold, of that fold's training rows in all copies.

    Parameters
    ----------
    clips, split
        The tables of clips and of one protocol's folds.
    copies
        Features of each training copy, [shape=(clips, ...)], which may be mapped from a file.
    axes
        Over what mean and deviation are taken: ``(0,)`` or ``(0, 1)``, and so on.
    """
    for fold in sorted(split["fold"].unique()):
        yield fit_scaler(copies, rows_of(clips, split, fold=fold, role="train"), axes=axes)


def fit_scaler(copies: list[Array], rows: Labels, *, axes: tuple[int, ...]) -> Scaler:
    """Learn the scaler of some rows in all copies, in two passes."""
    kept = copies[0].shape[len(axes) :]
    count = len(copies) * len(rows) * int(np.prod(copies[0].shape[1 : len(axes)]))
    mean = _sum(copies, rows, kept, lambda x: x) / count
    deviation = np.sqrt(_sum(copies, rows, kept, lambda x: np.square(x - mean)) / count)
    deviation = np.where(deviation > 0, deviation, 1.0)
    return Scaler(mean=mean.astype(np.float32), deviation=deviation.astype(np.float32))


def _sum(copies: list[Array], rows: Labels, kept: tuple[int, ...], change: Callable[[Sums], Sums]) -> Sums:
    total: Sums | None = None
    for copy in copies:
        for start in range(0, len(rows), BLOCK):
            block = change(copy[rows[start : start + BLOCK]].reshape(-1, *kept).astype(np.float64))
            # The sum so far is the first row, so that all are added in the order of one sum of them all.
            total = np.add.reduce(block if total is None else np.concatenate([total[None], block]), axis=0)
    if total is None:
        raise ValueError("no training rows")
    return total
