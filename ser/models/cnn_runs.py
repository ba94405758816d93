"""One training of one network: from a fold to a fitted network and its learning curve."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd

from ser.data.fold import Array, Fold, Part
from ser.data.ravdess import EMOTIONS
from ser.data.scaling import Scaler
from ser.models import training
from ser.params import ArticleCnn, LogMelCnn

MONITORED_CLIPS = 64
"""How many training clips the learning curve follows where nobody validates."""


@dataclass(frozen=True)
class Network:
    """A network of this project.

    Attributes
    ----------
    model : str
        Its name in predictions and metrics.
    monitored : {"validation", "test"}
        The clips that the learning curve follows.
    axes : tuple of int
        Over what the scaler of its input takes mean and standard deviation.
    build : callable
        Shape of a clip's features, settings and steps an epoch to a compiled model.
    epochs : callable
        Training part, scaler, number of copies of a clip and settings to what draws an epoch.
    code : tuple of str
        Files of its own on which its weights depend.
    """

    model: str
    monitored: str
    axes: tuple[int, ...]
    build: Callable[[tuple[int, ...], Any, int], keras.Model]
    epochs: Callable[[Part, Scaler, int, Any], training.Epoch]
    code: tuple[str, ...]


@dataclass(frozen=True)
class TrainingData:
    """What a training reads of a fold; no test clip, unless the article's curves follow them.

    Attributes
    ----------
    training : Part
        All copies of the training clips, copy by copy.
    copies : int
        How many copies of each clip `training` holds.
    monitored : Part
        The clips that the learning curve follows.
    scaler : Scaler
        Of the network's input.
    """

    training: Part
    copies: int
    monitored: Part
    scaler: Scaler


def training_data(fold: Fold, network: Network, *, scaler: Scaler | None = None) -> TrainingData:
    """Gather what a network is trained on.

    The training loop asks for clips to follow. Where nobody validates, these are the first training clips as
    they were recorded: their curve tells that the network learns, not how well it generalizes. Nothing is
    chosen by any curve.

    Parameters
    ----------
    fold
        With the features that the network reads.
    network
        Whose clips are monitored.
    scaler
        Of the network's input; learned of the training clips in all copies where there is none.
    """
    training = fold.training()
    monitored = fold.test if network.monitored == "test" else fold.validation
    return TrainingData(
        training=training,
        copies=len(fold.copies),
        monitored=fold.recordings(monitored if len(monitored) else fold.train.head(MONITORED_CLIPS)),
        scaler=scaler or Scaler.fit(training.x, axes=network.axes),
    )


@dataclass(frozen=True)
class FittedNetwork:
    """A trained network; see `ser.models.recipe.Fitted`.

    Attributes
    ----------
    network : keras.Model
        After the last epoch.
    scaler : Scaler
        Of the network's input, in the unit of the features.
    log : pandas.DataFrame
        The learning curve, as `ser.models.training.train` gives it.
    """

    network: keras.Model
    scaler: Scaler
    log: pd.DataFrame

    def predict(self, part: Part) -> Array:
        """Give class scores [shape=(n, 8)]."""
        return training.predict(self.network, self.scaler.transform(part.x))

    predict_validation = predict


def fit(
    network: Network,
    settings: ArticleCnn | LogMelCnn,
    data: TrainingData,
    *,
    seed: int,
    name: str,
    checkpoint: Path,
    bar_position: int = 0,
) -> FittedNetwork:
    """Build and train a network.

    Parameters
    ----------
    network, settings
        Which one, and its section of ``train_cnn``.
    data
        All that it is trained on.
    seed
        Of the weights and of all that is drawn.
    name
        Stands before the progress bar.
    checkpoint
        Where the state after each epoch is kept, for a run after a kill.
    bar_position
        The progress bar's line.
    """
    part, monitored = data.training, data.monitored
    deterministic_tensorflow.start(seed)
    steps_per_epoch = -(-len(part.x) // data.copies // settings.batch_size)
    model = network.build(part.x.shape[1:], settings, steps_per_epoch)
    curve = training.train(
        model,
        training.Run(
            name=name,
            seed=seed,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            draw_epoch=network.epochs(part, data.scaler, data.copies, settings),
            monitored=(data.scaler.transform(monitored.x), one_hot(monitored)),
            checkpoint=checkpoint,
            identity=_identity(network, data, settings, seed),
            bar_position=bar_position,
        ),
    )
    return FittedNetwork(model, data.scaler, pd.DataFrame(curve).astype({"epoch": int}))


def one_hot(part: Part) -> Array:
    """Each clip's emotion as a row of 0 and one 1, in the order of `EMOTIONS`."""
    return np.eye(len(EMOTIONS), dtype=np.float32)[part.y]


def _identity(network: Network, data: TrainingData, settings: Any, seed: int) -> str:
    modules = (deterministic_tensorflow, training)
    arrays = (data.scaler.mean, data.scaler.deviation)
    parts = (data.training.x, data.training.y, data.monitored.x, data.monitored.y)
    return training.identity_of(
        *(*arrays, *parts, settings, seed, deterministic_tensorflow.VERSIONS),
        *(Path(file) for file in (__file__, *(module.__file__ or "" for module in modules), *network.code)),
    )
