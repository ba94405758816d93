"""Scores of the leakage ablation: selecting candidates, and the inflation of UAR by each leak.

A run leaves the predictions of all its candidates, which are the epochs of a CNN or the points of a model's
grid. A step's score follows from how one of them is selected.

References
----------
Percentile bootstrap over clusters: Davison AC, Hinkley DV (1997). Bootstrap Methods and their Application.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.ladder.recipes import RUNGS
from ser.data.ravdess import EMOTIONS
from ser.evaluation.bootstrap import percentiles, resample, uar_interval
from ser.evaluation.metrics import CHANCE, Counts, accuracy, uar

RUN = ("model", "recipe", "seed", "fold")
CANDIDATES = (*RUN, "candidate", "name", "watched_uar", "clip", "predicted")
"""Columns of `candidate_table`."""
LABELS = ("clip", "emotion", "actor", "sha256")

By = Literal["test", "watched", "last"]


@dataclass(frozen=True)
class Run:
    """Which run: a model, a recipe of `experiments.ladder.recipes`, a seed and a fold."""

    model: str
    recipe: str
    seed: int
    fold: int


def candidate_table(
    about: Run,
    *,
    names: Sequence[str],
    watched_uar: Sequence[float],
    clips: npt.NDArray[np.str_],
    predicted: npt.NDArray[np.generic],
) -> pd.DataFrame:
    """Tabulate what all candidates of a run predict.

    Parameters
    ----------
    about
        Which run.
    names
        Of the candidates, in their order.
    watched_uar
        Each candidate's score on the clips by which it may be chosen.
    clips
        The tested rows.
    predicted
        Places in `EMOTIONS` [shape=(candidates, rows)].

    Returns
    -------
    pandas.DataFrame
        With `CANDIDATES`, candidate by candidate.
    """
    table = pd.DataFrame(
        {
            "candidate": np.repeat(np.arange(len(names)), len(clips)),
            "name": np.repeat(list(names), len(clips)),
            "watched_uar": np.repeat(list(watched_uar), len(clips)),
            "clip": np.tile(clips, len(names)),
            "predicted": predicted.astype(np.int8).ravel(),
        }
    )
    return table.assign(**asdict(about))[list(CANDIDATES)]


def choose(candidates: pd.DataFrame, *, by: By) -> pd.DataFrame:
    """Keep one candidate of each run.

    Parameters
    ----------
    candidates
        With `CANDIDATES` and ``emotion``, the actual one's place in `EMOTIONS`.
    by
        Whose UAR decides: that of the tested clips themselves, or that of the clips that were monitored; of
        equals the first is kept. Or no one's: the last.
    """
    each = [*RUN, "candidate"]
    right = candidates["predicted"] == candidates["emotion"]
    if by == "test":
        recalls = right.groupby([*(candidates[name] for name in each), candidates["emotion"]]).mean()
        score = recalls.groupby(level=each).mean()
    else:
        score = candidates.groupby(each)["watched_uar" if by == "watched" else "candidate"].first()
    # Rounded, so that sums in another order do not make equals differ.
    best = score.round(9).groupby(level=list(RUN)).idxmax()
    chosen = pd.MultiIndex.from_tuples(best.to_list(), names=each)
    return candidates[pd.MultiIndex.from_frame(candidates[each]).isin(chosen)]


def count(predictions: pd.DataFrame, *, actors: Sequence[int]) -> Counts:
    """Count who was taken for what [shape=(seeds, actors, 8, 8)], all folds of a seed together.

    Parameters
    ----------
    predictions
        Chosen ones of one model and recipe, with ``emotion`` and ``actor``.
    actors
        Whom to count, in this order.
    """
    kept = predictions[predictions["actor"].isin(list(actors))]
    seeds, seed = np.unique(kept["seed"].to_numpy(), return_inverse=True)
    places = {actor: place for place, actor in enumerate(actors)}
    actor = kept["actor"].map(places).to_numpy()
    counts = np.zeros((len(seeds), len(actors), len(EMOTIONS), len(EMOTIONS)), dtype=np.int64)
    np.add.at(counts, (seed, actor, kept["emotion"].to_numpy(), kept["predicted"].to_numpy()), 1)
    return counts


def with_labels(candidates: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Add each row's actual emotion, as its place in `EMOTIONS`, and its actor.

    Parameters
    ----------
    candidates
        With `CANDIDATES`.
    clips
        With `LABELS`.
    """
    labels = clips.set_index("clip")
    return candidates.assign(
        emotion=candidates["clip"].map(labels["emotion"]).map(EMOTIONS.index).astype(np.int64),
        actor=candidates["clip"].map(labels["actor"]).astype(np.int64),
    )


