"""The models whose robustness is measured, applied fold by fold to their corrupted test clips."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy.typing as npt
import pandas as pd

from ser.data.fold import Fold, Part
from ser.data.predictions import prediction_table
from ser.data.scaling import read_scaler
from ser.models.classical import Refit
from ser.models.layers.linear import read_linear

CLASSICAL = ("encoder_lda", "encoder_lda_augmented", "lda", "lda_augmented")
"""Names of the LDAs in `ser.models.classical.MODELS`."""
NETWORK = "logmel_cnn"
"""Name of the 2-D CNN, whose input is log-mel."""
LAYERS = Path("models/layers")
"""Folder of the ensembles on the layers of Whisper's encoder."""

Degraded = Mapping[str, Part]
"""By condition, the test clips of one fold with the features that are the model's input."""


def apply_classical(recipe: Refit, fold: Fold, degraded: Degraded) -> pd.DataFrame:
    """Fit one of `CLASSICAL` on all actors that are not tested, as it was for the main results, and apply it.

    Parameters
    ----------
    recipe
        The model with its hyper-parameters of each fold.
    fold
        The fold, with features of clean recordings and of the training copies.
    degraded
        By condition, the fold's test clips.

    Returns
    -------
    pandas.DataFrame
        Predictions, a row a test clip and condition: ``condition``, then `ser.data.predictions.COLUMNS`.
    """
    return _tabulate(recipe.model, fold.number, degraded, recipe.fit(fold).predict)


def apply_network(fold: int, degraded: Degraded, seed: int) -> pd.DataFrame:
    """Apply `NETWORK`; only here is TensorFlow loaded.

    Parameters
    ----------
    fold, seed
        Number of the fold, 0-based, and seed of the run that trained the network.
    degraded
        By condition, the fold's test clips with log-mels [shape=(n, frames, bands)] in dB.

    Returns
    -------
    pandas.DataFrame
        Predictions, a row a test clip and condition: ``condition``, then `ser.data.predictions.COLUMNS`.
    """
    from ser.models import saved_networks

    network = saved_networks.load_network(Path("models/cnn_logmel"), seed=seed, fold=fold)
    scaler = read_scaler("data/normalized/logmel.npz", fold=fold)
    return _tabulate(
        NETWORK, fold, degraded, lambda part: saved_networks.predict(network, scaler, part.x), seed=seed
    )


def apply_layers(model: str, fold: int, degraded: Degraded) -> pd.DataFrame:
    """Apply an ensemble on the encoder's layers.

    Parameters
    ----------
    model
        Its name in predictions, one that is in `LAYERS`.
    fold
        Number of the fold, 0-based.
    degraded
        By condition, the fold's test clips with functionals [shape=(n, layers, columns)].

    Returns
    -------
    pandas.DataFrame
        Predictions, a row a test clip and condition: ``condition``, then `ser.data.predictions.COLUMNS`.
    """
    linear = read_linear(LAYERS, model=model, fold=fold)
    return _tabulate(model, fold, degraded, lambda part: linear.probabilities(part.x))


def _tabulate(
    model: str, fold: int, degraded: Degraded, predict: Callable[[Part], npt.ArrayLike], *, seed: int = 0
) -> pd.DataFrame:
    tables = []
    for condition, part in degraded.items():
        table = prediction_table(part, predict(part), protocol="luna5", model=model, seed=seed, fold=fold)
        table.insert(0, "condition", condition)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
