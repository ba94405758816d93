"""Linear discriminant analysis of clips whose speaker is known only through a few other clips.

A clip is taken for the sum of a mean over all speakers, the speaker's offset from it, the emotion's, and a
rest. Of a speaker who was heard in n clips, the offset is estimated by ``k`` times the mean of these clips,
where ``k = n / (n + prior_clips)``: a few clips do not tell an offset well, because they differ in emotion as
well. After this estimate is subtracted, clips of one emotion still scatter by the rest's covariance R, by
what was left of the offsets, and by the error of the estimate::

    C = R + (1 - k)^2 B + k^2 / n (R + M)

B is the covariance of the speakers' offsets and M that of the emotions. So the classifier expects as much
noise as there will be, without a draw of clips in training. For n = 0 it is the ordinary LDA, whose
scatter within an emotion is R + B.

C is shrunk towards a multiple of the identity before it is inverted. In the basis of the eigenvectors of R,
which are computed once, C is the sum of a diagonal matrix and one of low rank, which the matrix inversion
lemma inverts cheaply for each n, prior and shrinkage.

References
----------
Shrinkage: Friedman JH (1989). Regularized Discriminant Analysis. JASA 84(405):165-175.
Matrix inversion lemma: Hager WW (1989). Updating the Inverse of a Matrix. SIAM Review 31(2):221-239.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from ser.data.fold import Array, Labels
from ser.data.ravdess import EMOTIONS

Matrix = npt.NDArray[np.float64]


def known_share(n_clips: int, prior_clips: float) -> float:
    """How much of a mean over `n_clips` is believed, from 0 (nothing was heard) to 1."""
    return n_clips / (n_clips + prior_clips) if n_clips else 0.0


@dataclass(frozen=True)
class Discriminant:
    """A linear classifier of projected clips whose speaker's offset is subtracted.

    Projected clips times ``weights``, plus ``bias``, are logarithms of the emotions' probabilities, but for a
    constant a clip.

    Attributes
    ----------
    weights : numpy.ndarray [shape=(columns, 8)]
        Of each projected column, a column an emotion in the order of `EMOTIONS`.
    bias : numpy.ndarray [shape=(8,)]
    """

    weights: Matrix
    bias: Matrix


@dataclass(frozen=True)
class SpeakerLda:
    """What is learned of training speakers, whatever will be heard of others.

    Attributes
    ----------
    overall, scale : numpy.ndarray [shape=(columns,)]
        Mean over all clips, and deviation around each speaker's mean.
    directions : numpy.ndarray [shape=(columns, columns)]
        Eigenvectors of R, of scaled features.
    rest : numpy.ndarray [shape=(columns,)]
        Eigenvalues of R, none below 0, ascending.
    emotions, speakers : numpy.ndarray [shape=(8, columns)], [shape=(speakers, columns)]
        Mean offsets from `overall`, scaled, along `directions`.
    """

    overall: Matrix
    scale: Matrix
    directions: Matrix
    rest: Matrix
    emotions: Matrix
    speakers: Matrix

    @classmethod
    def fit(cls, x: Array, y: Labels, actors: Labels) -> Self:
        """Learn of training clips.

        Parameters
        ----------
        x
            Features of the training clips [shape=(n, columns)].
        y
            [shape=(n,)], places in `EMOTIONS`, each of which must occur.
        actors
            Who speaks in each clip [shape=(n,)].
        """
        overall = x.mean(axis=0, dtype=np.float64)
        clips = x - overall
        names, speaker = np.unique(actors, return_inverse=True)
        speakers = _means(clips, speaker, len(names))
        clips -= speakers[speaker]
        deviation = clips.std(axis=0)
        scale = np.where(deviation > 0, deviation, 1.0)
        clips /= scale
        emotions = _means(clips, y, len(EMOTIONS))
        clips -= emotions[y]
        rest, directions = eigh(clips.T @ clips / len(clips), overwrite_a=True, check_finite=False)
        offsets = speakers / scale
        return cls(overall, scale, directions, rest.clip(min=0), emotions @ directions, offsets @ directions)

    def project(self, x: Array) -> Matrix:
        """Turn features [shape=(n, columns)] into coordinates in which `discriminant` works."""
        return np.asarray(((x - self.overall) / self.scale) @ self.directions)

    def discriminant(self, *, n_clips: int, prior_clips: float, shrinkage: float) -> Discriminant:
        """Classify speakers who were heard in `n_clips`; all emotions are taken for equally frequent.

        Parameters
        ----------
        n_clips
            How many clips the speaker's mean is known of.
        prior_clips
            How many clips without any offset are imagined beside them.
        shrinkage
            From 0, the covariance as it was measured, to 1, the identity times its mean variance.
        """
        share = known_share(n_clips, prior_clips)
        noise = share**2 / n_clips if n_clips else 0.0
        low_rank = np.vstack(
            [
                self.speakers * ((1 - share) / np.sqrt(len(self.speakers))),
                self.emotions * np.sqrt(noise / len(EMOTIONS)),
            ]
        )
        diagonal = (1 + noise) * self.rest
        variance = (diagonal.sum() + (low_rank**2).sum()) / len(diagonal)
        diagonal = (1 - shrinkage) * diagonal + shrinkage * variance
        low_rank = np.sqrt(1 - shrinkage) * low_rank

        inverted = low_rank / diagonal
        means = self.emotions.T / diagonal[:, None]
        inner = np.eye(len(low_rank)) + low_rank @ inverted.T
        weights = means - inverted.T @ np.linalg.solve(inner, low_rank @ means)
        bias = -0.5 * np.einsum("ec,ce->e", self.emotions, weights)
        return Discriminant(weights, bias)


def _means(x: Matrix, groups: npt.NDArray[np.integer], n_groups: int) -> Matrix:
    """Mean of the rows of each group [shape=(n_groups, columns)]."""
    members = np.eye(n_groups)[:, groups]
    return np.asarray(members @ x / members.sum(axis=1, keepdims=True))
