"""Scores of the leakage ablation: selecting candidates, and the inflation of UAR by each leak.

A step's score follows from how one of the candidates of a run (`experiments.ladder.runs`) is selected. Scores
are proportions, rounded to 4 decimals; their intervals are 95 % percentiles of a bootstrap over actors.

References
----------
Percentile bootstrap over clusters: Davison AC, Hinkley DV (1997). Bootstrap Methods and their Application.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from experiments.ladder.recipes import STEPS
from experiments.ladder.runs import RUN
from ser.data.ravdess import EMOTIONS
from ser.evaluation.bootstrap import percentiles, resample, uar_interval
from ser.evaluation.metrics import CHANCE, Counts, accuracy, uar

LABELS = ("clip", "emotion", "actor", "sha256")
"""Columns of the table of clips that are needed."""
LONG_STEPS = ("augment_first", "split_first", "speakers")

By = Literal["test", "monitored", "last"]
"""How a candidate is selected: by the test clips, by the clips that were monitored, or the last one."""


def with_labels(candidates: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Add each row's actual emotion, as its place in `EMOTIONS`, and its actor.

    Parameters
    ----------
    candidates
        A row a candidate and test clip, with `experiments.ladder.runs.CANDIDATES`.
    clips
        A row a clip, with `LABELS`.
    """
    labels = clips.set_index("clip")
    return candidates.assign(
        emotion=candidates["clip"].map(labels["emotion"]).map(EMOTIONS.index).astype(np.int64),
        actor=candidates["clip"].map(labels["actor"]).astype(np.int64),
    )


def select(candidates: pd.DataFrame, *, by: By) -> pd.DataFrame:
    """Keep one candidate of each run; of equals the first.

    Parameters
    ----------
    candidates
        From `with_labels`.
    by
        Whose UAR decides.
    """
    each = [*RUN, "candidate"]
    right = candidates["predicted"] == candidates["emotion"]
    if by == "test":
        recalls = right.groupby([*(candidates[name] for name in each), candidates["emotion"]]).mean()
        score = recalls.groupby(level=each).mean()
    else:
        score = candidates.groupby(each)["watched_uar" if by == "monitored" else "candidate"].first()
    # Rounded, so that sums in another order do not make equals differ.
    best = score.round(9).groupby(level=list(RUN)).idxmax()
    selected = pd.MultiIndex.from_tuples(best.to_list(), names=each)
    return candidates[pd.MultiIndex.from_frame(candidates[each]).isin(selected)]


def count(predictions: pd.DataFrame, *, actors: Sequence[int] | None = None) -> Counts:
    """Count predicted by actual emotions [shape=(seeds, actors, 8, 8)], all folds of a seed together.

    Parameters
    ----------
    predictions
        Selected ones of one model and recipe, with ``emotion`` and ``actor``.
    actors
        Whom to count, in this order; all in ascending order where none are named.
    """
    actors = np.unique(predictions["actor"]).tolist() if actors is None else list(actors)
    kept = predictions[predictions["actor"].isin(actors)]
    seeds, seed = np.unique(kept["seed"].to_numpy(), return_inverse=True)
    actor = kept["actor"].map({actor: place for place, actor in enumerate(actors)}).to_numpy()
    counts = np.zeros((len(seeds), len(actors), len(EMOTIONS), len(EMOTIONS)), dtype=np.int64)
    np.add.at(counts, (seed, actor, kept["emotion"].to_numpy(), kept["predicted"].to_numpy()), 1)
    return counts


def summarize(counts: Counts, *, samples: int, seed: int) -> dict[str, Any]:
    """Score a model on the test clips of one recipe.

    Parameters
    ----------
    counts
        From `count` [shape=(seeds, actors, 8, 8)].
    samples, seed
        Of the bootstrap; see `ser.evaluation.bootstrap.resample`.

    Returns
    -------
    dict
        ``uar``, ``uar_low``, ``uar_high`` and ``accuracy``: means over seeds, and the interval; ``per_seed``:
        each seed's UAR, its folds pooled.
    """
    pooled = counts.sum(axis=1)  # (seeds, 8, 8)
    low, high = uar_interval(counts, samples=samples, seed=seed)
    return {
        "uar": _mean_uar(counts),
        "uar_low": _rounded(low),
        "uar_high": _rounded(high),
        "accuracy": _rounded(accuracy(pooled).mean()),
        "per_seed": [_rounded(value) for value in uar(pooled)],
    }


