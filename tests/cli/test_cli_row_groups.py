"""Parquet that is written row group by row group, and appears whole or not at all."""

import resource
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser.cli.row_groups import writing
from ser.errors import InputError

COLUMNS = {"file": str, "share": float, "sure": bool}
ROWS = st.tuples(st.text(st.characters(exclude_categories=["Cs"])), st.floats(allow_nan=False), st.booleans())


@given(pieces=st.lists(st.lists(ROWS, max_size=5), max_size=5))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[list[tuple[str, float, bool]]]
) -> None:
    path = tmp_path_factory.mktemp("table") / "new" / "out.parquet"
    with writing(path, COLUMNS, rows=3) as write:
        for piece in pieces:
            write(iter(piece))
    table = pd.read_parquet(path)
    assert list(table.columns) == list(COLUMNS)
    assert list(table.itertuples(index=False, name=None)) == [row for piece in pieces for row in piece]
    assert list(path.parent.iterdir()) == [path]


def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    tracemalloc.start()
    try:
        with writing(path, COLUMNS, rows=1000) as write:
            for number in range(50_000):
                write([(f"a rather long name of a file, number {number:09}.wav", number / 7, True)])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert pq.ParquetFile(path).num_row_groups == 50
    # All rows at once would be over 10 MB.
    assert peak < 2e6


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    path.write_text("of yesterday")
    with pytest.raises(RuntimeError, match="of ours"), writing(path, COLUMNS, rows=1) as write:
        write([("a", 1.0, True)])
        raise RuntimeError("of ours")
    assert path.read_text() == "of yesterday"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_leaves_no_half_table(tmp_path: Path) -> None:
    path = tmp_path / "out.parquet"
    script = (
        "import os, signal, sys, pathlib; from ser.cli.row_groups import writing\n"
        "with writing(pathlib.Path(sys.argv[1]), {'n': float}, rows=1) as write:\n"
        "    write([(1.0,)]); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert not path.exists()
    # What it was writing is in nobody's way.
    with writing(path, COLUMNS):
        pass
    assert list(tmp_path.iterdir()) == [path]


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file grow beyond a size in bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("rows", [1000, 10_000_000])
def test_a_full_disk_is_named(tmp_path: Path, rows: int) -> None:
    path = tmp_path / "out.parquet"
    with (
        full_disk(100_000),
        pytest.raises(InputError, match=r"out\.parquet: cannot be written"),
        writing(path, COLUMNS, rows=rows) as write,
    ):
        for number in range(20_000):
            write([(f"{number}", number / 7, True)])
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("")
    for wrong in (tmp_path, tmp_path / "kept" / "out.parquet", Path("/dev/null")):
        with pytest.raises(InputError, match="cannot be written"), writing(wrong, COLUMNS):
            pytest.fail("opened")
    assert (tmp_path / "kept").is_file()
