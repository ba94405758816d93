"""Any sound as mono blocks, from a file, a stream or an array; a long one is never in memory as a whole."""

import io
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, TypeGuard, cast

import numpy as np
import numpy.typing as npt
import soxr

from ser.audio import ffmpeg, sndfile
from ser.audio.arrays import Samples, array_blocks, table_of
from ser.audio.channels import ChannelDifference, Decoded, Downmix
from ser.audio.containers import START_BYTES, kind_of_file, no_sound
from ser.audio.wav_header import promised
from ser.errors import InputError, UndecodableError

Waveform = npt.NDArray[np.float32]
Source = str | os.PathLike[str] | bytes | bytearray | BinaryIO | Samples | tuple[int, Samples]
"""A file, the bytes of one, an open binary file or stream, samples, or a sample rate in Hz and samples."""

LOWEST_RATE, HIGHEST_RATE = 4000, 768_000
"""Least and greatest sample rate in Hz that is read: between them lies all that can hold speech."""

_UNHEARD_BYTES = 1024
"""Some writers are a header's length wrong about how much they wrote; so little changes no answer."""
_IN_MEMORY = 2**25


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
        The samples block by block, the mean of the channels or one of them, finite; full scale is 1.
    channels : int
        Number of channels of the source.
    difference : ChannelDifference
        Whether channels that were mixed differ, which is known once the blocks were read.
    """

    name: str
    rate: int
    blocks: Iterator[Waveform]
    channels: int = 1
    difference: ChannelDifference = field(default_factory=ChannelDifference, compare=False)


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
    """Tell samples whose sample rate must be given from all else."""
    other = isinstance(source, str | os.PathLike | bytes | bytearray) or hasattr(source, "read")
    return not other and not _has_rate(source)


def _has_rate(source: Source) -> TypeGuard[tuple[int, Samples]]:
    """Tell a sample rate and samples from a tuple of two samples."""
    return (
        isinstance(source, tuple)
        and len(source) == 2
        and isinstance(source[0], int | np.integer)
        and hasattr(source[1], "__len__")
    )


@contextmanager
def open_sound(
    source: Source, *, sample_rate: int | None = None, name: str | None = None, channel: int | None = None
) -> Iterator[Sound]:
    """Open whatever holds a sound.

    What libsndfile does not decode, such as m4a and webm, goes through ffmpeg if it is installed.

    Parameters
    ----------
    source
        See `Source`; a stream need not be seekable. Full scale of samples is that of their integer type, or 1
        for floats.
    sample_rate
        Rate of an array, in Hz; not given otherwise.
    name
        Name of a stream or an array in error messages; a file has its own.
    channel
        The channel to take, counted from 0; None for the mean of all.

    Raises
    ------
    InputError
        Where there is no such file or channel, it is empty or no audio, its rate is absurd; and from
        `Sound.blocks` where it is truncated or holds NaN.
    """
    if _has_rate(source):
        if sample_rate is not None:
            raise InputError("sample_rate is for samples alone, not for (sample_rate, samples)")
        sample_rate, source = int(source[0]), source[1]
    if is_samples(source):
        if sample_rate is None:
            raise InputError("an array of samples needs its sample_rate, in Hz")
        name = name or "array"
        table = table_of(source, name)
        yield _mixed(
            name, Decoded(sample_rate, table.shape[1], array_blocks(table), table.dtype.kind == "f"), channel
        )
        return
    if sample_rate is not None:
        raise InputError("sample_rate is for samples alone; a file tells its own")
    if isinstance(source, str | os.PathLike):
        name = name or str(source)
        opened: AbstractContextManager[BinaryIO] = _opened(Path(source), name)
    elif isinstance(source, bytes | bytearray):
        name = name or "bytes"
        opened = io.BytesIO(source)
    else:
        name = name or str(getattr(source, "name", "stream"))
        if isinstance(source, io.TextIOBase):
            raise InputError(f"{name}: opened as text; open it as binary, with mode 'rb'")
        opened = nullcontext(cast(BinaryIO, source))
    with opened as file, seekable(file) as whole, _decoded(whole, name) as found:
        yield _mixed(name, found, channel)


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
            return Recording(sound.name, sample_rate, blocks, sound.channels, sound.difference)
    whole = np.concatenate(head) if head else np.zeros(0, dtype=np.float32)  # (n,)
    if sound.rate != sample_rate and len(whole):
        # In one go, as for training.
        whole = soxr.resample(whole, sound.rate, sample_rate, quality="HQ")
    return Recording(sound.name, sample_rate, iter([whole]), sound.channels, sound.difference, whole)


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
def seekable(stream: BinaryIO) -> Iterator[BinaryIO]:
    """Give what can be read more than once: the stream at its start, or a copy where it is a pipe."""
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
def _decoded(file: BinaryIO, name: str) -> Iterator[Decoded]:
    start = file.read(START_BYTES)
    file.seek(0)
    if not start:
        raise InputError(f"{name}: empty file, 0 bytes; copy it again")
    if said := no_sound(start):
        raise InputError(f"{name}: {said}")
    kind = kind_of_file(file)
    with ExitStack() as stack:
        found = None
        if kind is None or kind.libsndfile:
            try:
                found = stack.enter_context(sndfile.decoding(file, kind=kind, name=name))
            except UndecodableError:
                if kind is None:
                    raise
                file.seek(0)
        if found is None:
            assert kind is not None
            _check_length(file, name)
            found = stack.enter_context(ffmpeg.decoding(file, kind=kind, name=name))
        yield found


def _check_length(file: BinaryIO, name: str) -> None:
    """Refuse a file that is shorter than its header says, of which ffmpeg may play what is there."""
    promise = promised(file)
    if promise is not None and promise.there + _UNHEARD_BYTES < promise.promised:
        raise InputError(
            f"{name}: truncated, {promise.there} of {promise.promised} bytes are there; copy it again"
        )


def _mixed(name: str, found: Decoded, channel: int | None) -> Sound:
    if not LOWEST_RATE <= found.rate <= HIGHEST_RATE:
        raise InputError(
            f"{name}: sample rate is {found.rate} Hz, but must be from {LOWEST_RATE} to {HIGHEST_RATE} Hz"
        )
    mix = Downmix(name, found, channel=channel)
    return Sound(name, found.rate, map(mix, found.blocks), found.channels, mix.difference)
