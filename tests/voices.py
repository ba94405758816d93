"""Synthetic voices that count as speech, of any length and rate."""

from functools import cache

import numpy as np
import numpy.typing as npt
import soxr

from ser.data.ravdess import SAMPLE_RATE
from ser.data.synthetic import synthesize
from ser.features.front_end import frame_power

CLIPS = (
    "03-01-01-01-01-02-16",
    "03-01-01-01-01-02-01",
    "03-01-05-01-02-01-12",
    "03-01-03-02-01-01-04",
    "03-01-05-02-01-02-04",
)


@cache
def _phrase(clip: str) -> npt.NDArray[np.float32]:
    samples = synthesize(clip).astype(np.float32) / np.float32(32768)
    hop = 480
    decibels = 10 * np.log10(np.maximum(frame_power(samples, frame=1024, hop=hop), 1e-10))
    (loud,) = np.nonzero(decibels > decibels.max() - 32)
    return samples[loud[0] * hop : (loud[-1] + 1) * hop]


def spoken(seconds: float, *, rate: int = 16_000, seed: int = 0) -> npt.NDArray[np.float32]:
    """Somebody says the same again and again [shape=(seconds * rate,)]; another voice for each seed."""
    samples = np.resize(_phrase(CLIPS[seed % len(CLIPS)]), int((seconds + 0.1) * SAMPLE_RATE))
    # The same voice is heard a little later in its phrase.
    samples = np.roll(samples, -37 * (seed // len(CLIPS)) * 10)
    resampled: npt.NDArray[np.float32] = soxr.resample(samples, SAMPLE_RATE, rate)
    return resampled[: round(seconds * rate)]
