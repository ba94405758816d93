"""How leakage tests are run on a model: `ser.evaluation.leakage_tests` has the changes of a fold."""

from collections.abc import Iterable

import pandas as pd

from ser.data.fold import Fold
from ser.data.predictions import prediction_table
from ser.evaluation.leakage_tests import remove_test_clips
from ser.evaluation.metrics import uar
from ser.evaluation.scores import tally
from ser.models.recipe import Change, Recipe, cross_validate
from ser.params import Workers


def uar_after(
    change: Change | None,
    recipe: Recipe,
    folds: Iterable[Fold],
    labels: pd.DataFrame,
    *,
    what: str,
    workers: Workers,
) -> float:
    """Fit a model to changed folds, of one seed, and score it on their test clips.

    Parameters
    ----------
    change
        The leakage test, applied to each fold; None to fit the folds as they are.
    recipe
        How the model is made.
    folds
        The folds. Their validation clips train: nobody asks how they are predicted.
    labels
        ``clip``, ``emotion``, ``actor`` and ``gender`` of all clips.
    what, workers
        How the runs are made and counted, as of `ser.parallel.run_all`.

    Returns
    -------
    float
        UAR over all test clips, rounded to 4 decimals.
    """
    merged = [fold.merge_validation() for fold in folds]
    results = cross_validate([(recipe, merged)], protocol=what, change=change, workers=workers, what=what)
    return round(float(uar(tally(results.predictions, labels).pooled)[0]), 4)


def predict_without_test_clips(recipe: Recipe, fold: Fold) -> pd.DataFrame:
    """Select and fit where a fold's test clips are missing, then predict them, as in the protocol luna5.

    Called by `ser.parallel.run_all`, though it is one call: with more BLAS threads the last digits would
    differ from those of the predictions that it is compared with.
    """
    fitted = recipe.fit(remove_test_clips(fold), seed=0)
    test = fold.recordings(fold.test)
    return prediction_table(
        test, fitted.predict(test), protocol="luna5", model=recipe.model, seed=0, fold=fold.number
    )
