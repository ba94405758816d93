"""UAR and its kin, from counts of which emotion was predicted for which.

UAR, the unweighted average recall, is the mean of the recalls of the emotions. Where clips lack an emotion,
as an actor's in the article's test set may, UAR and macro-F1 are means over the emotions that occur.

References
----------
UAR: Schuller B et al. (2009). The INTERSPEECH 2009 Emotion Challenge.
"""

import numpy as np
import numpy.typing as npt

from ser.data.ravdess import EMOTIONS

CHANCE = 1 / len(EMOTIONS)
"""Chance level of the UAR."""

Counts = npt.NDArray[np.int64]
"""Confusion matrices [shape=(..., k, k)]: clips by actual and predicted emotion, 8 of them or fewer."""
Scores = npt.NDArray[np.float64]
"""Scores [shape=(...)], from 0 to 1."""


def recalls(counts: Counts) -> Scores:
    """Recall of each emotion [shape=(..., 8)] from counts [shape=(..., 8, 8)]; NaN where it has no clip."""
    with np.errstate(invalid="ignore"):
        shares: Scores = np.diagonal(counts, axis1=-2, axis2=-1) / counts.sum(axis=-1)
    return shares


def uar(counts: Counts) -> Scores:
    """Unweighted average recall [shape=(...)] from counts [shape=(..., 8, 8)]."""
    return np.asarray(np.nanmean(recalls(counts), axis=-1))


def accuracy(counts: Counts) -> Scores:
    """Proportion of clips that are right [shape=(...)] from counts [shape=(..., 8, 8)]."""
    return np.asarray(np.trace(counts, axis1=-2, axis2=-1) / counts.sum(axis=(-2, -1)))


def macro_f1(counts: Counts) -> Scores:
    """Mean F1 of the emotions [shape=(...)] from counts [shape=(..., 8, 8)]."""
    actual, predicted = counts.sum(axis=-1), counts.sum(axis=-2)  # (..., 8) each
    with np.errstate(invalid="ignore"):
        f1 = 2 * np.diagonal(counts, axis1=-2, axis2=-1) / (actual + predicted)
    return np.asarray(np.nanmean(np.where(actual > 0, f1, np.nan), axis=-1))
