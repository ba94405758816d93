"""Which files a user means: files, folders with all that they hold, and patterns."""

import glob
import os
from collections.abc import Iterable
from pathlib import Path

from ser.errors import InputError

ENDINGS = frozenset(
    (
        *(".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3", ".aif", ".aiff", ".aifc"),
        *(".au", ".caf", ".w64", ".m4a", ".mp4", ".aac", ".webm", ".mka"),
    )
)
"""What is taken for a recording in a folder; a file that is named is read whatever its ending."""


def find(names: Iterable[str], *, kept: str | None = None) -> tuple[list[str], list[InputError]]:
    """List the recordings that a user means.

    Parameters
    ----------
    names
        Files, folders, of which all recordings are taken, however deep, and patterns such as ``*.wav`` and
        ``**/*.flac``.
    kept
        A name that stands for no file, but has its place among them.

    Returns
    -------
    files : list of str
        In the order of `names`, sorted within each; none of them twice.
    problems : list of InputError
        Names that stand for no recording.
    """
    files: dict[str, None] = {}
    problems = []
    for name in names:
        found = [name] if name == kept else _found(name)
        if not found:
            problems.append(InputError(f"{name}: {_reason(name)}"))
        files.update(dict.fromkeys(found))
    return list(files), problems


def _found(name: str) -> list[str]:
    if os.path.isdir(name):  # noqa: PTH112
        return _inside(name)
    if os.path.lexists(name):
        return [name]
    matches = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else []  # noqa: PTH207
    # A file that matches is meant; of a folder that matches, what it holds.
    return [file for match in matches for file in (_inside(match) if Path(match).is_dir() else [match])]


def _inside(folder: str) -> list[str]:
    found = (
        os.path.join(parent, file)  # noqa: PTH118
        for parent, _, inside in os.walk(folder)
        for file in inside
        if Path(file).suffix.lower() in ENDINGS and not file.startswith(".")
    )
    # Nobody may ever write into a named pipe that happens to lie there. A link to nothing is an error later.
    return sorted(it for it in found if Path(it).is_file() or Path(it).is_symlink())


def _reason(name: str) -> str:
    if Path(name).is_dir():
        return "no recording in this folder"
    return "no file matches" if glob.has_magic(name) else "no such file or folder"
