"""A constant offset, as of a poor sound card."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ser.audio.corruptions.corruption import Corruption, Waveform, uniform
from ser.params import DcOffsetRanges


@dataclass(frozen=True)
class DcOffset(Corruption):
    """The same value added to every sample.

    Attributes
    ----------
    offset : float
        The value, relative to full scale.
    """

    kind: ClassVar[str] = "dc_offset"
    offset: float

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: DcOffsetRanges) -> Self:
        """Draw a magnitude and a sign."""
        return cls(float(rng.choice([-1, 1])) * uniform(rng, ranges.magnitude))

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Add the offset."""
        return samples + np.float32(self.offset)
