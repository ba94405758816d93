"""A part of the speech alone."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Self

import numpy as np
from pydantic import AfterValidator

from ser.audio.corruptions.corruption import Corruption, PositiveInterval, Waveform, uniform
from ser.audio.endpointing import speech_span
from ser.params import Section

SHORTEST_S = 0.7
"""Less speech than this, in seconds, says little of the emotion."""


def _long_enough(interval: list[float]) -> list[float]:
    if interval[0] < SHORTEST_S:
        raise ValueError(f"must be {SHORTEST_S} s at least")
    return interval


class CutRanges(Section):
    """From what `Cut` is drawn: lengths in s, from `SHORTEST_S` up."""

    duration_s: Annotated[PositiveInterval, AfterValidator(_long_enough)]


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
        return cls(uniform(rng, [0.0, 1.0]), uniform(rng, ranges.duration_s))

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Cut the part out."""
        speech = samples[speech_span(samples, sample_rate=sample_rate)]
        length = round(self.duration_s * sample_rate)
        start = round(self.place * max(0, len(speech) - length))
        return speech[start : start + length].copy()
