"""Any sound as mono blocks, from a file, a stream or an array; a long one is never in memory as a whole."""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeGuard, cast

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from ser.audio import ffmpeg
from ser.audio import wav_header as sound_header
from ser.errors import InputError

Waveform = npt.NDArray[np.float32]
Samples = npt.NDArray[np.generic] | Sequence[float]
"""An array, or what NumPy makes one of [shape=(n,)] or [shape=(n, channels)]."""
Source = str | os.PathLike[str] | BinaryIO | Samples
"""A file, an open binary file or stream, or samples."""

LOWEST_RATE, HIGHEST_RATE = 4000, 768_000
"""Least and greatest sample rate in Hz that is read: between them lies all that can hold speech."""

_LOUDEST = 1e6
"""Of a sample, where 1 is full scale: no recording comes near, and its power is still a number."""
_UNHEARD_S = 0.1
"""Some writers are a chunk's length wrong about how much they wrote; so little changes no answer."""
_MOST_CHANNELS = 64
_BLOCK_VALUES = 2**18
_IN_MEMORY = 2**25
# The size in a header is that of a file's length, so that less was copied than recorded.
_COUNTED = ("WAV", "WAVEX", "FLAC", "AIFF", "W64", "RF64", "CAF", "AU")


@dataclass(frozen=True)
class Sound:
    """A sound that is being read.

    Attributes
    ----------
    name : str
        Its name in error messages.
    rate : int
        Sample rate, in Hz.
    blocks : iterator of numpy.ndarray [shape=(n,), dtype=float32]
        The samples block by block, the mean of the channels, finite; full scale is 1.
    channels : int
        Number of channels of the source; 1 where that is not known.
    """

    name: str
    rate: int
    blocks: Iterator[Waveform]
    channels: int = 1


@dataclass(frozen=True)
class Recording(Sound):
    """A sound at another rate; of a short one, all samples are in memory.

    Attributes
    ----------
    whole : numpy.ndarray [shape=(n,), dtype=float32] or None
        All samples of a short sound; None for a long one, to be read from ``blocks`` as it streams in.
    """

    whole: Waveform | None = None


def is_samples(source: Source) -> TypeGuard[Samples]:
    """Tell samples from a file or a stream."""
    return not isinstance(source, str | os.PathLike) and not hasattr(source, "read")


@contextmanager
def open_sound(source: Source, *, sample_rate: int | None = None, name: str | None = None) -> Iterator[Sound]:
    """Open whatever holds a sound.

    What libsndfile does not decode, such as m4a and webm, goes through ffmpeg if it is installed.

    Parameters
    ----------
    source
        A file, stream or array, see `Source`; a stream need not be seekable. Full scale of an array is that
        of its integer type, or 1 for floats.
    sample_rate
        Rate of an array, in Hz; not given otherwise.
    name
        Name of a stream or an array in error messages; a file has its own.

    Raises
    ------
    InputError
        Where there is no such file, it is empty or no audio, its rate is absurd; and from `Sound.blocks`
        where it is truncated or holds NaN.
    """
    if is_samples(source):
        if sample_rate is None:
            raise InputError("an array of samples needs its sample_rate, in Hz")
        name = name or "array"
        table = _table(source, name)
        yield _checked(Sound(name, sample_rate, _array_blocks(table, name), channels=table.shape[1]))
        return
    if sample_rate is not None:
        raise InputError("sample_rate is for arrays alone; a file tells its own")
    if isinstance(source, str | os.PathLike):
        name = name or str(source)
        with _opened(Path(source), name) as file, _seekable(file) as whole, _decoded(whole, name) as sound:
            yield sound
    else:
        name = name or str(getattr(source, "name", "stream"))
        with _seekable(cast(BinaryIO, source)) as whole, _decoded(whole, name) as sound:
            yield sound


def resampled(sound: Sound, *, sample_rate: int, whole_up_to_s: float = 0.0) -> Recording:
    """Bring a sound to another rate.

    Parameters
    ----------
    sound
        A sound that `open_sound` gave; it must stay open while `Recording.blocks` are read.
    sample_rate
        Rate of the result, in Hz.
    whole_up_to_s
        Longest sound, in seconds, that is read at once; of a longer one only the beginning is read here.

    Returns
    -------
    Recording
        The sound at `sample_rate`, with ``whole`` where it is no longer than `whole_up_to_s`.
    """
    head: list[Waveform] = []
    length = 0
    for block in sound.blocks:
        head.append(block)
        length += len(block)
        if length > whole_up_to_s * sound.rate:
            blocks = _stream([*head], sound, sample_rate)
            return Recording(sound.name, sample_rate, blocks, sound.channels)
    whole = np.concatenate(head) if head else np.zeros(0, dtype=np.float32)  # (n,)
    if sound.rate != sample_rate and len(whole):
        # In one go, as for training.
        whole = soxr.resample(whole, sound.rate, sample_rate, quality="HQ")
    return Recording(sound.name, sample_rate, iter([whole]), sound.channels, whole)


def _stream(head: list[Waveform], sound: Sound, sample_rate: int) -> Iterator[Waveform]:
    if sound.rate == sample_rate:
        yield from head
        yield from sound.blocks
        return
    resampler = soxr.ResampleStream(sound.rate, sample_rate, 1, dtype="float32", quality="HQ")
    while head:
        yield resampler.resample_chunk(head.pop(0))
    for block in sound.blocks:
        yield resampler.resample_chunk(block)
    yield resampler.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


