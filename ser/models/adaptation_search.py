"""What is left to choose for enrolled speakers: by inner folds of training actors who enrol as many clips.

First shrinkage and prior of each view, by the UAR of the view alone; then the views' weights, by the log-loss
of the weighted sum, so that the probabilities are calibrated for speakers who were never met.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.metrics import recall_score
from sklearn.model_selection import GroupKFold

from ser.data.fold import Labels
from ser.models.speaker_adaptation import Mask, Speech, ViewChoice, draw_enrolled, fit_voices, view_logits
from ser.models.speaker_lda import Matrix, SpeakerLda
from ser.params import AdaptationSearch

ALL_VIEWS = "all, weighted"
"""What stands for a view in the trial of the weighted sum."""


@dataclass(frozen=True)
class InnerFold:
    """Training actors who are held out, as models that never met them see them."""

    actors: Labels
    y: Labels
    voices: Mapping[str, SpeakerLda]
    projected: Mapping[str, Matrix]


def inner_folds(training: Speech, *, n_folds: int) -> list[InnerFold]:
    """Hold out each training actor once, from models that are fitted to the others."""
    folds = []
    for fitted, rows in GroupKFold(n_folds).split(training.clips, groups=training.actors):
        held_out, voices = training.at(rows), fit_voices(training.at(fitted))
        projected = {view: voices[view].project(x) for view, x in held_out.views.items()}
        folds.append(InnerFold(held_out.actors, held_out.y, voices, projected))
    return folds


@dataclass(frozen=True)
class Rehearsal:
    """Inner folds in which the held-out actors enrol clips, by several draws.

    Attributes
    ----------
    folds : list of InnerFold
        Each with training actors who are held out.
    n_clips : int
        How many clips each actor enrols.
    seeds : list of int
        A draw of the enrolled clips for each.
    """

    folds: list[InnerFold]
    n_clips: int
    seeds: list[int]

    def labels(self) -> list[Labels]:
        """List the emotions of the scored clips, an array a draw."""
        by_fold = [[fold.y[~enrolled] for enrolled in self._draws(fold)] for fold in self.folds]
        return [np.concatenate(draw) for draw in zip(*by_fold, strict=True)]

    def logits(self, view: str, choice: ViewChoice) -> list[Matrix]:
        """Classify them by one view, an array [shape=(n, 8)] a draw."""
        by_fold = [
            view_logits(
                fold.voices[view],
                fold.projected[view],
                fold.actors,
                choice=choice,
                draws=self._draws(fold),
                n_clips=self.n_clips,
            )
            for fold in self.folds
        ]
        return [np.concatenate(draw) for draw in zip(*by_fold, strict=True)]

    def _draws(self, fold: InnerFold) -> list[Mask]:
        return [draw_enrolled(fold.actors, n_clips=self.n_clips, seed=seed) for seed in self.seeds]


def choose(
    folds: list[InnerFold], *, n_clips: int, settings: AdaptationSearch
) -> tuple[dict[str, ViewChoice], pd.DataFrame]:
    """Choose shrinkage, prior and weight of each view.

    Parameters
    ----------
    folds
        Of `inner_folds`, of training actors alone.
    n_clips
        How many clips each speaker enrols.
    settings
        Grids, and seeds of the draws.

    Returns
    -------
    choices : dict
        By the view.
    trials : pandas.DataFrame
        A row a point of each view's grid: ``view``, ``shrinkage``, ``prior_clips``, ``weight`` (0 of
        what was not chosen), ``inner_uar`` (mean over draws), ``chosen``; a last row is the weighted sum's,
        whose weights were fitted to the same clips.
    """
    rehearsal = Rehearsal(folds, n_clips, settings.seeds)
    labels = rehearsal.labels()
    priors = priors_for(n_clips, settings=settings)
    grid = [ViewChoice(*point) for point in product(settings.lda_shrinkage, priors)]

    uars = {
        view: [mean_uar(labels, rehearsal.logits(view, choice)) for choice in grid]
        for view in folds[0].voices
    }
    best = {view: int(np.argmax(of_view)) for view, of_view in uars.items()}
    logits = [np.concatenate(rehearsal.logits(view, grid[place])) for view, place in best.items()]
    weights = fit_weights(logits, np.concatenate(labels))
    choices = {
        view: replace(grid[place], weight=float(weight))
        for (view, place), weight in zip(best.items(), weights, strict=True)
    }

    trials = []
    for view, of_view in uars.items():
        for place, uar in enumerate(of_view):
            chosen = place == best[view]
            point = asdict(choices[view] if chosen else replace(grid[place], weight=0.0))
            trials.append({"view": view, **point, "inner_uar": uar, "chosen": chosen})
    joined = np.split(np.tensordot(weights, logits, axes=1), np.cumsum([len(y) for y in labels])[:-1])
    trials.append({"view": ALL_VIEWS, "inner_uar": mean_uar(labels, joined), "chosen": True})
    return choices, pd.DataFrame(trials)


def priors_for(n_clips: int, *, settings: AdaptationSearch) -> list[float]:
    """List the numbers of imagined clips to try: without a clip there is nothing that they could weigh."""
    return settings.prior_clips if n_clips else settings.prior_clips[:1]


def mean_uar(labels: list[Labels], logits: list[Matrix]) -> float:
    """UAR of each draw, and the mean over draws."""
    pairs = zip(labels, logits, strict=True)
    return float(np.mean([recall_score(y, z.argmax(axis=1), average="macro") for y, z in pairs]))


def fit_weights(logits: list[Matrix], y: Labels) -> Matrix:
    """Find the weights, none below 0, with which the sum of logits has the least log-loss.

    Parameters
    ----------
    logits
        [shape=(n, 8)] of each view, of clips that its model never met.
    y
        [shape=(n,)]. All emotions count the same, however many clips they have.

    Returns
    -------
    numpy.ndarray [shape=(views,)]
    """
    stacked = np.stack(logits, axis=2)
    right = np.arange(len(y)), y
    share = 1 / (len(np.unique(y)) * np.bincount(y)[y])

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        log_probabilities = log_softmax(stacked @ weights, axis=1)
        error = np.exp(log_probabilities)
        error[right] -= 1
        return -float(share @ log_probabilities[right]), np.einsum("n,ne,nev->v", share, error, stacked)

    start = np.full(len(logits), 0.1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(logits))
    return np.asarray(found.x)
