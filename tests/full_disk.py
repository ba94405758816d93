"""A disk that is full: a limit on a file's size does the same, as far as a program can tell."""

import errno
import os
import re
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest

from stages import command

SIZE = 50
"""In bytes; every output is larger."""
OUTPUT = r"(data|metrics|figures|models|ser)/(?!\S*\.partial)\S+"


@contextmanager
def no_more_than(size: int) -> Iterator[None]:
    """Let no file grow beyond `size` bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Else half a module's bytecode would stay, and break later imports.
    bytecode, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        sys.dont_write_bytecode = bytecode


def check_full_disk(stage: ModuleType, *arguments: str) -> None:
    """Run a stage in the current folder: it must name what it cannot write, and leave no half of it."""
    before = content(Path())
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        # What is printed goes to a file of pytest's otherwise.
        with redirect_stdout(StringIO()), redirect_stderr(StringIO()), no_more_than(SIZE):
            command.run(stage.main)
    # A text makes Python print it to stderr, without a traceback, and exit with code 1.
    message = str(stopped.value.code)
    assert re.fullmatch(
        rf"error: {OUTPUT}: {os.strerror(errno.EFBIG)}; make room or access, then run again", message
    )
    assert content(Path()) == before


def content(folder: Path) -> dict[str, bytes]:
    """All files below a folder, by their paths."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