@dataclass(frozen=True)
class Rung:
    """A step's result, as proportions rounded to 4 decimals.

    Attributes
    ----------
    shown : {"test", "watched"}
        How the epoch of ``uar``, ``uar_low``, ``uar_high``, ``accuracy`` and ``per_seed`` was chosen.
    best_on_test, by_validation, last_epoch : float or None
        The UAR by each way to choose; None where the test clips themselves were monitored.
    """

    recipe: str
    uar: float
    uar_low: float
    uar_high: float
    accuracy: float
    per_seed: list[float]
    shown: Literal["test", "watched"]
    best_on_test: float
    by_validation: float | None
    last_epoch: float
    tested_clips: int


def climb(candidates: pd.DataFrame, *, samples: int, seed: int) -> list[Rung]:
    """Score the steps, in their order.

    Parameters
    ----------
    candidates
        Of one model, from `with_labels`.
    samples, seed
        Of the bootstrap over actors; see `ser.evaluation.scores.uar_interval`.
    """
    rungs = []
    for name, recipe in RUNGS.items():
        rows = candidates[candidates["recipe"] == name]
        actors = np.unique(rows["actor"]).tolist()
        counts = {by: count(choose(rows, by=by), actors=actors) for by in ("test", "watched", "last")}
        pooled = {by: each.sum(axis=1) for by, each in counts.items()}
        means = {by: _share(float(uar(each).mean())) for by, each in pooled.items()}
        shown: Literal["test", "watched"] = "test" if recipe.watched == "test" else "watched"
        low, high = uar_interval(counts[shown], samples=samples, seed=seed)
        rungs.append(
            Rung(
                recipe=name,
                uar=means[shown],
                uar_low=_share(low),
                uar_high=_share(high),
                accuracy=_share(float(accuracy(pooled[shown]).mean())),
                per_seed=[_share(value) for value in uar(pooled[shown])],
                shown=shown,
                best_on_test=means["test"],
                by_validation=None if shown == "test" else means["watched"],
                last_epoch=means["last"],
                tested_clips=int(pooled[shown].sum() / len(pooled[shown])),
            )
        )
    return rungs


@dataclass(frozen=True)
class Comparison:
    """A leak: what has it, and what has not, as recipe and way to choose."""

    leaking: tuple[str, By]
    honest: tuple[str, By] | None
    paired: bool = False
    """Whether only seeds are compared that both have."""


LEAKS = {
    "byte_identical_pair": Comparison(("own_validation", "watched"), ("without_twins", "watched"), True),
    "scaling_on_all": Comparison(("scaled_on_all", "watched"), ("speakers", "watched"), True),
    "chosen_on_test": Comparison(("speakers", "test"), ("speakers", "watched")),
    "scaling_by_speaker": Comparison(("scaled_by_speaker", "watched"), ("speakers", "watched"), True),
    "random_split": Comparison(("own_validation", "watched"), ("speakers", "watched")),
    "permuted_labels": Comparison(("permuted", "watched"), None),
}
"""Each against the same model without it; permuted labels against chance."""


@dataclass(frozen=True)
class Worth:
    """The inflation of UAR by a leak, as proportions rounded to 4 decimals.

    Attributes
    ----------
    model, leak : str
    uar : float
        With the leak.
    honest_uar : float
        Without; of permuted labels, chance.
    points, low, high : float
        UAR with the leak minus that without, and its 95 % interval by bootstrap over actors, who are drawn
        alike in both parts.
    seeds, actors : int
        How many were compared.
    """

    model: str
    leak: str
    uar: float
    honest_uar: float
    points: float
    low: float
    high: float
    seeds: int
    actors: int


