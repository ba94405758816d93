"""Unsupervised speaker adaptation (enrolment), from some unlabelled clips of each test speaker.

A clip has several feature sets (layers of a speaker encoder, functionals), each with a `SpeakerLda`. From a
speaker's adaptation clips, each feature set estimates the speaker's offset from the mean over speakers, and
subtracts it. The logits of the feature sets are summed with weights.

Nothing here reads a label of a test speaker, nor uses a scored clip but to score it. Yet other clips of test
speakers are used before, so the results are of a protocol of their own, ``enrolled``, and are not to be
compared with those of another.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from ser.data.fold import Array, Labels, Part
from ser.models.speaker_lda import Matrix, SpeakerLda, known_share

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Speech:
    """Clips of some actors, in several feature sets.

    Attributes
    ----------
    clips : numpy.ndarray [shape=(n,)]
        Clip ids, in the order of the rows of each feature set.
    actors : numpy.ndarray [shape=(n,), dtype=int64]
        Speaker of each clip, 1 to 24.
    y : numpy.ndarray [shape=(n,), dtype=int64]
        The labels: places in `EMOTIONS`, 0 to 7.
    views : Mapping of str to numpy.ndarray [shape=(n, columns), dtype=float32]
        The feature sets by their names, before scaling; the number of columns is each one's own.
    """

    clips: npt.NDArray[np.str_]
    actors: Labels
    y: Labels
    views: Mapping[str, Array]

    @classmethod
    def join(cls, parts: Mapping[str, Part]) -> Self:
        """Join parts, one a feature set, that have the same clips in the same order."""
        first, *others = parts.values()
        for part in others:
            if not np.array_equal(part.clips, first.clips):
                raise ValueError(f"the views {', '.join(parts)} are of different clips")
        return cls(first.clips, first.actors, first.y, {view: part.x for view, part in parts.items()})

    @classmethod
    def split(cls, part: Part, widths: Mapping[str, int]) -> Self:
        """Split features in which several sets stand side by side, so that one `Fold` holds them all.

        Parameters
        ----------
        part
            Clips with features [shape=(n, columns)].
        widths
            Number of columns of each feature set, in their order. Columns that follow them, such as the
            canary features of a leakage test, are added to every set.
        """
        *sets, others = np.split(part.x, np.cumsum([*widths.values()]), axis=1)
        views = {name: np.hstack([x, others]) for name, x in zip(widths, sets, strict=True)}
        return cls(part.clips, part.actors, part.y, views)

    def part(self, view: str) -> Part:
        """Give one feature set, in the form that is the input of other models."""
        return Part(self.clips, self.actors, self.views[view], self.y)

    def at(self, rows: npt.NDArray[np.intp] | Mask) -> Self:
        """Take some of the clips, by row numbers [shape=(m,)] or by a mask [shape=(n,)]."""
        views = {name: x[rows] for name, x in self.views.items()}
        return type(self)(self.clips[rows], self.actors[rows], self.y[rows], views)


@dataclass(frozen=True)
class LdaChoice:
    """Hyper-parameters of one feature set, selected on inner folds.

    Attributes
    ----------
    shrinkage, prior_strength : float
        Shrinkage, 0 to 1, and prior strength, above 0, of `SpeakerLda.discriminant`.
    weight : float
        Weight of the set's logits in the sum, not negative.
    """

    shrinkage: float
    prior_strength: float
    weight: float = 1.0


def draw_enrolled(actors: Labels, *, n_clips: int, seed: int) -> Mask:
    """Draw the adaptation clips of each actor; the others are scored.

    Parameters
    ----------
    actors
        [shape=(n,)] Speaker of each clip.
    n_clips
        Number of adaptation clips of each actor, who must have more clips. A draw holds all smaller ones with
        the same seed.
    seed
        Seed of the draw, which depends on it and on the actor's number alone.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=bool]
        Whether each clip is an adaptation clip.

    Raises
    ------
    ValueError
        Where an actor has no clip left to score.
    """
    enrolled = np.zeros(len(actors), dtype=np.bool_)
    for actor in np.unique(actors):
        rows = np.flatnonzero(actors == actor)
        if n_clips >= len(rows):
            raise ValueError(f"actor {actor} has {len(rows)} clips: none is left when {n_clips} are enrolled")
        enrolled[np.random.default_rng([seed, actor]).permutation(rows)[:n_clips]] = True
    return enrolled


def adapt(linear: Matrix, actors: Labels, *, enrolled: Mask, prior_strength: float) -> Matrix:
    """Subtract from each clip its speaker's offset, as estimated from the speaker's adaptation clips.

    Parameters
    ----------
    linear
        [shape=(n, columns)] Any linear function of `SpeakerLda.project`, whose mean over speakers is 0.
    actors
        [shape=(n,)] Speaker of each clip.
    enrolled
        [shape=(n,), dtype=bool] Whether each clip is an adaptation clip.
    prior_strength
        Prior strength, in clips without an offset, as of `known_share`.

    Returns
    -------
    numpy.ndarray [shape=(n, columns), dtype=float64]
        The same values less the estimated offset of each speaker.
    """
    adapted = linear.copy()
    for actor in np.unique(actors[enrolled]):
        own = actors == actor
        clips = linear[own & enrolled]  # (adaptation clips, columns)
        adapted[own] -= known_share(len(clips), prior_strength) * clips.mean(axis=0)
    return adapted


def adapted_logits(
    lda: SpeakerLda,
    projected: Matrix,
    actors: Labels,
    *,
    choice: LdaChoice,
    draws: list[Mask],
    n_clips: int,
) -> list[Matrix]:
    """Compute logits from one feature set.

    Parameters
    ----------
    lda
        The fitted model of the feature set.
    projected
        [shape=(n, columns)] The clips after `SpeakerLda.project`.
    actors
        [shape=(n,)] Speaker of each clip.
    choice
        Hyper-parameters of the feature set; the weight is not applied here.
    draws
        Masks [shape=(n,)] of the adaptation clips, one a draw.
    n_clips
        Number of adaptation clips of each speaker, 0 or more.

    Returns
    -------
    list of numpy.ndarray [shape=(m, 8), dtype=float64]
        For each draw, the logits of the m clips that are no adaptation clips.
    """
    discriminant = lda.discriminant(
        n_clips=n_clips, prior_strength=choice.prior_strength, shrinkage=choice.shrinkage
    )
    # Adapted after the product, which does not depend on the draw: 8 columns rather than a thousand.
    linear = projected @ discriminant.weights  # (n, 8)
    return [
        adapt(linear, actors, enrolled=enrolled, prior_strength=choice.prior_strength)[~enrolled]
        + discriminant.bias
        for enrolled in draws
    ]


def fit_ldas(training: Speech) -> dict[str, SpeakerLda]:
    """Fit a model to each feature set of training clips; give them by the set's name."""
    return {name: SpeakerLda.fit(x, training.y, training.actors) for name, x in training.views.items()}


def recognise(
    ldas: Mapping[str, SpeakerLda],
    choices: Mapping[str, LdaChoice],
    speech: Speech,
    *,
    enrolled: Mask,
    n_clips: int,
) -> Matrix:
    """Adapt to speakers, and recognise their other clips.

    Parameters
    ----------
    ldas
        The fitted LDA of each feature set, from `fit_ldas`.
    choices
        The hyper-parameters and weight of each feature set.
    speech
        All n clips of the speakers; the labels are not read.
    enrolled
        [shape=(n,), dtype=bool] Whether each clip is an adaptation clip, as of `draw_enrolled`.
    n_clips
        Number of adaptation clips of each speaker.

    Returns
    -------
    numpy.ndarray [shape=(m, 8), dtype=float64]
        Probabilities of the m clips that are no adaptation clips.
    """
    logits = [
        choice.weight
        * adapted_logits(
            ldas[view],
            ldas[view].project(speech.views[view]),
            speech.actors,
            choice=choice,
            draws=[enrolled],
            n_clips=n_clips,
        )[0]
        for view, choice in choices.items()
    ]
    return np.asarray(softmax(np.sum(logits, axis=0), axis=1))  # (feature sets, m, 8) to (m, 8)
