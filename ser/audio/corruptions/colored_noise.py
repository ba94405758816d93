"""White, pink and brown noise."""

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt
from scipy.fft import next_fast_len

from ser.audio.corruptions.corruption import Corruption, Waveform, draw_seed, uniform
from ser.audio.corruptions.speech_level import add_at_snr
from ser.params import ColoredNoiseRanges

DECAY_DB: dict[str, float] = {"white": 0.0, "pink": 3.01, "brown": 6.02}
"""Fall of the power density for each octave, in dB."""
LOWEST_HZ = 50.0
"""Pink and brown noise have nothing below: half of it would be too low to be heard, and yet set the SNR."""


@dataclass(frozen=True)
class ColoredNoise(Corruption):
    """Stationary Gaussian noise.

    audiomentations 0.43.1 has AddColorNoise and AddGaussianSNR, which are not used: their SNR is over the
    whole clip, frozen parameters do not hold the noise itself, and with the default n_fft two thirds of
    AddColorNoise's pink noise at 16 kHz lie below 62.5 Hz.

    Attributes
    ----------
    color : str
        ``white``, ``pink`` or ``brown``.
    snr_db : float
        Signal-to-noise ratio, as of `add_at_snr`, in dB.
    seed : int
        Seed of the noise; the same seed is the same noise at every ratio.
    """

    kind: ClassVar[str] = "colored_noise"
    color: str
    snr_db: float
    seed: int

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: ColoredNoiseRanges) -> Self:
        """Draw a colour, a ratio and a seed."""
        return cls(str(rng.choice(ranges.colors)), uniform(rng, ranges.snr_db), draw_seed(rng))

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Add the noise."""
        noise = colored_noise(self.color, len(samples), sample_rate=sample_rate, seed=self.seed)
        return add_at_snr(samples, noise, snr_db=self.snr_db, sample_rate=sample_rate)


def colored_noise(color: str, length: int, *, sample_rate: int, seed: int) -> npt.NDArray[np.floating]:
    """Draw Gaussian noise [shape=(length,)] whose power density falls by `DECAY_DB` from `LOWEST_HZ` up."""
    rng = np.random.default_rng(seed)
    if color == "white":
        return rng.standard_normal(length, dtype=np.float32)
    # Longer, and then cut: a Fourier transform of a length with large factors takes ten times as long.
    size = next_fast_len(length, real=True)
    hz = np.fft.rfftfreq(size, 1 / sample_rate)  # (1 + size // 2,)
    exponent = DECAY_DB[color] / (20 * np.log10(2))
    amplitude = np.where(hz < LOWEST_HZ, 0, np.maximum(hz, LOWEST_HZ) ** -exponent)
    spectrum = np.fft.rfft(rng.standard_normal(size, dtype=np.float32)) * amplitude
    return np.fft.irfft(spectrum, n=size)[:length]
