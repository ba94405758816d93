"""The 2-D CNN of the main pipeline on rounded log-mels, trained on every clip that is not tested."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models.cnn_runs import TrainingData, fit, training_data  # isort: split

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from ser.data.fold import Array, folds, rows_of, take
from ser.data.predictions import prediction_table
from ser.evaluation.leak_checks import permuted, without
from ser.models.logmel_cnn import NETWORKS
from ser.params import LogMelCnn
from stages.inputs import read_features, read_split


def learning_sides(
    clips: pd.DataFrame, split: pd.DataFrame, copies: list[Array], *, fold: int
) -> TrainingData:
    """Gather what the network learns from in one fold, nothing of which is tested."""
    own = next(it for it in folds(clips, split, copies) if it.number == fold)
    return training_data(replace(own, validation=own.validation[:0]), NETWORKS["logmel"])


def train_and_predict(
    protocol: str,
    settings: LogMelCnn,
    *,
    seed: int,
    fold: int,
    checkpoints: Path,
    bar_position: int,
    suspect: Literal["permuted", "unseen"] | None = None,
) -> pd.DataFrame:
    """Train the network on one fold for all its epochs, and predict the fold's test clips.

    Parameters
    ----------
    protocol
        Whose ``data/splits/PROTOCOL.parquet`` is read; its validation actors train.
    settings
        The section ``train_cnn.logmel``.
    seed, fold
        Which run.
    checkpoints
        Folder of the checkpoints.
    bar_position
        The progress bar's line.
    suspect
        Leakage tests: permute the labels of the training clips, or train where the test clips are
        missing.

    Returns
    -------
    pandas.DataFrame
        As of `ser.data.predictions.prediction_table`.
    """
    clips, split = read_split(protocol)
    together = split.replace({"role": {"validation": "train"}})
    copies = list(read_features("logmel", ["aligned"])[0])
    known = copies
    if suspect == "unseen":
        known = without(copies, rows_of(clips, split, fold=fold, role="test"))
    sides = learning_sides(clips, together, known, fold=fold)
    if suspect == "permuted":
        sides = replace(sides, training=permuted(sides.training, copies=sides.copies, seed=seed))
    network = NETWORKS["logmel"]
    fitted = fit(
        network,
        settings,
        sides,
        seed=seed,
        name=f"{protocol} seed {seed} fold {fold}",
        checkpoint=checkpoints / f"seed{seed}_fold{fold}.npz",
        bar_position=bar_position,
    )
    test = take(clips, split, copies[:1], fold=fold, role="test")
    probabilities = fitted.predict(test)
    about: dict[str, Any] = {"protocol": protocol, "model": network.model, "seed": seed, "fold": fold}
    return prediction_table(test, probabilities, **about)
