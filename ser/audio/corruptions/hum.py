"""Mains hum."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ser.audio.corruptions.corruption import Corruption, Waveform, uniform
from ser.audio.corruptions.speech_level import add_at_snr
from ser.params import HumRanges

_WEAKEST = 0.3


@dataclass(frozen=True)
class Hum(Corruption):
    """The mains frequency and its harmonics, steady.

    Attributes
    ----------
    mains_hz : float
        Frequency of the first partial, in Hz.
    amplitudes, phases : tuple of float
        Of each partial, from the first: relative amplitude, and phase in radians.
    snr_db : float
        Signal-to-noise ratio, as of `add_at_snr`, in dB.
    """

    kind: ClassVar[str] = "hum"
    mains_hz: float
    amplitudes: tuple[float, ...]
    phases: tuple[float, ...]
    snr_db: float

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: HumRanges) -> Self:
        """Draw partials, of which the k-th is at most 1/k of the first and at least 0.3 of that."""
        order = np.arange(1, ranges.partials + 1)
        amplitudes = rng.uniform(_WEAKEST, 1, len(order)) / order
        amplitudes[0] = 1
        phases = rng.uniform(0, 2 * np.pi, len(order))
        return cls(
            float(rng.choice(ranges.mains_hz)),
            tuple(map(float, amplitudes)),
            tuple(map(float, phases)),
            uniform(rng, ranges.snr_db),
        )

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Add the hum, without what would lie above the Nyquist frequency."""
        turn = 2 * np.pi * self.mains_hz * np.arange(len(samples)) / sample_rate  # (n,)
        noise = np.zeros(len(samples))
        for place, (amplitude, phase) in enumerate(zip(self.amplitudes, self.phases, strict=True), start=1):
            if place * self.mains_hz < sample_rate / 2:
                noise += amplitude * np.sin(place * turn + phase)
        return add_at_snr(samples, noise, snr_db=self.snr_db, sample_rate=sample_rate)
