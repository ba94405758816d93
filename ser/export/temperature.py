"""The temperature of the exported model, and what it is worth on actors who had no part in it.

The exported model has heard every actor, so none is left from whom to learn its temperature. It is learned of
the test predictions of all folds instead: each is of an actor whom the model that made it had not heard. One
temperature of all of them leaves no clip that has not judged it; so its worth is measured fold by fold, each
by the temperature of the other folds' predictions.

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
    """Learn one temperature of the predictions of all folds and seeds; rounded to 6 decimals.

    Parameters
    ----------
    tested
        Predictions of one model, of clips of actors whom it had not heard.
    clips
        The labels: ``clip`` and ``emotion``.
    """
    return round(fit_temperature(*probabilities_and_emotions(tested, clips)), 6)


def left_out_temperatures(tested: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Learn a temperature for each fold of the predictions of all the other folds.

    Parameters
    ----------
    tested, clips
        As above.

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
    """Measure temperature scaling, and "not sure", on each fold by the temperature of the others.

    Parameters
    ----------
    tested, clips
        As above.
    bins
        How many equally wide bins of confidence the ECE has.
    uncertain_below
        The confidence below which the answer is "not sure".

    Returns
    -------
    dict
        As `ser.evaluation.calibration.describe` gives it, and ``not_sure`` of `unsure`, mean over seeds;
        None where
        there are no clips to score.
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
    """Tell how often the confidence is below a threshold, and how good the answers on either side are.

    Parameters
    ----------
    probabilities
        Calibrated, a row a clip [shape=(n, 8)].
    y
        [shape=(n,)] Places of the right emotions in `ser.data.ravdess.EMOTIONS`.
    below
        The confidence below which an answer is uncertain, 0 to 1.

    Returns
    -------
    dict
        ``below``; ``share`` of the clips below it; ``accuracy_of_the_rest``; ``accuracy_if_answered``, of
        the emotion that is most probable where it is not sure. An accuracy of no clips is not a number.
    """
    right = pd.Series(probabilities.argmax(axis=1) == y, dtype=float)
    not_sure = pd.Series(probabilities.max(axis=1) < below)
    return {
        "below": below,
        "share": float(not_sure.mean()),
        "accuracy_of_the_rest": float(right[~not_sure].mean()),
        "accuracy_if_answered": float(right[not_sure].mean()),
    }
