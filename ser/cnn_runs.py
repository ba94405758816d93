"""One training of one network: from features and a fold to predictions, a learning curve and weights."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser import deterministic_tensorflow  # isort: split

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ser import training
from ser.datasets import Array, Part, Scaler, prediction_table, read_features, read_split, take
from ser.normalization import INPUTS, read_scaler
from ser.params import ArticleCnn, LogMelCnn
from ser.ravdess import EMOTIONS


@dataclass(frozen=True)
class Network:
    """A network of this project.

    Attributes
    ----------
    model : str
        Its name in predictions and metrics.
    input : str
        A key of `ser.normalization.INPUTS`.
    watched : str
        The role that the learning curve follows.
    build : callable
        Shape of a clip's features, settings and steps an epoch to a compiled model.
    epochs : callable
        Training part, scaler, number of copies of a clip and settings to what draws an epoch.
    code : tuple of str
        Files of its own on which its weights depend.
    """

    model: str
    input: str
    watched: str
    build: Callable[[tuple[int, ...], Any, int], keras.Model]
    epochs: Callable[[Part, Scaler, int, Any], training.Epoch]
    code: tuple[str, ...]


@dataclass(frozen=True)
class Result:
    """What a run leaves: test predictions and learning curve as tables, and the architecture as JSON."""

    predictions: pd.DataFrame
    curve: pd.DataFrame
    architecture: str


def folds_of(network: Network) -> list[int]:
    """List the folds of a network's protocol."""
    _, split = read_split(INPUTS[network.input].protocol)
    return sorted(split["fold"].unique().tolist())


def run(
    network: Network,
    settings: ArticleCnn | LogMelCnn,
    *,
    seed: int,
    fold: int,
    folder: Path,
    checkpoints: Path,
    bar_position: int = 0,
) -> Result:
    """Train a network on one fold with one seed, predict the fold's test clips, and keep the model.

    Parameters
    ----------
    network
        Which one.
    settings
        Its section of ``train_cnn``.
    seed, fold
        Which run.
    folder
        Where ``seedS_foldF.weights.h5`` is written.
    checkpoints
        Folder of the checkpoints.
    bar_position
        The progress bar's line.
    """
    wanted = INPUTS[network.input]
    clips, split = read_split(wanted.protocol)
    copies = read_features(wanted.features, list(wanted.copies))
    scaler = read_scaler(f"data/normalized/{network.input}.npz", fold=fold)

    training_part = take(clips, split, copies, fold=fold, role="train")
    watched = take(clips, split, copies[:1], fold=fold, role=network.watched)
    test = take(clips, split, copies[:1], fold=fold, role="test")

    deterministic_tensorflow.start(seed)
    steps_per_epoch = -(-len(training_part.x) // len(copies) // settings.batch_size)
    model = network.build(test.x.shape[1:], settings, steps_per_epoch)
    curve = training.train(
        model,
        training.Run(
            name=f"{network.model} seed {seed} fold {fold}",
            seed=seed,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            draw_epoch=network.epochs(training_part, scaler, len(copies), settings),
            watched=(scaler.transform(watched.x), one_hot(watched)),
            patience=settings.patience if isinstance(settings, LogMelCnn) else None,
            checkpoint=checkpoints / f"seed{seed}_fold{fold}.npz",
            identity=_identity(network, scaler, training_part, watched, settings, seed),
            bar_position=bar_position,
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    model.save_weights(folder / f"seed{seed}_fold{fold}.weights.h5")

    probabilities = training.predict(model, scaler.transform(test.x))
    about: dict[str, Any] = {"model": network.model, "seed": seed, "fold": fold}
    return Result(
        predictions=prediction_table(test, probabilities, protocol=wanted.protocol, **about),
        curve=pd.DataFrame(curve).astype({"epoch": int}).assign(**about)[[*about, *curve[0]]],
        architecture=model.to_json(indent=1),
    )


def one_hot(part: Part) -> Array:
    """Each clip's emotion as a row of 0 and one 1, in the order of `EMOTIONS`."""
    return np.eye(len(EMOTIONS), dtype=np.float32)[part.y]


def _identity(network: Network, scaler: Scaler, part: Part, watched: Part, settings: Any, seed: int) -> str:
    modules = (deterministic_tensorflow, training)
    return training.identity_of(
        *(scaler.mean, scaler.deviation, part.x, part.y, watched.x, watched.y),
        *(settings, seed, deterministic_tensorflow.VERSIONS),
        *(Path(file) for file in (__file__, *(module.__file__ or "" for module in modules), *network.code)),
    )
