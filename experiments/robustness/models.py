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
"""Names of the LDAs in `ser.models.classical.MODELS`."""
NETWORKS = {
    "logmel_cnn": (Path("models/cnn_logmel"), "data/normalized/logmel.npz"),
    "logmel_cnn_unaugmented": (
        Path("models/cnn_logmel_unaugmented"),
        "models/cnn_logmel_unaugmented/scaler.npz",
    ),
}
"""By model: the folder of its weights, and its scalers. Both read log-mel."""

Degraded = Mapping[str, Part]
"""By corruption, the test clips of one fold with the features that are the model's input."""


def apply_classical(recipe: Refit, fold: Fold, degraded: Degraded) -> pd.DataFrame:
    """Fit one of `CLASSICAL` on all actors that are not tested, as it was for the main results, and apply it.

    Parameters
    ----------
    recipe
        The model with its hyper-parameters of each fold.
    fold
        The fold, with features of clean recordings and of the training copies.
    degraded
        By corruption, the fold's test clips.

    Returns
    -------
    pandas.DataFrame
        Predictions, a row a test clip and corruption: ``condition``, then `ser.data.predictions.COLUMNS`.
    """
    return _tabulate(recipe.model, fold.number, degraded, recipe.fit(fold).predict, seed=0)


def apply_network(model: str, fold: int, degraded: Degraded, seed: int) -> pd.DataFrame:
    """Apply one of `NETWORKS`; only here is TensorFlow loaded.

    Parameters
    ----------
    model
        Name of the network in predictions.
    fold, seed
        Number of the fold, 0-based, and seed of the run that trained the network.
    degraded
        By corruption, the fold's test clips with log-mels [shape=(n, frames, bands)] in dB.

    Returns
    -------
    pandas.DataFrame
        Predictions, a row a test clip and corruption: ``condition``, then `ser.data.predictions.COLUMNS`.
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
