"""The level of speech, to which noise is set: mean power between the first and the last frame of speech.

The span is that of `ser.audio.endpointing`, found in the recording that comes in. Pauses inside count;
silence before and after does not. audiomentations' transforms (0.43.1) take the mean over everything: on
RAVDESS, where speech fills some 2.1 s of 3.7 s, their noise is 2.5 to 3.7 dB weaker than the SNR says. An
offset is no part of the power.
"""

import numpy as np
import numpy.typing as npt

from ser.audio.corruptions.corruption import Waveform
from ser.audio.endpointing import speech_span

Noise = npt.NDArray[np.floating]

_TINY = 1e-30


def add_at_snr(samples: Waveform, noise: Noise, *, snr_db: float, sample_rate: int) -> Waveform:
    """Add noise at a ratio of mean powers over the span of speech.

    Parameters
    ----------
    samples, noise
        [shape=(n,)] A recording, and noise of the same length and of any level.
    snr_db
        Mean power of the recording over that of the noise, both in the speech span and without offset, in dB.
    sample_rate
        Rate of both, in Hz.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=float32]
        The noisy recording, also before and after the speech; without noise where the recording is silent.
    """
    span = speech_span(samples, sample_rate=sample_rate)
    wanted = power(samples[span]) / 10 ** (snr_db / 10)
    gain = np.sqrt(wanted / max(power(noise[span]), _TINY))
    noisy: Waveform = (samples + gain * noise).astype(np.float32)
    return noisy


def at_level_of(changed: Noise, samples: Waveform, *, sample_rate: int) -> Waveform:
    """Scale a changed recording [shape=(n,)] to the power of the original's speech, measured in its span."""
    span = speech_span(samples, sample_rate=sample_rate)
    gain = np.sqrt(power(samples[span]) / max(power(changed[span]), _TINY))
    scaled: Waveform = (gain * changed).astype(np.float32)
    return scaled


def power(samples: Noise) -> float:
    """Mean power of samples [shape=(n,)] around their mean."""
    return float(np.var(samples, dtype=np.float64)) if len(samples) else 0.0
