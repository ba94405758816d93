"""Functionals: statistics over time of log-mel and MFCC, one vector a clip, for the classical models."""

import librosa
import numpy as np
import numpy.typing as npt
from scipy.fft import dct

from ser.params import FunctionalsParams

Array = npt.NDArray[np.float32]

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
DELTA_WIDTH = 9
"""Frames of the regression behind a delta: librosa's default."""


def functionals(speech: Array, *, settings: FunctionalsParams) -> Array:
    """Summarise a clip's log-mel over time.

    The tracks are the log-mel bands, MFCC (the orthonormal type-II DCT of the log-mel, as librosa's), their
    delta and delta-delta, and the level (the mean band) with its delta. Of each: mean, standard deviation,
    the quantiles `QUANTILES`, the slope of the least-squares line, and the mean absolute difference.

    Parameters
    ----------
    speech
        [shape=(t, n_mels)] Log-mel of the complete speech, in dB; t of at least 1.
    settings
        The section ``extract.functionals``: the number of MFCC.

    Returns
    -------
    numpy.ndarray [shape=(9 * (n_mels + 3 * n_mfcc + 2) + 1,), dtype=float32]
        Statistic by statistic, in the order above, each of all tracks; the last value is t.
    """
    logmel = speech.astype(np.float64)
    mfcc = dct(logmel, type=2, norm="ortho", axis=1)[:, : settings.n_mfcc]  # (t, n_mfcc)
    mfcc_delta = _delta(mfcc)
    level = logmel.mean(axis=1, keepdims=True)  # (t, 1)
    # (t, tracks), where tracks = n_mels + 3 * n_mfcc + 2.
    tracks = np.hstack([logmel, mfcc, mfcc_delta, _delta(mfcc_delta), level, _delta(level)])
    # Time in [-1, 1], so that a slope is a change over the clip whatever its length.
    time = np.linspace(-1.0, 1.0, len(tracks))
    slope = time @ (tracks - tracks.mean(axis=0)) / (time @ time)  # (tracks,)
    statistics = [
        tracks.mean(axis=0),
        tracks.std(axis=0),
        *np.quantile(tracks, QUANTILES, axis=0),  # 5 of (tracks,)
        slope,
        np.abs(np.diff(tracks, axis=0, prepend=tracks[:1])).mean(axis=0),
        [len(tracks)],
    ]
    return np.concatenate(statistics).astype(np.float32)


def _delta(tracks: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    delta: npt.NDArray[np.float64] = librosa.feature.delta(tracks, width=DELTA_WIDTH, axis=0, mode="nearest")
    return delta