def worths(candidates: pd.DataFrame, *, samples: int, seed: int) -> list[Worth]:
    """Score every leak of every model for which both sides were run.

    Parameters
    ----------
    candidates
        From `with_labels`.
    samples, seed
        Of the bootstrap.
    """
    found = []
    for model, rows in candidates.groupby("model", sort=False):
        for leak, comparison in LEAKS.items():
            worth = _worth(str(model), leak, comparison, rows, samples=samples, seed=seed)
            if worth is not None:
                found.append(worth)
    return found


def _worth(
    model: str, leak: str, comparison: Comparison, rows: pd.DataFrame, *, samples: int, seed: int
) -> Worth | None:
    sides = [side for side in (comparison.leaking, comparison.honest) if side is not None]
    chosen = [choose(rows[rows["recipe"] == recipe], by=by) for recipe, by in sides]
    if any(each.empty for each in chosen):
        return None
    if comparison.paired:
        seeds = set.intersection(*(set(each["seed"]) for each in chosen))
        chosen = [each[each["seed"].isin(seeds)] for each in chosen]
    # A network may have been tried on some folds only.
    actors = sorted(set.intersection(*(set(each["actor"]) for each in chosen)))
    counts = [count(each, actors=actors) for each in chosen]
    scores = [float(uar(each.sum(axis=1)).mean()) for each in counts]
    resampled = [resample(uar, each, samples=samples, seed=seed) for each in counts]
    if comparison.honest is None:
        scores.append(CHANCE)
        resampled.append(np.full(samples, CHANCE))
    low, high = percentiles(resampled[0] - resampled[1])
    return Worth(
        model=model,
        leak=leak,
        uar=_share(scores[0]),
        honest_uar=_share(scores[1]),
        points=_share(scores[0] - scores[1]),
        low=_share(low),
        high=_share(high),
        seeds=len(counts[0]),
        actors=len(actors),
    )


@dataclass(frozen=True)
class Pair:
    """The duplicate clips under the random split.

    Attributes
    ----------
    splits : int
        Runs with a random split of clips.
    apart : int
        Those in which one of the pair trained and the other was tested.
    recognised : int
        Those of them in which it was recognised.
    at_most : float
        The mean over all splits of what UAR loses if these are counted as wrong.
    """

    model: str
    splits: int
    apart: int
    recognised: int
    at_most: float


def pairs(candidates: pd.DataFrame, clips: pd.DataFrame) -> list[Pair]:
    """Bound the inflation of each model's UAR by the duplicate clips.

    Parameters
    ----------
    candidates
        From `with_labels`.
    clips
        With `LABELS`.
    """
    twins = set(clips.loc[clips["sha256"].duplicated(keep=False), "clip"])
    return [
        _pair(str(model), choose(rows[rows["recipe"] == "own_validation"], by="watched"), twins)
        for model, rows in candidates.groupby("model", sort=False)
        if (rows["recipe"] == "own_validation").any()
    ]


def _pair(model: str, chosen: pd.DataFrame, twins: set[str]) -> Pair:
    apart = recognised = 0
    losses = []
    for _, run in chosen.groupby("seed"):
        tested = run[run["clip"].isin(twins)]
        alone = len(tested) == 1
        right = alone and bool((tested["predicted"] == tested["emotion"]).all())
        # One clip of an emotion less is this much less of its recall, an eighth of which is UAR's.
        same = (run["emotion"] == tested["emotion"].iloc[0]).sum() if alone else 1
        losses.append(1 / same / run["emotion"].nunique() if right else 0.0)
        apart, recognised = apart + alone, recognised + right
    return Pair(model, len(losses), apart, recognised, _share(float(np.mean(losses))))


def _share(value: float) -> float:
    return round(float(value), 4)
