"""How a model is made from a fold, and the one loop over folds and seeds that all models go through."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy.typing as npt
import pandas as pd

from ser.data.fold import Fold, Part
from ser.data.predictions import prediction_table
from ser.parallel import run_all
from ser.params import Workers


class Fitted(Protocol):
    """A model that was fitted to a fold."""

    @property
    def log(self) -> pd.DataFrame:
        """How it was fitted: a row a trial of a search, or a row an epoch of a learning curve."""

    def predict(self, part: Part) -> npt.ArrayLike:
        """Give scores of the emotions [shape=(n, 8)], not negative; a table has them scaled to sum to 1."""

    def predict_validation(self, part: Part) -> npt.ArrayLike:
        """Give scores [shape=(n, 8)] of validation clips, by a model that was not trained on them."""


class Recipe(Protocol):
    """How a model is made from a fold. Its fields can be sent to a worker process."""

    @property
    def model(self) -> str:
        """The model's name in predictions."""

    def fit(self, fold: Fold, *, seed: int, bar_position: int = 0) -> Fitted:
        """Fit the model to a fold, of whose test clips nothing is read.

        Parameters
        ----------
        fold
            A fold with the features that are the model's input.
        seed
            Seed of all that is drawn, such as initial weights.
        bar_position
            Line of the progress bar, where the model shows one, 0-based.

        Returns
        -------
        Fitted
            The fitted model, for clips of the same features.
        """


Change = Callable[[Fold], Fold]
"""A leakage test: the change of a fold before a model is fitted to it and tested on it."""


@dataclass(frozen=True)
class CrossValidation:
    """Predictions and logs of models on their folds.

    Attributes
    ----------
    predictions : pandas.DataFrame
        Predictions of the test clips, a row a clip, model and seed, in the form of `ser.data.predictions`.
    validation : pandas.DataFrame
        The same for the validation clips; without a row where no fold has any.
    log : pandas.DataFrame
        Logs of all fits, one below the other: ``model``, ``seed``, ``fold``, and the columns of `Fitted.log`.
    """

    predictions: pd.DataFrame
    validation: pd.DataFrame
    log: pd.DataFrame


def cross_validate(
    candidates: Iterable[tuple[Recipe, Iterable[Fold]]],
    *,
    protocol: str,
    seeds: Sequence[int] = (0,),
    change: Change | None = None,
    workers: Workers,
    what: str,
    unit: str = "fold",
) -> CrossValidation:
    """Fit each model to each of its folds with each seed, and predict the fold's test and validation clips.

    Parameters
    ----------
    candidates
        Recipes, each with its folds, which hold the features that are its input.
    protocol
        The protocol's name in predictions.
    seeds
        Seeds of all that is drawn; each recipe is fitted to each fold once a seed.
    change
        A leakage test, applied to each fold; None to fit the folds as they are.
    workers, what, unit
        How the runs are made and counted, as of `ser.parallel.run_all`.

    Returns
    -------
    CrossValidation
        Rows in the order of the recipes, of the seeds and of the folds.
    """
    runs = [(recipe, fold, seed) for recipe, own in candidates for seed in seeds for fold in own]
    calls = [(*run, protocol, change, 1 + place % workers.jobs) for place, run in enumerate(runs)]
    results = run_all(run_fold, calls, workers=workers, what=what, unit=unit)
    return CrossValidation(*(pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True)))


def run_fold(
    recipe: Recipe, fold: Fold, seed: int, protocol: str, change: Change | None, bar_position: int
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Fit and apply one model once; the form in which workers are called.

    Returns
    -------
    tuple of pandas.DataFrame
        The tables of `CrossValidation`.
    """
    fold = fold if change is None else change(fold)
    fitted = recipe.fit(fold, seed=seed, bar_position=bar_position)
    about: dict[str, Any] = {"model": recipe.model, "seed": seed, "fold": fold.number}

    def table(clips: pd.DataFrame, predict: Callable[[Part], npt.ArrayLike]) -> pd.DataFrame:
        part = fold.recordings(clips)
        return prediction_table(part, predict(part), protocol=protocol, **about)

    tested = table(fold.test, fitted.predict)
    validated = table(fold.validation, fitted.predict_validation) if len(fold.validation) else tested[:0]
    return tested, validated, fitted.log.assign(**about)[[*about, *fitted.log.columns]]
