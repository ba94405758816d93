"""What the header of a file says of its length: a promise, or that nobody knew."""

import math
import os
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

_ENDLESS = 0x7FFF_0000
"""From here on, a size stands for 'unknown' or 'none yet': what writers into a pipe put there."""
_SOX_ENDLESS = range(0x7F00_0000 - 256, 0x7F00_0000 + 256)
"""What SoX puts there in AIFF, by whole frames, and with or without the size of what stands before them."""
_ENDLESS_64 = 2**62
_MOST_CHUNKS = 1000
_JOINED = {b"RIFF": (b"WAVE",), b"RIFX": (b"WAVE",), b"FORM": (b"AIFF", b"AIFC")}
"""Forms of a file by its first four bytes, of which libsndfile hears the first where several were joined."""
_MOST_BLOCKS = 100_000


@dataclass(frozen=True)
class Promise:
    """What a header says of the sound after it.

    Attributes
    ----------
    promised, there : int
        Bytes of sound that the header announces, and that the file holds.
    """

    promised: int
    there: int


@dataclass(frozen=True)
class _Field:
    """Where a header notes a size: its place, its format as of `struct`, and by how much it is larger."""

    place: int
    form: str
    more: int = 0


@dataclass(frozen=True)
class _Sound:
    """Where the samples begin, the size that the header says they have, in bytes, and where it says so."""

    begins: int
    size: int
    noted: Sequence[_Field] = ()
    wide: bool = False

    @property
    def known(self) -> bool:
        if self.wide:
            return 0 < self.size < _ENDLESS_64 and self.size != 0xFFFF_FFFF
        return 0 < self.size < _ENDLESS and self.size not in _SOX_ENDLESS


def promised(file: BinaryIO) -> Promise | None:
    """Compare the length in the header of WAV, AIFF, AU, CAF, VOC, SPHERE, AVI and others with what is there.

    Parameters
    ----------
    file
        Open binary file, seekable; it is left at its start.

    Returns
    -------
    Promise or None
        None where the file is of another kind. Where its writer did not know how much would come, what is
        there is promised: sizes of 0, of all ones and about 2**31 are usual for what was written into a pipe.
    """
    found = _sound(file)
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    if found is None:
        return None
    there = max(length - found.begins, 0)
    return Promise(found.size, min(there, found.size)) if found.known else Promise(there, there)


def another_follows(file: BinaryIO) -> bool:
    """Tell whether another file was joined to a WAV or AIFF file; it is left at its start."""
    file.seek(0)
    start = file.read(12)
    magic, forms = start[:4], _JOINED.get(start[:4], ())
    found = False
    if start[8:] in forms:
        size = int.from_bytes(start[4:8], "little" if magic == b"RIFF" else "big")
        # The next begins at an even place, though not every writer keeps to that.
        for end in {8 + size, 8 + size + size % 2}:
            file.seek(end)
            following = file.read(12)
            found = found or (following[:4] == magic and following[8:] in forms)
    file.seek(0)
    return found


def staying(file: BinaryIO) -> BinaryIO:
    """Wrap a file so that to seek before its start, as damaged headers make libsndfile do, has no effect.

    Otherwise it would fail inside a callback, which Python reports with a traceback on standard error.
    """
    return _Staying(file)  # type: ignore[return-value]


