"""A CNN trained by a recipe of the leakage ablation: its predictions for the test clips after each epoch."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import cnn_runs  # isort: split

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras
import numpy as np
import pandas as pd

from experiments.ladder.recipes import LadderSides
from experiments.ladder.scores import Run, candidate_table
from ser.data.fold import Array, Labels, Part
from ser.data.scaling import Scaler
from ser.models import training
from ser.params import ArticleCnn, LogMelCnn


class EpochByEpoch:
    """A network that keeps what it makes of some clips after every epoch.

    An epoch is drawn when the one before it is over: that is where it looks. Looking does not change what is
    learned, since prediction draws nothing at random.

    Parameters
    ----------
    network
        Which one.
    x
        The clips' scaled features.
    """

    def __init__(self, network: cnn_runs.Network, x: Array) -> None:
        self._network, self._x = network, x
        self._model: keras.Model = None
        self._begun = False
        self._predicted: list[Labels] = []

    def network(self) -> cnn_runs.Network:
        """Give the network to train, once."""
        return replace(self._network, build=self._build, epochs=self._epochs)

    def predicted(self) -> Labels:
        """Give the predicted emotions after each epoch [shape=(epochs, n)], once training is over."""
        return np.stack([*self._predicted, self._look()])

    def _build(self, shape: tuple[int, ...], settings: Any, steps_per_epoch: int) -> keras.Model:
        self._model = self._network.build(shape, settings, steps_per_epoch)
        return self._model

    def _epochs(self, part: Part, scaler: Scaler, copies: int, settings: Any) -> training.Epoch:
        draw = self._network.epochs(part, scaler, copies, settings)

        def look_and_draw(generator: np.random.Generator) -> tuple[Array, Array]:
            if self._begun:
                self._predicted.append(self._look())
            self._begun = True
            return draw(generator)

        return look_and_draw

    def _look(self) -> Labels:
        return np.asarray(training.predict(self._model, self._x).argmax(axis=1))


def run(
    network: cnn_runs.Network,
    settings: ArticleCnn | LogMelCnn,
    sides: LadderSides,
    *,
    about: Run,
    bar_position: int = 0,
) -> pd.DataFrame:
    """Train a CNN on the split that a recipe makes, to its last epoch.

    Parameters
    ----------
    network, settings
        Which one, and how it is trained.
    sides
        From `experiments.ladder.recipes.sides`.
    about
        Which run.
    bar_position
        The progress bar's line.

    Returns
    -------
    pandas.DataFrame
        As of `experiments.ladder.scores.candidate_table`; the candidates are the epochs.
    """
    kept = EpochByEpoch(network, sides.scaler.transform(sides.tested.x))
    with TemporaryDirectory() as folder:
        curve = cnn_runs.fit(
            kept.network(),
            settings,
            cnn_runs.TrainingData(sides.training, sides.copies, sides.watched, sides.scaler),
            seed=about.seed,
            name=f"{about.recipe} seed {about.seed} fold {about.fold}",
            # Of no use after a kill, since what was predicted before it would be lost; the runs are short.
            checkpoint=Path(folder) / "checkpoint.npz",
            bar_position=bar_position,
        ).log
    return candidate_table(
        about,
        names=[f"epoch={epoch}" for epoch in curve["epoch"]],
        watched_uar=curve["val_uar"].to_list(),
        clips=sides.tested.clips,
        predicted=kept.predicted(),
    )
