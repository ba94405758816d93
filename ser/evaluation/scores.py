"""Scores of test predictions, as headline figures and in detail.

All scores come from one count, a confusion matrix for each seed and actor. A model's score is the mean over
seeds of the score of that seed's test clips, its folds pooled.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import pandas as pd

from ser.data.predictions import predicted_emotions
from ser.data.ravdess import EMOTIONS, STATEMENTS
from ser.errors import list_problems
from ser.evaluation.bootstrap import uar_interval
from ser.evaluation.metrics import Counts, Scores, accuracy, macro_f1, recalls, uar

FOLD_COLUMNS = ("model", "seed", "fold", "n", "uar", "accuracy")
TOP_CONFUSIONS = 8
"""Number of confusions that are listed for a model."""

Summary = Mapping[str, Mapping[str, Mapping[str, float]]]
"""``{protocol: {model: headline}}``."""


@dataclass(frozen=True)
class Tally:
    """Confusion matrices of one model, by seed and actor.

    Attributes
    ----------
    seeds, actors : tuple of int
        The seeds and actors along the first two axes of `counts`, ascending.
    genders : tuple of str
        Gender of each actor, ``male`` or ``female``.
    counts : numpy.ndarray [shape=(seeds, actors, 8, 8), dtype=int64]
        Clips by actual (axis 2) and predicted (axis 3) emotion, in the order of `EMOTIONS`.
    """

    seeds: tuple[int, ...]
    actors: tuple[int, ...]
    genders: tuple[str, ...]
    counts: Counts

    @property
    def pooled(self) -> Counts:
        """Counts of each seed [shape=(seeds, 8, 8)]: all actors together."""
        return np.asarray(self.counts.sum(axis=1))


def tally(predictions: pd.DataFrame, clips: pd.DataFrame) -> Tally:
    """Count the predictions of one model under one protocol.

    Parameters
    ----------
    predictions
        A row a predicted clip and seed, with `ser.data.predictions.COLUMNS`.
    clips
        The labels: ``clip``, ``emotion``, ``actor``, ``gender``.

    Raises
    ------
    InputError
        Where predictions are of clips without labels.
    """
    unknown = sorted(set(predictions["clip"]) - set(clips["clip"]))
    if unknown:
        raise list_problems("predictions of clips that are not in data/clips.parquet: train again", unknown)
    labels = clips.set_index("clip").loc[predictions["clip"]]
    seeds, seed = np.unique(predictions["seed"].to_numpy(), return_inverse=True)
    actors, actor = np.unique(labels["actor"].to_numpy(), return_inverse=True)
    actual = labels["emotion"].map(EMOTIONS.index).to_numpy()
    # `seed`, `actor` and `actual` hold an index a prediction: (rows,).
    counts = np.zeros((len(seeds), len(actors), len(EMOTIONS), len(EMOTIONS)), dtype=np.int64)
    np.add.at(counts, (seed, actor, actual, predicted_emotions(predictions)), 1)
    genders = labels.groupby("actor")["gender"].first()
    return Tally(tuple(seeds.tolist()), tuple(actors.tolist()), tuple(genders[actors]), counts)


def actual_and_predicted(predictions: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Names of the emotions, a row a prediction of the first seed: what DVC's confusion plot reads.

    Parameters
    ----------
    predictions
        Predictions of one model under one protocol, with `ser.data.predictions.COLUMNS`.
    clips
        The labels: ``clip`` and ``emotion``.

    Returns
    -------
    pandas.DataFrame
        Columns ``actual`` and ``predicted``.
    """
    first = predictions[predictions["seed"] == predictions["seed"].min()]
    actual = first["clip"].map(clips.set_index("clip")["emotion"])
    return pd.DataFrame({"actual": actual, "predicted": np.array(EMOTIONS)[predicted_emotions(first)]})


Tallies = dict[str, dict[str, Tally]]
"""``{protocol: {model: tally}}``."""


