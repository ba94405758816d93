"""Corruptions of a recording: noise, a telephone, a room, level, clipping, truncation.

Whatever is drawn depends on the seed, the clip and the kind of corruption alone. Noise is the same at every
signal-to-noise ratio, so that a curve over ratios shows the ratio's effect and nothing else.

References
----------
mu-law: ITU-T G.711 (1988). Pulse code modulation (PCM) of voice frequencies.
Exponentially decaying noise as a room's response: Moorer JA (1979). About This Reverberation Business.
Computer Music Journal 3(2).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import librosa
import numpy as np
import numpy.typing as npt
import pandas as pd
import soxr
from scipy import signal

from experiments.robustness.params import (
    Babble,
    Clean,
    Clipping,
    ConditionParams,
    Level,
    Reverberation,
    Start,
    Telephone,
    WhiteNoise,
)
from ser.errors import InputError
from ser.params import LogMelParams

Waveform = npt.NDArray[np.float32]

TELEPHONE_RATE = 8000
"""In Hz."""
MU = 255
"""Of the North American and Japanese mu-law."""
_BAND_ORDER = 6
_DECAY_DB = 90.0
"""Where a room's response is cut off."""
_TINY = 1e-12


@dataclass(frozen=True)
class Recording:
    """Input of a corruption.

    Attributes
    ----------
    clip : str
        The clip id, for what is drawn.
    samples : numpy.ndarray [shape=(n,), dtype=float32]
        The whole recording, silence at its ends included.
    rate : int
        In Hz.
    speech : slice
        Where in it there is speech, of `speech_span`; levels are measured there.
    voices : tuple of numpy.ndarray
        Speech of others at the same rate, for babble.
    """

    clip: str
    samples: Waveform
    rate: int
    speech: slice
    voices: tuple[Waveform, ...] = ()


def degrade(recording: Recording, *, settings: ConditionParams) -> dict[str, Waveform]:
    """Apply every corruption of one kind to a recording.

    Parameters
    ----------
    recording
        What was recorded.
    settings
        The kind's section of the experiment's params.yaml.

    Returns
    -------
    dict
        Waveforms by the corruptions' names, such as ``white_10``, a number being the section's value.
    """
    samples, speech, clip = recording.samples, recording.speech, recording.clip
    match settings:
        case Clean():
            return {"clean": samples}
        case WhiteNoise():
            noise = white_noise(len(samples), seed=settings.seed, clip=clip)
            return {
                f"white_{snr:g}": add_noise(samples, noise, snr_db=snr, speech=speech)
                for snr in settings.snr_db
            }
        case Babble():
            noise = babble(recording.voices, len(samples), seed=settings.seed, clip=clip)
            return {
                f"babble_{snr:g}": add_noise(samples, noise, snr_db=snr, speech=speech)
                for snr in settings.snr_db
            }
        case Telephone():
            return {"telephone": telephone(samples, rate=recording.rate, settings=settings)}
        case Reverberation():
            return {
                f"reverberation_{rt60:g}": reverberate(
                    samples,
                    room_response(rt60, rate=recording.rate, clip=clip, settings=settings),
                    speech=speech,
                )
                for rt60 in settings.rt60_s
            }
        case Level():
            louder = amplify(samples, gain_db=settings.change_db)
            return {
                f"level_-{settings.change_db:g}": amplify(samples, gain_db=-settings.change_db),
                f"level_{settings.change_db:g}": louder,
                f"level_{settings.change_db:g}_clipped": np.clip(louder, -1, 1),
            }
        case Clipping():
            return {
                f"clipping_{share:g}": clip_share(samples, share=share, speech=speech)
                for share in settings.share
            }
        case Start():
            return {
                f"start_{length:g}": samples[speech][: round(length * recording.rate)]
                for length in settings.duration_s
            }


def speech_span(samples: Waveform, *, settings: LogMelParams) -> slice:
    """Find the speech as the log-mel does: all between frames within ``trim_db`` of the loudest."""
    _, (start, stop) = librosa.effects.trim(
        samples, top_db=settings.trim_db, frame_length=settings.win_length, hop_length=settings.hop_length
    )
    return slice(int(start), int(stop))


def white_noise(length: int, *, seed: int, clip: str) -> Waveform:
    """Draw Gaussian noise with a flat spectrum [shape=(length,)]."""
    return np.asarray(_generator(seed, clip, "white").standard_normal(length, dtype=np.float32))


def choose_talkers(training: pd.DataFrame, *, clip: str, settings: Babble) -> list[str]:
    """Draw who babbles behind a clip: one recording each of several training actors.

    Parameters
    ----------
    training
        The training clips of the fold in which `clip` is tested: ``path`` and ``actor``.
    clip
        The tested clip's id.
    settings
        The experiment's section ``babble``.

    Returns
    -------
    list of str
        Paths, each of another actor.

    Raises
    ------
    InputError
        Where there are fewer training actors than talkers.
    """
    actors = np.unique(training["actor"])
    if len(actors) < settings.talkers:
        raise InputError(
            f"experiments/robustness/params.yaml: babble.talkers = {settings.talkers}: "
            f"a fold has {len(actors)} training actors"
        )
    generator = _generator(settings.seed, clip, "talkers")
    chosen = generator.choice(actors, settings.talkers, replace=False)
    return [str(generator.choice(training.loc[training["actor"] == actor, "path"])) for actor in chosen]


