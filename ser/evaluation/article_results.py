"""The accuracies that the article published, compared with ours.

The article tests once, on 288 clips of a random split, so each of its figures is a draw from a binomial
distribution: 48 % could as well have been 42 or 54 %. A figure is reproduced if ours lies in that interval.

References
----------
Wilson EB (1927). Probable Inference, the Law of Succession, and Statistical Inference. JASA 22(158):209-212.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest

from ser.errors import InputError

TEST_CLIPS = 288

CORRECT: Mapping[str, int] = MappingProxyType(
    {"dummy": 34, "decision_tree": 84, "cnn": 138, "cnn_augmented": 168}
)
"""Test clips that the article's models got right: 11.81, 29.17, 47.92 and 58.33 % of `TEST_CLIPS`."""


@dataclass(frozen=True)
class Comparison:
    """The article's accuracy of one model and ours, from 0 to 1, rounded to 4 decimals.

    Attributes
    ----------
    article, article_low, article_high : float
        The published accuracy, and its 95 % Wilson interval.
    measured, measured_low, measured_high : float
        Mean, least and greatest of our accuracies over the seeds.
    measured_sd : float or None
        Sample standard deviation of our accuracies over the seeds; None for a single seed.
    seeds : int
        Number of our runs, one a seed.
    inside : bool
        Whether our mean lies in the article's interval.
    """

    article: float
    article_low: float
    article_high: float
    measured: float
    measured_low: float
    measured_high: float
    measured_sd: float | None
    seeds: int
    inside: bool


def compare(measured: Mapping[str, npt.ArrayLike]) -> dict[str, Comparison]:
    """Put our accuracies beside the article's.

    Parameters
    ----------
    measured
        For each model in `CORRECT` the accuracies of its seeds [shape=(seeds,)], from 0 to 1; other models
        are ignored.

    Returns
    -------
    dict
        A comparison for each model in `CORRECT`, in its order.

    Raises
    ------
    InputError
        Where a model of the article has no accuracy of ours.
    """
    missing = [model for model in CORRECT if model not in measured]
    if missing:
        raise InputError(f"no predictions of {', '.join(missing)} under the article's protocol; train them")
    return {model: _compare(correct, np.asarray(measured[model])) for model, correct in CORRECT.items()}


def _compare(correct: int, measured: npt.NDArray[np.float64]) -> Comparison:
    interval = binomtest(correct, TEST_CLIPS).proportion_ci(confidence_level=0.95, method="wilson")
    mean = float(measured.mean())
    return Comparison(
        article=round(correct / TEST_CLIPS, 4),
        article_low=round(float(interval.low), 4),
        article_high=round(float(interval.high), 4),
        measured=round(mean, 4),
        measured_low=round(float(measured.min()), 4),
        measured_high=round(float(measured.max()), 4),
        measured_sd=round(float(measured.std(ddof=1)), 4) if len(measured) > 1 else None,
        seeds=len(measured),
        inside=bool(interval.low <= mean <= interval.high),
    )
