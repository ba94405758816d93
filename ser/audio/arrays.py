"""Samples in memory, checked, as blocks of floats."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ser.audio.channels import Waveform
from ser.errors import InputError

Samples = npt.NDArray[np.generic] | Sequence[float]
"""An array, or what NumPy makes one of [shape=(n,)] or [shape=(n, channels)]."""

_MOST_CHANNELS = 64
_BLOCK_VALUES = 2**18


def table_of(samples: Samples, name: str) -> npt.NDArray[np.generic]:
    """Check samples, and bring them to [shape=(n, channels)].

    Parameters
    ----------
    samples
        Real numbers [shape=(n,)] or [shape=(n, channels)].
    name
        What errors call them.

    Raises
    ------
    InputError
        Where they are of another shape or kind, or integers that leave nearly all of their type unused.
    """
    if not hasattr(samples, "__len__") or isinstance(samples, Mapping):
        raise InputError(
            f"{name}: nothing to hear in a {type(samples).__name__}; give the name of a file, its bytes, an "
            "open binary file, samples with their sample_rate, or (sample_rate, samples)"
        )
    expected = "samples must be real numbers [shape=(n,)] or [shape=(n, channels)]"
    try:
        array = np.asarray(samples)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {expected} ({error})") from error
    if array.ndim not in (1, 2) or array.dtype.kind not in "iuf":
        raise InputError(f"{name}: {expected}, got {array.dtype} of shape {array.shape}")
    table = array[:, None] if array.ndim == 1 else array  # (n, channels)
    if not table.shape[1]:
        raise InputError(f"{name}: no channel")
    if table.shape[1] > _MOST_CHANNELS:
        raise InputError(
            f"{name}: {table.shape[1]} channels of {table.shape[0]} samples, but at most {_MOST_CHANNELS} "
            "channels are allowed; if channels come first, give the transposed array"
        )
    _check_scale(table, name)
    return table


def _check_scale(table: npt.NDArray[np.generic], name: str) -> None:
    """Refuse what would be silent: integers in a type of twice their width, as of a list of numbers."""
    if table.dtype.kind not in "iu" or not table.size:
        return
    unsigned = table.dtype.kind == "u"
    largest = max(int(table.max()), -int(table.min()))
    for bits in (16, 32):
        if 8 * table.dtype.itemsize >= 2 * bits and 0 < largest <= 2 ** (bits - 1 + unsigned):
            kind = f"{'u' * unsigned}int{bits}"
            raise InputError(
                f"{name}: samples of type {table.dtype}, but with a peak of {largest}, as if of {kind}; give "
                f"them as {kind}, or as floats with a full scale of 1"
            )


def array_blocks(table: npt.NDArray[np.generic]) -> Iterator[Waveform]:
    """Give a table [shape=(n, channels)] as blocks of floats; of integers, 1 is full scale of their type."""
    size = max(_BLOCK_VALUES // table.shape[1], 1)
    for start in range(0, len(table), size):
        block = table[start : start + size]
        if block.dtype.kind in "iu":
            # Unsigned ones, as of 8-bit sound, have their 0 in the middle.
            full = 2.0 ** (8 * block.dtype.itemsize - 1)
            middle = full if block.dtype.kind == "u" else 0.0
            block = (block.astype(np.float64) - middle) / full
        yield block.astype(np.float32, copy=False)
