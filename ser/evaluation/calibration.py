"""Calibration of a model's confidence, before and after temperature scaling.

A model's confidence in a clip is its greatest probability. It is calibrated if, of the clips with a
confidence of 70 %, 70 % are right. Temperature scaling divides the log-probabilities by one number, which is
fitted to clips of unseen speakers: above 1 it makes the model less confident, below 1 more. It never changes
which emotion is the most probable, so no accuracy and no recall changes with it.

References
----------
Temperature scaling, expected calibration error (ECE) of equally wide bins, reliability diagram: Guo C,
Pleiss G, Sun Y, Weinberger KQ (2017). On Calibration of Modern Neural Networks. ICML.
Brier score: Brier GW (1950). Verification of Forecasts Expressed in Terms of Probability. Monthly Weather
Review 78(1):1-3.
Risk-coverage curve and the area under it (AURC): Geifman Y, El-Yaniv R (2017). Selective Classification
for Deep Neural Networks. NIPS. Geifman Y, Uziel G, El-Yaniv R (2019). Bias-Reduced Uncertainty Estimation for
Deep Neural Classifiers. ICLR.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from sklearn.metrics import brier_score_loss

from ser.data.fold import emotion_index
from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS
from ser.errors import list_problems

Values = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]

RELIABILITY = ("model", "scaled", "low", "high", "clips", "confidence", "accuracy")
"""Columns of the table of all bins; ``scaled`` is ``before`` or ``after``."""
LEAST, GREATEST = 0.01, 100.0
"""Least and greatest temperature that is considered."""

COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.25)
"""Proportions of the clips, the most confident, whose accuracy is given."""

_RUN = ["model", "seed", "fold"]
_LABELS = range(len(EMOTIONS))


@dataclass(frozen=True)
class Quality:
    """Four measures of calibration and of the probabilities' quality; less is better.

    Attributes
    ----------
    ece : float
        Expected calibration error, 0 to 1: mean absolute difference of confidence and accuracy over the bins.
    nll : float
        Negative log-likelihood of the right emotion, in nats a clip.
    brier : float
        Squared distance of the probabilities from a 1 for the right emotion and 0 for the others, 0 to 2.
    aurc : float
        Area under the risk-coverage curve, 0 to 1: the error rate among the most confident 1, 2, ... n clips,
        on average.
    """

    ece: float
    nll: float
    brier: float
    aurc: float


def fit_temperature(probabilities: Values, y: Labels) -> float:
    """Find the temperature of the least negative log-likelihood.

    Parameters
    ----------
    probabilities
        [shape=(n, 8)] Probabilities of clips on which the model was not trained.
    y
        [shape=(n,)] Labels: places in `EMOTIONS`, 0 to 7.

    Returns
    -------
    float
        The temperature, from `LEAST` to `GREATEST`.
    """
    logs = _logarithms(probabilities)  # (n, 8)

    def loss(log_temperature: float) -> float:
        scaled = log_softmax(logs / np.exp(log_temperature), axis=1)
        return float(-np.take_along_axis(scaled, y[:, None], axis=1).mean())  # of (n, 1)

    # The loss is convex in 1 / temperature, so it has no second minimum.
    bounds = (np.log(LEAST), np.log(GREATEST))
    return float(np.exp(minimize_scalar(loss, bounds=bounds, method="bounded").x))


def scale(probabilities: Values, temperature: float | Values) -> Values:
    """Apply one temperature, or one a row [shape=(n, 1)], to probabilities; they stay [shape=(n, 8)]."""
    scaled: Values = np.exp(log_softmax(_logarithms(probabilities) / temperature, axis=1))
    return scaled


def _logarithms(probabilities: Values) -> Values:
    # A probability of 0 is one that was too small for its type.
    return np.log(np.maximum(probabilities, np.finfo(np.float64).tiny))


def quality(probabilities: Values, y: Labels, *, bins: int) -> Quality:
    """Measure calibration and quality of probabilities.

    Parameters
    ----------
    probabilities, y
        Probabilities [shape=(n, 8)], and labels [shape=(n,)]: places in `EMOTIONS`, 0 to 7.
    bins
        Number of equally wide bins of confidence for the ECE, at least 1.

    Returns
    -------
    Quality
        ECE, negative log-likelihood, Brier score and AURC.
    """
    table = reliability(probabilities, y, bins=bins)
    gaps = (table["confidence"] - table["accuracy"]).abs()
    return Quality(
        ece=float((gaps * table["clips"]).sum() / len(y)),
        # Not scikit-learn's, which holds that no probability is less than 2e-16.
        nll=float(-np.take_along_axis(_logarithms(probabilities), y[:, None], axis=1).mean()),
        brier=float(brier_score_loss(y, probabilities, labels=_LABELS, scale_by_half=False)),
        aurc=float(1 - selective_accuracy(probabilities, y).mean()),
    )


def reliability(probabilities: Values, y: Labels, *, bins: int) -> pd.DataFrame:
    """Group clips by confidence into equally wide bins from 0 to 1, each without its lower end.

    Parameters
    ----------
    probabilities, y
        Probabilities [shape=(n, 8)], and labels [shape=(n,)]: places in `EMOTIONS`, 0 to 7.
    bins
        Number of bins, at least 1.

    Returns
    -------
    pandas.DataFrame
        A row a bin that has clips: its ends ``low`` and ``high``, the number of ``clips``, their mean
        ``confidence``, their ``accuracy``.
    """
    confidence, right = _confidence(probabilities, y)  # (n,) each
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.digitize(confidence, edges, right=True), 1, bins)  # (n,), 1 to bins
    grouped = pd.DataFrame({"place": place, "confidence": confidence, "accuracy": right}).groupby("place")
    table = grouped.mean()
    places = table.index.to_numpy()
    ends = {"low": edges[places - 1], "high": edges[places], "clips": grouped.size()}
    return table.assign(**ends)[[*ends, "confidence", "accuracy"]].reset_index(drop=True)


def selective_accuracy(probabilities: Values, y: Labels) -> Values:
    """Accuracy among the most confident 1, 2, ... n clips [shape=(n,)]: 1 minus it is the risk of the curve.

    Clips of the same confidence have no order: each counts as right by their mean.

    Parameters
    ----------
    probabilities, y
        Probabilities [shape=(n, 8)], and labels [shape=(n,)]: places in `EMOTIONS`, 0 to 7.
    """
    confidence, right = _confidence(probabilities, y)  # (n,) each
    _, place, tied = np.unique(-confidence, return_inverse=True, return_counts=True)
    mean = np.bincount(place, weights=right) / tied  # (distinct confidences,), the greatest first
    sums = np.cumsum(np.repeat(mean, tied))  # (n,)
    accuracy: Values = sums / np.arange(1, len(y) + 1)
    return accuracy


def _confidence(probabilities: Values, y: Labels) -> tuple[Values, Values]:
    return probabilities.max(axis=1), (probabilities.argmax(axis=1) == y).astype(np.float64)


def fit_temperatures(validated: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Fit a temperature for each run, that is for each model, seed and fold.

    Parameters
    ----------
    validated
        Predictions of each fold's validation actors, by models that were not trained on them.
    clips
        The labels: ``clip`` and ``emotion``.

    Returns
    -------
    pandas.DataFrame
        A row a run: ``model``, ``seed``, ``fold``, ``temperature``.
    """
    rows = [
        (*cast(tuple[Any, ...], key), fit_temperature(*probabilities_and_emotions(run, clips)))
        for key, run in validated.groupby(_RUN)
    ]
    return pd.DataFrame(rows, columns=[*_RUN, "temperature"])


