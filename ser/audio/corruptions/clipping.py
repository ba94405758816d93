"""A recording whose peaks are cut off."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ser.audio.corruptions.corruption import Corruption, Waveform, uniform
from ser.audio.endpointing import speech_span
from ser.params import ClippingRanges


@dataclass(frozen=True)
class Clipping(Corruption):
    """Clip at the amplitude that some of the speech's samples reach; the level is not restored.

    audiomentations' ClippingDistortion (0.43.1) takes whole percentages of all samples, silence included, and
    halves them to whole ones: of 1 % it clips nothing, of 3 % as much as of 2 %.

    Attributes
    ----------
    share : float
        Proportion of the samples between the first and the last frame of speech that are clipped.
    """

    kind: ClassVar[str] = "clipping"
    share: float

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: ClippingRanges) -> Self:
        """Draw a proportion."""
        return cls(uniform(rng, ranges.share))

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Clip the recording."""
        span = speech_span(samples, sample_rate=sample_rate)
        limit = np.quantile(np.abs(samples[span]), 1 - self.share)
        return np.clip(samples, -limit, limit).astype(np.float32)
