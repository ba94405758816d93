"""Waveform to log-mel: the article's spectrogram and its frame-mean log-mel, and that of the speech alone.

The values are power in dB relative to 1 (full scale squared), and the same as librosa's.
"""

from functools import cache
from typing import Any

import librosa
import numpy as np
import numpy.typing as npt

from ser.params import ArticleMel, LogMelParams, Window

Waveform = npt.NDArray[np.float32]
Array = npt.NDArray[np.float32]

CONTOUR_PADDING_DB = 0.0
"""What the article puts where a clip is shorter than its window: 0 dB, which is louder than speech."""


def article_logmel(samples: Waveform, *, settings: ArticleMel) -> Array:
    """Compute the article's log-mel of a window: `librosa.power_to_db` with ref 1.

    Parameters
    ----------
    samples
        Waveform [shape=(n,)] at ``settings.sample_rate``, full scale being 1.
    settings
        The section ``extract.article``: rates in Hz, lengths in samples.

    Returns
    -------
    numpy.ndarray [shape=(n_mels, 1 + n // hop_length), dtype=float32]
        In dB, at most ``top_db`` below the loudest value.
    """
    power = _mel_power(samples, settings=settings, win_length=settings.n_fft)
    decibels: Array = librosa.power_to_db(power, top_db=settings.top_db)
    return decibels.astype(np.float32)


def _mel_power(samples: Waveform, *, settings: ArticleMel | LogMelParams, win_length: int) -> Array:
    # What `librosa.feature.melspectrogram` does, but it makes its filters anew for every clip, raises to a
    # power of 2.0, and goes on with the frequencies above the last filter, too: twice the work.
    filters = _mel_filters(
        settings.sample_rate, settings.n_fft, settings.n_mels, settings.fmin, settings.fmax
    )  # (n_mels, k)
    spectrum = librosa.stft(
        samples, n_fft=settings.n_fft, win_length=win_length, hop_length=settings.hop_length
    )  # (1 + n_fft // 2, t), where t = 1 + n // hop_length
    magnitude = np.abs(spectrum[: filters.shape[1]])  # (k, t)
    power: Array = np.einsum("ft,mf->mt", np.square(magnitude), filters, optimize=True)  # (n_mels, t)
    return power


@cache
def _mel_filters(sample_rate: int, n_fft: int, n_mels: int, fmin: float, fmax: float) -> Array:
    """Make librosa's mel filters [shape=(n_mels, k)], up to the last frequency that one of them lets pass."""
    # (n_mels, 1 + n_fft // 2)
    filters = librosa.filters.mel(sr=sample_rate, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    heard = np.flatnonzero(filters.any(axis=0))
    return np.ascontiguousarray(filters[:, : 1 + heard[-1]])


def article_frames(window: Window, *, settings: ArticleMel) -> int:
    """Count the frames of a full window: 259 with the article's settings."""
    return 1 + int(window.duration_s * settings.sample_rate) // settings.hop_length


def contour(logmel: Array) -> Array:
    """Average a log-mel over its *mel bands*: the frame-mean log-mel, loudness over time.

    The article calls it a temporal average, but its axis 0 is frequency.

    Parameters
    ----------
    logmel
        [shape=(n_mels, t)] Log-mel in dB, as of `article_logmel`.

    Returns
    -------
    numpy.ndarray [shape=(t,), dtype=float32]
        Mean over the bands of each frame, in dB.
    """
    over_bands: Array = logmel.mean(axis=0, dtype=np.float32)
    return over_bands


def fit_length(values: Array, length: int, *, padding: float) -> Array:
    """Cut or pad the last axis at its end.

    Parameters
    ----------
    values
        Features [shape=(..., t)], the last axis being time in frames.
    length
        Number of frames of the result.
    padding
        Value of the frames that are added, in the unit of `values`.

    Returns
    -------
    numpy.ndarray [shape=(..., length)]
        The first frames, and padding after them.
    """
    fitted: Array = librosa.util.fix_length(values, size=length, axis=-1, constant_values=padding)
    return fitted


def speech_logmel(samples: Waveform, *, settings: LogMelParams) -> Array:
    """Compute the log-mel of the speech: silence cut off at both ends, level kept.

    Parameters
    ----------
    samples
        [shape=(n,)] The complete recording, at ``settings.sample_rate``; full scale is 1.
    settings
        The section ``extract.logmel``: rates in Hz, lengths in samples.

    Returns
    -------
    numpy.ndarray [shape=(t, n_mels), dtype=float32]
        In dB, not below ``floor_db``; t depends on the speech.
    """
    framing: dict[str, Any] = {"frame_length": settings.win_length, "hop_length": settings.hop_length}
    speech, _ = librosa.effects.trim(samples, top_db=settings.trim_db, **framing)  # (m,), m <= n
    power = _mel_power(speech, settings=settings, win_length=settings.win_length)  # (n_mels, t)
    decibels = np.maximum(librosa.power_to_db(power, top_db=None), settings.floor_db)
    return np.asarray(decibels.T, dtype=np.float32)  # (t, n_mels)


def fit_middle(speech: Array, *, settings: LogMelParams) -> Array:
    """Cut or pad a log-mel of speech at both ends alike, for the 2-D network.

    Parameters
    ----------
    speech
        [shape=(t, n_mels)] Log-mel in dB, as of `speech_logmel`.
    settings
        The section ``extract.logmel``: the result has ``n_frames``; padding is ``network_floor_db``, and
        nothing lies below it.

    Returns
    -------
    numpy.ndarray [shape=(n_frames, n_mels), dtype=float32]
        In dB, not below ``network_floor_db``.
    """
    floor = np.float32(settings.network_floor_db)
    speech = np.maximum(speech, floor)
    surplus = len(speech) - settings.n_frames
    if surplus >= 0:
        return speech[surplus // 2 :][: settings.n_frames]  # (n_frames, n_mels)
    before = -surplus // 2
    return np.pad(speech, ((before, -surplus - before), (0, 0)), constant_values=floor)
