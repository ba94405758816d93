"""The sound in an MP3 file: its frames without tags and rubbish, and where another file was joined to it.

libmpg123 hears no more than the first of joined files announces, says nothing of frames that are missing,
guesses how many there are where nothing announces them, by which libsndfile may stop too early, and writes
lines of its own to standard error about what is no frame.
"""

import os
import struct
from dataclasses import dataclass, field
from typing import BinaryIO

from ser.audio.byte_ranges import Piece
from ser.audio.containers import id3_size
from ser.audio.mpeg_frames import Frame, first, frame_at

_CHUNK = 2**20
_WINDOW = 2**16
# A frame's header and what may be noted in the frame.
_LOOK = 256
_UNHEARD_S = 0.1


@dataclass
class _Growing:
    """A piece whose frames are being gathered; `announced` is what its first frame says of their number."""

    header: bytes
    first: Frame
    announced: int | None
    ranges: list[tuple[int, int]] = field(default_factory=list)
    frames: int = 0

    def add(self, place: int, size: int) -> None:
        if self.ranges and self.ranges[-1][1] == place:
            self.ranges[-1] = self.ranges[-1][0], place + size
        else:
            self.ranges.append((place, place + size))
        self.frames += 1

    def finished(self) -> Piece:
        if self.announced is None:
            return Piece(self.ranges, before=self._announcing(self.frames))
        frame_s = self.first.samples / self.first.rate
        promised_s, there_s = self.announced * frame_s, (self.frames - 1) * frame_s
        if there_s <= promised_s + _UNHEARD_S:
            return Piece(self.ranges, promised_s, there_s)
        # Of more than it announces, nothing would be heard.
        begin, end = self.ranges[0]
        rest = (begin + self.first.size, end)
        ranges = [rest, *self.ranges[1:]] if rest[0] < end else self.ranges[1:]
        return Piece(ranges, before=self._announcing(self.frames - 1))

    def _announcing(self, frames: int) -> bytes:
        """Make the frame that says how many follow; nothing but MP3 has one."""
        if self.first.layer != 3:
            return b""
        # Without a checksum, and of a bit rate at which it is long enough.
        header = bytes([0xFF, self.header[1] | 1, self.header[2] & 0x0C | 0x90, self.header[3]])
        frame = frame_at(header)
        assert frame is not None
        note = b"Xing" + struct.pack(">II", 1, frames)
        return (header + bytes(_side_bytes(frame)) + note).ljust(frame.size, b"\0")


def mp3_pieces(file: BinaryIO) -> list[Piece]:
    """Find the frames of MP3, or of layers 1 and 2.

    Parameters
    ----------
    file
        Open binary file, seekable; it is left at its start.

    Returns
    -------
    list of Piece
        One for each file that was joined, if it can be told; a new one also where sample rate or channels
        change. Empty where frames are of a bit rate of the encoder's own.
    """
    found: list[_Growing] = []
    length = file.seek(0, os.SEEK_END)
    place = begins = 0
    content = b""
    while place + 4 <= length:
        if place + _LOOK > begins + len(content) and begins + len(content) < length:
            file.seek(place)
            begins, content = place, file.read(_CHUNK)
            if not content:
                break
        at = place - begins
        current = found[-1] if found else None
        frame = frame_at(content, at)
        if frame is None or current is None or not frame.same_sound(current.first):
            if size := _tag(content, at):
                place += size
                continue
            window = content[at : at + _WINDOW]
            skipped = first(window)
            if skipped is None:
                place += max(len(window) - _LOOK, 1) if place + len(window) < length else len(window)
                continue
            place += skipped
            at += skipped
            frame = frame_at(content, at)
            if frame is None:
                break
        announced = _announced(content, at, frame)
        if place + frame.size > length:
            break
        if current is None or announced is not None or not frame.same_sound(current.first):
            found.append(current := _Growing(content[at : at + 4], frame, announced))
        current.add(place, frame.size)
        place += frame.size
    file.seek(0)
    return [it.finished() for it in found if it.frames > (it.announced is not None)]


def _tag(content: bytes, at: int) -> int:
    """Give the size of the tag that begins at a place, 0 where there is none."""
    if content.startswith(b"ID3", at):
        return id3_size(content[at : at + 10])
    if content.startswith(b"TAG", at):
        return 128
    if content.startswith(b"APETAGEX", at):
        return 32 + int.from_bytes(content[at + 12 : at + 16], "little")
    return 0


def _side_bytes(frame: Frame) -> int:
    """Give the number of bytes between the header and the sound of a frame."""
    if frame.mpeg_1:
        return 17 if frame.mono else 32
    return 9 if frame.mono else 17


def _announced(content: bytes, at: int, frame: Frame) -> int | None:
    """Read how many frames follow one that says so, in place of sound; None where it is one of sound.

    0, where it does not tell the number.
    """
    if frame.layer != 3:
        return None
    side = at + 4 + _side_bytes(frame)
    noted = content[side : side + 12]
    if noted[:4] in (b"Xing", b"Info"):
        return int.from_bytes(noted[8:12], "big") if noted[7] & 1 else 0
    if content.startswith(b"VBRI", at + 36):
        return int.from_bytes(content[at + 50 : at + 54], "big")
    return None
