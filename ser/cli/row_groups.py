"""Parquet that is written while its rows come, in constant memory, and appears only when it is complete."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ser.complete_files import appearing, naming

ROWS = 4096
"""Rows of a row group; only about as many are held in memory."""

_ARROW = {str: pa.string(), float: pa.float64(), bool: pa.bool_()}


@contextmanager
def writing(
    path: Path, columns: Mapping[str, type], *, rows: int = ROWS
) -> Iterator[Callable[[Iterable[tuple[Any, ...]]], None]]:
    """Open a Parquet file for rows to come.

    Parameters
    ----------
    path
        File to write, which appears once all is written; an error or a kill leaves a former one.
    columns
        Types of the columns, ``str``, ``float`` or ``bool``, by name.
    rows
        Number of rows of a row group, at least 1.

    Yields
    ------
    callable
        Takes rows, each a tuple in the order of the columns.

    Raises
    ------
    InputError
        Where it cannot be written: at once if that can be known.
    """
    schema = pa.schema([(name, _ARROW[kind]) for name, kind in columns.items()])
    with ExitStack() as stack:
        temporary = stack.enter_context(appearing(path))
        with naming(path):
            writer = pq.ParquetWriter(temporary, schema)
            stack.callback(_close, writer)
        waiting: list[tuple[Any, ...]] = []

        def write(more: Iterable[tuple[Any, ...]]) -> None:
            waiting.extend(more)
            if len(waiting) >= rows:
                with naming(path):
                    _write_group(writer, waiting)
                waiting.clear()

        yield write
        with naming(path):
            _write_group(writer, waiting)
            writer.close()


def _write_group(writer: pq.ParquetWriter, rows: list[tuple[Any, ...]]) -> None:
    if rows:
        columns = list(zip(*rows, strict=True))
        arrays = [pa.array(it, type=kind) for it, kind in zip(columns, writer.schema.types, strict=True)]
        writer.write_table(pa.Table.from_arrays(arrays, schema=writer.schema))


def _close(writer: pq.ParquetWriter) -> None:
    # Already closed, unless something else went wrong, which is the error to report.
    with suppress(OSError):
        writer.close()
