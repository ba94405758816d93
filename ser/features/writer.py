"""Features of many clips, computed and written block by block: memory does not grow with the corpus."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ser.files import replacing
from ser.parallel import run_all
from ser.params import Workers

Array = npt.NDArray[np.float32]

BLOCK = 480
"""Clips that are held in memory at once; of the article's log-mel, the largest feature, 64 MB."""


def write_features(
    folder: Path | str,
    work: Callable[..., dict[str, Array]],
    arguments: Sequence[tuple[Any, ...]],
    *,
    workers: Workers,
    what: str,
) -> dict[str, tuple[int, ...]]:
    """Call ``work(*arguments[i])`` for every clip, and write what it returns to ``NAME.npy``, a row a clip.

    Parameters
    ----------
    folder
        Folder of the files; each appears when all are complete.
    work
        Gives a clip's features by their names, of the same shapes for every clip.
    arguments, workers, what
        The calls, and how they are made, as of `ser.parallel.run_all`.

    Returns
    -------
    dict of str to tuple of int
        By the feature's name, the shape of the array that was written: (clips, ...).
    """
    shapes: dict[str, tuple[int, ...]] = {}
    streams: dict[str, BinaryIO] = {}
    # Renamed when all are written and closed: a disk that gets full leaves all the former ones.
    with ExitStack() as finals, ExitStack() as opened:
        for start in range(0, len(arguments), BLOCK):
            block = arguments[start : start + BLOCK]
            part = f"{what}, {start + 1} to {start + len(block)}" if len(block) < len(arguments) else what
            rows = run_all(work, block, workers=workers, what=part)
            for name, first in rows[0].items():
                # In C order, also where the rows are not.
                features = np.ascontiguousarray([row[name] for row in rows])  # (clips of the block, ...)
                if name not in streams:
                    shapes[name] = (len(arguments), *first.shape)
                    # np.memmap would be shorter, but a process that writes to one on a full disk is killed.
                    temporary = finals.enter_context(replacing(Path(folder) / f"{name}.npy"))
                    streams[name] = opened.enter_context(temporary.open("wb"))
                    _write_header(streams[name], shapes[name], features.dtype)
                streams[name].write(features.data)
            # Else they would be held beside the next block's.
            del rows, features
    return shapes


def _write_header(stream: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Write what `numpy.save` writes before an array in C order."""
    header = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
