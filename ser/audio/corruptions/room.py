"""A room's reverberation.

References
----------
Exponentially decaying noise as a room's response: Moorer JA (1979). About This Reverberation Business.
Computer Music Journal 3(2).
"""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy import signal

from ser.audio.corruptions.corruption import Corruption, Waveform, draw_seed, uniform
from ser.audio.corruptions.speech_level import at_level_of
from ser.params import RoomRanges

_DECAY_DB = 90.0
"""Decay at which a room's response is cut off."""


@dataclass(frozen=True)
class Room(Corruption):
    """The direct sound, then Gaussian noise that decays exponentially, at the level of the dry speech.

    audiomentations' ApplyImpulseResponse (0.43.1) reads responses from files, and scales every result to a
    peak of 0.5, so that the recording's level is lost.

    Attributes
    ----------
    rt60_s : float
        Reverberation time in seconds, in which the noise decays by 60 dB.
    direct_to_reverberant_db : float
        Energy of the direct sound over that of all that follows, in dB.
    seed : int
        Seed of the noise: each room is another.
    """

    kind: ClassVar[str] = "room"
    rt60_s: float
    direct_to_reverberant_db: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: RoomRanges) -> Self:
        """Draw a reverberation time, a ratio and a seed."""
        return cls(uniform(rng, ranges.rt60_s), uniform(rng, ranges.direct_to_reverberant_db), draw_seed(rng))

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Convolve the recording with the room's response, cut to its length."""
        wet = signal.fftconvolve(samples, self.response(sample_rate))[: len(samples)]  # (n,)
        return at_level_of(wet, samples, sample_rate=sample_rate)

    def response(self, sample_rate: int) -> npt.NDArray[np.float64]:
        """Make the impulse response [shape=(m,)] at a rate in Hz; its first sample is the direct sound, 1."""
        seconds = np.arange(1, round(self.rt60_s * _DECAY_DB / 60 * sample_rate)) / sample_rate  # (m - 1,)
        tail = np.random.default_rng(self.seed).standard_normal(len(seconds))
        tail *= 10 ** (-3 * seconds / self.rt60_s)
        tail *= np.sqrt(10 ** (-self.direct_to_reverberant_db / 10) / (tail @ tail))
        return np.concatenate([[1.0], tail])
