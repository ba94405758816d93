"""A part of a file, or several joined, as a file of its own."""

import os
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import BinaryIO

Range = tuple[int, int]
"""Where a part of a file begins and ends, in bytes."""


@dataclass(frozen=True)
class Piece:
    """What of a file is one complete sound: all of it, but where files were joined or chained.

    Attributes
    ----------
    ranges : sequence of tuple of int
        Where its parts begin and end, in bytes; what lies between them is no sound.
    promised_s, there_s : float
        How long it is by its header, and by what is there, in seconds; both 0 where the header does not tell.
    cut : bool
        Whether it ends within a part.
    before : bytes
        What is to be read before it, though it is not in the file.
    """

    ranges: Sequence[Range]
    promised_s: float = 0.0
    there_s: float = 0.0
    cut: bool = False
    before: bytes = b""


class ByteRanges:
    """Parts of an open file, one after the other, to be read as a file.

    Parameters
    ----------
    file
        Open binary file, seekable.
    ranges
        Where its parts begin and end, in bytes; at least one, none of them empty.
    before
        Bytes that are read before them.
    """

    def __init__(self, file: BinaryIO, ranges: Sequence[Range], *, before: bytes = b"") -> None:
        self._file = file
        self._ranges = ranges
        self._before = before
        self._ends = [it + len(before) for it in accumulate(end - begin for begin, end in ranges)]
        self._at = 0

    def tell(self) -> int:
        """Give the place at which is read next."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place; one that cannot be has no effect."""
        place = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._ends[-1]}[whence]
        if place >= 0:
            self._at = place
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, or all that are left."""
        left = max(self._ends[-1] - self._at, 0)
        left = left if size < 0 else min(size, left)
        parts = [self._before[self._at : self._at + left]]
        self._at += len(parts[0])
        left -= len(parts[0])
        while left:
            number = bisect_right(self._ends, self._at)
            from_end = self._ends[number] - self._at
            self._file.seek(self._ranges[number][1] - from_end)
            part = self._file.read(min(left, from_end))
            if not part:
                break
            parts.append(part)
            self._at += len(part)
            left -= len(part)
        return b"".join(parts)
