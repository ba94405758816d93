"""Files that appear under their name only when complete, and that have the same bytes on every run."""

import json
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ser.errors import InputError


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Give a temporary sibling of `path` to write to; move it into place only on success.

    A reader, or a run after a kill, never sees a half-written file or folder under the final name, and an
    error leaves what was there before.

    Parameters
    ----------
    path
        The final file or folder. Its parent is made if missing.

    Yields
    ------
    Path
        A path in the same folder, not yet existing; write a file or make a folder there.
    """
    final = Path(path)
    final.parent.mkdir(parents=True, exist_ok=True)
    # The ending stays last, because writers choose their format by it.
    temporary = final.with_name(f".{final.stem}.partial{final.suffix}")
    remove(temporary)
    former = _former(final)
    if former.exists() and not final.exists():
        # A kill between the two renames of `_swap`.
        former.rename(final)
    try:
        yield temporary
        if final.is_dir():
            _swap(temporary, final)
        else:
            temporary.replace(final)
    except BaseException:
        remove(temporary)
        raise


def _swap(temporary: Path, final: Path) -> None:
    # Renamed before it is deleted: a kill halfway must not leave half of it under the final name.
    former = _former(final)
    remove(former)
    final.rename(former)
    try:
        temporary.replace(final)
    except BaseException:
        former.rename(final)
        raise
    remove(former)


def _former(final: Path) -> Path:
    return final.with_name(f".{final.name}.former")


def remove(path: Path) -> None:
    """Delete a file or folder; that it does not exist is fine."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_json(path: Path | str, content: Any) -> None:
    """Write JSON that people read and diff: indented, keys in the order given, a newline at the end."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_table(path: Path | str, columns: Iterable[str]) -> pd.DataFrame:
    """Read the named columns of a parquet or CSV file that an earlier stage wrote.

    Parameters
    ----------
    path
        The file, whose ending is .csv for CSV.
    columns
        Names of the columns, in the order of the result.

    Raises
    ------
    InputError
        Where the file is missing or unreadable, has no row, or lacks a column.
    """
    wanted = list(columns)
    path = Path(path)
    try:
        table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    except FileNotFoundError as error:
        raise InputError(f"{path}: no such file; run the stage that writes it") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run the stage that writes it") from error
    missing = [column for column in wanted if column not in table]
    if missing:
        raise InputError(f"{path}: lacks the columns {', '.join(missing)}; run the stage that writes it")
    if table.empty:
        raise InputError(f"{path}: has no row; run the stage that writes it")
    return table[wanted]


def write_parquet(path: Path | str, table: pd.DataFrame) -> None:
    """Write a table without its index; equal tables give equal bytes."""
    with replacing(path) as temporary:
        table.to_parquet(temporary, index=False)


def write_csv(path: Path | str, table: pd.DataFrame) -> None:
    """Write a table as CSV with Unix line ends, floats to six significant digits."""
    with replacing(path) as temporary:
        table.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")


def write_array(path: Path | str, array: np.ndarray) -> None:
    """Write one array as ``.npy``, which can be memory-mapped."""
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def write_arrays(path: Path | str, **arrays: np.ndarray) -> None:
    """Write named arrays as ``.npz`` (its entries carry no date)."""
    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, allow_pickle=False, **arrays)
        stream.flush()
        os.fsync(stream.fileno())
