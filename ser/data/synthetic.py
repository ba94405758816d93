"""Synthetic voices, each by the name of a RAVDESS clip, in NumPy alone.

Nothing in them is recorded: a band-limited pulse train and noise pass through moving formants, as in any
source-filter synthesizer. The emotion sets pitch, pace, level, spectral tilt and breath; the actor sets
pitch, vocal tract and level; both scatter, so that the emotions can be learned, but not without errors.

References
----------
Fant G (1960). Acoustic Theory of Speech Production. (source and filter)
Peterson GE, Barney HL (1952). Control methods used in a study of the vowels. JASA 24(2). (the formants)
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ser.data.ravdess import SAMPLE_RATE, Clip, parse_clip

Pcm16 = npt.NDArray[np.int16]
Signal = npt.NDArray[np.float64]

_RATE = 16_000
"""Sample rate of the synthesis, in Hz: speech has little above 8 kHz, and fewer samples are less work."""
_FRAME = 256
_WINDOW = np.sin(np.pi * np.arange(_FRAME) / _FRAME) ** 2


@dataclass(frozen=True)
class Manner:
    """How an emotion sounds, relative to the actor's neutral speech.

    Attributes
    ----------
    pitch, pitch_range : float
        Shift of the mean pitch, and extent of the phrase's arc, in semitones.
    pace : float
        Syllables per unit of time, 1 for neutral speech.
    level, tilt : float
        Change of the level in dB, and of the spectrum in dB per octave above 500 Hz.
    breath : float
        Proportion of noise in the source, 0 to 1.
    """

    pitch: float
    pitch_range: float
    pace: float
    level: float
    tilt: float
    breath: float


MANNERS = {
    "neutral": Manner(0.0, 2.0, 1.00, 0.0, 0.0, 0.10),
    "calm": Manner(-0.5, 2.5, 0.86, -4.0, -2.0, 0.22),
    "happy": Manner(4.5, 7.0, 1.08, 6.0, 2.0, 0.10),
    "sad": Manner(1.0, 3.0, 0.80, -3.0, -2.5, 0.40),
    "angry": Manner(4.0, 5.0, 1.12, 12.0, 4.5, 0.05),
    "fearful": Manner(6.5, 3.5, 1.22, 5.0, 1.0, 0.32),
    "disgust": Manner(-0.5, 4.0, 0.84, 3.0, 1.5, 0.18),
    "surprised": Manner(6.0, 11.0, 1.05, 2.5, 0.5, 0.20),
}

_VOWELS = {"kids": "IOAO", "dogs": "OIAO"}
"""The stressed syllables of "Kids are talking by the door" and "Dogs are sitting by the door"."""
_FORMANTS_HZ = {"I": (390, 1990, 2550, 3500), "O": (570, 840, 2410, 3400), "A": (730, 1090, 2440, 3400)}
_BANDWIDTHS_HZ = np.array([70.0, 100.0, 140.0, 220.0])


def synthesize(clip: str) -> Pcm16:
    """Synthesize one clip.

    Parameters
    ----------
    clip
        A RAVDESS name, without ending, on which alone every sample depends.

    Returns
    -------
    numpy.ndarray [shape=(frames,), dtype=int16]
        0.9 to 1.7 s at `ser.data.ravdess.SAMPLE_RATE`: there is speech at 0.5 s, where the article's window
        begins, and every sample is 0 for 0.1 to 0.25 s at both ends.

    Raises
    ------
    ser.errors.InputError
        Where `clip` is no RAVDESS name.
    """
    labels = parse_clip(clip)
    draw = np.random.default_rng([int(field) for field in clip.split("-")])
    manner = _manner(labels, draw)
    pitch_hz, tract, level = _voice(labels)
    n_samples = int(_RATE * np.clip(0.8 / manner.pace, 0.7, 1.15))
    phrase = np.linspace(0.0, 1.0, n_samples)  # (n_samples,)

    source = _source(pitch_hz * _melody(phrase, labels.emotion, manner, draw), manner.breath, draw)
    speech = _filter(source, _VOWELS[labels.statement], tract, manner.tilt) * _rhythm(phrase, draw)
    # Full scale is 1; a neutral phrase lies near -36 dBFS, as in RAVDESS.
    speech *= 10 ** ((-36 + level + manner.level) / 20) / np.sqrt(np.mean(speech**2))
    voiced = np.tanh(_interpolated(speech, SAMPLE_RATE // _RATE))
    lead, trail = (int(second * SAMPLE_RATE) for second in draw.uniform(0.1, 0.25, 2))
    samples: Pcm16 = np.pad(np.round(voiced * 32767).astype(np.int16), (lead, trail))
    return samples


def _voice(labels: Clip) -> tuple[float, float, float]:
    """Draw an actor's neutral pitch in Hz, formant factor and level in dB: the same for all their clips."""
    draw = np.random.default_rng(labels.actor)
    pitch_hz, tract = (115.0, 1.0) if labels.gender == "male" else (205.0, 1.16)
    return (
        pitch_hz * 2 ** (draw.normal(0, 2.0) / 12),
        tract * draw.uniform(0.94, 1.06),
        float(draw.normal(0, 4.0)),
    )


