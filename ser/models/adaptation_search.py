"""Hyper-parameters of unsupervised speaker adaptation, selected on inner folds of training actors.

In an inner fold each held-out actor has as many adaptation clips as a test speaker will have. First shrinkage
and prior strength of each feature set are selected by the UAR of that set alone. Then the weights of the sets
are fitted by the log-loss of the weighted sum, so that the probabilities are calibrated for unseen speakers.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import log_softmax
from sklearn.metrics import recall_score
from sklearn.model_selection import GroupKFold

from ser.data.fold import Labels
from ser.models.speaker_adaptation import LdaChoice, Mask, Speech, adapted_logits, draw_enrolled, fit_ldas
from ser.models.speaker_lda import Matrix, SpeakerLda
from ser.params import AdaptationSearch

WEIGHTED_SUM = "all, weighted"
"""Stands for a feature set in the row of the weighted sum, in the table of trials."""


@dataclass(frozen=True)
class InnerFold:
    """Training actors who are held out, and models that were fitted without them.

    Attributes
    ----------
    actors : numpy.ndarray [shape=(n,), dtype=int64]
        Speaker of each held-out clip, 1 to 24.
    y : numpy.ndarray [shape=(n,), dtype=int64]
        The labels: places in `EMOTIONS`, 0 to 7.
    ldas : mapping of str to SpeakerLda
        By feature set, the model that was fitted to the other training actors.
    projected : mapping of str to numpy.ndarray [shape=(n, columns), dtype=float64]
        By feature set, the held-out clips after `SpeakerLda.project`.
    """

    actors: Labels
    y: Labels
    ldas: Mapping[str, SpeakerLda]
    projected: Mapping[str, Matrix]

    @property
    def voices(self) -> Mapping[str, SpeakerLda]:
        """What experiments/distillation, whose code is frozen, calls `ldas`."""
        return self.ldas


def inner_folds(training: Speech, *, n_folds: int) -> list[InnerFold]:
    """Hold out each training actor once, and fit models to the others.

    Parameters
    ----------
    training
        All training clips, in all feature sets.
    n_folds
        Number of inner folds, at least 2 and at most the number of training actors.

    Returns
    -------
    list of InnerFold
        The inner folds, without an actor in two of them.
    """
    folds = []
    for fitted, rows in GroupKFold(n_folds).split(training.clips, groups=training.actors):
        held_out, ldas = training.at(rows), fit_ldas(training.at(fitted))
        projected = {view: ldas[view].project(x) for view, x in held_out.views.items()}
        folds.append(InnerFold(held_out.actors, held_out.y, ldas, projected))
    return folds


@dataclass(frozen=True)
class InnerAdaptation:
    """Inner folds in which models adapt to the held-out actors, with several draws of adaptation clips.

    Attributes
    ----------
    folds : list of InnerFold
        Each with training actors who are held out.
    n_clips : int
        Number of adaptation clips of each actor, 0 or more.
    seeds : list of int
        One seed for each draw of adaptation clips.
    """

    folds: list[InnerFold]
    n_clips: int
    seeds: list[int]

    def labels(self) -> list[Labels]:
        """List the labels of the scored clips, an array [shape=(n,)] a draw, all inner folds together."""
        by_fold = [[fold.y[~enrolled] for enrolled in self._draws(fold)] for fold in self.folds]
        return [np.concatenate(draw) for draw in zip(*by_fold, strict=True)]

    def logits(self, view: str, choice: LdaChoice) -> list[Matrix]:
        """Compute the logits of these clips from one feature set, an array [shape=(n, 8)] a draw."""
        by_fold = [
            adapted_logits(
                fold.ldas[view],
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
) -> tuple[dict[str, LdaChoice], pd.DataFrame]:
    """Select shrinkage, prior strength and weight of each feature set.

    Parameters
    ----------
    folds
        Inner folds of training actors alone, from `inner_folds`.
    n_clips
        Number of adaptation clips of each speaker, 0 or more.
    settings
        Grids of shrinkage and prior strength, and seeds of the draws.

    Returns
    -------
    choices : dict of str to LdaChoice
        The selected hyper-parameters and the fitted weight, by feature set.
    trials : pandas.DataFrame
        A row a point of each set's grid: ``view`` (the feature set), ``shrinkage``, ``prior_clips`` (the
        prior strength), ``weight`` (0 unless selected), ``inner_uar`` (mean over draws), ``chosen``. The last
        row is that of the weighted sum, whose weights were fitted to the same clips.
    """
    inner = InnerAdaptation(folds, n_clips, settings.seeds)
    labels = inner.labels()
    priors = priors_for(n_clips, settings=settings)
    grid = [LdaChoice(*point) for point in product(settings.lda_shrinkage, priors)]

    uars = {view: [mean_uar(labels, inner.logits(view, choice)) for choice in grid] for view in folds[0].ldas}
    best = {view: int(np.argmax(of_view)) for view, of_view in uars.items()}
    # For each feature set (n, 8), the n clips being those of all draws.
    logits = [np.concatenate(inner.logits(view, grid[place])) for view, place in best.items()]
    weights = fit_weights(logits, np.concatenate(labels))  # (feature sets,)
    choices = {
        view: replace(grid[place], weight=float(weight))
        for (view, place), weight in zip(best.items(), weights, strict=True)
    }

    trials = []
    for view, of_view in uars.items():
        for place, uar in enumerate(of_view):
            chosen = place == best[view]
            point = {
                "shrinkage": grid[place].shrinkage,
                "prior_clips": grid[place].prior_strength,
                "weight": choices[view].weight if chosen else 0.0,
            }
            trials.append({"view": view, **point, "inner_uar": uar, "chosen": chosen})
    # Summed over feature sets (n, 8), then cut into draws again.
    joined = np.split(np.tensordot(weights, logits, axes=1), np.cumsum([len(y) for y in labels])[:-1])
    trials.append({"view": WEIGHTED_SUM, "inner_uar": mean_uar(labels, joined), "chosen": True})
    return choices, pd.DataFrame(trials)


def priors_for(n_clips: int, *, settings: AdaptationSearch) -> list[float]:
    """List the prior strengths to try: without adaptation clips the prior has no effect, so one is enough."""
    return settings.prior_clips if n_clips else settings.prior_clips[:1]


def mean_uar(labels: list[Labels], logits: list[Matrix]) -> float:
    """Mean over draws of the UAR, from labels [shape=(n,)] and logits [shape=(n, 8)] of each draw."""
    pairs = zip(labels, logits, strict=True)
    return float(np.mean([recall_score(y, z.argmax(axis=1), average="macro") for y, z in pairs]))


def fit_weights(logits: list[Matrix], y: Labels) -> Matrix:
    """Find the weights, none below 0, with which the sum of logits has the least log-loss.

    Parameters
    ----------
    logits
        For each feature set [shape=(n, 8)], of clips on which its model was not trained.
    y
        [shape=(n,)] Labels, 0 to 7. All emotions count the same, however many clips they have.

    Returns
    -------
    numpy.ndarray [shape=(feature sets,), dtype=float64]
        Weight of each feature set, in the order of `logits`.
    """
    stacked = np.stack(logits, axis=2)  # (n, 8, feature sets)
    right = np.arange(len(y)), y
    share = 1 / (len(np.unique(y)) * np.bincount(y)[y])  # (n,), which sums to 1

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        log_probabilities = log_softmax(stacked @ weights, axis=1)  # (n, 8)
        error = np.exp(log_probabilities)
        error[right] -= 1
        return -float(share @ log_probabilities[right]), np.einsum("n,ne,nev->v", share, error, stacked)

    start = np.full(len(logits), 0.1)
    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(logits))
    return np.asarray(found.x)
