"""One training of one network: from features and a fold to predictions, a learning curve and weights."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ser.data.datasets import Array, Part, Scaler, prediction_table, read_features, read_split, take
from ser.data.ravdess import EMOTIONS
from ser.data.scaling import INPUTS, read_scaler
from ser.models import training
from ser.models.run_result import RunResult
from ser.params import ArticleCnn, LogMelCnn


@dataclass(frozen=True)
class Network:
    """A network of this project.

    Attributes
    ----------
    name : str
        Its section of ``train_cnn``, and its key in `ser.data.scaling.INPUTS`.
    model : str
        Its name in predictions and metrics.
    watched : str
        The role that the learning curve follows.
    build : callable
        Shape of a clip's features, settings and steps an epoch to a compiled model.
    epochs : callable
        Training part, scaler, number of copies of a clip and settings to what draws an epoch.
    code : tuple of str
        Files of its own on which its weights depend.
    """

    name: str
    model: str
    watched: str
    build: Callable[[tuple[int, ...], Any, int], keras.Model]
    epochs: Callable[[Part, Scaler, int, Any], training.Epoch]
    code: tuple[str, ...]


@dataclass(frozen=True)
class Sides:
    """What a training reads of a fold; nothing of it is tested, unless the article's curves watch the test.

    Attributes
    ----------
    training : Part
        All copies of the training clips, copy by copy.
    copies : int
        How many.
    watched : Part
        Whom the learning curve follows.
    scaler : Scaler
    """

    training: Part
    copies: int
    watched: Part
    scaler: Scaler


def run(
    network: Network,
    settings: ArticleCnn | LogMelCnn,
    *,
    seed: int,
    fold: int,
    folder: Path,
    checkpoints: Path,
    bar_position: int = 0,
) -> RunResult:
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
    sides = read_sides(network, fold=fold)
    checkpoint = checkpoints / f"seed{seed}_fold{fold}.npz"
    name = f"{network.model} seed {seed} fold {fold}"
    model, curve = fit(
        network, settings, sides, seed=seed, name=name, checkpoint=checkpoint, bar_position=bar_position
    )
    folder.mkdir(parents=True, exist_ok=True)
    model.save_weights(folder / f"seed{seed}_fold{fold}.weights.h5")

    wanted = INPUTS[network.name]
    clips, split = read_split(wanted.protocol)
    test = take(clips, split, read_features(wanted.features, list(wanted.copies[:1])), fold=fold, role="test")
    about: dict[str, Any] = {"model": network.model, "seed": seed, "fold": fold}

    def predictions_of(part: Part) -> pd.DataFrame:
        probabilities = training.predict(model, sides.scaler.transform(part.x))
        return prediction_table(part, probabilities, protocol=wanted.protocol, **about)

    return RunResult(
        predictions=predictions_of(test),
        validation=predictions_of(sides.watched) if network.watched == "validation" else None,
        curve=curve.assign(**about)[[*about, *curve.columns]],
        architecture=model.to_json(indent=1),
    )


def read_sides(network: Network, *, fold: int) -> Sides:
    """Read what a network learns from in one fold of its protocol."""
    wanted = INPUTS[network.name]
    clips, split = read_split(wanted.protocol)
    copies = read_features(wanted.features, list(wanted.copies))
    return Sides(
        training=take(clips, split, copies, fold=fold, role="train"),
        copies=len(copies),
        watched=take(clips, split, copies[:1], fold=fold, role=network.watched),
        scaler=read_scaler(f"data/normalized/{network.name}.npz", fold=fold),
    )


def fit(
    network: Network,
    settings: ArticleCnn | LogMelCnn,
    sides: Sides,
    *,
    seed: int,
    name: str,
    checkpoint: Path,
    bar_position: int = 0,
) -> tuple[keras.Model, pd.DataFrame]:
    """Build and train a network.

    Parameters
    ----------
    network, settings
        Which one, and its section of ``train_cnn``.
    sides
        All that it learns from.
    seed
        Of the weights and of all that is drawn.
    name
        Stands before the progress bar.
    checkpoint
        Where the state after each epoch is kept, for a run after a kill.
    bar_position
        The progress bar's line.

    Returns
    -------
    model : keras.Model
    curve : pandas.DataFrame
        The learning curve, as `ser.models.training.train` gives it.
    """
    part, watched = sides.training, sides.watched
    deterministic_tensorflow.start(seed)
    steps_per_epoch = -(-len(part.x) // sides.copies // settings.batch_size)
    model = network.build(part.x.shape[1:], settings, steps_per_epoch)
    curve = training.train(
        model,
        training.Run(
            name=name,
            seed=seed,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            draw_epoch=network.epochs(part, sides.scaler, sides.copies, settings),
            watched=(sides.scaler.transform(watched.x), one_hot(watched)),
            checkpoint=checkpoint,
            identity=_identity(network, sides, settings, seed),
            bar_position=bar_position,
        ),
    )
    return model, pd.DataFrame(curve).astype({"epoch": int})


def one_hot(part: Part) -> Array:
    """Each clip's emotion as a row of 0 and one 1, in the order of `EMOTIONS`."""
    return np.eye(len(EMOTIONS), dtype=np.float32)[part.y]


def _identity(network: Network, sides: Sides, settings: Any, seed: int) -> str:
    modules = (deterministic_tensorflow, training)
    arrays = (sides.scaler.mean, sides.scaler.deviation)
    parts = (sides.training.x, sides.training.y, sides.watched.x, sides.watched.y)
    return training.identity_of(
        *(*arrays, *parts, settings, seed, deterministic_tensorflow.VERSIONS),
        *(Path(file) for file in (__file__, *(module.__file__ or "" for module in modules), *network.code)),
    )