def check_runs(tested: pd.DataFrame, validated: pd.DataFrame) -> None:
    """Check that both tables have the same models, seeds and folds.

    Parameters
    ----------
    tested, validated
        Predictions of the test clips, and of the validation clips.

    Raises
    ------
    InputError
        Where a run has one kind of predictions alone; names all such runs.
    """
    runs = [set(table[_RUN].itertuples(index=False, name=None)) for table in (tested, validated)]
    problems = [
        f"{model}, seed {seed}, fold {fold}: no {kind} predictions"
        for kind, lacking in (("validation", runs[0] - runs[1]), ("test", runs[1] - runs[0]))
        for model, seed, fold in sorted(lacking)
    ]
    if problems:
        raise list_problems("data/predictions: train these models again", problems)


def apply_temperatures(tested: pd.DataFrame, temperatures: pd.DataFrame) -> pd.DataFrame:
    """Scale test predictions, each by the temperature of its own model, seed and fold.

    Parameters
    ----------
    tested
        Test predictions of any models, with `ser.data.predictions.COLUMNS`.
    temperatures
        A row a run: ``model``, ``seed``, ``fold``, ``temperature``.

    Returns
    -------
    pandas.DataFrame
        The same rows with scaled probabilities.
    """
    temperature = tested[_RUN].merge(temperatures, how="left", on=_RUN, validate="many_to_one")["temperature"]
    # (n, 8) by (n, 1)
    scaled = scale(tested[list(PROBABILITIES)].to_numpy(), temperature.to_numpy()[:, None])
    return tested.assign(**dict(zip(PROBABILITIES, scaled.T, strict=True)))


