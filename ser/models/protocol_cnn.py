"""The 2-D CNN of the main pipeline, trained under a protocol that has no validation actors."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models.cnn_runs import Sides, fit  # isort: split

from pathlib import Path

import pandas as pd

from ser.data.datasets import Array, Part, Scaler, prediction_table, read_features, read_split, take
from ser.data.scaling import INPUTS
from ser.models import training
from ser.models.logmel_cnn import NETWORKS
from ser.params import LogMelCnn

WATCHED_CLIPS = 64
"""How many clips the learning curve follows."""


def learning_sides(clips: pd.DataFrame, split: pd.DataFrame, copies: list[Array], *, fold: int) -> Sides:
    """Gather what the network learns from in one fold, nothing of which is tested.

    The training loop asks for clips to follow. Without validation actors, and with the test out of the
    question, these are the first training clips as they were recorded: their curve tells that the network
    learns, not how well it generalizes. Nothing is chosen by it, and it is thrown away.

    Parameters
    ----------
    clips, split
        The tables of clips and of one protocol's folds.
    copies
        Log-mels of all clips, each [shape=(clips, frames, bands)]: the clean recordings, then the others.
    fold
        Which one.

    Returns
    -------
    Sides
        Its scaler is of the training clips in all copies.
    """
    part = take(clips, split, copies, fold=fold, role="train")
    n = min(WATCHED_CLIPS, len(part.x) // len(copies))
    return Sides(
        training=part,
        copies=len(copies),
        watched=Part(part.clips[:n], part.actors[:n], part.x[:n], part.y[:n]),
        scaler=Scaler.fit(part.x, axes=INPUTS["logmel"].axes),
    )


def train_and_predict(
    protocol: str, settings: LogMelCnn, *, seed: int, fold: int, checkpoints: Path, bar_position: int
) -> pd.DataFrame:
    """Train the network on one fold for all its epochs, and predict the fold's test clips.

    Parameters
    ----------
    protocol
        Whose ``data/splits/PROTOCOL.parquet`` is read.
    settings
        The section ``train_cnn.logmel``.
    seed, fold
        Which run.
    checkpoints
        Folder of the checkpoints.
    bar_position
        The progress bar's line.

    Returns
    -------
    pandas.DataFrame
        As of `ser.data.datasets.prediction_table`.
    """
    clips, split = read_split(protocol)
    wanted = INPUTS["logmel"]
    copies = read_features(wanted.features, list(wanted.copies))
    sides = learning_sides(clips, split, copies, fold=fold)
    network = NETWORKS["logmel"]
    model, _ = fit(
        network,
        settings,
        sides,
        seed=seed,
        name=f"{protocol} seed {seed} fold {fold}",
        checkpoint=checkpoints / f"seed{seed}_fold{fold}.npz",
        bar_position=bar_position,
    )
    test = take(clips, split, copies[:1], fold=fold, role="test")
    probabilities = training.predict(model, sides.scaler.transform(test.x))
    return prediction_table(test, probabilities, protocol=protocol, model=network.model, seed=seed, fold=fold)
