"""A click, as of a plug, a mouse or a lost packet."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ser.audio.corruptions.corruption import Corruption, Waveform, uniform
from ser.params import ClickRanges


@dataclass(frozen=True)
class Click(Corruption):
    """A rectangular pulse added somewhere in the recording.

    Attributes
    ----------
    place : float
        Where it begins, as a proportion of the recording: from 0 up to, not including, 1.
    duration_s : float
        Length of the pulse, in seconds; at least one sample sounds.
    amplitude : float
        Height of the pulse, relative to full scale, of either sign.
    """

    kind: ClassVar[str] = "click"
    place: float
    duration_s: float
    amplitude: float

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: ClickRanges) -> Self:
        """Draw a place, a duration and an amplitude."""
        sign = float(rng.choice([-1, 1]))
        return cls(
            uniform(rng, [0.0, 1.0]), uniform(rng, ranges.duration_s), sign * uniform(rng, ranges.magnitude)
        )

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Add the pulse."""
        clicked = samples.copy()
        start = int(self.place * len(samples))
        clicked[start : start + max(1, round(self.duration_s * sample_rate))] += np.float32(self.amplitude)
        return clicked
