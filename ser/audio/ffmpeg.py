"""What libsndfile does not decode, such as m4a and webm, through ffmpeg: bounded in time and in memory."""

import os
import re
import selectors
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ser.audio.channels import Decoded, Waveform
from ser.audio.containers import Kind
from ser.errors import InputError, UndecodableError

PATIENCE_S = 60.0
"""Time in seconds in which ffmpeg must give the next block, some seconds of sound, or its end."""

_BLOCK_BYTES = 2**20
_COMPLAINT_BYTES = 2**12
_HEADER = struct.Struct(">4s5I")
"""Of AU, as which ffmpeg writes the sound: ``.snd``, where samples begin, their size, which is unknown, their
encoding, sample rate and channels."""


@dataclass(frozen=True)
class _Track:
    """A stream of sound: which of them, as of ``-map``, and its codec, where ffprobe tells it."""

    place: str = "0:a:0"
    codec: str = ""


@contextmanager
def decoding(file: BinaryIO, *, kind: Kind, name: str, patience_s: float = PATIENCE_S) -> Iterator[Decoded]:
    """Decode a file's stream of sound; of several the first that is marked as default, else the first.

    Parameters
    ----------
    file
        Open binary file at its start; it is read to its end.
    kind
        What it is, which tells ffmpeg's demuxer.
    name
        What errors call the file.
    patience_s
        Longest wait for the next block, in seconds, before ffmpeg counts as stalled.

    Yields
    ------
    Decoded
        The sound with all of its channels: ffmpeg would mix them with gains of its own.

    Raises
    ------
    InputError
        Where ffmpeg is not installed, cannot read it, or stalls; where there is no sound in it; and from the
        blocks where it finds damage or a file cut short, which frames without a container do not tell.
    """
    program = shutil.which("ffmpeg")
    if program is None:
        raise _missing(kind, name)
    # Copied to a file without a name: ffmpeg must be able to seek, and a file's name may look like an option.
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        copy.seek(0)
        # Nothing is fetched that the file may name.
        path = f"/dev/fd/{copy.fileno()}"
        source = ["-f", kind.demuxer, "-protocol_whitelist", "file,pipe"]
        track = _default_track(program, [*source, path], copy) if kind in _MARKED else _Track()
        copy.seek(0)
        # Only the sound is decoded. By default ffmpeg would skip what is damaged; with -xerror it ends.
        process = subprocess.Popen(  # noqa: S603
            [
                *(program, "-nostdin", "-v", "error", "-xerror"),
                *(*source, "-vn", "-sn", "-dn", "-i", path),
                *("-map", track.place, "-map_metadata", "-1", "-c:a", "pcm_f32be", "-f", "au", "pipe:1"),
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[copy.fileno()],
            bufsize=0,
        )
        try:
            with selectors.DefaultSelector() as waiting:
                yield _Decoding(_Pipes(process, waiting, patience_s), kind, track, name).begun()
        finally:
            process.kill()
            process.communicate()


_MARKED = (Kind.MP4, Kind.MATROSKA)
"""What marks one of several streams as default."""


def _missing(kind: Kind, name: str) -> InputError:
    if kind.libsndfile:
        return UndecodableError(
            f"{name}: no readable audio: damaged, or {kind.title} of a kind that needs ffmpeg, which is not "
            "installed; give it as WAV, FLAC, OGG or MP3"
        )
    return InputError(
        f"{name}: {kind.title} needs ffmpeg, which is not installed; install it, or give WAV, FLAC, OGG or "
        "MP3"
    )


def _default_track(program: str, source: list[str], copy: BinaryIO) -> _Track:
    """Find the first stream of sound that is marked as default, else the first."""
    # Of the same version, where there are several.
    prober = shutil.which("ffprobe", path=str(Path(program).parent)) or shutil.which("ffprobe")
    if prober is None:
        return _Track()
    asked = ["-select_streams", "a", "-show_entries", "stream=codec_name:stream_disposition=default"]
    try:
        answer = subprocess.run(  # noqa: S603
            [prober, "-v", "quiet", *source, *asked, "-of", "csv=p=0"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=PATIENCE_S,
            pass_fds=[copy.fileno()],
            check=False,
        ).stdout
    except subprocess.TimeoutExpired:
        # ffmpeg will not be faster, and then says so.
        return _Track()
    tracks = [it.split(",") for it in answer.decode(errors="replace").split()]
    marked = [number for number, it in enumerate(tracks) if it[-1] == "1"]
    number = marked[0] if marked else 0
    return _Track(f"0:a:{number}", tracks[number][0] if tracks else "")


@dataclass
class _Pipes:
    """What a process writes; of its error messages only the first, as a damaged file can cause gigabytes.

    Attributes
    ----------
    process : subprocess.Popen
        The process, with pipes as standard output and standard error.
    waiting : selectors.BaseSelector
        Waits for those of the two pipes that have not ended.
    patience_s : float
        Longest wait of `read`, in seconds.
    complaints : bytearray
        What was written to standard error so far, its first 4 kB.
    """

    process: "subprocess.Popen[bytes]"
    waiting: selectors.BaseSelector
    patience_s: float
    complaints: bytearray = field(default_factory=bytearray)

    def __post_init__(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.waiting.register(self.process.stdout, selectors.EVENT_READ, "sound")
        self.waiting.register(self.process.stderr, selectors.EVENT_READ, "complaints")

    def read(self, size: int) -> bytes | None:
        """Give `size` bytes of sound, or what is left before both pipes end; None after `patience_s`."""
        deadline = time.monotonic() + self.patience_s
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


@dataclass(frozen=True)
class _Decoding:
    """A running ffmpeg, and what it decodes."""

    pipes: _Pipes
    kind: Kind
    track: _Track
    name: str

    def begun(self) -> Decoded:
        """Wait for what the sound is like."""
        header = self.pipes.read(_HEADER.size)
        if header is None:
            raise self._stalled(0.0)
        if len(header) < _HEADER.size:
            self.pipes.process.wait()
            raise self._failed(0.0)
        _, begins, _, _, rate, channels = _HEADER.unpack(header)
        self.pipes.read(begins - _HEADER.size)
        return Decoded(rate, channels, self._blocks(rate, channels))

    def _blocks(self, rate: int, channels: int) -> Iterator[Waveform]:
        frame = 4 * channels
        decoded_s = 0.0
        while True:
            block = self.pipes.read(_BLOCK_BYTES // frame * frame)
            if block is None:
                raise self._stalled(decoded_s)
            if not block:
                break
            samples = np.frombuffer(block[: len(block) // frame * frame], dtype=">f4").astype(np.float32)
            decoded_s += len(block) / frame / rate
            yield samples.reshape(-1, channels)
        # Of some containers, such as Matroska, a missing end is no failure to ffmpeg: it only says so.
        if self.pipes.process.wait() or (self.kind in _ONLY_SAYS_SO and self._complaints()):
            raise self._failed(decoded_s)

    def _complaints(self) -> list[str]:
        """List the complaints of the container and of the sound's decoder, not those of pictures."""
        said = self.pipes.complaints.decode(errors="replace").strip().splitlines()
        lines = [it for it in said if not it.startswith("    Last message repeated")]
        if not self.track.codec:
            return lines
        speakers = (self.kind.demuxer, self.track.codec, *_OF_FFMPEG_ITSELF)
        return [
            line
            for line in lines
            if not line.startswith("[") or any(it in line.partition("]")[0] for it in speakers)
        ]

    def _stalled(self, decoded_s: float) -> InputError:
        return InputError(
            f"{self.name}: ffmpeg stalled after {decoded_s:.1f} s of sound; give it as WAV, FLAC, OGG or MP3"
        )

    def _failed(self, decoded_s: float) -> InputError:
        lines = self._complaints()
        # Before it is which part of ffmpeg speaks, or of what file, which is a number to the user.
        said = re.sub(r"^(\[[^]]*\] |/dev/fd/\d+: )*", "", lines[0]) if lines else ""
        reason = _IN_OUR_WORDS.get(said, f"ffmpeg: {said}" if said else "ffmpeg does not say why")
        if decoded_s:
            return InputError(f"{self.name}: damaged after {decoded_s:.1f} s ({reason}); copy it again")
        if any("matches no streams" in line for line in lines):
            return InputError(f"{self.name}: {self.kind.title} without sound; there is nothing to hear in it")
        if self.kind.libsndfile:
            return UndecodableError(
                f"{self.name}: no readable audio: damaged, or {self.kind.title} of a kind that neither "
                "libsndfile nor ffmpeg reads; give it as WAV, FLAC, OGG or MP3"
            )
        return UndecodableError(f"{self.name}: ffmpeg cannot read it ({reason})")


_IN_OUR_WORDS = {
    "moov atom not found": "its index is missing, as where it was cut short",
    "Invalid data found when processing input": "damaged, or cut short",
    "Input/output error": "damaged, or cut short",
}
"""What ffmpeg says most often."""
_ONLY_SAYS_SO = (Kind.MATROSKA,)
_OF_FFMPEG_ITSELF = ("in#", "aist#", "dec:")
"""What stands before complaints of newer ones, which are about sound alone here."""
