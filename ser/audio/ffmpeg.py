"""What libsndfile does not decode, such as m4a and webm, through ffmpeg: bounded in time and in memory."""

import os
import re
import selectors
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import BinaryIO

from ser.errors import InputError, UndecodableError

RATE = 48_000
"""Rate of the decoded sound, in Hz; the samples are one channel of 32-bit floats, little end first."""
PATIENCE_S = 60.0
"""Time in seconds in which ffmpeg must give the next block, some seconds of sound, or its end."""

_BLOCK_BYTES = 2**20
_COMPLAINT_BYTES = 2**12


_FORMATS = {"mov": "M4A", "matroska": "WebM", "aac": "AAC"}
"""What people call that which a demuxer of `container` reads."""


def container(start: bytes) -> str | None:
    """Name ffmpeg's demuxer of what libsndfile does not read, by the first 16 bytes.

    ffmpeg always gets it, since it would otherwise follow a playlist in disguise to files of this machine.
    """
    if start[4:8] == b"ftyp":
        return "mov"
    if start[:4] == b"\x1a\x45\xdf\xa3":
        return "matroska"
    if start[0] == 0xFF and start[1:2] and start[1] & 0xF6 == 0xF0:
        return "aac"
    return None


@contextmanager
def decoding(
    file: BinaryIO, *, demuxer: str, name: str, patience_s: float = PATIENCE_S
) -> Iterator[Iterator[bytes]]:
    """Decode a file's first stream of sound.

    Parameters
    ----------
    file
        Open binary file at its start; it is read to its end.
    demuxer
        Name of ffmpeg's demuxer, from `container`.
    name
        What errors call the file.
    patience_s
        Longest wait for the next block, in seconds, before ffmpeg counts as stalled.

    Yields
    ------
    iterator of bytes
        Blocks of complete samples at `RATE`: mono, 32-bit floats, little end first, full scale being 1.

    Raises
    ------
    InputError
        Where ffmpeg is not installed; and from the blocks where it finds damage or a file cut short (of raw
        AAC it can only tell where a frame is cut), or stalls.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise InputError(
            f"{name}: {_FORMATS[demuxer]} needs ffmpeg, which is not installed; install it, or give WAV, "
            "FLAC, OGG or MP3"
        )
    # Copied to a file without a name: ffmpeg must be able to seek, and a file's name may look like an option.
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        process = subprocess.Popen(  # noqa: S603
            _command(program, demuxer, f"/dev/fd/{copy.fileno()}"),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[copy.fileno()],
            bufsize=0,
        )
        try:
            yield _blocks(process, demuxer=demuxer, name=name, patience_s=patience_s)
        finally:
            process.kill()
            process.communicate()


def _command(program: str, demuxer: str, path: str) -> list[str]:
    # Nothing is fetched that the file may name, and only its sound is decoded. By default ffmpeg would skip
    # what is damaged; with -xerror it ends.
    source = ["-f", demuxer, "-protocol_whitelist", "file,pipe", "-vn", "-sn", "-dn", "-i", path]
    sound = ["-map", "0:a:0", "-ac", "1", "-ar", str(RATE), "-f", "f32le", "pipe:1"]
    return [program, "-nostdin", "-v", "error", "-xerror", *source, *sound]


@dataclass
class _Pipes:
    """What a process writes; of its error messages only the first, as a damaged file can cause gigabytes.

    Attributes
    ----------
    waiting : selectors.BaseSelector
        Waits for those of the two pipes that have not ended.
    complaints : bytearray
        What was written to standard error so far, its first 4 kB.
    """

    waiting: selectors.BaseSelector
    complaints: bytearray = field(default_factory=bytearray)

    def read(self, size: int, deadline: float) -> bytes | None:
        """Give `size` bytes of sound, or what is left before both pipes end; None at the deadline."""
        sound = bytearray()
        while len(sound) < size and self.waiting.get_map():
            ready = self.waiting.select(max(deadline - time.monotonic(), 0))
            if not ready:
                return None
            for key, _ in ready:
                at_most = size - len(sound) if key.data == "sound" else _COMPLAINT_BYTES
                piece = os.read(key.fd, at_most)
                if not piece:
                    self.waiting.unregister(key.fileobj)
                elif key.data == "sound":
                    sound += piece
                else:
                    self.complaints += piece[: _COMPLAINT_BYTES - len(self.complaints)]
        return bytes(sound)


def _blocks(
    process: "subprocess.Popen[bytes]", *, demuxer: str, name: str, patience_s: float
) -> Iterator[bytes]:
    assert process.stdout is not None
    assert process.stderr is not None
    decoded_s = 0.0
    with selectors.DefaultSelector() as waiting:
        waiting.register(process.stdout, selectors.EVENT_READ, "sound")
        waiting.register(process.stderr, selectors.EVENT_READ, "complaints")
        pipes = _Pipes(waiting)
        while True:
            block = pipes.read(_BLOCK_BYTES, time.monotonic() + patience_s)
            if block is None:
                raise InputError(
                    f"{name}: ffmpeg stalled after {decoded_s:.1f} s of sound; give it as WAV, FLAC, "
                    "OGG or MP3"
                )
            if not block:
                break
            decoded_s += len(block) / (4 * RATE)
            yield block[: len(block) // 4 * 4]
    # Of Matroska, of which WebM is a kind, a missing end is no failure to ffmpeg: it only says so.
    if process.wait() or (demuxer == "matroska" and pipes.complaints):
        _fail(name, decoded_s, pipes.complaints.decode(errors="replace"))


def _fail(name: str, decoded_s: float, complaints: str) -> None:
    lines = complaints.strip().splitlines()
    # Before it is which part of ffmpeg speaks, or of what file, which is a number to the user.
    reason = re.sub(r"^(\[[^]]*\] |/dev/fd/\d+: )*", "", lines[0]) if lines else "no reason given"
    if decoded_s:
        raise InputError(f"{name}: damaged after {decoded_s:.1f} s (ffmpeg: {reason}); copy it again")
    raise UndecodableError(f"{name}: ffmpeg cannot read it ({reason})")
