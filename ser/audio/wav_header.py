"""What the header of an uncompressed file says of its length: a promise, or that nobody knew."""

import os
import struct
from dataclasses import dataclass
from typing import BinaryIO

_ENDLESS = 0x7FFF_0000
"""From here on, a size stands for 'unknown' or 'none yet': what writers into a pipe put there."""
_UNCLOSED = (8).to_bytes(4, "little")
"""The size of a whole WAV file by which libsndfile knows that its writer did not come back to note it."""
_MOST_CHUNKS = 1000


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


def promised(file: BinaryIO) -> Promise | None:
    """Compare the header of a WAV, AIFF or AU file with what follows it.

    Parameters
    ----------
    file
        Open binary file, seekable; it is left at its start.

    Returns
    -------
    Promise or None
        None where the file is of another kind, or its writer did not know how much would come: sizes of 0,
        0xFFFFFFFF and about 2**31 are usual for what was written into a pipe.
    """
    found = _sound(file)
    length = file.seek(0, os.SEEK_END)
    file.seek(0)
    if found is None or not 0 < found[1] < _ENDLESS:
        return None
    begins, size = found
    return Promise(size, min(max(length - begins, 0), size))


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


def with_unknown_size(file: BinaryIO) -> BinaryIO:
    """Make libsndfile read a WAV file whose size of samples is 0 to its end; any other is given back.

    Parameters
    ----------
    file
        Open binary file, seekable; it is left at its start.
    """
    start = file.read(8)
    file.seek(0)
    found = _sound(file) if start[:4] == b"RIFF" else None
    file.seek(0)
    unknown = found is not None and found[1] == 0 and start[4:] != _UNCLOSED
    return _Unclosed(file) if unknown else file  # type: ignore[return-value]


class _Unclosed:
    """A file that is read as if its size were `_UNCLOSED`."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        at = self._file.tell()
        content = bytearray(self._file.read(size))
        for place in range(max(at, 4), min(at + len(content), 8)):
            content[place - at] = _UNCLOSED[place - 4]
        return bytes(content)


def _sound(file: BinaryIO) -> tuple[int, int] | None:
    """Give where the samples begin, and the size that the header says they have, in bytes."""
    file.seek(0)
    start = file.read(12)
    if start[:4] in (b"RIFF", b"RIFX") and start[8:] == b"WAVE":
        return _chunk(file, b"data", "<" if start[:4] == b"RIFF" else ">")
    if start[:4] == b"FORM" and start[8:] in (b"AIFF", b"AIFC"):
        return _chunk(file, b"SSND", ">")
    if start[:4] == b".snd" and len(start) == 12:
        begins, size = struct.unpack(">4xII", start)
        return begins, size
    return None


def _chunk(file: BinaryIO, wanted: bytes, order: str) -> tuple[int, int] | None:
    """Give where the content of the first chunk of this name begins, and the size that it claims."""
    at = 12
    for _ in range(_MOST_CHUNKS):
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return None
        (size,) = struct.unpack(f"{order}I", head[4:])
        at += 8
        if head[:4] == wanted:
            return at, size
        # Chunks begin at even places.
        at += size + size % 2
    return None
