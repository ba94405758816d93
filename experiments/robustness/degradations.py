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
"""Sample rate of the telephone line, in Hz."""
MU = 255
"""Parameter of the North American and Japanese mu-law."""
_BAND_ORDER = 6
_DECAY_DB = 90.0
"""Decay at which a room's response is cut off."""
_TINY = 1e-12


@dataclass(frozen=True)
class Recording:
    """Input of a corruption.

    Attributes
    ----------
    clip : str
        Id of the clip, on which all that is drawn depends.
    samples : numpy.ndarray [shape=(n,), dtype=float32]
        The complete recording, silence at its ends included; full scale is 1.
    rate : int
        Sample rate, in Hz.
    speech : slice
        Samples of the speech, from `speech_span`; levels are measured there.
    voices : tuple of numpy.ndarray [shape=(m,), dtype=float32]
        Speech of others at the same rate, for babble, without silence at its ends.
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
        The recording, with its speech and what else the kind of corruption needs.
    settings
        The kind's section of the experiment's params.yaml.

    Returns
    -------
    dict of str to numpy.ndarray [shape=(n,), dtype=float32]
        Waveforms by the corruptions' names, such as ``white_10``, a number being the section's value; those
        of ``start`` are shorter.
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
    """Find the speech in samples [shape=(n,)], from first to last frame within ``trim_db`` of the loudest.

    The log-mel is computed from this part of a recording.
    """
    _, (start, stop) = librosa.effects.trim(
        samples, top_db=settings.trim_db, frame_length=settings.win_length, hop_length=settings.hop_length
    )
    return slice(int(start), int(stop))


def white_noise(length: int, *, seed: int, clip: str) -> Waveform:
    """Draw Gaussian noise with a flat spectrum [shape=(length,)]."""
    return np.asarray(_generator(seed, clip, "white").standard_normal(length, dtype=np.float32))


def choose_talkers(training: pd.DataFrame, *, clip: str, settings: Babble) -> list[str]:
    """Draw the talkers of a clip's babble: one recording each of several training actors.

    Parameters
    ----------
    training
        The training clips of the fold in which `clip` is tested: ``path`` and ``actor``.
    clip
        Id of the test clip, on which the draw depends.
    settings
        The experiment's section ``babble``: the number of talkers, and the seed.

    Returns
    -------
    list of str
        Paths of recordings, each of another actor.

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
        Speech of each talker [shape=(m,)], without silence at its ends; m may differ.
    length
        Length of the result, in samples.
    seed, clip
        Seed and id of the clip, on which the places depend.

    Returns
    -------
    numpy.ndarray [shape=(length,), dtype=float32]
        Babble, for which the speech of each talker is scaled to a mean power of 1.
    """
    generator = _generator(seed, clip, "babble")
    mixed = np.zeros(length)
    for voice in voices:
        # Repeated or cut: (m,) to (length,).
        repeated = np.resize(np.roll(voice, int(generator.integers(len(voice)))), length)
        mixed += repeated / np.sqrt(max(_power(voice), _TINY))
    return mixed.astype(np.float32)


def add_noise(samples: Waveform, noise: Waveform, *, snr_db: float, speech: slice) -> Waveform:
    """Add noise at a ratio of mean powers, both measured where there is speech.

    Parameters
    ----------
    samples, noise
        [shape=(n,)] Waveform, and noise of the same length and of any level.
    snr_db
        Signal-to-noise ratio in dB, of the mean powers of speech and noise.
    speech
        Samples in which to measure; noise is added everywhere, also before and after the speech.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=float32]
        The noisy waveform, which is not clipped.
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
        [shape=(n,)] Waveform at `rate`; what exceeds full scale, which is 1, is clipped.
    rate
        Sample rate in Hz, at least `TELEPHONE_RATE`.
    settings
        The experiment's section ``telephone``: frequencies in Hz at which the filter's gain is -3 dB.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=float32]
        The received waveform, at `rate` again.
    """
    band = (settings.low_hz, settings.high_hz)
    # (n,)
    filtered = signal.sosfilt(signal.butter(_BAND_ORDER, band, "bandpass", fs=rate, output="sos"), samples)
    sent = mu_law(soxr.resample(filtered, rate, TELEPHONE_RATE))  # about (n * TELEPHONE_RATE / rate,)
    received = soxr.resample(sent, TELEPHONE_RATE, rate)  # about (n,)
    return np.asarray(librosa.util.fix_length(received, size=len(samples)), dtype=np.float32)


def mu_law(samples: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Round samples [shape=(n,)] to 255 levels, evenly spaced after mu-law companding; 0 is one of them."""
    wide = np.clip(samples.astype(np.float64), -1, 1)
    companded = np.sign(wide) * np.log1p(MU * np.abs(wide)) / np.log1p(MU)
    code = np.round(companded * 127) / 127
    return np.asarray(np.sign(code) * np.expm1(np.abs(code) * np.log1p(MU)) / MU)


