"""Input features of the exported model, computed by NumPy alone: importing librosa takes seconds.

They are what `ser.features.logmel` and `ser.features.speaker_encoder` compute for training; tests compare the
two.
"""

import math
from dataclasses import dataclass
from functools import cache
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float32]

_LEAST_POWER = 1e-10
_SILENCE = 1e-10
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


@dataclass(frozen=True)
class FrontEndSettings:
    """All that features depend on.

    Attributes
    ----------
    logmel : MelSettings
        Mel spectrogram of the network's input.
    trim_db, floor_db : float
        For the network: what lies more than `trim_db` (in dB) below the loudest frame is cut off both ends;
        lower values of the log-mel are raised to `floor_db`, in dB relative to full scale squared.
    n_frames : int
        Length of the network's input, in frames: longer speech is cut, shorter padded, at both ends alike.
    encoder : MelSettings
        Mel spectrogram of the speaker encoder's input.
    encoder_trim_db : float
        Like `trim_db`, for the speaker encoder, in dB.
    encoder_level_dbfs : float
        Root-mean-square level to which the speech is scaled for the speaker encoder, in dBFS.
    """

    logmel: MelSettings
    trim_db: float
    floor_db: float
    n_frames: int
    encoder: MelSettings
    encoder_trim_db: float
    encoder_level_dbfs: float

    @classmethod
    def of(cls, content: dict[str, Any]) -> Self:
        """Make settings of the section of a bundle's JSON, which `dataclasses.asdict` wrote."""
        mels = {name: MelSettings(**content[name]) for name in ("logmel", "encoder")}
        return cls(**{**content, **mels})


@dataclass(frozen=True)
class Features:
    """The model's inputs, of one window.

    Attributes
    ----------
    logmel : numpy.ndarray [shape=(n_frames, n_mels), dtype=float32]
        Input of the network: power in dB relative to full scale squared.
    mel : numpy.ndarray [shape=(t, n_mels), dtype=float32]
        Input of the speaker encoder: power, without a logarithm; t depends on the speech.
    level : numpy.ndarray [shape=(2,), dtype=float32]
        Of the encoder's speech: root-mean-square level in dBFS before scaling, and length in seconds.
    """

    logmel: Array
    mel: Array
    level: Array

    @property
    def speech_s(self) -> float:
        """Length of its speech in seconds, silence at both ends cut off."""
        return float(self.level[1])


def features(samples: Array, *, settings: FrontEndSettings, speech: Array | None = None) -> Features:
    """Compute the model's inputs.

    Parameters
    ----------
    samples
        [shape=(n,)] A recording or a window of one, at ``settings.logmel.sample_rate``; full scale is 1.
    settings
        The front end of the bundle, with which the model was trained.
    speech
        [shape=(m,), m <= n] Result of `encoder_speech`, where the caller has it; else it is computed.
    """
    encoder = settings.encoder
    heard = encoder_speech(samples, settings=settings) if speech is None else speech  # (m,)
    rms = float(np.sqrt(np.mean(np.square(heard, dtype=np.float64))))
    gain = 10 ** (settings.encoder_level_dbfs / 20) / max(rms, _SILENCE)
    level = [20 * math.log10(max(rms, _SILENCE)), len(heard) / encoder.sample_rate]
    return Features(
        logmel=speech_logmel(samples, settings=settings),
        mel=mel_power(heard * np.float32(gain), settings=encoder),
        level=np.array(level, dtype=np.float32),
    )


def encoder_speech(samples: Array, *, settings: FrontEndSettings) -> Array:
    """Cut silence off both ends of samples [shape=(n,)], as for the speaker encoder; [shape=(m,)], m <= n."""
    encoder = settings.encoder
    return trim(samples, trim_db=settings.encoder_trim_db, frame=encoder.n_fft, hop=encoder.hop_length)


def speech_logmel(samples: Array, *, settings: FrontEndSettings) -> Array:
    """Compute the network's log-mel [shape=(n_frames, n_mels)] in dB of samples [shape=(n,)]."""
    mel = settings.logmel
    speech = trim(samples, trim_db=settings.trim_db, frame=mel.win_length, hop=mel.hop_length)  # (m,)
    surplus = 1 + len(speech) // mel.hop_length - settings.n_frames
    # (t, n_mels) to (min(t, n_frames), n_mels), the middle of it.
    power = mel_power(speech, settings=mel)[max(surplus, 0) // 2 :][: settings.n_frames]
    decibels = 10 * np.log10(np.maximum(power, np.float32(_LEAST_POWER)))
    floor = np.float32(settings.floor_db)
    if surplus < 0:
        before = -surplus // 2
        padding = ((before, -surplus - before), (0, 0))
        decibels = np.pad(decibels, padding, constant_values=floor)  # (n_frames, n_mels)
    return np.asarray(np.maximum(decibels, floor), dtype=np.float32)


def trim(samples: Array, *, trim_db: float, frame: int, hop: int) -> Array:
    """Cut off both ends what lies more than `trim_db` below the loudest frame, as `librosa.effects.trim`.

    Parameters
    ----------
    samples
        [shape=(n,)] Waveform, at least one sample.
    trim_db
        Threshold below the loudest frame, in dB, above 0.
    frame, hop
        Length of a frame, and from one to the next, in samples.

    Returns
    -------
    numpy.ndarray [shape=(m,), dtype=float32]
        A part of `samples`, m <= n.
    """
    power = frame_power(samples, frame=frame, hop=hop)  # (1 + n // hop,)
    decibels = 10 * np.log10(np.maximum(power, _LEAST_POWER))
    (loud,) = np.nonzero(decibels > decibels.max() - trim_db)
    return samples[loud[0] * hop : (loud[-1] + 1) * hop]


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