class _Staying:
    """A file that answers an impossible seek with where it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.read, self.tell = file.read, file.tell

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except (OSError, ValueError, OverflowError):
            return self._file.tell()


def with_true_size(file: BinaryIO) -> BinaryIO:
    """Let a file of samples whose size is unknown, or less than announced, be read as if it were noted.

    libsndfile reads nothing of some of them, and refuses others.

    Parameters
    ----------
    file
        Open binary file, seekable; it is left at its start.

    Returns
    -------
    file object
        The file itself, where there is nothing to correct.
    """
    found = _sound(file)
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    if found is None or (found.known and found.begins + found.size <= length):
        return file
    size = max(length - found.begins, 0)
    notes = {}
    for it in found.noted:
        largest = 2 ** (8 * struct.calcsize(it.form)) - 1
        notes[it.place] = struct.pack(it.form, min(size + it.more, largest))
    return _Corrected(file, notes)  # type: ignore[return-value]


class _Corrected:
    """A file that is read as if other bytes stood at some places."""

    def __init__(self, file: BinaryIO, notes: dict[int, bytes]) -> None:
        self._file = file
        self._notes = notes
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        at = self._file.tell()
        content = bytearray(self._file.read(size))
        for place, note in self._notes.items():
            for number, byte in enumerate(note, place - at):
                if 0 <= number < len(content):
                    content[number] = byte
        return bytes(content)


def _sound(file: BinaryIO) -> _Sound | None:
    file.seek(0)
    start = file.read(40)
    magic, form = start[:4], start[8:12]
    if magic in (b"RIFF", b"RIFX") and form == b"WAVE":
        order = "<" if magic == b"RIFF" else ">"
        return _in_chunk(file, b"data", f"{order}I", also=(4, f"{order}I"))
    if magic == b"RF64" and form == b"WAVE":
        return _in_rf64(file)
    if magic == b"RIFF":
        # AVI and others, of which the length of the whole is known.
        return _Sound(8, int.from_bytes(start[4:8], "little"))
    if magic == b"FORM" and form in (b"AIFF", b"AIFC"):
        return _in_chunk(file, b"SSND", ">I")
    if magic == b"FORM":
        return _in_chunk(file, b"BODY", ">I")
    if magic in (b".snd", b"dns.") and len(start) >= 12:
        order = ">" if magic == b".snd" else "<"
        begins, size = struct.unpack_from(f"{order}II", start, 4)
        return _Sound(begins, size, [_Field(8, f"{order}I")])
    if magic == b"riff" and start[24:28] == b"wave":
        return _in_wave64(file)
    if magic == b"caff":
        # Before the samples is a number of 4 bytes.
        found = _in_chunk(file, b"data", ">q", start=8)
        return found and _Sound(
            found.begins + 4, found.size - 4, [_Field(found.begins - 8, ">Q", 4)], wide=True
        )
    if start[:19] == b"Creative Voice File":
        return next(_voc_sounds(file), None)
    return _in_sphere(file) if start[:8] == b"NIST_1A\n" else None


def voc_sounds(file: BinaryIO) -> int:
    """Count the blocks of a VOC file that hold sound; it is left at its start."""
    number = sum(1 for _ in _voc_sounds(file))
    file.seek(0)
    return number


def _voc_sounds(file: BinaryIO) -> Iterator[_Sound]:
    file.seek(20)
    at = int.from_bytes(file.read(2), "little")
    for _ in range(_MOST_BLOCKS):
        file.seek(at)
        head = file.read(4)
        if len(head) < 4 or head[0] == 0:
            return
        size = int.from_bytes(head[1:], "little")
        # Before the samples stand their rate and more, but not where they go on.
        before = {1: 2, 2: 0, 9: 12}.get(head[0])
        if before is not None:
            yield _Sound(at + 4 + before, size - before)
        at += 4 + size


def _in_sphere(file: BinaryIO) -> _Sound | None:
    file.seek(8)
    begins = file.read(8).strip()
    # So long is what was read by now; int() refuses numbers of thousands of digits.
    if not begins.isdigit() or int(begins) < 16:
        return None
    words = [line.split() for line in file.read(min(int(begins), 2**16) - 16).split(b"\n")]
    noted = {it[0]: it[2] for it in words if len(it) == 3}
    numbers = [noted.get(it, b"") for it in (b"sample_count", b"channel_count", b"sample_n_bytes")]
    if b"embedded" in noted.get(b"sample_coding", b"") or not all(
        it.isdigit() and len(it) < 20 for it in numbers
    ):
        return None
    return _Sound(int(begins), math.prod(map(int, numbers)))


def _in_chunk(
    file: BinaryIO, wanted: bytes, form: str, *, start: int = 12, also: tuple[int, str] | None = None
) -> _Sound | None:
    """Find the first chunk of a name; `also` is where the size of the whole stands, which is 8 bytes more."""
    length = file.seek(0, os.SEEK_END)
    at = start
    width = struct.calcsize(form)
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(4 + width)
        if len(head) < 4 + width:
            return None
        (size,) = struct.unpack_from(form, head, 4)
        at += 4 + width
        if head[:4] == wanted:
            noted = [] if also is None else [_Field(at - width, form), _Field(*also, more=at - 8)]
            return _Sound(at, size, noted)
        # Beyond the end there is no place to go to, for some sizes not even for the operating system.
        if not 0 <= size <= length:
            return None
        # Chunks begin at even places, but in CAF.
        at += size + (size % 2 if width == 4 else 0)
    return None


def _in_rf64(file: BinaryIO) -> _Sound | None:
    found = _in_chunk(file, b"data", "<I")
    sizes = _in_chunk(file, b"ds64", "<I")
    if found is None or sizes is None or found.size != 0xFFFF_FFFF:
        return found
    file.seek(sizes.begins + 8)
    size = int.from_bytes(file.read(8), "little")
    noted = [_Field(sizes.begins, "<Q", found.begins - 8), _Field(sizes.begins + 8, "<Q")]
    return _Sound(found.begins, size, noted, wide=True)


def _in_wave64(file: BinaryIO) -> _Sound | None:
    length = file.seek(0, os.SEEK_END)
    at = 40
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(24)
        if len(head) < 24:
            return None
        # It counts this head, too.
        (size,) = struct.unpack_from("<Q", head, 16)
        if head[:4] == b"data":
            noted = [_Field(16, "<Q", at + 24), _Field(at + 16, "<Q", 24)]
            return _Sound(at + 24, size - 24, noted, wide=True)
        if not 24 <= size <= length:
            return None
        at += (size + 7) // 8 * 8
    return None
