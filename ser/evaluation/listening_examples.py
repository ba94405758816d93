"""Clips worth hearing: those of which a model was most confident, where it was right and where it was wrong.

The rule is fixed, so that nobody picks: for every emotion, of the clips with this label, the one that the
model recognised with the greatest probability, and the one for which it predicted another emotion with the
greatest probability.
"""

import numpy as np
import pandas as pd

from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS

COLUMNS = ("emotion", "right", "clip", "predicted", "confidence")


def choose(predictions: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Choose the examples of one model by the rule above.

    Parameters
    ----------
    predictions
        Predictions of one model under one protocol. The probabilities of several seeds are averaged.
    clips
        The labels: ``clip`` and ``emotion``.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`, in the order of `EMOTIONS`, the right clip first. An emotion that was always
        recognised has no wrong clip, and one that never was has no right one. Of clips with the same
        confidence, the first by name.
    """
    mean = predictions.groupby("clip")[list(PROBABILITIES)].mean()
    values = mean.to_numpy()  # (clips, 8)
    table = pd.DataFrame(
        {
            "emotion": clips.set_index("clip")["emotion"].loc[mean.index].array,
            "clip": mean.index,
            "predicted": np.array(EMOTIONS)[values.argmax(axis=1)],
            "confidence": values.max(axis=1),
        }
    )
    table["right"] = table["emotion"] == table["predicted"]
    table["place"] = table["emotion"].map(EMOTIONS.index)
    order = ["place", "right", "confidence", "clip"]
    table = table.sort_values(order, ascending=[True, False, False, True])
    return table.drop_duplicates(["emotion", "right"])[list(COLUMNS)].reset_index(drop=True)
