"""The band of a narrow-band telephone line; what codes the speech is `Codec`."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import soxr
from scipy import signal

from ser.audio.corruptions.corruption import Corruption, Waveform, uniform
from ser.params import TelephoneRanges

LINE_RATE = 8000
"""Sample rate of a narrow-band line, in Hz."""
_ORDER = 6


@dataclass(frozen=True)
class Telephone(Corruption):
    """Band-pass filter, then 8 kHz and back.

    audiomentations' BandPassFilter is the same filter, but rounds to float32 before the resampling, and draws
    a centre in mel and a width, not two ends.

    Attributes
    ----------
    low_hz, high_hz : float
        Frequencies at which a Butterworth filter's gain is -3 dB, below 4000.
    """

    kind: ClassVar[str] = "telephone"
    low_hz: float
    high_hz: float

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: TelephoneRanges) -> Self:
        """Draw both ends of the band."""
        return cls(uniform(rng, ranges.low_hz), uniform(rng, ranges.high_hz))

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Send the recording, at a rate of 8 kHz at least, over the line."""
        sos = signal.butter(_ORDER, (self.low_hz, self.high_hz), "bandpass", fs=sample_rate, output="sos")
        line = soxr.resample(signal.sosfilt(sos, samples), sample_rate, LINE_RATE)
        return from_line(line, sample_rate=sample_rate, length=len(samples))


def from_line(line: Waveform, *, sample_rate: int, length: int) -> Waveform:
    """Resample what came over a line [shape=(m,)] to samples [shape=(length,)], cut or filled with zeros."""
    received = soxr.resample(line, LINE_RATE, sample_rate)[:length]
    whole: Waveform = np.zeros(length, dtype=np.float32)
    whole[: len(received)] = received
    return whole
