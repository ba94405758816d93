"""Enrolment: the recognizer hears some unlabelled clips of a speaker first, and adapts to the voice.

A clip is seen in several views (layers of a speaker encoder, functionals), each with a `SpeakerLda`. Of the
clips that a speaker enrols, each view learns how far this voice lies from the mean voice, and subtracts it;
the views' logits are added up with weights.

Nothing here reads an emotion of a speaker who is tested, nor a clip that is scored but to score it. Yet clips
of test speakers are heard before others of theirs are recognised, so results are of a protocol of their own,
``enrolled``, and stand beside no other.
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
    """Clips of some actors, in several views.

    Attributes
    ----------
    clips : numpy.ndarray [shape=(n,)]
        Clip ids, in the order of the rows of each view.
    actors : numpy.ndarray [shape=(n,), dtype=int64]
        Who speaks, 1 to 24.
    y : numpy.ndarray [shape=(n,), dtype=int64]
        The labels: places in `EMOTIONS`, 0 to 7.
    views : Mapping of str to numpy.ndarray [shape=(n, columns)]
    """

    clips: npt.NDArray[np.str_]
    actors: Labels
    y: Labels
    views: Mapping[str, Array]

    @classmethod
    def join(cls, parts: Mapping[str, Part]) -> Self:
        """Join parts with the same clips, by the view."""
        first, *others = parts.values()
        for part in others:
            if not np.array_equal(part.clips, first.clips):
                raise ValueError(f"the views {', '.join(parts)} are of different clips")
        return cls(first.clips, first.actors, first.y, {view: part.x for view, part in parts.items()})

    def part(self, view: str) -> Part:
        """Give one view, in the form that other models take."""
        return Part(self.clips, self.actors, self.views[view], self.y)

    def at(self, rows: npt.NDArray[np.intp] | Mask) -> Self:
        """Take some of the clips."""
        views = {name: x[rows] for name, x in self.views.items()}
        return type(self)(self.clips[rows], self.actors[rows], self.y[rows], views)


@dataclass(frozen=True)
class ViewChoice:
    """What the inner folds choose of one view.

    Attributes
    ----------
    shrinkage, prior_clips : float
        Hyper-parameters of `SpeakerLda.discriminant`.
    weight : float
        Of the view's logits in the sum.
    """

    shrinkage: float
    prior_clips: float
    weight: float = 1.0


def draw_enrolled(actors: Labels, *, n_clips: int, seed: int) -> Mask:
    """Draw the clips of each actor that are enrolled; the others are scored.

    Parameters
    ----------
    actors
        [shape=(n,)], of each clip.
    n_clips
        How many of each actor, who must have more. A draw holds all smaller ones with the same seed.
    seed
        With the actor's number it decides the draw, whoever else is there.

    Returns
    -------
    numpy.ndarray [shape=(n,), dtype=bool]

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


def adapt(linear: Matrix, actors: Labels, *, enrolled: Mask, prior_clips: float) -> Matrix:
    """Subtract from each clip what its speaker's enrolled clips tell of the speaker's offset.

    Parameters
    ----------
    linear
        [shape=(n, columns)], any linear function of `SpeakerLda.project`: a mean voice lies at 0.
    actors
        Who speaks in each clip [shape=(n,)].
    enrolled
        [shape=(n,)], which clips the offset may be learned of.
    prior_clips
        How many clips without an offset are imagined, as of `known_share`.
    """
    adapted = linear.copy()
    for actor in np.unique(actors[enrolled]):
        own = actors == actor
        heard = linear[own & enrolled]
        adapted[own] -= known_share(len(heard), prior_clips) * heard.mean(axis=0)
    return adapted


def view_logits(
    voices: SpeakerLda,
    projected: Matrix,
    actors: Labels,
    *,
    choice: ViewChoice,
    draws: list[Mask],
    n_clips: int,
) -> list[Matrix]:
    """Classify by one view, for each draw the clips [shape=(n, 8)] that are not enrolled."""
    discriminant = voices.discriminant(
        n_clips=n_clips, prior_clips=choice.prior_clips, shrinkage=choice.shrinkage
    )
    # Adapted after the product, which does not depend on the draw: 8 columns rather than a thousand.
    linear = projected @ discriminant.weights
    return [
        adapt(linear, actors, enrolled=enrolled, prior_clips=choice.prior_clips)[~enrolled]
        + discriminant.bias
        for enrolled in draws
    ]


def fit_voices(training: Speech) -> dict[str, SpeakerLda]:
    """Learn each view of training actors."""
    return {name: SpeakerLda.fit(x, training.y, training.actors) for name, x in training.views.items()}


def recognise(
    voices: Mapping[str, SpeakerLda],
    choices: Mapping[str, ViewChoice],
    speech: Speech,
    *,
    enrolled: Mask,
    n_clips: int,
) -> Matrix:
    """Recognise speakers who enrolled some clips.

    Parameters
    ----------
    voices
        The fitted LDA of each view, of `fit_voices`.
    choices
        The hyper-parameters and weight of each view.
    speech
        All clips of the speakers; its emotions are not read.
    enrolled
        Whether each clip is enrolled [shape=(n,)], of `draw_enrolled`.
    n_clips
        How many each speaker enrolled.

    Returns
    -------
    numpy.ndarray [shape=(clips that are not enrolled, 8)]
        Probabilities.
    """
    logits = [
        choice.weight
        * view_logits(
            voices[view],
            voices[view].project(speech.views[view]),
            speech.actors,
            choice=choice,
            draws=[enrolled],
            n_clips=n_clips,
        )[0]
        for view, choice in choices.items()
    ]
    return np.asarray(softmax(np.sum(logits, axis=0), axis=1))
