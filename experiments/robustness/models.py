"""The models whose robustness is measured, applied fold by fold to their corrupted test clips."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy.typing as npt
import pandas as pd

from ser.data.fold import Fold, Part
from ser.data.predictions import prediction_table
from ser.data.scaling import read_scaler
from ser.models.classical import Refit

CLASSICAL = ("encoder_lda", "encoder_lda_augmented", "lda", "lda_augmented")
"""Of `ser.models.classical.MODELS`."""
NETWORKS = {
    "logmel_cnn": (Path("models/cnn_logmel"), "data/normalized/logmel.npz"),
    "logmel_cnn_unaugmented": (
        Path("models/cnn_logmel_unaugmented"),
        "models/cnn_logmel_unaugmented/scaler.npz",
    ),
}
"""By model: the folder of its weights, and its scalers. Both read log-mel."""

Degraded = Mapping[str, Part]
"""By condition, test clips of one fold, and what the model reads of them."""


def apply_classical(recipe: Refit, fold: Fold, degraded: Degraded) -> pd.DataFrame:
    """Fit one of `CLASSICAL` on all actors that are not tested, as it was for the main results, and apply it.

    Returns
    -------
    pandas.DataFrame
        As of `ser.data.predictions.prediction_table`, with the column ``condition`` before.
    """
    return _tabulate(recipe.model, fold.number, degraded, recipe.fit(fold).predict, seed=0)


def apply_network(model: str, fold: int, degraded: Degraded, seed: int) -> pd.DataFrame:
    """Apply one of `NETWORKS`; only here is TensorFlow loaded.

    Returns
    -------
    pandas.DataFrame
        As of `apply_classical`.
    """
    from ser.models import saved_networks

    folder, scalers = NETWORKS[model]
    network = saved_networks.load_network(folder, seed=seed, fold=fold)
    scaler = read_scaler(scalers, fold=fold)
    return _tabulate(
        model, fold, degraded, lambda part: saved_networks.predict(network, scaler, part.x), seed=seed
    )


def _tabulate(
    model: str, fold: int, degraded: Degraded, predict: Callable[[Part], npt.ArrayLike], *, seed: int
) -> pd.DataFrame:
    tables = []
    for condition, part in degraded.items():
        table = prediction_table(part, predict(part), protocol="luna5", model=model, seed=seed, fold=fold)
        table.insert(0, "condition", condition)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
