"""The runs of the leakage ablation: which there are, and the one loop that makes them in worker processes.

A run fits a model to the fold that a recipe makes, and leaves the predictions of all its candidates: the
epochs of a CNN, or the points of a model's grid.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from experiments.ladder.recipes import CLIPS, RECIPES, Recipe, Sizes, make_fold, n_folds
from ser.data.fold import Array, Fold, Labels
from ser.data.scaling import Scaler
from ser.files import read_table, write_parquet
from ser.parallel import run_all
from ser.params import Workers

RUN = ("model", "recipe", "seed", "fold")
CANDIDATES = (*RUN, "candidate", "name", "watched_uar", "clip", "predicted")
"""Columns of `candidate_table`; ``watched_uar`` is `Candidates.monitored_uar`."""


@dataclass(frozen=True)
class Run:
    """Which run: the model's name, the recipe's, the seed, and the fold's number, 0-based."""

    model: str
    recipe: str
    seed: int
    fold: int


@dataclass(frozen=True)
class Candidates:
    """What a run predicts, before one of its candidates is selected.

    Attributes
    ----------
    names : sequence of str
        Such as ``epoch=3`` or ``C=1 gamma=0.1``.
    monitored_uar : sequence of float
        Each candidate's UAR on the clips by which it may be selected, 0 to 1.
    predicted : numpy.ndarray [shape=(candidates, n), dtype=int]
        Predicted emotions of the test clips: places in `EMOTIONS`.
    """

    names: Sequence[str]
    monitored_uar: Sequence[float]
    predicted: Labels


class Model(Protocol):
    """A model that is fitted to every run of its name. It can be sent to a worker process."""

    @property
    def axes(self) -> tuple[int, ...]:
        """Over what the scaler of its features takes mean and standard deviation."""

    def read(self, recipe: Recipe) -> list[Array]:
        """Read its features of all clips in the copies of a recipe, each [shape=(clips, ...)]."""

    def fit(self, run: Run, fold: Fold, scaler: Scaler, *, bar_position: int = 0) -> Candidates:
        """Fit all candidates to the training clips, and predict the test clips by each.

        Parameters
        ----------
        run
            Which one.
        fold, scaler
            What `experiments.ladder.recipes.make_fold` made of the run's recipe.
        bar_position
            The line of the progress bar, where the model shows one.
        """


def runs_of(
    model: str,
    names: Iterable[str],
    *,
    splits: Sequence[int] = (),
    seeds: Sequence[int] = (0,),
    folds: Sequence[int] | None = None,
    recipes: Mapping[str, Recipe] = RECIPES,
) -> list[Run]:
    """List the runs of a model, recipe by recipe.

    Parameters
    ----------
    model
        Its name in outputs.
    names
        Which of the recipes.
    splits
        Seeds of random splits; a network's weights are drawn by the same.
    seeds, folds
        Of recipes that split actors: the seeds, and the folds run with each, or all where none are named.
    recipes
        Recipes by their names.
    """
    runs = []
    for name in names:
        if recipes[name].split_unit == "actors":
            numbers = range(n_folds(recipes[name])) if folds is None else folds
            runs += [Run(model, name, seed, number) for seed in seeds for number in numbers]
        else:
            runs += [Run(model, name, seed, 0) for seed in splits]
    return runs


def fit_all(
    runs: Sequence[Run], models: Mapping[str, Model], *, sizes: Sizes, workers: Workers, path: str
) -> None:
    """Make all runs, and write their tables of candidates, one below the other, to a parquet file."""
    calls = [(run, models[run.model], sizes, 1 + place % workers.jobs) for place, run in enumerate(runs)]
    tables = run_all(fit_one, calls, workers=workers, what=f"ladder {Path(path).stem}", unit="run")
    write_parquet(path, pd.concat(tables, ignore_index=True))


def fit_one(run: Run, model: Model, sizes: Sizes, bar_position: int) -> pd.DataFrame:
    """Make one run; the form in which workers are called."""
    recipe = RECIPES[run.recipe]
    fold, scaler = make_fold(
        recipe,
        read_table("data/clips.parquet", CLIPS),
        model.read(recipe),
        axes=model.axes,
        seed=run.seed,
        number=run.fold,
        sizes=sizes,
    )
    return candidate_table(run, fold.test["clip"], model.fit(run, fold, scaler, bar_position=bar_position))


def candidate_table(run: Run, clips: pd.Series, candidates: Candidates) -> pd.DataFrame:
    """Tabulate what all candidates of a run predict.

    Parameters
    ----------
    run
        Which one.
    clips
        Names of the test clips [shape=(n,)].
    candidates
        Their predictions of these clips.

    Returns
    -------
    pandas.DataFrame
        With `CANDIDATES`, candidate by candidate.
    """
    n_candidates, n_clips = candidates.predicted.shape
    table = pd.DataFrame(
        {
            "candidate": np.repeat(np.arange(n_candidates), n_clips),
            "name": np.repeat(list(candidates.names), n_clips),
            "watched_uar": np.repeat(list(candidates.monitored_uar), n_clips),
            "clip": np.tile(clips.to_numpy(dtype=np.str_), n_candidates),
            "predicted": candidates.predicted.astype(np.int8).ravel(),
        }
    )
    return table.assign(**asdict(run))[list(CANDIDATES)]
