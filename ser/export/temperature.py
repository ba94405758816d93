"""The temperature of the exported model, and its effect on calibration for unseen speakers.

The exported model was trained on every actor, so none is left to fit its temperature to. It is fitted to the
test predictions of all folds instead: each is of an actor on whom the model behind it was not trained. One
temperature fitted to all of them leaves no clip to test it; so its effect is measured fold by fold, each with
a temperature fitted to the other folds' predictions.

References
----------
One calibrator of out-of-fold predictions: `CalibratedClassifierCV` with ``ensemble=False`` in scikit-learn,
https://scikit-learn.org/stable/modules/calibration.html.
"""

from typing import Any

import numpy as np
import pandas as pd

from ser.evaluation.calibration import (
    Labels,
    Values,
    apply_temperatures,
    describe,
    fit_temperature,
    probabilities_and_emotions,
)


def pooled_temperature(tested: pd.DataFrame, clips: pd.DataFrame) -> float:
    """Fit one temperature to the predictions of all folds and seeds; rounded to 6 decimals.

    Parameters
    ----------
    tested
        Predictions of one model for clips of unseen speakers, with `ser.data.predictions.COLUMNS`.
    clips
        The labels: ``clip`` and ``emotion``.

    Returns
    -------
    float
        The temperature, from 0.01 to 100.
    """
    return round(fit_temperature(*probabilities_and_emotions(tested, clips)), 6)


def left_out_temperatures(tested: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Fit a temperature for each fold, to the predictions of all the other folds.

    Parameters
    ----------
    tested, clips
        Predictions of one model for clips of unseen speakers, and the labels, as of `pooled_temperature`.

    Returns
    -------
    pandas.DataFrame
        Columns model, seed, fold, temperature, as `ser.evaluation.calibration.apply_temperatures` takes them.
    """
    by_fold = {
        fold: pooled_temperature(tested[tested["fold"] != fold], clips) for fold in tested["fold"].unique()
    }
    runs = tested[["model", "seed", "fold"]].drop_duplicates(ignore_index=True)
    return runs.assign(temperature=runs["fold"].map(by_fold))


def worth(tested: pd.DataFrame, clips: pd.DataFrame, *, bins: int, uncertain_below: float) -> dict[str, Any]:
    """Measure temperature scaling, and abstention, on each fold with the temperature of the others.

    Parameters
    ----------
    tested, clips
        Predictions of one model for clips of unseen speakers, and the labels, as of `pooled_temperature`.
    bins
        Number of equally wide bins of confidence for the ECE, at least 1.
    uncertain_below
        Confidence, from 0 to 1, below which the model abstains ("not sure").

    Returns
    -------
    dict
        As `ser.evaluation.calibration.describe` gives it, and ``not_sure`` of `unsure`, mean over seeds,
        rounded to 4 decimals; None where there are no clips to score.
    """
    temperatures = left_out_temperatures(tested, clips)
    scaled = apply_temperatures(tested, temperatures)
    described = describe(tested, scaled, temperatures, clips, bins=bins)
    runs = [probabilities_and_emotions(run, clips) for _, run in scaled.groupby("seed")]
    each = pd.DataFrame([unsure(*run, below=uncertain_below) for run in runs]).mean()
    not_sure = {
        str(name): None if np.isnan(value) else round(float(value), 4) for name, value in each.items()
    }
    return {**described, "not_sure": not_sure}


def unsure(probabilities: Values, y: Labels, *, below: float) -> dict[str, float]:
    """Measure how often the confidence is below a threshold, and the accuracy below and above it.

    Parameters
    ----------
    probabilities
        [shape=(n, 8)] Calibrated probabilities, a row a clip.
    y
        [shape=(n,)] Labels: places in `ser.data.ravdess.EMOTIONS`, 0 to 7.
    below
        Confidence, from 0 to 1, below which an answer is uncertain.

    Returns
    -------
    dict
        All from 0 to 1: ``below``; ``share`` of the clips below it; ``accuracy_of_the_rest``;
        ``accuracy_if_answered``, of the most probable emotion of the uncertain clips. An accuracy of no clips
        is NaN.
    """
    right = pd.Series(probabilities.argmax(axis=1) == y, dtype=float)  # (n,), 0 or 1
    not_sure = pd.Series(probabilities.max(axis=1) < below)  # (n,)
    return {
        "below": below,
        "share": float(not_sure.mean()),
        "accuracy_of_the_rest": float(right[~not_sure].mean()),
        "accuracy_if_answered": float(right[not_sure].mean()),
    }
