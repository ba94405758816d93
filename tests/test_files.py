"""Outputs appear whole or not at all, and are the same bytes each time."""

import errno
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from ser import files
from ser.files import replacing

TABLE = pd.DataFrame({"clip": ["a", "b"], "value": [1.5, 1 / 3]})
ARRAY = np.arange(6.0).reshape(2, 3)
WRITERS: dict[str, Callable[[Path], None]] = {
    "a.json": lambda path: files.write_json(path, {"b": 1, "a": [0.5]}),
    "a.parquet": lambda path: files.write_parquet(path, TABLE),
    "a.csv": lambda path: files.write_csv(path, TABLE),
    "a.npy": lambda path: files.write_array(path, ARRAY),
    "a.npz": lambda path: files.write_arrays(path, x=ARRAY, y=ARRAY.T),
}


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_folder(folder: Path, content: str) -> None:
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "file").write_text(content)


def test_a_file_is_replaced_when_all_is_written(tmp_path: Path) -> None:
    final = tmp_path / "deep" / "a.txt"
    for content in ("first", "second"):
        with replacing(final) as temporary:
            temporary.write_text(content)
            assert not final.exists() or final.read_text() == "first"
        assert final.read_text() == content
    assert names(final.parent) == ["a.txt"]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for content in ("first", "second"):
        with replacing(tmp_path / "out") as temporary:
            make_folder(temporary, content)
            (temporary / content).touch()
        assert names(tmp_path / "out") == sorted(["inner", content])
    assert names(tmp_path) == ["out"]


def test_a_kill_between_the_two_renames_of_a_folder_loses_nothing(tmp_path: Path) -> None:
    make_folder(tmp_path / ".out.former", "former")
    with pytest.raises(KeyboardInterrupt), replacing(tmp_path / "out"):
        raise KeyboardInterrupt
    assert (tmp_path / "out" / "inner" / "file").read_text() == "former"
    with replacing(tmp_path / "out") as temporary:
        make_folder(temporary, "new")
    assert (tmp_path / "out" / "inner" / "file").read_text() == "new"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("error", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_an_error_leaves_what_was_there(tmp_path: Path, error: BaseException) -> None:
    make_folder(tmp_path / "out", "former")
    (tmp_path / "a.txt").write_text("former")
    with pytest.raises(type(error)), replacing(tmp_path / "out") as temporary:
        make_folder(temporary, "half")
        raise error
    with pytest.raises(type(error)), replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise error
    assert (tmp_path / "out" / "inner" / "file").read_text() == (tmp_path / "a.txt").read_text() == "former"
    assert names(tmp_path) == ["a.txt", "out"]


def test_a_folder_stays_where_nothing_came_to_replace_it(tmp_path: Path) -> None:
    make_folder(tmp_path / "out", "former")
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "out"):
        pass
    assert (tmp_path / "out" / "inner" / "file").read_text() == "former"
    assert names(tmp_path) == ["out"]


def test_after_a_kill_the_former_output_is_whole_and_the_next_run_succeeds(tmp_path: Path) -> None:
    make_folder(tmp_path / "out", "former")
    killed = """
import os, signal
from ser.files import replacing
with replacing("out") as temporary:
    temporary.mkdir()
    (temporary / "half").touch()
    os.kill(os.getpid(), signal.SIGKILL)
"""
    process = subprocess.run([sys.executable, "-c", killed], cwd=tmp_path, check=False)
    assert process.returncode == -signal.SIGKILL
    assert (tmp_path / "out" / "inner" / "file").read_text() == "former"
    with replacing(tmp_path / "out") as temporary:
        make_folder(temporary, "new")
    assert (tmp_path / "out" / "inner" / "file").read_text() == "new"
    assert names(tmp_path) == ["out"]


def test_a_link_into_a_cache_is_replaced_not_written_through(tmp_path: Path) -> None:
    make_folder(tmp_path / "cache", "cached")
    (tmp_path / "out").symlink_to(tmp_path / "cache")
    (tmp_path / "a.txt").symlink_to(tmp_path / "cache" / "inner" / "file")
    with replacing(tmp_path / "out") as temporary:
        make_folder(temporary, "new")
    with replacing(tmp_path / "a.txt") as temporary:
        temporary.write_text("new")
    assert (tmp_path / "cache" / "inner" / "file").read_text() == "cached"
    assert (tmp_path / "out" / "inner" / "file").read_text() == (tmp_path / "a.txt").read_text() == "new"


@pytest.mark.parametrize("name", WRITERS)
def test_equal_content_gives_equal_bytes(tmp_path: Path, name: str) -> None:
    for folder in ("one", "two"):
        WRITERS[name](tmp_path / folder / name)
    assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() != b""


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_leaves_the_former_file(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_text("former")

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        WRITERS[name](tmp_path / name)
    assert (tmp_path / name).read_text() == "former"
    assert names(tmp_path) == [name]


def test_what_was_written_reads_back(tmp_path: Path) -> None:
    for name, write in WRITERS.items():
        write(tmp_path / name)
    assert (tmp_path / "a.json").read_text() == '{\n  "b": 1,\n  "a": [\n    0.5\n  ]\n}\n'
    assert (tmp_path / "a.csv").read_text() == "clip,value\na,1.5\nb,0.333333\n"
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "a.parquet"), TABLE)
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy", mmap_mode="r"), ARRAY)
    with np.load(tmp_path / "a.npz") as arrays:
        np.testing.assert_array_equal(arrays["y"], ARRAY.T)


def test_json_that_other_tools_cannot_read_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(tmp_path / "a.json", {"uar": float("nan")})
    assert names(tmp_path) == []


def test_an_object_array_is_no_output(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="allow_pickle"):
        files.write_array(tmp_path / "a.npy", np.array([{}, None]))
    assert names(tmp_path) == []
