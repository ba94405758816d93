"""From several channels to one: their mean, or one of them alone."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ser.errors import InputError

Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Decoded:
    """A sound with all of its channels, as a decoder gives it.

    Attributes
    ----------
    rate, channels : int
        Sample rate in Hz, and number of channels.
    blocks : iterator of numpy.ndarray [shape=(n, channels), dtype=float32]
        The samples block by block, full scale being 1.
    stored_as_floats : bool
        Whether nothing but custom makes 1 its full scale.
    """

    rate: int
    channels: int
    blocks: Iterator[Waveform]
    stored_as_floats: bool = False


_AUDIBLE = 1e-2
"""Power of the difference relative to the mean's, -20 dB: see `ChannelDifference`."""
LOUDEST = 8.0
"""Of a sample, where 1 is full scale: lossy codecs and floats go a little beyond, integers as floats far."""


class ChannelDifference:
    """Whether channels differ that were mixed, gathered while their sound is read.

    They count as different where the RMS of what each channel has beside the mean of all is above -20 dB of
    that mean's RMS. Below it lies what dither and the joint stereo of codecs make of two equal channels; two
    people on a channel each, or one channel that is silent, come to about 0 dB.
    """

    def __init__(self) -> None:
        self._beside = 0.0
        self._mean = 0.0

    @property
    def audible(self) -> bool:
        """Whether the channels that were read so far differ; False of one channel, and of one chosen."""
        return self._beside > _AUDIBLE * self._mean

    def add(self, channels: Waveform, mean: Waveform) -> None:
        """Take a block into account: channels [shape=(n, channels)] and their mean [shape=(n,)]."""
        beside = (channels - mean[:, None]).ravel()  # (n * channels,)
        self._beside += float(np.dot(beside, beside)) / channels.shape[1]
        self._mean += float(np.dot(mean, mean))


class Downmix:
    """Brings blocks of several channels to one.

    Parameters
    ----------
    name
        What errors call the sound.
    sound
        The sound with all of its channels, not yet mixed: its rate, their number, and its samples.
    channel
        The one to take, counted from 0; None for the mean of all.

    Attributes
    ----------
    difference : ChannelDifference
        Whether the channels that were mixed differ.

    Raises
    ------
    InputError
        Where there is no such channel.
    """

    def __init__(self, name: str, sound: Decoded, *, channel: int | None = None) -> None:
        channels = sound.channels
        if channel is not None and not 0 <= channel < channels:
            there = (
                "1 channel, which is 0" if channels == 1 else f"{channels} channels, from 0 to {channels - 1}"
            )
            raise InputError(f"{name}: no channel {channel}; it has {there}")
        self.difference = ChannelDifference()
        self._name = name
        self._channel = 0 if channels == 1 else channel
        self._stored_as_floats = sound.stored_as_floats

    def __call__(self, block: Waveform) -> Waveform:
        """Give one channel [shape=(n,)] of a block [shape=(n, channels)].

        Raises
        ------
        InputError
            Where it holds NaN or infinity, or samples far beyond full scale.
        """
        mono: Waveform = block.mean(axis=1) if self._channel is None else block[:, self._channel]  # (n,)
        if not np.isfinite(mono).all():
            raise InputError(f"{self._name}: holds NaN or infinite samples; export it again")
        peak = np.abs(mono).max(initial=0)
        if peak > LOUDEST:
            raise self._too_loud(peak)
        if self._channel is None:
            self.difference.add(block, mono)
        return np.ascontiguousarray(mono)

    def _too_loud(self, peak: float) -> InputError:
        if self._stored_as_floats:
            return InputError(
                f"{self._name}: holds samples of {peak:.6g}, but full scale of floats is 1; if they were "
                "16-bit integers, divide them by 32768"
            )
        return InputError(
            f"{self._name}: damaged, it holds samples of {peak:.6g} times full scale; copy it again"
        )
