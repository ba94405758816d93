"""Sounds in any format, made by libsndfile or ffmpeg, and what is heard in them."""

import io
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from voices import spoken

from ser.audio.stream import Source, open_sound

Samples = npt.NDArray[np.float32]

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not on the PATH")


def by_libsndfile(samples: Samples, rate: int, form: str, subtype: str | None = None) -> bytes:
    """Encode samples [shape=(n,)] or [shape=(n, channels)]."""
    content = io.BytesIO()
    soundfile.write(content, samples, rate, format=form, subtype=subtype)
    return content.getvalue()


def by_ffmpeg(samples: Samples, rate: int, *how: str, piped: bool = False) -> bytes:
    """Encode samples as ffmpeg's options say, into a file or a pipe, in which it cannot go back."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "in.wav", Path(folder) / "out"
        soundfile.write(source, samples, rate, subtype="FLOAT")
        command = ["ffmpeg", "-v", "error", "-i", str(source), *how, "pipe:1" if piped else str(out)]
        done = subprocess.run(command, check=True, capture_output=True)
        return done.stdout if piped else out.read_bytes()


def voice(seconds: float, *, rate: int, seed: int = 0) -> Samples:
    """Somebody speaks; the first and last samples tell where it begins and ends."""
    return spoken(seconds, rate=rate, seed=seed)


def heard(source: Source, *, rate: int) -> Samples:
    """Read all of a sound, which must be at a rate."""
    with open_sound(source, name="it") as sound:
        assert sound.rate == rate
        return np.concatenate([np.zeros(0, np.float32), *sound.blocks])


def alike(found: Samples, expected: Samples, *, within_s: float = 0.06, rate: int) -> bool:
    """Tell whether a sound is another one, but for what a lossy codec changes, and a little shift.

    Both must be about as long, and correlate at the best shift.
    """
    if abs(len(found) - len(expected)) > within_s * rate:
        return False
    size = 1 << (len(found) + len(expected)).bit_length()
    spectrum = np.fft.rfft(found, size) * np.conj(np.fft.rfft(expected, size))
    best = np.fft.irfft(spectrum, size).max()
    return bool(best > 0.9 * np.linalg.norm(found) * np.linalg.norm(expected))
