"""Which files a user means: files, folders with all that they hold, and patterns."""

import glob
import os
import stat
import unicodedata
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
        A name that is kept as it is, in its place, though it is no file, such as ``-``.

    Returns
    -------
    files : list of str
        Paths in the order of `names`, sorted within each; none of them twice.
    problems : list of InputError
        Names that stand for no recording.

    Notes
    -----
    Of a folder and of a pattern, pipes, sockets and devices are left out: reading one may never end.
    """
    files: dict[str, None] = {}
    problems = []
    for name in names:
        try:
            found = [name] if name == kept else _found(name)
        except ValueError:
            # With a byte of 0, or a character that no file's name can hold.
            found = []
        if not found:
            problems.append(InputError(f"{name}: {_reason(name)}"))
        files.update(dict.fromkeys(found))
    return list(files), problems


def printable(text: str, *, lines: bool = False) -> str:
    """Escape what must not reach a terminal, or cannot: a file's name may hold any character but ``/``.

    Control characters, halves of surrogate pairs, as which bytes that are no UTF-8 are read, and characters
    that turn the direction of writing become escapes as of Python.

    Parameters
    ----------
    text
        A file's name, or a message with names in it.
    lines
        Whether line breaks stay, as in a list of problems; in a name they could make up a message.
    """
    kept = "\n" if lines else ""
    return "".join(
        it.encode("unicode_escape", "surrogatepass").decode() if it not in kept and _unprintable(it) else it
        for it in text
    )


def _unprintable(character: str) -> bool:
    if unicodedata.bidirectional(character) in _TURNING:
        return True
    return unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")


_TURNING = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def _found(name: str) -> list[str]:
    if os.path.isdir(name):  # noqa: PTH112
        return _inside(name)
    if os.path.lexists(name):
        return [name]
    matches = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else []  # noqa: PTH207
    # A file that matches is meant; of a folder that matches, what it holds.
    return [
        file
        for match in matches
        for file in (_inside(match) if os.path.isdir(match) else [match] if _is_file(match) else [])  # noqa: PTH112
    ]


def _inside(folder: str) -> list[str]:
    found = (
        os.path.join(parent, file)  # noqa: PTH118
        for parent, _, inside in os.walk(folder)
        for file in inside
        if Path(file).suffix.lower() in ENDINGS and not file.startswith(".")
    )
    return sorted(filter(_is_file, found))


def _is_file(path: str) -> bool:
    try:
        return stat.S_ISREG(os.stat(path).st_mode)  # noqa: PTH116
    except OSError:
        # A link to nothing, or to itself: named when it is opened.
        return True


def _reason(name: str) -> str:
    if os.path.isdir(name):  # noqa: PTH112
        return "no recording in this folder"
    return "no file matches" if glob.has_magic(name) else "no such file or folder"
