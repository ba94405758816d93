"""Late fusion: the arithmetic mean of two models' probabilities."""

import pandas as pd

from ser.data.predictions import PROBABILITIES
from ser.errors import InputError

KEYS = ["protocol", "fold", "clip"]


def mean_of(seeded: pd.DataFrame, single: pd.DataFrame, *, model: str) -> pd.DataFrame:
    """Average two models clip by clip.

    Parameters
    ----------
    seeded
        Predictions of a model, with any number of seeds: `ser.data.predictions.COLUMNS`.
    single
        Predictions of another model, with one seed; they are averaged with each seed of the first.
    model
        Name of the fused model in predictions.

    Returns
    -------
    pandas.DataFrame
        Predictions of the fused model, in the form and order of `seeded`.

    Raises
    ------
    InputError
        Where they do not predict the same clips in the same folds.
    """
    partner = seeded[KEYS].merge(single, on=KEYS, how="left", validate="many_to_one")
    clips = len(seeded[KEYS].drop_duplicates())
    if len(partner) != len(seeded) or partner["model"].isna().any() or len(single) != clips:
        raise InputError("the two models do not predict the same clips in the same folds; train both again")
    fused = seeded.assign(model=model)
    columns = list(PROBABILITIES)
    fused[columns] = (seeded[columns].to_numpy() + partner[columns].to_numpy()) / 2  # (rows, 8)
    return fused
