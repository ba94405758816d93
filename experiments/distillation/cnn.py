"""The 2-D CNN beside the DTW LDA, trained on soft labels."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models.cnn_runs import Network, fit  # isort: split

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from experiments.distillation.teacher import taught_labels
from experiments.dtw.cnn import learning_sides
from ser.data.fold import Array, Part, rows_of, take
from ser.data.predictions import prediction_table
from ser.data.scaling import Scaler
from ser.evaluation.leak_checks import permuted, without
from ser.models import spec_augment as augmentation
from ser.models import training
from ser.models.logmel_cnn import NETWORKS
from ser.models.training import Epoch
from ser.params import LogMelCnn
from stages.inputs import read_features, read_split

MODEL = "taught_cnn"
"""Its name in predictions."""


def taught_network(told: pd.DataFrame, *, share: float) -> Network:
    """Train the 2-D CNN on hard labels blended with the teacher's posteriors.

    Parameters
    ----------
    told, share
        Of `experiments.distillation.teacher.taught_labels`.
    """

    def epochs(part: Part, scaler: Scaler, copies: int, settings: LogMelCnn) -> Epoch:
        n = len(part.x) // copies
        labels = taught_labels(part, told, share=share)[:n].astype(np.float32)
        floor_db = float(part.x.min())

        # What an epoch shows is that of ser.models.logmel_cnn; only the labels differ.
        def draw(generator: np.random.Generator) -> tuple[Array, Array]:
            x = augmentation.choose_copies(part.x, copies=copies, generator=generator)
            order = generator.permutation(n)
            x = augmentation.distort(x[order], floor_db=floor_db, settings=settings, generator=generator)
            x = augmentation.crop(x, settings=settings, generator=generator)
            x = augmentation.mask(scaler.transform(x), settings=settings, generator=generator)
            return augmentation.mix(
                x, labels[order], batch_size=settings.batch_size, settings=settings, generator=generator
            )

        return draw

    network = NETWORKS["logmel"]
    return replace(network, model=MODEL, epochs=epochs, code=(*network.code, __file__))


def train_and_predict(
    protocol: str,
    settings: LogMelCnn,
    *,
    seed: int,
    fold: int,
    told: pd.DataFrame,
    share: float,
    checkpoints: Path,
    bar_position: int,
    shuffle: int | None = None,
    unseen: bool = False,
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
    told
        The teacher's posteriors for this fold's training clips.
    share
        Weight of the soft labels; 0 trains the network as `experiments.dtw.cnn` does. Otherwise labels are
        not
        smoothed any further.
    checkpoints
        Folder of the checkpoints.
    bar_position
        The progress bar's line.
    shuffle, unseen
        Leakage tests: permute the labels of the training clips with this seed, or train where the
        tested clips are missing.

    Returns
    -------
    pandas.DataFrame
        As of `ser.data.predictions.prediction_table`.
    """
    clips, split = read_split(protocol)
    together = split.replace({"role": {"validation": "train"}})
    copies = list(read_features("logmel", ["aligned"])[0])
    known = without(copies, rows_of(clips, split, fold=fold, role="test")) if unseen else copies
    sides = learning_sides(clips, together, known, fold=fold)
    if shuffle is not None:
        sides = replace(sides, training=permuted(sides.training, copies=sides.copies, seed=shuffle))
    network = NETWORKS["logmel"]
    if share:
        network = taught_network(told, share=share)
        settings = settings.model_copy(update={"label_smoothing": 0.0})
    # Of what the labels are made the checkpoint's identity does not know.
    made_of = training.identity_of(share, told.to_csv(index=False))[:12]
    fitted = fit(
        network,
        settings,
        sides,
        seed=seed,
        name=f"{protocol} {network.model} seed {seed} fold {fold}",
        checkpoint=checkpoints / f"{network.model}_seed{seed}_fold{fold}_{made_of}.npz",
        bar_position=bar_position,
    )
    test = take(clips, split, copies[:1], fold=fold, role="test")
    probabilities = fitted.predict(test)
    about: dict[str, Any] = {"protocol": protocol, "model": network.model, "seed": seed, "fold": fold}
    return prediction_table(test, probabilities, **about)
