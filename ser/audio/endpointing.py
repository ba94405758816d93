"""Endpointing: where the speech of a recording begins and ends, by levels between noise floor and peak.

Training, robustness and the recognizer share it. NumPy alone is imported: the recognizer loads nothing slow.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Waveform = npt.NDArray[np.float32]
Levels = npt.NDArray[np.float64]

_TINY = 1e-30
# Frames whose spectra are computed at once; of an hour all together would take gigabytes.
_AT_ONCE = 4096


@dataclass(frozen=True)
class EndpointingSettings:
    """How levels are measured, and which of them are speech.

    Attributes
    ----------
    frame_s, hop_s : float
        Length of a frame, and from one to the next, in seconds.
    low_hz, high_hz : float
        Band in which levels are measured: above offset, rumble and the strong harmonics of mains hum.
    smooth_frames : int
        Odd number of neighbouring frames whose median is a frame's level, so that no click decides.
    floor_percentile : float
        Percentile of the levels that is the noise floor, 0 to 100.
    range_db : float
        The noise floor is taken to be no further than this below the peak, in dB: digital silence is lower.
    threshold_share, extension_share : float
        Speech is what lies above the first, and what adjoins it above the second: places between floor and
        peak, both in dB, where 0 is the floor and 1 the peak.
    least_db : float
        Both are at least this far above the floor, in dB.
    pad_frames : int
        Frames that are kept before the first and after the last one of speech.
    """

    frame_s: float = 0.032
    hop_s: float = 0.008
    low_hz: float = 300.0
    high_hz: float = 3400.0
    smooth_frames: int = 9
    floor_percentile: float = 10.0
    range_db: float = 45.0
    threshold_share: float = 0.4
    extension_share: float = 0.2
    least_db: float = 3.0
    pad_frames: int = 2


ENDPOINTING = EndpointingSettings()
"""Chosen by `tools.choose_endpointing`, on boundary errors alone, of actors 1 to 4 and of noise."""


def trim_silence(
    samples: Waveform, *, sample_rate: int, settings: EndpointingSettings = ENDPOINTING
) -> Waveform:
    """Cut off what lies before and after the speech.

    Parameters
    ----------
    samples
        [shape=(n,)] A recording; its level and its offset make no difference.
    sample_rate
        Rate of the samples, in Hz.
    settings
        How the ends of the speech are found.

    Returns
    -------
    numpy.ndarray [shape=(m,), dtype=float32]
        The part in `speech_span`, m <= n, as it was recorded.
    """
    return samples[speech_span(samples, sample_rate=sample_rate, settings=settings)]


def speech_span(samples: Waveform, *, sample_rate: int, settings: EndpointingSettings = ENDPOINTING) -> slice:
    """Find the speech in samples [shape=(n,)]: a slice of at least one sample, if there are any.

    Where nothing stands out from the noise floor by ``settings.least_db``, it is the whole recording.
    """
    levels = band_levels(samples, sample_rate=sample_rate, settings=settings)  # (t,)
    return span_of_levels(levels, len(samples), sample_rate=sample_rate, settings=settings)


def span_of_levels(levels: Levels, length: int, *, sample_rate: int, settings: EndpointingSettings) -> slice:
    """Find the speech in a recording of `length` samples by its levels [shape=(t,)], as of `band_levels`."""
    first, last = speech_frames(levels, settings=settings)
    hop = _hop(sample_rate, settings)
    start = max(0, first - settings.pad_frames) * hop
    stop = length if last + 1 == len(levels) else (last + 1 + settings.pad_frames) * hop
    return slice(start, min(stop, length))


def band_levels(samples: Waveform, *, sample_rate: int, settings: EndpointingSettings) -> Levels:
    """Measure levels in the band of speech.

    Parameters
    ----------
    samples
        [shape=(n,)] A recording; n may be 0.
    sample_rate
        Rate of the samples, in Hz, at least twice ``settings.low_hz``.
    settings
        Framing and the band, whose upper end is the Nyquist frequency where that is lower.

    Returns
    -------
    numpy.ndarray [shape=(1 + n // hop,), dtype=float64]
        Levels in dB, of frames centred on every hop-th sample; only differences mean something.
    """
    hop = _hop(sample_rate, settings)
    frame = max(2, round(settings.frame_s * sample_rate))
    n_frames = 1 + len(samples) // hop
    padded = np.zeros((n_frames - 1) * hop + frame)
    half = frame // 2
    if len(samples):
        # An offset would be a step at the ends, and a step has energy in every band.
        conditioned = samples - np.mean(samples, dtype=np.float64)
        padded[half : half + len(samples)] = conditioned[: len(padded) - half]
    frames = np.lib.stride_tricks.sliding_window_view(padded, frame)[::hop]  # (t, frame)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(frame) / frame)
    hz = np.fft.rfftfreq(frame, 1 / sample_rate)
    in_band = (hz >= settings.low_hz) & (hz <= settings.high_hz)
    power = np.empty(n_frames)
    for start in range(0, n_frames, _AT_ONCE):
        spectrum = np.fft.rfft(frames[start : start + _AT_ONCE] * window)[:, in_band]  # (t, bins)
        power[start : start + _AT_ONCE] = np.sum(np.square(spectrum.real) + np.square(spectrum.imag), axis=1)
    return np.asarray(10 * np.log10(power + _TINY))


def speech_frames(levels: Levels, *, settings: EndpointingSettings) -> tuple[int, int]:
    """Give the first and the last frame of speech, by levels [shape=(t,)] in dB; of none, those of all."""
    smooth = _running_median(levels, settings.smooth_frames)  # (t,)
    peak = float(smooth.max())
    smooth = np.maximum(smooth, peak - settings.range_db)
    floor = float(np.percentile(smooth, settings.floor_percentile))

    def above(share: float) -> npt.NDArray[np.bool_]:
        return smooth > floor + max(settings.least_db, share * (peak - floor))

    (loud,) = np.nonzero(above(settings.threshold_share))
    if not len(loud):
        return 0, len(levels) - 1
    (quiet,) = np.nonzero(~above(settings.extension_share))
    # The last quiet frame before the first loud one, and the first one after the last.
    before, after = np.searchsorted(quiet, [loud[0], loud[-1]])
    first = int(quiet[before - 1]) + 1 if before else 0
    last = int(quiet[after]) - 1 if after < len(quiet) else len(levels) - 1
    return first, last


def _running_median(levels: Levels, length: int) -> Levels:
    """Take the median of `length` neighbours, an odd number; what is beyond the ends counts as silent."""
    # In a recording of few frames, fewer neighbours: there must be a level among them.
    half = min(length, 2 * len(levels) - 1) // 2
    padded = np.pad(levels, half, constant_values=-math.inf)
    return np.asarray(np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1))


def _hop(sample_rate: int, settings: EndpointingSettings) -> int:
    return max(1, round(settings.hop_s * sample_rate))
