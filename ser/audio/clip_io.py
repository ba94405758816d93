"""Sound files: the one place that decodes, checks, resamples and writes them."""

import hashlib
import io
import math
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ser.errors import InputError

Pcm16 = npt.NDArray[np.int16]
Waveform = npt.NDArray[np.float32]

SHORTEST_S = 0.1
"""A recording below this length in seconds holds not even one phone."""
LONGEST_S = 60.0
"""No clip comes near this length in seconds; a small FLAC file can announce terabytes."""


def read_pcm16(path: Path | str, *, sample_rate: int, stream: BinaryIO | None = None) -> Pcm16:
    """Decode a 16-bit WAV or FLAC file to its samples, bit for bit.

    Parameters
    ----------
    path
        File that is mono, or stereo with two equal channels (five RAVDESS clips are), which becomes mono.
    sample_rate
        The rate that the file must have, in Hz.
    stream
        Where the bytes are, if not in the file system (a zip's entry); `path` then only names it in errors.

    Returns
    -------
    numpy.ndarray [shape=(frames,), dtype=int16]
        The samples as they are stored, at `sample_rate`.

    Raises
    ------
    InputError
        Where the file is missing, empty, no audio, truncated, too short, too long, silent, not 16 bit, of
        another rate, or has channels that differ.
    """
    path = Path(path)
    try:
        with soundfile.SoundFile(path if stream is None else stream) as sound:
            if sound.subtype != "PCM_16":
                raise InputError(f"{path}: samples are {sound.subtype}, but must be 16-bit integers (PCM_16)")
            if sound.samplerate != sample_rate:
                raise InputError(
                    f"{path}: sample rate is {sound.samplerate} Hz, but must be {sample_rate} Hz"
                )
            announced = sound.frames
            if announced > LONGEST_S * sample_rate:
                raise InputError(f"{path}: {announced} frames, but a clip has at most {LONGEST_S:.0f} s")
            samples = sound.read(dtype="int16", always_2d=True)  # (frames, channels)
    except soundfile.LibsndfileError as error:
        raise _unreadable(path, error, stream) from error
    if len(samples) != announced:
        raise InputError(f"{path}: truncated, {len(samples)} of {announced} frames are there; copy it again")
    if (samples != samples[:, :1]).any():
        raise InputError(f"{path}: its {samples.shape[1]} channels differ; a clip must be mono")
    mono: Pcm16 = np.ascontiguousarray(samples[:, 0])  # (frames,)
    _check_content(path, mono, sample_rate=sample_rate)
    return mono


def write_pcm16(path: Path | str, samples: npt.ArrayLike, *, sample_rate: int) -> None:
    """Write 16-bit mono; the format follows the ending (WAV with its plain 44-byte header, or FLAC).

    Parameters
    ----------
    path
        File to write; an existing one is replaced.
    samples
        [shape=(n,)] Integers of 16 bit, written as they are, or floats, rounded after clipping to [-1, 1).
    sample_rate
        Rate of the samples, in Hz.
    """
    array = np.asarray(samples)
    if array.dtype != np.int16:
        array = np.clip(np.round(array * 32768.0), -32768, 32767).astype(np.int16)
    # Encoded in memory first: libsndfile hides why a write failed, and a full disk must be reported as such.
    encoded = io.BytesIO()
    soundfile.write(encoded, array, sample_rate, subtype="PCM_16", format=Path(path).suffix[1:])
    Path(path).write_bytes(encoded.getvalue())


def load(
    path: Path | str, *, sample_rate: int, offset_s: float = 0.0, duration_s: float | None = None
) -> Waveform:
    """Read a window of a recording as mono floats at `sample_rate`.

    The window is cut before resampling, as `librosa.load` does.

    Parameters
    ----------
    path
        Any file that libsndfile decodes; channels are averaged.
    sample_rate
        Rate of the result, in Hz.
    offset_s, duration_s
        Where the window begins and how long it is at the most, in seconds.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=float32]
        Full scale is 1.

    Raises
    ------
    InputError
        Where the file cannot be decoded, holds NaN or infinity, or the window is too short.
    """
    path = Path(path)
    try:
        with soundfile.SoundFile(path) as sound:
            rate = sound.samplerate
            sound.seek(min(int(offset_s * rate), sound.frames))
            frames = -1 if duration_s is None else int(duration_s * rate)
            samples = sound.read(frames, dtype="float32", always_2d=True)  # (m, channels)
    except soundfile.LibsndfileError as error:
        raise _unreadable(path, error) from error
    mono: Waveform = samples.mean(axis=1)  # (m,)
    if not np.isfinite(mono).all():
        raise InputError(f"{path}: holds NaN or infinite samples; export it again")
    if len(mono) < SHORTEST_S * rate:
        raise InputError(f"{path}: {len(mono) / rate:.3f} s of sound, but at least {SHORTEST_S} s are needed")
    if rate != sample_rate:
        mono = soxr.resample(mono, rate, sample_rate, quality="HQ")  # (n,), about m * sample_rate / rate
    return mono


def sha256_of(samples: Pcm16) -> str:
    """Fingerprint of samples [shape=(n,)] alone: 16 bit, little-endian, whatever file they came from."""
    return hashlib.sha256(samples.astype("<i2").tobytes()).hexdigest()


def peak_dbfs(samples: Pcm16) -> float:
    """Peak level of samples [shape=(n,)] in dBFS: 0 is the largest 16-bit value; not all samples may be 0."""
    return 20 * math.log10(int(np.abs(samples.astype(np.int64)).max()) / 32768)


def rms_dbfs(samples: Pcm16) -> float:
    """Root-mean-square level of samples [shape=(n,)] in dBFS, 0 for a full-scale constant; not all are 0."""
    wide = samples.astype(np.int64)
    # A sum of integers is exact, whatever the order in which a processor adds.
    return 10 * math.log10(int(wide @ wide) / len(wide) / 32768**2)


def _check_content(path: Path, mono: Pcm16, *, sample_rate: int) -> None:
    if len(mono) < SHORTEST_S * sample_rate:
        raise InputError(f"{path}: {len(mono)} frames, but at least {SHORTEST_S} s are needed; copy it again")
    if not mono.any():
        raise InputError(f"{path}: silent, every sample is 0; copy it again")


def _unreadable(path: Path, error: Exception, stream: BinaryIO | None = None) -> InputError:
    if stream is None and not path.exists():
        return InputError(f"{path}: no such file")
    if (path.stat().st_size if stream is None else stream.seek(0, io.SEEK_END)) == 0:
        return InputError(f"{path}: empty file, 0 bytes; copy it again")
    return InputError(f"{path}: no readable audio ({error}); copy it again")