@contextmanager
def _opened(path: Path, name: str) -> Iterator[BinaryIO]:
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise InputError(f"{name}: no such file") from error
    except IsADirectoryError as error:
        raise InputError(f"{name}: a folder, not a recording") from error
    except PermissionError as error:
        raise InputError(f"{name}: may not be read; change its permissions") from error
    except (OSError, ValueError) as error:
        # A socket, links in a circle, a name with a byte of 0.
        raise InputError(f"{name}: cannot be opened ({_reason(error)})") from error
    with file:
        try:
            # A damaged disk, or a share that is gone, shows itself here.
            file.peek(1)
        except OSError as error:
            raise InputError(f"{name}: cannot be read ({_reason(error)}); copy it again") from error
        yield file


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)


@contextmanager
def _seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    if stream.seekable():
        stream.seek(0)
        yield stream
        return
    # What is larger goes to a file without a name, which vanishes whatever happens.
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        shutil.copyfileobj(stream, file)
        file.seek(0)
        yield file  # type: ignore[misc]


@contextmanager
def _decoded(file: BinaryIO, name: str) -> Iterator[Sound]:
    start = file.read(16)
    file.seek(0)
    if not start:
        raise InputError(f"{name}: empty file, 0 bytes; copy it again")
    if demuxer := ffmpeg.container(start):
        with ffmpeg.decoding(file, demuxer=demuxer, name=name) as blocks:
            samples = (np.frombuffer(block, dtype="<f4")[:, None] for block in blocks)  # (n, 1) each
            yield Sound(name, ffmpeg.RATE, (_mono(block, name) for block in samples))
        return
    promise = sound_header.promised(file)
    try:
        decoder = soundfile.SoundFile(sound_header.with_unknown_size(sound_header.staying(file)))
    except (soundfile.LibsndfileError, TypeError, ValueError) as error:
        reason = getattr(error, "error_string", "no known format")
        raise InputError(
            f"{name}: no readable audio ({reason.strip('. ')}); give it as WAV, FLAC, OGG or MP3"
        ) from error
    with decoder:
        decoded = _file_blocks(decoder, name, promise)
        yield _checked(Sound(name, decoder.samplerate, decoded, channels=decoder.channels))


def _checked(sound: Sound) -> Sound:
    if not LOWEST_RATE <= sound.rate <= HIGHEST_RATE:
        raise InputError(
            f"{sound.name}: sample rate is {sound.rate} Hz, but must be from {LOWEST_RATE} to "
            f"{HIGHEST_RATE} Hz"
        )
    return sound


def _file_blocks(
    decoder: soundfile.SoundFile, name: str, promise: sound_header.Promise | None
) -> Iterator[Waveform]:
    if promise is not None:
        # libsndfile says nothing of it, and plays what is there.
        there_s = decoder.frames / decoder.samplerate
        promised_s = there_s * promise.promised / max(promise.there, 1)
        if promise.there < promise.promised and promised_s - there_s > _UNHEARD_S:
            raise InputError(
                f"{name}: truncated, {there_s:.1f} of {promised_s:.1f} s are there; copy it again"
            )
    size = max(_BLOCK_VALUES // decoder.channels, 1)
    read = 0
    while True:
        try:
            block = decoder.read(size, dtype="float32", always_2d=True)  # (n, channels), n <= size
        except soundfile.LibsndfileError as error:
            seconds = read / decoder.samplerate
            raise InputError(
                f"{name}: damaged after {seconds:.1f} s ({error.error_string.strip('. ')}); copy it again"
            ) from error
        if not len(block):
            break
        read += len(block)
        yield _mono(block, name)
    if decoder.format in _COUNTED and read < decoder.frames:
        raise InputError(f"{name}: truncated, {read} of {decoder.frames} frames are there; copy it again")


def _table(source: Samples, name: str) -> npt.NDArray[np.generic]:
    """Check samples, and bring them to [shape=(n, channels)]."""
    expected = "samples must be real numbers [shape=(n,)] or [shape=(n, channels)]"
    try:
        samples = np.asarray(source)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name}: {expected} ({error})") from error
    if samples.ndim not in (1, 2) or samples.dtype.kind not in "iuf":
        raise InputError(f"{name}: {expected}, got {samples.dtype} of shape {samples.shape}")
    table = samples[:, None] if samples.ndim == 1 else samples  # (n, channels)
    if not table.shape[1]:
        raise InputError(f"{name}: no channel")
    if table.shape[1] > _MOST_CHANNELS:
        raise InputError(
            f"{name}: {table.shape[1]} channels of {table.shape[0]} samples, but at most {_MOST_CHANNELS} "
            "channels are allowed; if channels come first, give the transposed array"
        )
    return table


def _array_blocks(table: npt.NDArray[np.generic], name: str) -> Iterator[Waveform]:
    size = max(_BLOCK_VALUES // table.shape[1], 1)
    for start in range(0, len(table), size):
        block = table[start : start + size]
        if block.dtype.kind in "iu":
            # Unsigned ones, as of 8-bit sound, have their 0 in the middle.
            full = 2.0 ** (8 * block.dtype.itemsize - 1)
            middle = full if block.dtype.kind == "u" else 0.0
            block = (block.astype(np.float64) - middle) / full
        yield _mono(block.astype(np.float32, copy=False), name)


def _mono(block: Waveform, name: str) -> Waveform:
    mono: Waveform = block[:, 0] if block.shape[1] == 1 else block.mean(axis=1)  # (n, channels) to (n,)
    if not np.isfinite(mono).all():
        raise InputError(f"{name}: holds NaN or infinite samples; export it again")
    if np.abs(mono).max(initial=0) > _LOUDEST:
        raise InputError(f"{name}: holds samples beyond {_LOUDEST:g} times full scale; export it again")
    return mono
