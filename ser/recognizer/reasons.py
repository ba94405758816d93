"""What speaks against relying on an answer: faults of the sound, too little speech, and the model's doubt.

The thresholds of the three faults lie between what was measured on every third clip of RAVDESS's actors 1 to
4 and on their corrupted copies for training (``encode_layers.copies`` in params.yaml), 80 of each kind.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import replace

import numpy as np

from ser.audio.endpointing import ENDPOINTING, Levels, band_levels
from ser.features.front_end import Array

SHORT, NOISY, NARROW_BAND, CLIPPED = "short", "noisy", "narrow_band", "clipped"
LAYERS_DISAGREE, LOW_CONFIDENCE = "layers_disagree", "low_confidence"
SOUND = NOISY, NARROW_BAND, CLIPPED
"""The reasons that are faults of the sound."""
IN_WORDS: Mapping[str, str] = {
    SHORT: "too little speech",
    NOISY: "noisy",
    NARROW_BAND: "narrow band, as of a telephone",
    CLIPPED: "clipped",
    LAYERS_DISAGREE: "the model's layers disagree",
    LOW_CONFIDENCE: "low confidence",
}
"""The reasons in the order in which they are given, and what they are called."""

NOISY_BELOW_DB = 22.0
"""Speech that stands out from the noise floor by less is noisy.

As of `range_over_floor`. Of copies with noise at an SNR of up to 10 dB 95 % had at most 22 dB, and half of
those at 10 to 15 dB. Clean clips had 50 dB and more, and where all pauses were cut off 25 dB and more.
"""
NARROW_BAND_BELOW_DB = -50.0
"""Speech whose high band is further below its low band is of a narrow band.

As of `high_band`. Clean clips had -22 dB and more, and their copies at other speeds -31. Copies over a line
of 8 kHz had -106 dB and less in floating point; with the quantization noise of 16 bits it is some -70 dB.
"""
CLIPPED_BELOW = 1.6
"""Speech whose peak stands out less from its loudest samples is clipped.

As of `peak_over_loud`. Unclipped clips and copies had 1.75 and more. Where at least 1 % of the samples were
clipped copies had 1.27 and less, and 40 clips that were clipped at 48 kHz and then resampled mostly less than
1.6: resampling breaks plateaus up, so that counting samples at the peak does not find them.
"""

_LOW_BAND = ENDPOINTING
# Telephones pass nothing of it; at a sample rate of 8 kHz it begins above the Nyquist frequency.
_HIGH_BAND = replace(ENDPOINTING, low_hz=4300.0, high_hz=8000.0)
_FLOOR_PERCENTILE, _SPEECH_PERCENTILE = 10.0, 95.0
_LOUD_PERCENTILE = 97.0


def sound_faults(samples: Array, speech: Array, *, sample_rate: int) -> frozenset[str]:
    """Find what the sound of a window suffers from.

    Parameters
    ----------
    samples
        [shape=(n,)] The window, as it was recorded but for an offset.
    speech
        [shape=(m,)] The part of it without silence at both ends, m at least 1.
    sample_rate
        Rate of the samples, in Hz, at least 16,000.

    Returns
    -------
    frozenset of str
        Some of `NOISY`, `NARROW_BAND` and `CLIPPED`.
    """
    of_window = band_levels(samples, sample_rate=sample_rate, settings=_LOW_BAND)  # (t,)
    low = band_levels(speech, sample_rate=sample_rate, settings=_LOW_BAND)  # (s,)
    high = band_levels(speech, sample_rate=sample_rate, settings=_HIGH_BAND)  # (s,)
    found = {
        NOISY: range_over_floor(of_window, low) < NOISY_BELOW_DB,
        NARROW_BAND: high_band(low, high) < NARROW_BAND_BELOW_DB,
        CLIPPED: peak_over_loud(speech) < CLIPPED_BELOW,
    }
    return frozenset(fault for fault, applies in found.items() if applies)


def range_over_floor(window: Levels, speech: Levels) -> float:
    """How far loud speech stands out from the noise floor, in dB.

    Parameters
    ----------
    window, speech
        [shape=(t,)], [shape=(s,)] Levels of all frames, whose 10th percentile is the floor, and of those of
        speech, whose 95th percentile is loud, in dB.
    """
    return float(np.percentile(speech, _SPEECH_PERCENTILE) - np.percentile(window, _FLOOR_PERCENTILE))


def high_band(low: Levels, high: Levels) -> float:
    """Power above 4.3 kHz relative to that of 0.3 to 3.4 kHz, in dB, by levels of frames [shape=(t,)]."""
    return float(np.subtract(*(10 * np.log10(np.mean(10 ** (it / 10))) for it in (high, low))))


def peak_over_loud(speech: Array) -> float:
    """Divide the greatest magnitude of samples [shape=(n,)] by the 97th percentile; infinite if that is 0."""
    magnitude = np.abs(speech)
    loud = float(np.percentile(magnitude, _LOUD_PERCENTILE))
    return float(magnitude.max()) / loud if loud else math.inf


def prevailing(counts: Mapping[str, int], *, windows: int) -> frozenset[str]:
    """Choose the faults that half of the `windows` of a recording, or of a segment, have, or more."""
    return frozenset(fault for fault, count in counts.items() if 2 * count >= windows)


def in_order(reasons: Collection[str]) -> tuple[str, ...]:
    """Sort reasons as `IN_WORDS` does."""
    return tuple(reason for reason in IN_WORDS if reason in reasons)


def in_words(reasons: Collection[str]) -> str:
    """Name reasons for people: "too little speech, noisy"; empty of none."""
    return ", ".join(IN_WORDS[reason] for reason in reasons)
