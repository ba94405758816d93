"""A part of the speech alone."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from ser.audio.corruptions.corruption import Corruption, Waveform, uniform
from ser.audio.endpointing import speech_span
from ser.params import CutRanges


@dataclass(frozen=True)
class Cut(Corruption):
    """A part of the speech of a given length; all of the speech where that is shorter.

    Attributes
    ----------
    place : float
        Where the part lies: 0 at the beginning of the speech, 1 at its end.
    duration_s : float
        Length of the part, in seconds.
    """

    kind: ClassVar[str] = "cut"
    place: float
    duration_s: float

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: CutRanges) -> Self:
        """Draw a place and a length."""
        return cls(uniform(rng, ranges.place), uniform(rng, ranges.duration_s))

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Cut the part out."""
        speech = samples[speech_span(samples, sample_rate=sample_rate)]
        length = round(self.duration_s * sample_rate)
        start = round(self.place * max(0, len(speech) - length))
        return speech[start : start + length].copy()