def _manner(labels: Clip, draw: np.random.Generator) -> Manner:
    """Scatter an emotion's manner: by the actor's own way with that emotion, then by the repetition."""
    mean, neutral = MANNERS[labels.emotion], MANNERS["neutral"]
    own_way = np.random.default_rng([labels.actor, list(MANNERS).index(labels.emotion)])
    strength = 1.3 if labels.intensity == "strong" else 0.9

    def scattered(name: str, deviation: float) -> float:
        base = getattr(neutral, name)
        moved = base + strength * (getattr(mean, name) - base)
        return float(moved + deviation * (own_way.normal() + draw.normal()))

    return Manner(
        pitch=scattered("pitch", 1.4),
        pitch_range=max(scattered("pitch_range", 1.4), 0.5),
        pace=scattered("pace", 0.07),
        level=scattered("level", 2.2),
        tilt=scattered("tilt", 1.1),
        breath=float(np.clip(scattered("breath", 0.08), 0.02, 0.6)),
    )


def _melody(phrase: Signal, emotion: str, manner: Manner, draw: np.random.Generator) -> Signal:
    """Pitch over the phrase as a factor [shape=(n,)]: it falls to the end, save in surprise, which rises."""
    arc = np.sin(np.pi * phrase * draw.uniform(0.8, 1.2)) - 0.6
    slope = (phrase - 0.5) * (1.0 if emotion == "surprised" else -0.5)
    tremor = 0.3 * np.sin(2 * np.pi * (draw.uniform(4, 7) * phrase + draw.uniform()))
    semitones = manner.pitch + manner.pitch_range * (0.5 * arc + slope) + tremor
    factor: Signal = 2 ** (semitones / 12)
    return factor


def _source(pitch_hz: Signal, breath: float, draw: np.random.Generator) -> Signal:
    """Mix noise into a pulse train of all harmonics below the Nyquist frequency, each of equal amplitude."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / _RATE + 1e-4
    harmonics = int(_RATE / 2 / pitch_hz.max())
    # The sum of cos(k phase) for k = 1 to `harmonics`, in closed form (Dirichlet's kernel).
    pulses = (np.sin((harmonics + 0.5) * phase) / np.sin(phase / 2) - 1) / np.sqrt(2 * harmonics)
    mixed: Signal = (1 - breath) * pulses + breath * draw.normal(size=len(phase))
    return mixed


def _filter(source: Signal, vowels: str, tract: float, tilt: float) -> Signal:
    """Shape a source by formants that glide from vowel to vowel, by the voice's slope, and by `tilt`."""
    spectrum = np.fft.rfft(_frames(source) * _WINDOW)  # (t, f)
    frequencies = np.fft.rfftfreq(_FRAME, 1 / _RATE)  # (f,)
    targets = np.array([_FORMANTS_HZ[vowel] for vowel in vowels]) * tract  # (vowels, formants), in Hz
    centres = (np.arange(len(vowels)) + 0.5) / len(vowels)
    position = np.linspace(0.0, 1.0, len(spectrum))  # (t,)
    gain = np.ones(spectrum.shape)
    for formant, bandwidth in zip(targets.T, _BANDWIDTHS_HZ, strict=True):
        ratio = frequencies / np.interp(position, centres, formant)[:, None]  # (f,) by (t, 1): (t, f)
        gain /= np.sqrt((1 - ratio**2) ** 2 + (ratio * bandwidth / formant.mean()) ** 2)
    octaves = np.log2(np.maximum(frequencies, 125.0) / 500.0)
    gain *= 10 ** ((tilt - 3.0) * octaves / 20)
    return _overlapped(np.fft.irfft(spectrum * gain))[: len(source)]


def _frames(signal: Signal) -> Signal:
    """Cut a signal into frames that overlap by half, the first centred on its start [shape=(t, _FRAME)]."""
    half = _FRAME // 2
    padded = np.pad(signal, (half, half + -len(signal) % half))
    return np.lib.stride_tricks.sliding_window_view(padded, _FRAME)[::half]


def _overlapped(frames: Signal) -> Signal:
    """Add filtered frames [shape=(t, _FRAME)] up again: the inverse of `_frames`, in the least squares."""
    half = _FRAME // 2
    left, right = np.hsplit(frames * _WINDOW, 2)
    summed = right[:-1] + left[1:]  # (t - 1, half)
    whole: Signal = (summed / (_WINDOW[:half] ** 2 + _WINDOW[half:] ** 2)).ravel()
    return whole


def _interpolated(signal: Signal, factor: int) -> Signal:
    """Raise a signal's sample rate by a factor, through a sinc under a Kaiser window."""
    half = 10 * factor
    sinc = np.sinc(np.arange(-half, half + 1) / factor) * np.kaiser(2 * half + 1, 5.0)
    apart = np.zeros(len(signal) * factor)
    apart[::factor] = signal
    return np.convolve(apart, sinc * (factor / sinc.sum()))[half : half + len(apart)]


def _rhythm(phrase: Signal, draw: np.random.Generator) -> Signal:
    """Swell and fade four times, with a stress of its own on each; faint, but never silent, in between."""
    stresses = draw.uniform(0.7, 1.0, 4)[np.minimum((4 * phrase).astype(int), 3)]
    rhythm: Signal = 0.04 + stresses * np.abs(np.sin(4 * np.pi * phrase))
    return rhythm
