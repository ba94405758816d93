"""The 2-D CNN trained on the clean recordings alone: the baseline of its augmentation."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models.cnn_runs import Sides, fit  # isort: split

from pathlib import Path
from typing import Any

import pandas as pd

from ser.data.datasets import read_features, read_split, take
from ser.data.scaling import read_scaler
from ser.models.logmel_cnn import NETWORKS
from ser.params import LogMelCnn

OFF = {
    "gain_db": 0.0,
    "tilt_db": 0.0,
    "noise_share": 0.0,
    "tempo_change": 0.0,
    "mel_warp": 0.0,
    "crop_frames": 0,
    "time_mask_frames": 0,
    "frequency_mask_bands": 0,
    "mixup_share": 0.0,
}
"""Settings with which an epoch shows each training clip as it is. Regularisation that does not change the
clips (dropout, weight decay, label smoothing) stays."""


def train_unaugmented(
    settings: LogMelCnn,
    *,
    seed: int,
    fold: int,
    folder: Path,
    checkpoints: Path,
    bar_position: int,
) -> tuple[pd.DataFrame, str]:
    """Train the network on one fold; keep its weights.

    Parameters
    ----------
    settings
        The section ``train_cnn.logmel``, of which all augmentation is turned off.
    seed, fold
        Which run.
    folder
        Holds ``scaler.npz``, of the clean training clips; ``seedS_foldF.weights.h5`` is written there.
    checkpoints
        Folder of the checkpoints.
    bar_position
        The progress bar's line.

    Returns
    -------
    curve : pandas.DataFrame
        The learning curve, a row an epoch.
    architecture : str
        JSON.
    """
    clips, split = read_split("luna5")
    features = read_features("logmel", ["clean"])
    sides = Sides(
        training=take(clips, split, features, fold=fold, role="train"),
        copies=1,
        watched=take(clips, split, features, fold=fold, role="validation"),
        scaler=read_scaler(str(folder / "scaler.npz"), fold=fold),
    )
    model, curve = fit(
        NETWORKS["logmel"],
        settings.model_copy(update=OFF),
        sides,
        seed=seed,
        name=f"unaugmented fold {fold}",
        checkpoint=checkpoints / f"seed{seed}_fold{fold}.npz",
        bar_position=bar_position,
    )
    model.save_weights(folder / f"seed{seed}_fold{fold}.weights.h5")
    about: dict[str, Any] = {"model": "logmel_cnn_unaugmented", "seed": seed, "fold": fold}
    return curve.assign(**about)[[*about, *curve.columns]], model.to_json(indent=1)
