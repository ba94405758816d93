"""Played faster or slower, pitch and formants with it."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import soxr

from ser.audio.corruptions.corruption import Corruption, Waveform, uniform
from ser.params import SpeedRanges


@dataclass(frozen=True)
class Speed(Corruption):
    """Resample, and take the result for samples at the former rate.

    audiomentations' TimeStretch and PitchShift change one without the other. Slower speech has an empty band
    below the Nyquist frequency: apply it at the rate of the recording, and resample afterwards.

    Attributes
    ----------
    factor : float
        Speed-up: above 1 the result is shorter and higher.
    """

    kind: ClassVar[str] = "speed"
    factor: float

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: SpeedRanges) -> Self:
        """Draw a factor."""
        return cls(uniform(rng, ranges.factor))

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Play the recording at the other speed; its length is divided by the factor, within a sample."""
        played = soxr.resample(samples, sample_rate, round(sample_rate / self.factor), quality="HQ")
        # soxr gives nothing for a sample or two.
        return np.asarray(played if len(played) else samples[:1], dtype=np.float32)
