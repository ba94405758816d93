"""Three steps of the leakage ablation: how far long training and other models take each of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from experiments.ladder.scores import choose, count
from ser.evaluation.bootstrap import uar_interval
from ser.evaluation.metrics import CHANCE, accuracy, uar
from ser.figures.style import SERIES_COLOURS, project_style

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "augment_first": "augmented first, then split at random",
        "split_first": "split at random first",
        "speakers": "test speakers are new (LUNA5)",
    }
)
"""The steps, from the top."""


@dataclass(frozen=True)
class LongRung:
    """A step with long training; proportions rounded to 4 decimals.

    Attributes
    ----------
    recipe : str
    uar, uar_low, uar_high, accuracy : float
        After the last epoch: the mean over seeds, and its 95 % interval by bootstrap over actors.
    per_seed : list of float
        UAR of each seed after the last epoch, all its folds together.
    by_epoch : list of float
        The mean UAR after each epoch; a single one for models that have none.
    tested_clips : int
        Of a seed; copies count, where they are tested.
    """

    recipe: str
    uar: float
    uar_low: float
    uar_high: float
    accuracy: float
    per_seed: list[float]
    by_epoch: list[float]
    tested_clips: int


def score(candidates: pd.DataFrame, *, samples: int, seed: int) -> list[LongRung]:
    """Score every step of a model after every epoch.

    Parameters
    ----------
    candidates
        Of one model, from `experiments.ladder.scores.with_labels`; they are its epochs.
    samples, seed
        Of the bootstrap; see `ser.evaluation.scores.uar_interval`.
    """
    rungs = []
    for name in NAMES:
        rows = candidates[candidates["recipe"] == name]
        actors = np.unique(rows["actor"]).tolist()
        last = count(choose(rows, by="last"), actors=actors)
        pooled = last.sum(axis=1)
        low, high = uar_interval(last, samples=samples, seed=seed)
        by_epoch = [
            _share(uar(count(epoch, actors=actors).sum(axis=1)).mean())
            for _, epoch in rows.groupby("candidate")
        ]
        rungs.append(
            LongRung(
                recipe=name,
                uar=by_epoch[-1],
                uar_low=_share(low),
                uar_high=_share(high),
                accuracy=_share(accuracy(pooled).mean()),
                per_seed=[_share(value) for value in uar(pooled)],
                by_epoch=by_epoch,
                tested_clips=int(pooled[0].sum()),
            )
        )
    return rungs


def curves(rungs: Sequence[LongRung]) -> Figure:
    """Draw each step's UAR by epoch."""
    with project_style():
        figure = Figure(figsize=(7, 3.8), layout="constrained")
        axes = figure.subplots()
        for rung, colour in zip(rungs, SERIES_COLOURS, strict=False):
            epochs = np.arange(1, 1 + len(rung.by_epoch))
            label = f"{100 * rung.uar:.1f}  {NAMES[rung.recipe]}"
            axes.plot(epochs, 100 * np.array(rung.by_epoch), color=colour, label=label)
        axes.axhline(100 * CHANCE, color="#222222", linestyle="--", linewidth=1, label="chance")
        axes.set_xlim(1, len(rungs[0].by_epoch))
        axes.set_ylim(0, 100)
        axes.set_xlabel("epoch")
        axes.set_ylabel("UAR of the tested clips in %")
        axes.grid(axis="y")
        axes.set_title("The same network, trained for long: the article's CNN on the contour")
        figure.legend(loc="outside lower center", fontsize=8)
    return figure


def _share(value: float) -> float:
    return round(float(value), 4)