def score_steps(candidates: pd.DataFrame, *, samples: int, seed: int) -> list[dict[str, Any]]:
    """Score the steps, in their order.

    Parameters
    ----------
    candidates
        Of one model, from `with_labels`.
    samples, seed
        As for `summarize`.

    Returns
    -------
    list of dict
        ``recipe``, the keys of `summarize`, and ``shown``: whether those are of the epoch selected on test
        clips (``test``) or on validation clips (``watched``); ``best_on_test``, ``by_validation``,
        ``last_epoch``: the UAR by each way to select, None where no validation clips were monitored;
        ``tested_clips`` of a seed, copies included.
    """
    steps = []
    for name, recipe in STEPS.items():
        rows = candidates[candidates["recipe"] == name]
        of_test, monitored, last = (count(select(rows, by=by)) for by in ("test", "monitored", "last"))
        on_test = recipe.monitored == "test"
        steps.append(
            {
                "recipe": name,
                **summarize(of_test if on_test else monitored, samples=samples, seed=seed),
                "shown": "test" if on_test else "watched",
                "best_on_test": _mean_uar(of_test),
                "by_validation": None if on_test else _mean_uar(monitored),
                "last_epoch": _mean_uar(last),
                "tested_clips": int(last[0].sum()),
            }
        )
    return steps


def score_long_steps(candidates: pd.DataFrame, *, samples: int, seed: int) -> list[dict[str, Any]]:
    """Score `LONG_STEPS` of a model after every epoch; its last one counts.

    Parameters
    ----------
    candidates
        Of one model, from `with_labels`; they are its epochs, or a single one.
    samples, seed
        As for `summarize`.

    Returns
    -------
    list of dict
        ``recipe``, the keys of `summarize` after the last epoch, ``by_epoch`` (the mean UAR after each), and
        ``tested_clips`` of a seed, copies included.
    """
    steps = []
    for name in LONG_STEPS:
        rows = candidates[candidates["recipe"] == name]
        epochs = [count(epoch) for _, epoch in rows.groupby("candidate")]
        steps.append(
            {
                "recipe": name,
                **summarize(epochs[-1], samples=samples, seed=seed),
                "by_epoch": [_mean_uar(epoch) for epoch in epochs],
                "tested_clips": int(epochs[-1][0].sum()),
            }
        )
    return steps


@dataclass(frozen=True)
class Comparison:
    """A leak: what has it, and what has not, each a recipe and a way to select.

    Attributes
    ----------
    leaking : tuple
        With the leak.
    honest : tuple or None
        Without it; none for permuted labels, which are compared with the chance level.
    paired : bool
        Whether only seeds are compared that both have.
    """

    leaking: tuple[str, By]
    honest: tuple[str, By] | None
    paired: bool = False


# In metrics, the duplicate clips are called byte_identical_pair.
LEAKS = {
    "byte_identical_pair": Comparison(("own_validation", "monitored"), ("without_twins", "monitored"), True),
    "scaling_on_all": Comparison(("scaled_on_all", "monitored"), ("speakers", "monitored"), True),
    "chosen_on_test": Comparison(("speakers", "test"), ("speakers", "monitored")),
    "scaling_by_speaker": Comparison(("scaled_by_speaker", "monitored"), ("speakers", "monitored"), True),
    "random_split": Comparison(("own_validation", "monitored"), ("speakers", "monitored")),
    "permuted_labels": Comparison(("permuted", "monitored"), None),
}
"""Each against the same model without it."""