def babble(voices: Sequence[Waveform], length: int, *, seed: int, clip: str) -> Waveform:
    """Mix talkers, all of the same level, each repeated without a pause from a drawn place on.

    Parameters
    ----------
    voices
        Each [shape=(m,)], of speech without silence at its ends.
    length
        Of the result.
    seed, clip
        Of what is drawn.

    Returns
    -------
    numpy.ndarray [shape=(length,), dtype=float32]
    """
    generator = _generator(seed, clip, "babble")
    mixed = np.zeros(length)
    for voice in voices:
        repeated = np.resize(np.roll(voice, int(generator.integers(len(voice)))), length)
        mixed += repeated / np.sqrt(max(_power(voice), _TINY))
    return mixed.astype(np.float32)


def add_noise(samples: Waveform, noise: Waveform, *, snr_db: float, speech: slice) -> Waveform:
    """Add noise at a ratio of mean powers, both measured where there is speech.

    Parameters
    ----------
    samples, noise
        [shape=(n,)]
    snr_db
        Ten times the logarithm of the speech's mean power over the noise's.
    speech
        Where to measure; noise is added everywhere, also before and after the speech.
    """
    wanted = _power(samples[speech]) / 10 ** (snr_db / 10)
    gain = np.sqrt(wanted / max(_power(noise[speech]), _TINY))
    noisy: Waveform = (samples + gain * noise).astype(np.float32)
    return noisy


def telephone(samples: Waveform, *, rate: int, settings: Telephone) -> Waveform:
    """Send a recording over a narrow-band telephone line: band-pass, 8 kHz, 8 bit of mu-law, and back.

    Simpler than a real line: the companding curve is the continuous one, of which G.711's 8-bit code is a
    piecewise linear approximation; the band is a Butterworth filter's; there is no microphone, no automatic
    level, no error and no delay.

    Parameters
    ----------
    samples
        [shape=(n,)] at `rate` Hz, at least `TELEPHONE_RATE`; what exceeds full scale is clipped.
    rate
        In Hz.
    settings
        The experiment's section ``telephone``: where the filter's gain is -3 dB.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=float32]
    """
    band = (settings.low_hz, settings.high_hz)
    filtered = signal.sosfilt(signal.butter(_BAND_ORDER, band, "bandpass", fs=rate, output="sos"), samples)
    sent = mu_law(soxr.resample(filtered, rate, TELEPHONE_RATE))
    received = soxr.resample(sent, TELEPHONE_RATE, rate)
    return np.asarray(librosa.util.fix_length(received, size=len(samples)), dtype=np.float32)


def mu_law(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Round samples to 255 levels, evenly spaced after mu-law companding; 0 is one of them."""
    wide = np.clip(samples.astype(np.float64), -1, 1)
    companded = np.sign(wide) * np.log1p(MU * np.abs(wide)) / np.log1p(MU)
    code = np.round(companded * 127) / 127
    return np.asarray(np.sign(code) * np.expm1(np.abs(code) * np.log1p(MU)) / MU)


def room_response(rt60_s: float, *, rate: int, clip: str, settings: Reverberation) -> npt.NDArray[np.float64]:
    """Draw a room's impulse response: the direct sound, then Gaussian noise that decays exponentially.

    Parameters
    ----------
    rt60_s
        In which time the noise decays by 60 dB.
    rate
        In Hz.
    clip
        Each clip gets a room of its own.
    settings
        The experiment's section ``reverberation``.

    Returns
    -------
    numpy.ndarray [shape=(m,), dtype=float64]
        The first sample is 1, the direct sound; the energy of the others together is
        ``direct_to_reverberant_db`` below it.
    """
    seconds = np.arange(1, round(rt60_s * _DECAY_DB / 60 * rate)) / rate
    tail = _generator(settings.seed, clip, f"room {rt60_s:g}").standard_normal(len(seconds))
    tail *= 10 ** (-3 * seconds / rt60_s)
    tail *= np.sqrt(10 ** (-settings.direct_to_reverberant_db / 10) / (tail @ tail))
    return np.concatenate([[1.0], tail])


def reverberate(samples: Waveform, response: npt.NDArray[np.float64], *, speech: slice) -> Waveform:
    """Hear a recording in a room, with the mean power of its speech kept and the end cut to its length."""
    wet = signal.fftconvolve(samples, response)[: len(samples)]
    gain = np.sqrt(_power(samples[speech]) / max(_power(wet[speech]), _TINY))
    heard: Waveform = (gain * wet).astype(np.float32)
    return heard


def amplify(samples: Waveform, *, gain_db: float) -> Waveform:
    """Change the level; floats have no full scale at which they clip."""
    return (samples * 10 ** (gain_db / 20)).astype(np.float32)


def clip_share(samples: Waveform, *, share: float, speech: slice) -> Waveform:
    """Clip at the amplitude that `share` of the samples of the speech reach; the level is not restored."""
    limit = np.quantile(np.abs(samples[speech]), 1 - share)
    return np.clip(samples, -limit, limit).astype(np.float32)


def _power(samples: npt.NDArray[np.floating]) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def _generator(seed: int, clip: str, kind: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}:{clip}:{kind}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))
