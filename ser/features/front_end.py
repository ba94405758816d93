"""Mel spectrograms and levels, computed by NumPy alone: importing librosa takes seconds."""

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

# Slaney's mel scale: linear up to 1000 Hz, 15 mel there, and logarithmic above, 27 mel for a factor of 6.4.
_LINEAR_HZ_PER_MEL = 200 / 3
_BREAK_HZ = 1000.0
_LOG_STEP = math.log(6.4) / 27


@dataclass(frozen=True)
class MelSettings:
    """A mel spectrogram of power.

    Attributes
    ----------
    sample_rate : int
        Rate of the waveform, in Hz.
    n_fft, win_length, hop_length : int
        Lengths of the FFT and of the window, and from one frame to the next, in samples; the window is no
        longer than the FFT.
    n_mels : int
        Number of mel bands.
    fmin, fmax : float
        Lower end of the lowest band and upper end of the highest, in Hz.
    """

    sample_rate: int
    n_fft: int
    win_length: int
    hop_length: int
    n_mels: int
    fmin: float
    fmax: float


def frame_power(samples: Array, *, frame: int, hop: int) -> npt.NDArray[np.float64]:
    """Mean square of frames centred on every `hop`-th sample, 0 beyond both ends [shape=(1 + n // hop,)]."""
    half = frame // 2
    # Sums of the squares before each sample: a frame's is the difference of two of them.
    squares = np.zeros(len(samples) + 2 * half + 1)  # (n + 2 * half + 1,)
    np.cumsum(np.square(samples, dtype=np.float64), out=squares[half + 1 : half + 1 + len(samples)])
    squares[half + 1 + len(samples) :] = squares[half + len(samples)]
    starts = np.arange(1 + (len(samples) + 2 * half - frame) // hop) * hop  # (1 + n // hop,)
    power: npt.NDArray[np.float64] = (squares[starts + frame] - squares[starts]) / frame
    return power


def mel_power(samples: Array, *, settings: MelSettings) -> Array:
    """Compute a mel spectrogram of power, as `librosa.feature.melspectrogram` with zeros beyond both ends.

    Parameters
    ----------
    samples
        [shape=(n,)] Waveform at ``settings.sample_rate``; full scale is 1.
    settings
        Framing and mel bands.

    Returns
    -------
    numpy.ndarray [shape=(1 + n // hop_length, n_mels), dtype=float32]
        Power, not negative; time comes first, unlike in librosa.
    """
    n_fft, window = settings.n_fft, settings.win_length
    # Where the window lies within the FFT's frame makes no difference to the power: only its samples are cut.
    before = n_fft // 2 - (n_fft - window) // 2
    n_frames = 1 + len(samples) // settings.hop_length
    padded = np.zeros((n_frames - 1) * settings.hop_length + window, dtype=np.float32)
    fitting = samples[: len(padded) - before]
    padded[before : before + len(fitting)] = fitting
    # Each hop_length-th window of the padded samples: (n_frames, win_length).
    frames = np.lib.stride_tricks.sliding_window_view(padded, window)[:: settings.hop_length]
    # In double precision, as librosa does: quiet bands beside loud ones need it.
    spectrum = np.fft.rfft(frames * _hann(window), n=n_fft)  # (n_frames, 1 + n_fft // 2)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    mel: Array = power.astype(np.float32) @ mel_bank(settings)  # (n_frames, n_mels)
    return mel


@cache
def _hann(length: int) -> npt.NDArray[np.float64]:
    # Periodic, as for spectra.
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)


@cache
def mel_bank(settings: MelSettings) -> Array:
    """Compute triangles of equal area, evenly spaced on Slaney's mel scale: `librosa.filters.mel`'s default.

    Returns
    -------
    numpy.ndarray [shape=(1 + n_fft // 2, n_mels), dtype=float32]
        Weight of each frequency of the FFT in each band, not negative.

    References
    ----------
    Slaney M (1998). Auditory Toolbox, Version 2. Interval Research Corporation, Technical Report 1998-010.
    """
    hz = np.fft.rfftfreq(settings.n_fft, 1 / settings.sample_rate)  # (1 + n_fft // 2,)
    corners = _hz(np.linspace(_mel(settings.fmin), _mel(settings.fmax), settings.n_mels + 2))  # (n_mels + 2,)
    low, peak, high = corners[:-2], corners[1:-1], corners[2:]  # (n_mels,) each
    rising = (hz[:, None] - low) / (peak - low)  # (1 + n_fft // 2, n_mels)
    falling = (high - hz[:, None]) / (high - peak)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return np.asarray(triangles * (2 / (high - low)), dtype=np.float32)


def _mel(hz: float) -> float:
    if hz < _BREAK_HZ:
        return hz / _LINEAR_HZ_PER_MEL
    return _BREAK_HZ / _LINEAR_HZ_PER_MEL + math.log(hz / _BREAK_HZ) / _LOG_STEP


def _hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    broken = _BREAK_HZ / _LINEAR_HZ_PER_MEL
    logarithmic = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, broken) - broken))
    return np.where(mel < broken, mel * _LINEAR_HZ_PER_MEL, logarithmic)
