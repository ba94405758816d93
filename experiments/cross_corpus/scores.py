"""UAR over the emotions that a trained model and a tested corpus share.

Of a model's probabilities those of shared emotions alone count: the highest of them is its answer.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from experiments.cross_corpus.clips import Names
from ser.data.fold import Labels
from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS
from ser.evaluation.bootstrap import percentiles, resample, uar_interval
from ser.evaluation.metrics import Counts, uar
from ser.models.layers.linear import LinearLayers, Matrix


def shared_emotions(linear: LinearLayers, emotions: Sequence[str]) -> tuple[str, ...]:
    """List the emotions of a corpus that a model can answer, in the order of `EMOTIONS`."""
    answers = np.isfinite(linear.biases[0])  # (8,)
    return tuple(it for it, can in zip(EMOTIONS, answers, strict=True) if can and it in emotions)


def confusion(
    probabilities: Matrix, y: Labels, actors: Names, *, emotions: Sequence[str]
) -> tuple[Names, Counts]:
    """Count held-out clips of shared emotions; clips of others are left out.

    Parameters
    ----------
    probabilities
        [shape=(n, 8)] Of each clip, in the order of `EMOTIONS`.
    y, actors
        [shape=(n,)] Labels, places in `EMOTIONS`, and speakers.
    emotions
        The k shared emotions of the corpus, though these clips may lack some, in the order of `EMOTIONS`.

    Returns
    -------
    actors : numpy.ndarray [shape=(actors,)]
        Speakers of such clips, sorted.
    counts : numpy.ndarray [shape=(1, actors, k, k), dtype=int64]
        Clips by actual (axis 2) and predicted (axis 3) emotion, in the form that `ser.evaluation.bootstrap`
        reads; of equal probabilities, the first emotion's counts.
    """
    places = np.array([EMOTIONS.index(emotion) for emotion in emotions])
    kept = np.isin(y, places)
    predicted = probabilities[np.ix_(kept, places)].argmax(axis=1)
    actual = np.searchsorted(places, y[kept])
    names, actor = np.unique(actors[kept], return_inverse=True)
    counts = np.zeros((1, len(names), len(places), len(places)), dtype=np.int64)
    np.add.at(counts[0], (actor, actual, predicted), 1)
    return names, counts


def score(predictions: pd.DataFrame, *, samples: int, seed: int) -> dict[str, Any]:
    """Score a model that can answer all emotions of a corpus.

    Parameters
    ----------
    predictions
        Rows of `experiments.cross_corpus.protocol.predict`, of one corpus.
    samples, seed
        Number of bootstrap samples over speakers, and their seed.

    Returns
    -------
    dict
        Ready for JSON, scores from 0 to 1, to 4 decimals: ``uar``, ``uar_low`` and ``uar_high`` (95 %
        interval), ``n`` (rows), ``speakers`` (their number), ``emotions``.
    """
    emotions, actors, counts = _count(predictions)
    low, high = uar_interval(counts, samples=samples, seed=seed)
    return {
        "uar": round(float(uar(counts.sum(axis=(0, 1)))), 4),
        "uar_low": round(low, 4),
        "uar_high": round(high, 4),
        "n": len(predictions),
        "speakers": len(actors),
        "emotions": list(emotions),
    }


def difference(more: pd.DataFrame, less: pd.DataFrame, *, samples: int, seed: int) -> dict[str, float]:
    """Compare two models on the same rows, as `ser.evaluation.differences.uar_difference` does.

    Parameters
    ----------
    more, less
        Predictions of the two models; the UAR of the second is subtracted from that of the first.
    samples, seed
        As of `score`. In each sample both models have the same speakers.
    """
    counts = [_count(it)[2] for it in (more, less)]
    drawn = [resample(uar, it, samples=samples, seed=seed) for it in counts]  # 2 of (samples,)
    low, high = percentiles(drawn[0] - drawn[1])
    pooled = [float(uar(it.sum(axis=(0, 1)))) for it in counts]
    return {"uar": round(pooled[0] - pooled[1], 4), "low": round(low, 4), "high": round(high, 4)}


def _count(predictions: pd.DataFrame) -> tuple[tuple[str, ...], Names, Counts]:
    """Count the rows of a table of predictions, over the emotions that occur in it."""
    y = predictions["emotion"].map(EMOTIONS.index).to_numpy(dtype=np.int64)
    emotions = tuple(EMOTIONS[place] for place in np.unique(y))
    probabilities = predictions[list(PROBABILITIES)].to_numpy()
    return emotions, *confusion(probabilities, y, predictions["actor"].to_numpy(str), emotions=emotions)
