"""How often people recognise the emotion in these recordings, and our models scored in the same way.

The published figures count *neutral* and *calm* as one emotion, which leaves seven.

A model's answers are merged in the same way: it predicts one of eight emotions, as everywhere else in this
project, and calm for neutral, or neutral for calm, then counts as right. The other way would be to sum the
two probabilities before the greatest is taken. That makes a model of seven emotions, made for this score,
which predicts "neutral or calm" more often. Its accuracy is given as well (`summed_accuracy`), but it is not
the model whose other scores stand in the tables.

References
----------
Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS).
PLoS ONE 13(5): e0196391.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS
from ser.evaluation.bootstrap import interval
from ser.evaluation.metrics import Counts, accuracy, recalls, uar
from ser.evaluation.scores import Tally

MERGED = ("neutral or calm", *EMOTIONS[2:])
"""The seven emotions, neutral and calm being one."""

PUBLISHED: Mapping[str, float] = MappingProxyType(
    {
        "neutral or calm": 0.817,
        "happy": 0.366,
        "sad": 0.479,
        "angry": 0.746,
        "fearful": 0.662,
        "disgust": 0.519,
        "surprised": 0.679,
    }
)
"""Recall of the listeners: right answers to the clips of each emotion (Livingstone & Russo 2018), 0 to 1."""

PUBLISHED_ACCURACY = 0.624
"""Proportion of all their answers that were right. It is the mean of `PUBLISHED` over the 1440 clips, of
which 288 are neutral or calm and 192 of each other emotion; so it is an accuracy. Their plain mean, the UAR,
is 61.0 %.
"""

_PLACES = np.array([MERGED.index(name if name in MERGED else MERGED[0]) for name in EMOTIONS])


def merge(counts: Counts) -> Counts:
    """Count neutral and calm as one: from counts [shape=(..., 8, 8)] to [shape=(..., 7, 7)]."""
    into = np.eye(len(MERGED), dtype=np.int64)[_PLACES]  # (8, 7), 1 where an emotion is merged into one
    merged: Counts = into.T @ counts @ into  # (..., 7, 7)
    return merged


def summed_accuracy(predictions: pd.DataFrame, clips: pd.DataFrame) -> float:
    """Accuracy on the seven emotions where the probabilities of neutral and calm are summed first.

    Parameters
    ----------
    predictions
        Predictions of one model under one protocol; each seed tests the same clips.
    clips
        The labels: ``clip`` and ``emotion``.

    Returns
    -------
    float
        Accuracy from 0 to 1, all seeds together.
    """
    into = np.eye(len(MERGED))[_PLACES]  # (8, 7)
    answers = (predictions[list(PROBABILITIES)].to_numpy() @ into).argmax(axis=1)  # (rows, 7) to (rows,)
    actual = predictions["clip"].map(clips.set_index("clip")["emotion"]).map(EMOTIONS.index).to_numpy()
    return float((answers == _PLACES[actual]).mean())


def compare(
    tallies: Mapping[str, Tally], predictions: pd.DataFrame, clips: pd.DataFrame, *, samples: int, seed: int
) -> dict[str, Any]:
    """Compare speaker-independent models with human listeners: scores from 0 to 1, to 4 decimals.

    Parameters
    ----------
    tallies
        Counts of each model by its name, in the order to keep.
    predictions
        Predictions of the same models under the same protocol.
    clips
        The labels: ``clip`` and ``emotion``.
    samples, seed
        Number of samples of the bootstrap over actors, and its seed.

    Returns
    -------
    dict
        ``human``: accuracy, uar, per_emotion. ``models``: by name the same, with the 95 % interval of the
        accuracy (``accuracy_low``, ``accuracy_high``) and ``accuracy_summed``.
    """

    def describe(model: str, counts: Counts) -> dict[str, Any]:
        low, high = interval(accuracy, counts, samples=samples, seed=seed)
        pooled = counts.sum(axis=1)  # (seeds, actors, 7, 7) to (seeds, 7, 7)
        rows = predictions[predictions["model"] == model]
        return {
            "accuracy": _rounded(accuracy(pooled).mean()),
            "accuracy_low": _rounded(low),
            "accuracy_high": _rounded(high),
            "uar": _rounded(uar(pooled).mean()),
            "per_emotion": _by_emotion(recalls(pooled).mean(axis=0)),
            "accuracy_summed": _rounded(summed_accuracy(rows, clips)),
        }

    return {
        "human": {
            "accuracy": PUBLISHED_ACCURACY,
            "uar": _rounded(np.mean(list(PUBLISHED.values()))),
            "per_emotion": dict(PUBLISHED),
        },
        "models": {model: describe(model, merge(tally.counts)) for model, tally in tallies.items()},
    }


def _by_emotion(shares: npt.NDArray[np.float64]) -> dict[str, float]:
    return {name: _rounded(share) for name, share in zip(MERGED, shares, strict=True)}


def _rounded(value: float | np.floating[Any]) -> float:
    return round(float(value), 4)
