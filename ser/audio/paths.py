"""Which files a user means: files, folders with all that they hold, and patterns."""

import glob
import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ser.errors import InputError

ENDINGS = frozenset(
    (
        *(".wav", ".wave", ".bwf", ".w64", ".rf64", ".flac", ".ogg", ".oga", ".opus", ".spx", ".mp3", ".mp2"),
        *(".mpga", ".aif", ".aiff", ".aifc", ".au", ".snd", ".caf", ".voc", ".sph", ".m4a", ".m4b", ".mp4"),
        *(".aac", ".3gp", ".3g2", ".mov", ".qt", ".mkv", ".mka", ".webm", ".weba", ".amr", ".awb", ".wma"),
        *(".asf", ".wmv", ".avi", ".flv", ".f4a", ".mpg", ".mpeg", ".m2ts", ".mts", ".wv", ".tta", ".ac3"),
        *(".eac3", ".dts", ".ape", ".mpc", ".latm"),
    )
)
"""What is taken for a recording in a folder; a file that is named is read whatever its ending."""


@dataclass(frozen=True)
class Found:
    """What names of files, folders and patterns stand for.

    Attributes
    ----------
    files : list of str
        Paths of recordings in the order of the names, sorted within each; none of them twice.
    problems : list of InputError
        Names that stand for no recording.
    left_out : frozenset of str
        Absolute paths of files of folders that are no recordings by their endings, nor by their first bytes,
        and were not named themselves. What is hidden is not among them.
    """

    files: list[str]
    problems: list[InputError]
    left_out: frozenset[str]


def find(names: Iterable[str], *, kept: str | None = None) -> Found:
    """List the recordings that a user means.

    Parameters
    ----------
    names
        Files, folders, of which all recordings are taken, however deep, and patterns such as ``*.wav`` and
        ``**/*.flac``.
    kept
        A name that is kept as it is, in its place, though it is no file, such as ``-``.

    Notes
    -----
    A recording in a folder is what has one of `ENDINGS`, or begins as a recording does, whatever it is
    called, and is not hidden. Linked folders are followed, but none is searched twice. Of a folder and of a
    pattern, pipes, sockets and devices are left out: reading one may never end.
    """
    files: dict[str, None] = {}
    problems = []
    left_out: set[str] = set()
    for name in names:
        try:
            found = [name] if name == kept else _found(name, left_out)
        except ValueError:
            # With a byte of 0, or a character that no file's name can hold.
            found = []
        if not found:
            problems.append(InputError(f"{name}: {_reason(name)}"))
        files.update(dict.fromkeys(found))
    # A folder may be named twice, or within another, and a file of it by itself.
    return Found(list(files), problems, frozenset(left_out.difference(map(os.path.abspath, files))))


def by_ending(paths: Iterable[str]) -> Counter[str]:
    """Count files by their endings, in small letters; "" for none."""
    return Counter(Path(path).suffix.lower() for path in paths)


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


def _found(name: str, left_out: set[str]) -> list[str]:
    if os.path.isdir(name):  # noqa: PTH112
        return _inside(name, left_out)
    if os.path.lexists(name):
        return [name]
    matches = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else []  # noqa: PTH207
    # A file that matches is meant; of a folder that matches, what it holds.
    found: list[str] = []
    for match in matches:
        if os.path.isdir(match):  # noqa: PTH112
            found += _inside(match, left_out)
        elif _is_file(match):
            found.append(match)
    return found


def _inside(folder: str, left_out: set[str]) -> list[str]:
    found = []
    for path in filter(_is_file, _all_inside(folder)):
        if Path(path).suffix.lower() in ENDINGS or _begins_as_sound(path):
            found.append(path)
        else:
            left_out.add(os.path.abspath(path))  # noqa: PTH100
    return sorted(found)


def _all_inside(folder: str) -> Iterator[str]:
    """Give all files that are not hidden; linked folders come last, so that none hides the folder itself."""
    searched: set[tuple[int, int]] = set()
    waiting = [folder]
    while waiting:
        links = []
        for parent, folders, files in os.walk(waiting.pop(0)):
            about = os.stat(parent)  # noqa: PTH116
            if (about.st_dev, about.st_ino) in searched:
                folders.clear()
                continue
            searched.add((about.st_dev, about.st_ino))
            folders[:] = (it for it in folders if not it.startswith("."))
            links += [it for it in (os.path.join(parent, it) for it in folders) if os.path.islink(it)]  # noqa: PTH114, PTH118
            yield from (os.path.join(parent, it) for it in files if not it.startswith("."))  # noqa: PTH118
        waiting += sorted(links)


def _begins_as_sound(path: str) -> bool:
    # Imported here: who only prints names does not depend on it.
    from ser.audio.containers import kind_of_file

    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return kind_of_file(file) is not None
    except OSError:
        return False


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
