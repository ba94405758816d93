"""The 2-D CNN of the main pipeline on rounded log-mels, trained on every clip that is not tested."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.cnn_runs import fit  # isort: split

from pathlib import Path

import pandas as pd

from ser import training
from ser.datasets import prediction_table, read_features, read_split, take
from ser.logmel_cnn import NETWORKS
from ser.params import LogMelCnn
from ser.protocol_cnn import learning_sides


def train_and_predict(
    protocol: str, settings: LogMelCnn, *, seed: int, fold: int, checkpoints: Path, bar_position: int
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

    Returns
    -------
    pandas.DataFrame
        As of `ser.datasets.prediction_table`.
    """
    clips, split = read_split(protocol)
    together = split.replace({"role": {"validation": "train"}})
    copies = list(read_features("logmel", ["aligned"])[0])
    sides = learning_sides(clips, together, copies, fold=fold)
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
