"""Log-mel of the speech in whole hundredths of a decibel, so that its bytes need not depend on the CPU.

Kinds of CPU add floats in another order, and so differ in the last digits of `ser.features.logmel`. Here all
is computed in double precision and then rounded: a difference of 1e-12 dB shows only where a value lies that
close to the middle between two hundredths, which is not to be expected among the 70 million of RAVDESS.
"""

from functools import cache
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt
from scipy.fft import rfft
from scipy.sparse import csr_array

from ser.params import LogMelParams

Waveform = npt.NDArray[np.float32]
Array = npt.NDArray[np.float32]

_QUIETEST = 1e-10
"""Power below which nothing is told apart, as in librosa's ``power_to_db``."""


def quantized_logmel(samples: Waveform, *, settings: LogMelParams) -> Array:
    """Compute the log-mel of the speech: silence cut off at both ends, level kept.

    Parameters
    ----------
    samples
        [shape=(n,)] at ``settings.sample_rate``, the whole recording.
    settings
        The section ``extract.logmel``.

    Returns
    -------
    numpy.ndarray [shape=(t, n_mels), dtype=float32]
        In dB, not below ``floor_db``; that of `ser.features.logmel.speech_logmel`, rounded to hundredths.
    """
    framing: dict[str, Any] = {"frame_length": settings.win_length, "hop_length": settings.hop_length}
    speech, _ = librosa.effects.trim(samples.astype(np.float64), top_db=settings.trim_db, **framing)
    margin = settings.n_fft // 2
    frames = librosa.util.frame(
        np.pad(speech, margin), frame_length=settings.n_fft, hop_length=settings.hop_length, axis=0
    )
    spectrum = rfft(frames * _window(settings.win_length, settings.n_fft), axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    # Sparse, because its sums run in one order; those of a dense product are up to the BLAS of the machine.
    bands = _mel_filters(
        settings.sample_rate, settings.n_fft, settings.n_mels, settings.fmin, settings.fmax
    ) @ np.ascontiguousarray(power.T)
    decibels = np.maximum(10 * np.log10(np.maximum(bands.T, _QUIETEST)), settings.floor_db)
    return np.asarray(np.round(decibels, 2), dtype=np.float32)


@cache
def _window(win_length: int, n_fft: int) -> npt.NDArray[np.float64]:
    window = librosa.filters.get_window("hann", win_length, fftbins=True)
    padded: npt.NDArray[np.float64] = librosa.util.pad_center(window, size=n_fft)
    return padded


@cache
def _mel_filters(sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> csr_array:
    """Make librosa's mel filters [shape=(n_mels, 1 + n_fft // 2)]."""
    options: dict[str, Any] = {"n_mels": n_mels, "fmin": fmin, "fmax": fmax, "dtype": np.float64}
    return csr_array(librosa.filters.mel(sr=sample_rate, n_fft=n_fft, **options))
