"""The models whose robustness is measured, applied fold by fold to their corrupted test clips."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy.typing as npt
import pandas as pd

from ser.data.datasets import Array, Part, prediction_table, read_features, read_split, take
from ser.data.scaling import read_scaler
from ser.models.classical import SEARCHED_MODELS, Grids
from ser.models.refit import read_chosen, refit

CLASSICAL = {
    "encoder_lda": ("transfer", "encoder"),
    "encoder_lda_augmented": ("transfer", "encoder"),
    "lda": ("luna5", "functionals"),
    "lda_augmented": ("luna5", "functionals"),
}
"""By model: its section of ``train_baselines``, and the features that it reads."""
NETWORKS = {
    "logmel_cnn": (Path("models/cnn_logmel"), "data/normalized/logmel.npz"),
    "logmel_cnn_unaugmented": (
        Path("models/cnn_logmel_unaugmented"),
        "models/cnn_logmel_unaugmented/scaler.npz",
    ),
}
"""By model: the folder of its weights, and its scalers. Both read log-mel."""


@dataclass(frozen=True)
class Tested:
    """The test clips of one fold.

    Attributes
    ----------
    fold : int
    sides : mapping
        By condition, the clips and what the model reads of them.
    """

    fold: int
    sides: Mapping[str, Part]


def apply_classical(model: str, tested: Tested, grids: Grids) -> pd.DataFrame:
    """Fit one of `CLASSICAL` on all actors that are not tested, as it was for the main results, and apply it.

    Which copies of their clips it is trained on, `ser.models.classical.SEARCHED_MODELS` says.

    Returns
    -------
    pandas.DataFrame
        As of `ser.data.datasets.prediction_table`, with the column ``condition`` before.
    """
    group, features = CLASSICAL[model]
    clips, split = read_split("luna5")
    training = take(
        clips,
        split.replace({"role": {"validation": "train"}}),
        read_features(features, list(SEARCHED_MODELS[group][model])),
        fold=tested.fold,
        role="train",
    )
    point = read_chosen(group, model)[tested.fold]
    fitted = refit(model, point=point, training=training, grids=grids)
    return _tabulate(model, tested, fitted.predict_proba, seed=0)


def apply_network(model: str, tested: Tested, seed: int) -> pd.DataFrame:
    """Apply one of `NETWORKS`; only here is TensorFlow loaded.

    Returns
    -------
    pandas.DataFrame
        As of `apply_classical`.
    """
    from ser.models import saved_networks

    folder, scalers = NETWORKS[model]
    network = saved_networks.load_network(folder, seed=seed, fold=tested.fold)
    scaler = read_scaler(scalers, fold=tested.fold)
    return _tabulate(model, tested, lambda x: saved_networks.predict(network, scaler, x), seed=seed)


def _tabulate(
    model: str, tested: Tested, predict: Callable[[Array], npt.ArrayLike], *, seed: int
) -> pd.DataFrame:
    tables = []
    for condition, part in tested.sides.items():
        table = prediction_table(
            part, predict(part.x), protocol="luna5", model=model, seed=seed, fold=tested.fold
        )
        table.insert(0, "condition", condition)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)