def probabilities_and_emotions(predictions: pd.DataFrame, clips: pd.DataFrame) -> tuple[Values, Labels]:
    """Split a table of predictions into probabilities [shape=(n, 8)] and labels [shape=(n,)]."""
    labels = clips.set_index("clip").loc[predictions["clip"]]
    return predictions[list(PROBABILITIES)].to_numpy(), emotion_index(labels)


def describe(
    before: pd.DataFrame, after: pd.DataFrame, temperatures: pd.DataFrame, clips: pd.DataFrame, *, bins: int
) -> dict[str, Any]:
    """Summarise one model, its folds pooled, means over its seeds; rounded to 4 decimals.

    Parameters
    ----------
    before, after
        Test predictions of the model as they are, and after temperature scaling.
    temperatures
        A row a run of this model, from `fit_temperatures`.
    clips
        The labels: ``clip`` and ``emotion``.
    bins
        Number of equally wide bins of confidence for the ECE, at least 1.

    Returns
    -------
    dict
        ``temperature`` (mean, least and greatest over seeds and folds), ``before`` and ``after`` (`Quality`),
        ``accuracy_at_coverage``: accuracy, after scaling, of the most confident clips, by their proportion.
    """
    found = temperatures["temperature"]
    curve = risk_coverage(after, clips, coverages=COVERAGES)
    return {
        "temperature": {
            "mean": round(float(found.mean()), 4),
            "least": round(float(found.min()), 4),
            "greatest": round(float(found.max()), 4),
        },
        "before": _mean_quality(before, clips, bins=bins),
        "after": _mean_quality(after, clips, bins=bins),
        "accuracy_at_coverage": {str(share): round(value, 4) for share, value in curve.items()},
    }


def _mean_quality(predictions: pd.DataFrame, clips: pd.DataFrame, *, bins: int) -> dict[str, float]:
    runs = [run for _, run in predictions.groupby("seed")]
    each = [quality(*probabilities_and_emotions(run, clips), bins=bins) for run in runs]
    table = pd.DataFrame([asdict(it) for it in each]).mean()
    return {field.name: round(float(table[field.name]), 4) for field in fields(Quality)}


def risk_coverage(
    predictions: pd.DataFrame, clips: pd.DataFrame, *, coverages: tuple[float, ...]
) -> Mapping[float, float]:
    """Give a model's accuracy on its most confident clips, by coverage, their proportion of all clips.

    Parameters
    ----------
    predictions
        Test predictions of one model, of any number of seeds, over which the mean is taken.
    clips
        The labels: ``clip`` and ``emotion``.
    coverages
        Proportions of the clips, above 0 to 1.

    Returns
    -------
    mapping of float to float
        The accuracy, 0 to 1, by coverage.
    """
    runs = [run for _, run in predictions.groupby("seed")]
    # (seeds, n) to (n,)
    curve = np.mean([selective_accuracy(*probabilities_and_emotions(run, clips)) for run in runs], axis=0)
    kept = [max(1, round(share * len(curve))) for share in coverages]
    return {share: float(curve[n - 1]) for share, n in zip(coverages, kept, strict=True)}
