"""The streams in an Ogg file that was chained from several, of which libsndfile hears the first alone."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from ser.audio.byte_ranges import Piece, Range
from ser.errors import UndecodableError

_BEGINS = 2
_HEADER = 27
_FLAC = b"\x7fFLAC"
# Of the first packet of FLAC in Ogg, what comes before the packet as FLAC alone has it.
_FLAC_MAPPING = 9
_WINDOW = 2**16
# A page may be 27 bytes: what is kept of pages is bounded, however many a file has.
_MOST_STREAMS = 2**14
_MOST_FLAC_PAGES = 2**18


@dataclass(frozen=True)
class _Page:
    """A page of an Ogg file: where it, its content and the next one begin, and if it begins a stream."""

    at: int
    content: int
    end: int
    begins: bool


@dataclass
class _Stream:
    """What is known of a stream while its pages are read.

    Attributes
    ----------
    begin, end : int
        Where its first page begins and its last one ends, in bytes.
    flac : bool
        Whether it is FLAC alone, with nothing beside it.
    contents : list of tuple of int
        Of FLAC, where the content of its pages begins and ends, in bytes; none of them empty.
    """

    begin: int
    end: int
    flac: bool
    contents: list[Range] = field(default_factory=list)

    def add(self, page: _Page, begin: int, end: int) -> None:
        """Add a page whose content begins and ends at these places of the file."""
        self.end = page.end
        if self.flac and begin < end:
            self.contents.append((begin, end))


def ogg_pieces(file: BinaryIO, *, name: str) -> list[Piece]:
    """Find the streams of an Ogg file that follow each other.

    Parameters
    ----------
    file
        Open binary file, seekable; it is left at its start.
    name
        What errors call the file.

    Returns
    -------
    list of Piece
        One for each stream; of FLAC in Ogg as FLAC alone, which libsndfile reads. The last is cut where its
        last page is.

    Raises
    ------
    UndecodableError
        Where it has more streams than 16384, or more pages of FLAC than 262144.
    """
    length = file.seek(0, os.SEEK_END)
    streams: list[_Stream] = []
    after_beginnings = True
    flac_pages = 0
    for page in _pages(file, length):
        begin, end = page.content, min(page.end, length)
        if page.begins and after_beginnings:
            streams.append(_Stream(page.at, page.end, _begins_flac(file, page, end)))
            begin += _FLAC_MAPPING
        elif page.begins and streams:
            # Another one beside it.
            streams[-1].flac = False
            streams[-1].contents.clear()
        after_beginnings = not page.begins
        if streams:
            streams[-1].add(page, begin, end)
            flac_pages += streams[-1].flac
        if len(streams) > _MOST_STREAMS or flac_pages > _MOST_FLAC_PAGES:
            file.seek(0)
            raise UndecodableError(f"{name}: no readable audio, it is in too many parts; give it as WAV")
    file.seek(0)
    return [
        Piece(
            it.contents if it.flac else [(it.begin, min(it.end, length))],
            cut=it is streams[-1] and it.end > length,
        )
        for it in streams
    ]


def _pages(file: BinaryIO, length: int) -> Iterator[_Page]:
    place = 0
    while place + _HEADER <= length:
        file.seek(place)
        head = file.read(_HEADER + 255)
        if head[:4] != b"OggS":
            # Of a damaged page, or something else between two.
            file.seek(place)
            skipped = file.read(_WINDOW).find(b"OggS", 1)
            place += skipped if skipped > 0 else _WINDOW - 3
            continue
        content = place + _HEADER + head[26]
        end = content + sum(head[_HEADER : _HEADER + head[26]])
        yield _Page(place, content, end, bool(head[5] & _BEGINS))
        place = end
    file.seek(min(place, length))
    rest = file.read()
    if rest and b"OggS".startswith(rest[:4]):
        # A page that is cut within its head.
        yield _Page(place, length, place + _HEADER, begins=False)


def _begins_flac(file: BinaryIO, page: _Page, end: int) -> bool:
    """Tell whether a stream begins with FLAC, some of which is in its first page."""
    file.seek(page.content)
    return file.read(len(_FLAC)) == _FLAC and page.content + _FLAC_MAPPING < end