def room_response(rt60_s: float, *, rate: int, clip: str, settings: Reverberation) -> npt.NDArray[np.float64]:
    """Draw a room's impulse response: the direct sound, then Gaussian noise that decays exponentially.

    Parameters
    ----------
    rt60_s
        Reverberation time in seconds, in which the noise decays by 60 dB.
    rate
        Sample rate of the response, in Hz.
    clip
        Id of the clip; each has a room of its own.
    settings
        The experiment's section ``reverberation``: the seed, and the energy of the direct sound.

    Returns
    -------
    numpy.ndarray [shape=(m,), dtype=float64]
        The first sample is 1, the direct sound; the energy of the others together is
        ``direct_to_reverberant_db`` below it.
    """
    seconds = np.arange(1, round(rt60_s * _DECAY_DB / 60 * rate)) / rate  # (m - 1,)
    tail = _generator(settings.seed, clip, f"room {rt60_s:g}").standard_normal(len(seconds))
    tail *= 10 ** (-3 * seconds / rt60_s)
    tail *= np.sqrt(10 ** (-settings.direct_to_reverberant_db / 10) / (tail @ tail))
    return np.concatenate([[1.0], tail])  # (m,)


def reverberate(samples: Waveform, response: npt.NDArray[np.float64], *, speech: slice) -> Waveform:
    """Convolve a recording with a room's response, at the same mean power of its speech.

    Parameters
    ----------
    samples
        [shape=(n,)] Waveform of the recording.
    response
        [shape=(m,)] Impulse response, as of `room_response`.
    speech
        Samples in which the power is measured, before and after.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=float32]
        The reverberant waveform, cut to the length of the recording.
    """
    wet = signal.fftconvolve(samples, response)[: len(samples)]  # (n + m - 1,) to (n,)
    gain = np.sqrt(_power(samples[speech]) / max(_power(wet[speech]), _TINY))
    heard: Waveform = (gain * wet).astype(np.float32)
    return heard


def amplify(samples: Waveform, *, gain_db: float) -> Waveform:
    """Change the level of samples [shape=(n,)] by a gain in dB; floats are not clipped at full scale."""
    return (samples * 10 ** (gain_db / 20)).astype(np.float32)


def clip_share(samples: Waveform, *, share: float, speech: slice) -> Waveform:
    """Clip at the amplitude that some of the speech's samples reach; the level is not restored.

    Parameters
    ----------
    samples
        [shape=(n,)] Waveform of the recording.
    share
        Proportion of the speech's samples that are clipped, between 0 and 1.
    speech
        Samples in which the amplitude is measured; all are clipped.
    """
    limit = np.quantile(np.abs(samples[speech]), 1 - share)
    return np.clip(samples, -limit, limit).astype(np.float32)


def _power(samples: npt.NDArray[np.floating]) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def _generator(seed: int, clip: str, kind: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}:{clip}:{kind}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "little"))
