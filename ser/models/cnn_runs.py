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
"""Number of training clips that the learning curve monitors where there are no validation clips."""


@dataclass(frozen=True)
class Network:
    """A network of this project.

    Attributes
    ----------
    model : str
        Its name in predictions and metrics.
    monitored : {"validation", "test"}
        The clips that the learning curve monitors.
    axes : tuple of int
        Axes of the features over which the scaler takes mean and standard deviation.
    build : callable
        From the shape of a clip's features, the settings and the steps an epoch to a compiled model.
    epochs : callable
        From the training part, the scaler, the number of copies of a clip and the settings to an `Epoch`.
    code : tuple of str
        Paths of its own source files, on which its weights depend.
    """

    model: str
    monitored: str
    axes: tuple[int, ...]
    build: Callable[[tuple[int, ...], Any, int], keras.Model]
    epochs: Callable[[Part, Scaler, int, Any], training.Epoch]
    code: tuple[str, ...]


@dataclass(frozen=True)
class TrainingData:
    """What a training reads of a fold; no test clip, unless the article's curves monitor them.

    Attributes
    ----------
    training : Part
        Training clips [shape=(copies * n, ...)], copy by copy, the recordings first.
    copies : int
        Number of copies of each clip in `training`, the recording included.
    monitored : Part
        The clips that the learning curve monitors.
    scaler : Scaler
        Standardises the network's input.
    """

    training: Part
    copies: int
    monitored: Part
    scaler: Scaler


def training_data(fold: Fold, network: Network, *, scaler: Scaler | None = None) -> TrainingData:
    """Gather what a network is trained on.

    The training loop needs clips to monitor. Where there are no validation clips, these are the first
    training clips as they were recorded: their curve shows that the network fits, not how well it
    generalizes. Nothing is selected by any curve.

    Parameters
    ----------
    fold
        A fold with the features that are the network's input.
    network
        The network; it says which clips are monitored, and over which axes to scale.
    scaler
        Standardises the network's input; without one, it is fitted to the training clips in all copies.
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
        The network after the last epoch.
    scaler : Scaler
        Standardises the network's input; its mean and deviation are in the unit of the features.
    log : pandas.DataFrame
        The learning curve, a row an epoch, with the columns of `ser.models.training.train`.
    """

    network: keras.Model
    scaler: Scaler
    log: pd.DataFrame

    def predict(self, part: Part) -> Array:
        """Give class scores [shape=(n, 8)], from 0 to 1; those of a sigmoid do not sum to 1."""
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
        The network, and its section of ``train_cnn``.
    data
        All that it is trained on.
    seed
        Seed of the initial weights and of all that is drawn.
    name
        Text before the progress bar.
    checkpoint
        File of the state after each epoch, from which a killed run goes on.
    bar_position
        Line of the progress bar, 0-based.

    Returns
    -------
    FittedNetwork
        The network after the last epoch.
    """
    part, monitored = data.training, data.monitored
    deterministic_tensorflow.start(seed)
    # Batches of all clips, in one copy each.
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
    """Each clip's emotion as a row of 0 and one 1 [shape=(n, 8)], in the order of `EMOTIONS`."""
    return np.eye(len(EMOTIONS), dtype=np.float32)[part.y]


def _identity(network: Network, data: TrainingData, settings: Any, seed: int) -> str:
    modules = (deterministic_tensorflow, training)
    arrays = (data.scaler.mean, data.scaler.deviation)
    parts = (data.training.x, data.training.y, data.monitored.x, data.monitored.y)
    return training.identity_of(
        *(*arrays, *parts, settings, seed, deterministic_tensorflow.VERSIONS),
        *(Path(file) for file in (__file__, *(module.__file__ or "" for module in modules), *network.code)),
    )
