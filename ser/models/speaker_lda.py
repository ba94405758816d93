"""Linear discriminant analysis of clips whose speaker is known only through a few adaptation clips.

A clip is modelled as the sum of a mean over all speakers, the speaker's offset from it, the emotion's, and a
rest. From n adaptation clips of a speaker, the offset is estimated as ``k`` times the mean of these clips,
where ``k = n / (n + prior_strength)``: a few clips do not determine an offset well, because they differ in
emotion as well. After this estimate is subtracted, clips of one emotion still scatter by the rest's
covariance R, by what was left of the offsets, and by the error of the estimate::

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


def known_share(n_clips: int, prior_strength: float) -> float:
    """Shrinkage of a speaker's mean over `n_clips`: 0 without a clip, towards 1 with many.

    Parameters
    ----------
    n_clips
        Number of adaptation clips, 0 or more.
    prior_strength
        Prior strength, above 0: as many clips without an offset are added to the mean.
    """
    return n_clips / (n_clips + prior_strength) if n_clips else 0.0


@dataclass(frozen=True)
class Discriminant:
    """A linear classifier of projected clips whose speaker's offset is subtracted.

    Projected clips times ``weights``, plus ``bias``, are logits: the logarithms of the emotions'
    probabilities, but for a constant a clip.

    Attributes
    ----------
    weights : numpy.ndarray [shape=(columns, 8), dtype=float64]
        Weight of each projected column for each emotion, in the order of `EMOTIONS`.
    bias : numpy.ndarray [shape=(8,), dtype=float64]
        Added to the logit of each emotion.
    """

    weights: Matrix
    bias: Matrix


@dataclass(frozen=True)
class SpeakerLda:
    """Estimates from training speakers, for any number of adaptation clips of others.

    Attributes
    ----------
    overall, scale : numpy.ndarray [shape=(columns,)]
        Mean over all clips, and standard deviation around each speaker's mean, in the unit of the features.
    directions : numpy.ndarray [shape=(columns, columns)]
        Eigenvectors of R, of scaled features, one a column.
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
        """Fit to training clips.

        Parameters
        ----------
        x
            [shape=(n, columns)] Features of the training clips.
        y
            [shape=(n,)] Labels: places in `EMOTIONS`, each of which must occur.
        actors
            [shape=(n,)] Speaker of each clip.
        """
        overall = x.mean(axis=0, dtype=np.float64)  # (columns,)
        clips = x - overall  # (n, columns)
        names, speaker = np.unique(actors, return_inverse=True)
        speakers = _means(clips, speaker, len(names))  # (speakers, columns)
        clips -= speakers[speaker]
        deviation = clips.std(axis=0)  # (columns,)
        scale = np.where(deviation > 0, deviation, 1.0)
        clips /= scale
        emotions = _means(clips, y, len(EMOTIONS))  # (8, columns)
        clips -= emotions[y]
        # (columns,), (columns, columns)
        rest, directions = eigh(clips.T @ clips / len(clips), overwrite_a=True, check_finite=False)
        offsets = speakers / scale
        return cls(overall, scale, directions, rest.clip(min=0), emotions @ directions, offsets @ directions)

    def project(self, x: Array) -> Matrix:
        """Project features [shape=(n, columns)] on `directions`, centred and scaled; the shape stays."""
        return np.asarray(((x - self.overall) / self.scale) @ self.directions)

    def discriminant(self, *, n_clips: int, prior_strength: float, shrinkage: float) -> Discriminant:
        """Make the classifier of speakers with `n_clips` adaptation clips; all emotions are equally probable.

        Parameters
        ----------
        n_clips
            Number of adaptation clips of each speaker, 0 or more.
        prior_strength
            Prior strength, above 0: as many clips without an offset are added to a speaker's mean.
        shrinkage
            From 0, the covariance as it was measured, to 1, the identity times its mean variance.

        Returns
        -------
        Discriminant
            For clips from which the estimate of their speaker's offset was subtracted.
        """
        share = known_share(n_clips, prior_strength)
        noise = share**2 / n_clips if n_clips else 0.0
        low_rank = np.vstack(
            [
                self.speakers * ((1 - share) / np.sqrt(len(self.speakers))),
                self.emotions * np.sqrt(noise / len(EMOTIONS)),
            ]
        )  # (speakers + 8, columns)
        diagonal = (1 + noise) * self.rest  # (columns,)
        variance = (diagonal.sum() + (low_rank**2).sum()) / len(diagonal)
        diagonal = (1 - shrinkage) * diagonal + shrinkage * variance
        low_rank = np.sqrt(1 - shrinkage) * low_rank

        inverted = low_rank / diagonal
        means = self.emotions.T / diagonal[:, None]  # (columns, 8)
        inner = np.eye(len(low_rank)) + low_rank @ inverted.T  # (speakers + 8, speakers + 8)
        weights = means - inverted.T @ np.linalg.solve(inner, low_rank @ means)  # (columns, 8)
        bias = -0.5 * np.einsum("ec,ce->e", self.emotions, weights)  # (8,)
        return Discriminant(weights, bias)


def _means(x: Matrix, groups: npt.NDArray[np.integer], n_groups: int) -> Matrix:
    """Mean of the rows of each group [shape=(n_groups, columns)]."""
    members = np.eye(n_groups)[:, groups]  # (n_groups, n), 1 where a row is of a group
    return np.asarray(members @ x / members.sum(axis=1, keepdims=True))
