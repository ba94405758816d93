"""Three steps of the leakage ablation: how far long training and other models take each of them."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.ladder.scores import choose, count
from ser.evaluation.bootstrap import uar_interval
from ser.evaluation.metrics import accuracy, uar

STEPS = ("augment_first", "split_first", "speakers")
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
    for name in STEPS:
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


def _share(value: float) -> float:
    return round(float(value), 4)