def inflations(candidates: pd.DataFrame, *, samples: int, seed: int) -> list[dict[str, Any]]:
    """Score the inflation of UAR by every leak of every model that was run with the leak and without.

    Parameters
    ----------
    candidates
        From `with_labels`.
    samples, seed
        As for `summarize`; the same actors are drawn with the leak and without.

    Returns
    -------
    list of dict
        ``model``, ``leak``; ``uar`` with the leak and ``honest_uar`` without (of permuted labels, the chance
        level); ``points``, their difference, with its interval ``low`` to ``high``; ``seeds`` and ``actors``:
        how many were compared.
    """
    return [
        {"model": str(model), "leak": leak, **found}
        for model, rows in candidates.groupby("model", sort=False)
        for leak, comparison in LEAKS.items()
        for found in _inflation(comparison, rows, samples=samples, seed=seed)
    ]


def _inflation(
    comparison: Comparison, rows: pd.DataFrame, *, samples: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Compare a model's runs with a leak and without, unless some were not made."""
    compared = [it for it in (comparison.leaking, comparison.honest) if it is not None]
    selected = [select(rows[rows["recipe"] == recipe], by=by) for recipe, by in compared]
    if any(each.empty for each in selected):
        return
    if comparison.paired:
        seeds = set.intersection(*(set(each["seed"]) for each in selected))
        selected = [each[each["seed"].isin(seeds)] for each in selected]
    # A network may have been tried on some folds only.
    actors = sorted(set.intersection(*(set(each["actor"]) for each in selected)))
    counts = [count(each, actors=actors) for each in selected]
    scores = [float(uar(each.sum(axis=1)).mean()) for each in counts]
    resampled = [resample(uar, each, samples=samples, seed=seed) for each in counts]  # each (samples,)
    if comparison.honest is None:
        scores.append(CHANCE)
        resampled.append(np.full(samples, CHANCE))
    low, high = percentiles(resampled[0] - resampled[1])
    yield {
        "uar": _rounded(scores[0]),
        "honest_uar": _rounded(scores[1]),
        "points": _rounded(scores[0] - scores[1]),
        "low": _rounded(low),
        "high": _rounded(high),
        "seeds": len(counts[0]),
        "actors": len(actors),
    }


def bound_duplicates(candidates: pd.DataFrame, clips: pd.DataFrame) -> list[dict[str, Any]]:
    """Bound the inflation of each model's UAR by the duplicate clips under the random split.

    Parameters
    ----------
    candidates
        From `with_labels`.
    clips
        A row a clip, with `LABELS`.

    Returns
    -------
    list of dict
        ``model``; ``splits``: how many random splits were run; ``apart``: in how many of them one of the
        duplicates trained and the other was tested; ``recognised``: in how many of these it was recognised;
        ``at_most``: the mean over all splits of what UAR loses if these are counted as wrong.
    """
    duplicates = set(clips.loc[clips["sha256"].duplicated(keep=False), "clip"])
    at_random = candidates[candidates["recipe"] == "own_validation"]
    return [
        {"model": str(model), **_bound(select(rows, by="monitored"), duplicates)}
        for model, rows in at_random.groupby("model", sort=False)
    ]


def _bound(selected: pd.DataFrame, duplicates: set[str]) -> dict[str, Any]:
    apart = recognised = 0
    losses = []
    for _, run in selected.groupby("seed"):
        tested = run[run["clip"].isin(duplicates)]
        alone = len(tested) == 1
        right = alone and bool((tested["predicted"] == tested["emotion"]).all())
        # One clip of an emotion less is this much less of its recall, an eighth of which is UAR's.
        same = (run["emotion"] == tested["emotion"].iloc[0]).sum() if alone else 1
        losses.append(1 / same / run["emotion"].nunique() if right else 0.0)
        apart, recognised = apart + alone, recognised + right
    at_most = _rounded(np.mean(losses))
    return {"splits": len(losses), "apart": apart, "recognised": recognised, "at_most": at_most}


def _mean_uar(counts: Counts) -> float:
    return _rounded(uar(counts.sum(axis=1)).mean())


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 4)
