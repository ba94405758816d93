"""Sound that ffmpeg decodes: whole, cut short, damaged; an ffmpeg that stalls, or complains without end."""

import io
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from ser.audio import ffmpeg
from ser.audio.containers import Kind
from ser.audio.stream import open_sound
from ser.errors import InputError

RATE = 48_000
SECONDS = 5
needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not on the PATH")

KINDS = {
    "m4a": ["-c:a", "aac", "-f", "ipod"],
    "m4a that begins with its index": ["-c:a", "aac", "-movflags", "+faststart", "-f", "ipod"],
    "m4a in fragments": ["-c:a", "aac", "-movflags", "frag_keyframe+empty_moov", "-f", "mp4"],
    "aac": ["-c:a", "aac", "-f", "adts"],
    "webm": ["-c:a", "libopus", "-f", "webm"],
    "webm as browsers record it": ["-c:a", "libopus", "-f", "webm", "-live", "1"],
    "mka of FLAC": ["-c:a", "flac", "-f", "matroska"],
    "mka of MP3": ["-c:a", "mp3", "-f", "matroska"],
}


@cache
def encoded(kind: str) -> bytes:
    made = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", f"sine=300:sample_rate={RATE}:duration={SECONDS}"]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "encoded"
        subprocess.run([*made, *KINDS[kind], str(path)], check=True)
        return path.read_bytes()


def decoded(content: bytes) -> npt.NDArray[np.float32]:
    with open_sound(io.BytesIO(content), name="talk") as sound:
        assert sound.rate == RATE
        return np.concatenate(list(sound.blocks))


@needs_ffmpeg
@pytest.mark.parametrize("kind", KINDS)
def test_a_whole_file_is_decoded(kind: str) -> None:
    samples = decoded(encoded(kind))
    assert len(samples) / RATE == pytest.approx(SECONDS, abs=0.1)
    spectrum = np.abs(np.fft.rfft(samples[RATE : 2 * RATE]))
    assert spectrum.argmax() == 300


@needs_ffmpeg
@pytest.mark.parametrize("kind", KINDS)
def test_a_file_cut_short_is_reported(kind: str) -> None:
    content = encoded(kind)
    with pytest.raises(
        InputError,
        match=r"talk: (damaged after .* copy it again|ffmpeg cannot read it \(its index is missing)",
    ):
        decoded(content[: len(content) // 2])


@needs_ffmpeg
@pytest.mark.parametrize("kind", ["m4a", "aac", "webm"])
def test_damage_in_the_middle_is_reported(kind: str) -> None:
    content = bytearray(encoded(kind))
    middle = len(content) // 2
    content[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    with pytest.raises(InputError, match=r"talk: damaged after [1-4]\.\d s \(ffmpeg: .*copy it again"):
        decoded(bytes(content))


@needs_ffmpeg
def test_pictures_are_left_alone_and_a_film_without_sound_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    picture = ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "color=size=64x64:duration=2"]
    sound = ["-f", "lavfi", "-i", f"sine=300:sample_rate={RATE}:duration=2", "-c:a", "aac"]
    subprocess.run([*picture, *sound, "-c:v", "mpeg4", path], check=True)
    assert len(decoded(path.read_bytes())) / RATE == pytest.approx(2, abs=0.1)
    subprocess.run([*picture, "-c:v", "mpeg4", path], check=True)
    with pytest.raises(InputError, match="talk: MP4 or M4A without sound"):
        decoded(path.read_bytes())


STAND_IN = """#!{python}
import os, sys, time
{script}
"""
HEADER = b".snd" + struct.pack(">5I", 24, 2**32 - 1, 6, RATE, 1)
START = b"\x00\x00\x00\x20ftypM4A " + bytes(100)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where a program goes that is found as ffmpeg."""
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    return program


def write(program: Path, script: str) -> None:
    program.write_text(STAND_IN.format(python=sys.executable, script=script))
    program.chmod(0o755)


def test_one_that_stalls_is_ended(stand_in: Path, tmp_path: Path) -> None:
    number = tmp_path / "number"
    write(
        stand_in,
        f"open({str(number)!r}, 'w').write(str(os.getpid()))\n"
        f"sys.stdout.buffer.write({HEADER!r} + bytes(2**20 + 8)); sys.stdout.flush(); time.sleep(600)",
    )
    began = time.monotonic()
    with (
        pytest.raises(InputError, match=r"talk: ffmpeg stalled after 5\.\d s of sound"),
        ffmpeg.decoding(io.BytesIO(START), kind=Kind.MP4, name="talk", patience_s=5.0) as found,
    ):
        assert [len(block) for block in found.blocks] == [2**18]
    assert time.monotonic() - began < 60
    with pytest.raises(ProcessLookupError):
        # It is not only dead, but also gone from the table of processes.
        os.kill(int(number.read_text()), 0)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_complaints_without_end_fill_neither_memory_nor_disk(stand_in: Path, tmp_path: Path) -> None:
    write(
        stand_in,
        "for _ in range(1000): sys.stderr.write('no good\\n' * 5000)\n"
        f"sys.stdout.buffer.write({HEADER!r} + bytes(48000 * 4)); sys.exit(1)",
    )
    tracemalloc.start()
    try:
        with pytest.raises(InputError, match=r"talk: damaged after 1\.0 s \(ffmpeg: no good"):
            decoded(START)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # It writes 40 MB of them.
    assert peak < 8e6


def test_it_may_fetch_nothing_and_decodes_sound_alone(stand_in: Path) -> None:
    write(stand_in, "sys.exit(' '.join(sys.argv))")
    with pytest.raises(InputError) as caught:
        decoded(START)
    said = str(caught.value)
    assert "-f mov -protocol_whitelist file,pipe -vn -sn -dn -i /dev/fd/" in said
    assert said.index("-nostdin") < said.index("-i ")
