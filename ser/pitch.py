"""Functionals of the pitch: how high, how lively and how clearly voiced a clip is.

A log-mel tells the pitch of a voice only where its bands are narrow enough to part the harmonics; here it is
measured.

References
----------
Mauch M, Dixon S (2014). pYIN: a fundamental frequency estimator using probabilistic threshold distributions.
ICASSP.
"""

from dataclasses import dataclass

import librosa
import numpy as np
import numpy.typing as npt

from ser.functionals import QUANTILES
from ser.params import LogMelParams, PitchParams

Array = npt.NDArray[np.float64]

FEWEST_VOICED = 8
"""Frames. Whispers have fewer; then the frames that are most likely voiced are taken."""


@dataclass(frozen=True)
class PitchTrack:
    """Of each frame of a clip's speech.

    Attributes
    ----------
    octaves : numpy.ndarray [shape=(t,)]
        Fundamental frequency, as the base-2 logarithm of Hz; a guess in unvoiced frames.
    voiced : numpy.ndarray [shape=(t,), dtype=bool]
    probability : numpy.ndarray [shape=(t,)]
        Of being voiced.
    """

    octaves: Array
    voiced: npt.NDArray[np.bool_]
    probability: Array


def pitch_track(
    samples: npt.NDArray[np.float32], *, framing: LogMelParams, settings: PitchParams
) -> PitchTrack:
    """Follow the pitch of the speech, silence cut off at both ends, by pYIN.

    Parameters
    ----------
    samples
        [shape=(n,)] at ``framing.sample_rate``, the whole recording.
    framing
        The section ``extract.logmel``.
    settings
        The section ``aligned.pitch``.
    """
    speech, _ = librosa.effects.trim(
        samples.astype(np.float64),
        top_db=framing.trim_db,
        frame_length=framing.win_length,
        hop_length=framing.hop_length,
    )
    hertz, voiced, probability = librosa.pyin(
        speech,
        sr=framing.sample_rate,
        fmin=settings.fmin_hz,
        fmax=settings.fmax_hz,
        frame_length=framing.n_fft,
        hop_length=framing.hop_length,
        resolution=settings.resolution_semitones,
        fill_na=None,
    )
    if voiced.sum() < FEWEST_VOICED:
        voiced = np.zeros_like(voiced)
        voiced[np.argsort(-probability, kind="stable")[:FEWEST_VOICED]] = True
    return PitchTrack(octaves=np.log2(hertz), voiced=voiced, probability=probability)


def pitch_functionals(track: PitchTrack, *, speed: float = 1.0) -> Array:
    """Summarise a clip's pitch over time.

    The statistics are those of `ser.functionals.functionals`: mean, standard deviation, quantiles, slope and
    mean absolute difference.

    Parameters
    ----------
    track
        Of the clip as recorded.
    speed
        At which it is played; the pitch rises with it, by as many octaves everywhere.

    Returns
    -------
    numpy.ndarray [shape=(19,)]
        Nine statistics of the pitch in voiced frames, nine of the probability of being voiced, and the share
        of voiced frames.
    """
    octaves = track.octaves[track.voiced] + np.log2(speed)
    return np.concatenate([_statistics(octaves), _statistics(track.probability), [track.voiced.mean()]])


def _statistics(values: Array) -> Array:
    time = np.linspace(-1.0, 1.0, len(values))
    slope = time @ (values - values.mean()) / (time @ time)
    change = np.abs(np.diff(values, prepend=values[:1])).mean()
    return np.array([values.mean(), values.std(), *np.quantile(values, QUANTILES), slope, change])
