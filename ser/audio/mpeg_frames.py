"""Frames of MPEG audio (MP3, MP2) and of AAC without a container: where they begin, and how long they are."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

_KBITS = {
    # By MPEG 1 or not, and layer.
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES = (44_100, 48_000, 32_000)
_SLOWER = {3: 1, 2: 2, 0: 4}
"""By which the rates of MPEG 1, 2 and 2.5 differ."""
_IN_A_ROW = 4
"""Frames that must follow each other: so many by chance are next to impossible."""


@dataclass(frozen=True)
class Frame:
    """What the four bytes with which a frame begins say.

    Attributes
    ----------
    size : int
        Length of the frame in bytes, its header included.
    samples : int
        Samples of each channel that it holds.
    rate : int
        Sample rate, in Hz.
    layer : int
        Layer 1 to 3, the last being MP3.
    mono : bool
        Whether it has one channel, not two.
    mpeg_1 : bool
        Whether it is of MPEG 1, and not of one of its forms for lower rates.
    """

    size: int
    samples: int
    rate: int
    layer: int
    mono: bool
    mpeg_1: bool

    def same_sound(self, other: "Frame") -> bool:
        """Whether both can be frames of one stream of sound."""
        return self.rate == other.rate and self.layer == other.layer and self.mono == other.mono


@cache
def _frame(second: int, third: int, mono: bool) -> Frame | None:
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    bits, rate_of = third >> 4, third >> 2 & 3
    # A rate of bits of 0 is one of the encoder's own, by which no frame's length is known.
    if second < 0xE0 or version == 1 or layer == 4 or bits in (0, 15) or rate_of == 3:
        return None
    mpeg_1 = version == 3
    rate = _RATES[rate_of] // _SLOWER[version]
    kbits = _KBITS[mpeg_1, layer if mpeg_1 else min(layer, 2)][bits - 1]
    padding = third >> 1 & 1
    if layer == 1:
        return Frame((12_000 * kbits // rate + padding) * 4, 384, rate, layer, mono, mpeg_1)
    samples = 1152 if mpeg_1 or layer == 2 else 576
    return Frame(samples // 8 * 1000 * kbits // rate + padding, samples, rate, layer, mono, mpeg_1)


def frame_at(content: bytes, place: int = 0) -> Frame | None:
    """Read the header of a frame of MPEG audio at a place; None where there is none."""
    if len(content) < place + 4 or content[place] != 0xFF:
        return None
    return _frame(content[place + 1], content[place + 2], content[place + 3] >> 6 == 3)


def first(content: bytes, *, like: Frame | None = None) -> int | None:
    """Find where frames of MPEG audio begin: some that follow each other, but all to the end at place 0.

    Parameters
    ----------
    content
        Bytes of a file, of which the first may belong to something else.
    like
        A frame of the sound that is looked for; None for any.

    Returns
    -------
    int or None
        The place of the first; None where there are none.
    """

    def size(place: int, before: Frame | None) -> tuple[int, Frame] | None:
        frame = frame_at(content, place)
        wanted = before or like
        if frame is None or (wanted is not None and not frame.same_sound(wanted)):
            return None
        return frame.size, frame

    place = content.find(b"\xff")
    while place >= 0:
        at, before = place, None
        for number in range(_IN_A_ROW):
            if place == 0 and number > 1 and at + 4 > len(content):
                return 0
            found = size(at, before)
            if found is None:
                break
            at, before = at + found[0], found[1]
        else:
            return place
        place = content.find(b"\xff", place + 1)
    return None


def begins_with_adts(content: bytes) -> bool:
    """Whether AAC begins here, each frame with a header of its own, as in files that end in .aac."""

    def size(place: int) -> int | None:
        if content[place] != 0xFF or content[place + 1] & 0xF6 != 0xF0:
            return None
        return (content[place + 3] & 3) << 11 | content[place + 4] << 3 | content[place + 5] >> 5

    return _follow(content, size, header=7)


def begins_with_loas(content: bytes) -> bool:
    """Whether AAC begins here in the frames of digital radio and television (LATM)."""

    def size(place: int) -> int | None:
        if content[place] != 0x56 or content[place + 1] & 0xE0 != 0xE0:
            return None
        return ((content[place + 1] & 0x1F) << 8 | content[place + 2]) + 3

    return _follow(content, size, header=3)


def _follow(content: bytes, size_at: Callable[[int], int | None], *, header: int) -> bool:
    """Whether frames follow each other from the beginning, some of them or all to the end."""
    place = 0
    for number in range(_IN_A_ROW):
        if place + header > len(content):
            return number > 1
        size = size_at(place)
        if size is None or size < header:
            return False
        place += size
    return True
