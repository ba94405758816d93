"""Functionals of F0: how high, how variable and how clearly voiced a clip is.

A log-mel shows F0 only where its bands are narrow enough to separate the harmonics; here it is measured.

References
----------
Mauch M, Dixon S (2014). pYIN: a fundamental frequency estimator using probabilistic threshold distributions.
ICASSP.
"""

from dataclasses import dataclass

import librosa
import numpy as np
import numpy.typing as npt

from experiments.dtw.params import PitchParams
from ser.features.functionals import QUANTILES
from ser.params import LogMelParams

Array = npt.NDArray[np.float64]

FEWEST_VOICED = 8
"""Frames. Whispers have fewer; then the pitch is that of the frames that are most likely voiced."""


@dataclass(frozen=True)
class PitchTrack:
    """Of each frame of a clip's speech.

    Attributes
    ----------
    octaves : numpy.ndarray [shape=(t,)]
        Fundamental frequency, as the base-2 logarithm of Hz; a guess in unvoiced frames.
    voiced : numpy.ndarray [shape=(t,), dtype=bool]
        Where pYIN takes the frame to be voiced.
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
        The experiment's section ``pitch``.
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
    return PitchTrack(octaves=np.log2(hertz), voiced=voiced, probability=probability)


def pitch_functionals(track: PitchTrack, *, speed: float = 1.0) -> Array:
    """Summarise a clip's pitch over time.

    The statistics are those of `ser.features.functionals.functionals`: mean, standard deviation,
    quantiles, slope and
    mean absolute difference. Of the pitch they are taken over the voiced frames, as if these followed one
    another.

    Parameters
    ----------
    track
        Of the clip as recorded.
    speed
        At which it is played. The pitch rises by as many octaves everywhere, and all changes faster.

    Returns
    -------
    numpy.ndarray [shape=(19,)]
        Nine statistics of the pitch in octaves, nine of the probability of being voiced, and the share of
        voiced frames.
    """
    chosen = np.flatnonzero(track.voiced)
    if len(chosen) < FEWEST_VOICED:
        # Rounded, so that equal ones are equal on every CPU; of these the first are taken.
        chosen = np.argsort(-np.round(track.probability, 6), kind="stable")[:FEWEST_VOICED]
    octaves = _statistics(track.octaves[chosen], speed=speed)
    octaves[_HEIGHTS] += np.log2(speed)
    return np.concatenate([octaves, _statistics(track.probability, speed=speed), [track.voiced.mean()]])


_HEIGHTS = [0, *range(2, 2 + len(QUANTILES))]
"""Which statistics tell how high it is, rather than how much it moves."""


def _statistics(values: Array, *, speed: float) -> Array:
    time = np.linspace(-1.0, 1.0, len(values))
    slope = time @ (values - values.mean()) / (time @ time)
    change = np.abs(np.diff(values, prepend=values[:1])).mean()
    return np.array([values.mean(), values.std(), *np.quantile(values, QUANTILES), slope, speed * change])
