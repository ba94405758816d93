"""Louder or quieter."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from audiomentations import Gain

from ser.audio.corruptions.corruption import Corruption, Waveform, uniform
from ser.params import LevelRanges


@dataclass(frozen=True)
class Level(Corruption):
    """A gain, by audiomentations.

    Attributes
    ----------
    gain_db : float
        Change of the level, in dB.
    clipped : bool
        Whether what then exceeds full scale is clipped, as in a file of integers.
    """

    kind: ClassVar[str] = "level"
    gain_db: float
    clipped: bool

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: LevelRanges) -> Self:
        """Draw a gain."""
        return cls(uniform(rng, ranges.gain_db), ranges.clipped)

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Change the level."""
        gain = Gain(self.gain_db, self.gain_db, p=1.0)
        # Given, and so not drawn from the process's random state.
        gain.parameters = {"should_apply": True, "amplitude_ratio": 10 ** (self.gain_db / 20)}
        gain.freeze_parameters()
        louder: Waveform = gain(samples, sample_rate)
        return np.clip(louder, -1, 1) if self.clipped else louder
