"""Late fusion: the mean of two models' probabilities."""

import pandas as pd

from ser.data.predictions import PROBABILITIES
from ser.errors import InputError

KEYS = ["protocol", "fold", "clip"]


def mean_of(seeded: pd.DataFrame, single: pd.DataFrame, *, model: str) -> pd.DataFrame:
    """Average two models clip by clip.

    Parameters
    ----------
    seeded
        Predictions of a model, with any number of seeds.
    single
        Of another, which has one seed; it is averaged with each seed of the first.
    model
        The name of the mean.

    Returns
    -------
    pandas.DataFrame
        In the form and order of `seeded`.

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
    fused[columns] = (seeded[columns].to_numpy() + partner[columns].to_numpy()) / 2
    return fused