def tally_all(predictions: pd.DataFrame, clips: pd.DataFrame) -> Tallies:
    """Count every model of every protocol: luna5 first, under each protocol the best UAR first.

    Parameters
    ----------
    predictions
        A row a predicted clip, model and seed, with `ser.data.predictions.COLUMNS`.
    clips
        The labels: ``clip``, ``emotion``, ``actor``, ``gender``.
    """
    tallies: Tallies = {}
    for protocol in sorted(predictions["protocol"].unique(), key=lambda name: (name != "luna5", name)):
        of_protocol = predictions[predictions["protocol"] == protocol]
        models = {str(model): tally(rows, clips) for model, rows in of_protocol.groupby("model")}
        ranked = sorted(models, key=lambda model: (-uar(models[model].pooled).mean(), model))
        tallies[protocol] = {model: models[model] for model in ranked}
    return tallies


def summarize(tallies: Tallies, *, samples: int, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Give the headline figures of every model, from 0 to 1, rounded to 4 decimals.

    Parameters
    ----------
    tallies
        Counts of every protocol and model, from `tally_all`.
    samples, seed
        Number of bootstrap samples, and the seed; see `ser.evaluation.bootstrap`.

    Returns
    -------
    dict
        ``{protocol: {model: {uar, uar_low, uar_high, accuracy, macro_f1}}}``, in the order of `tallies`.
    """

    def headline(scored: Tally) -> dict[str, float]:
        low, high = uar_interval(scored.counts, samples=samples, seed=seed)
        return {
            "uar": _mean(uar, scored.pooled),
            "uar_low": round(low, 4),
            "uar_high": round(high, 4),
            "accuracy": _mean(accuracy, scored.pooled),
            "macro_f1": _mean(macro_f1, scored.pooled),
        }

    return {name: {model: headline(it) for model, it in models.items()} for name, models in tallies.items()}


def describe(
    tallies: Tallies, predictions: pd.DataFrame, clips: pd.DataFrame
) -> dict[str, dict[str, dict[str, Any]]]:
    """Score every model by seed, emotion, gender, intensity, statement and actor: 0 to 1, to 4 decimals.

    Parameters
    ----------
    tallies
        Counts of every protocol and model, from `tally_all`.
    predictions, clips
        The predictions that were counted, and the labels, with ``intensity`` and ``statement`` as well.

    Returns
    -------
    dict
        ``{protocol: {model: {n, seeds, uar_sd, accuracy_sd, per_seed, per_emotion, per_gender, per_intensity,
        per_statement, per_actor, confusions}}}``. ``n`` is the number of test clips. The sample standard
        deviations over seeds are None for a single seed, and the recall in ``per_emotion`` where no test clip
        has the emotion. ``per_intensity`` has ``normal``, ``strong``, and since neutral has no strong
        intensity, ``normal_without_neutral``, which alone compares with ``strong``. ``confusions`` are the
        most frequent ones, as of `top_confusions`.
    """
    return {
        protocol: {
            model: _details(it, _tallies_of_groups(predictions, clips, protocol=protocol, model=model))
            for model, it in models.items()
        }
        for protocol, models in tallies.items()
    }


def _tallies_of_groups(
    predictions: pd.DataFrame, clips: pd.DataFrame, *, protocol: str, model: str
) -> dict[str, dict[str, Tally]]:
    tested = predictions[(predictions["protocol"] == protocol) & (predictions["model"] == model)]
    labels = clips.set_index("clip").loc[tested["clip"]]
    neutral = labels["emotion"].to_numpy() == EMOTIONS[0]
    intensity, statement = labels["intensity"].to_numpy(), labels["statement"].to_numpy()
    groups = {
        "per_intensity": {
            "normal": intensity == "normal",
            "normal_without_neutral": (intensity == "normal") & ~neutral,
            "strong": intensity == "strong",
        },
        "per_statement": {name: statement == name for name in STATEMENTS},
    }
    return {
        group: {name: tally(tested[rows], clips) for name, rows in members.items() if rows.any()}
        for group, members in groups.items()
    }


def top_confusions(counts: Counts, *, n: int) -> list[dict[str, Any]]:
    """List the most frequent confusions.

    Parameters
    ----------
    counts
        Clips by seed, actual and predicted emotion [shape=(seeds, 8, 8)].
    n
        Largest number of confusions to list.

    Returns
    -------
    list of dict
        ``actual`` and ``predicted`` emotion, ``clips`` (mean over seeds) and ``share``, their proportion of
        the actual emotion's clips; the greatest first, of equal ones in the order of `EMOTIONS`.
    """
    mean = counts.mean(axis=0)  # (8, 8)
    totals = mean.sum(axis=1)  # (8,)
    # (8, 8), the diagonal 0
    shares = np.where(np.eye(len(EMOTIONS), dtype=bool), 0, mean / np.where(totals > 0, totals, 1)[:, None])
    order = np.argsort(-shares, axis=None, kind="stable")[:n]  # (n,), indices of the flattened matrix
    places = zip(*np.unravel_index(order, shares.shape), strict=True)
    return [
        {
            "actual": EMOTIONS[row],
            "predicted": EMOTIONS[column],
            "clips": round(float(mean[row, column]), 1),
            "share": round(float(shares[row, column]), 4),
        }
        for row, column in places
        if shares[row, column] > 0
    ]


def _details(scored: Tally, groups: Mapping[str, Mapping[str, Tally]]) -> dict[str, Any]:
    genders = np.array(scored.genders)
    per_seed = zip(scored.seeds, scored.pooled, strict=True)
    per_emotion = zip(EMOTIONS, recalls(scored.pooled).mean(axis=0), strict=True)
    return {
        "n": int(scored.pooled[0].sum()),
        "seeds": list(scored.seeds),
        "uar_sd": _spread(uar(scored.pooled)),
        "accuracy_sd": _spread(accuracy(scored.pooled)),
        "per_seed": {str(seed): _both(counts[None]) for seed, counts in per_seed},
        "per_emotion": {name: None if np.isnan(it) else round(float(it), 4) for name, it in per_emotion},
        # (seeds, actors of the gender, 8, 8) to (seeds, 8, 8)
        "per_gender": {
            name: _both(scored.counts[:, genders == name].sum(axis=1)) for name in sorted(set(scored.genders))
        },
        **{
            group: {name: _both(it.pooled) for name, it in members.items()}
            for group, members in groups.items()
        },
        "per_actor": {
            str(actor): _both(scored.counts[:, index]) for index, actor in enumerate(scored.actors)
        },
        "confusions": top_confusions(scored.pooled, n=TOP_CONFUSIONS),
    }


def format_summary(summary: Summary) -> str:
    """Lay out the headline of every model as a table for people, in percent."""
    lines = [f"{'protocol':9} {'model':20} {'UAR':>5}  {'95 % interval':13} {'accuracy':>8} {'macro-F1':>8}"]
    for protocol, models in summary.items():
        for model, it in models.items():
            interval = f"{100 * it['uar_low']:.1f} to {100 * it['uar_high']:.1f}"
            rest = f"{100 * it['accuracy']:8.1f} {100 * it['macro_f1']:8.1f}"
            lines.append(f"{protocol:9} {model:20} {100 * it['uar']:5.1f}  {interval:13} {rest}")
    return "\n".join(lines)


def _mean(score: Callable[[Counts], Scores], counts: Counts) -> float:
    return round(float(score(counts).mean()), 4)


def _spread(values: Scores) -> float | None:
    return round(float(values.std(ddof=1)), 4) if len(values) > 1 else None


def _both(counts: Counts) -> dict[str, float]:
    return {"uar": _mean(uar, counts), "accuracy": _mean(accuracy, counts)}


def score_folds(predictions: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Score each fold of luna5 by itself, in the form of metrics/luna5_folds.csv.

    Parameters
    ----------
    predictions
        Predictions with `ser.data.predictions.COLUMNS`; protocols other than luna5 are left out.
    clips
        The labels: ``clip``, ``emotion``, ``actor``, ``gender``.

    Returns
    -------
    pandas.DataFrame
        Columns model, seed, fold, n (test clips), uar and accuracy, the last two rounded to 4 decimals.
    """
    rows = []
    luna5 = predictions[predictions["protocol"] == "luna5"]
    for key, tested in luna5.groupby(["model", "seed", "fold"]):
        model, seed, fold = cast(tuple[str, int, int], key)
        counts = tally(tested, clips).pooled[0]
        figures = (round(float(score(counts)), 4) for score in (uar, accuracy))
        rows.append((model, seed, fold, int(counts.sum()), *figures))
    return pd.DataFrame(rows, columns=list(FOLD_COLUMNS))
