"""A CNN of the leakage ablation, whose epochs are its candidates. Only workers load TensorFlow."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.ladder.recipes import RECIPES, Recipe
from experiments.ladder.runs import Candidates, Run
from ser.data.fold import Array, Fold, Labels
from ser.data.scaling import Scaler
from ser.params import ArticleCnn, LogMelCnn

if TYPE_CHECKING:
    from ser.models.cnn_runs import Network


@dataclass(frozen=True)
class NetworkByEpoch:
    """A network, trained to its last epoch; see `experiments.ladder.runs.Model`.

    Attributes
    ----------
    network : callable
        Gives the network; a module-level function, which may import TensorFlow.
    read : callable
        Reads the features of all clips by a recipe; a module-level function.
    settings : ArticleCnn or LogMelCnn
        How it is trained.
    """

    network: Callable[[], "Network"]
    read: Callable[[Recipe], list[Array]]
    settings: ArticleCnn | LogMelCnn

    @property
    def axes(self) -> tuple[int, ...]:
        """Over what the scaler of its features takes mean and standard deviation."""
        return self.network().axes

    def fit(self, run: Run, fold: Fold, scaler: Scaler, *, bar_position: int = 0) -> Candidates:
        """Train, and predict the test clips after every epoch."""
        from ser.models import cnn_runs

        network = replace(self.network(), monitored=RECIPES[run.recipe].monitored)
        tested = fold.recordings(fold.test)
        observed, predicted = predict_each_epoch(network, scaler.transform(tested.x))
        with TemporaryDirectory() as folder:
            fitted = cnn_runs.fit(
                observed,
                self.settings,
                cnn_runs.training_data(fold, network, scaler=scaler),
                seed=run.seed,
                name=f"{run.recipe} seed {run.seed} fold {run.fold}",
                # Of no use after a kill, since what was predicted before it would be lost: runs are short.
                checkpoint=Path(folder) / "checkpoint.npz",
                bar_position=bar_position,
            )
        predicted.append(fitted.predict(tested).argmax(axis=1))
        return Candidates(
            names=[f"epoch={epoch}" for epoch in fitted.log["epoch"]],
            monitored_uar=fitted.log["val_uar"].to_list(),
            predicted=np.stack(predicted),  # (epochs, n)
        )


def predict_each_epoch(network: "Network", x: Array) -> tuple["Network", list[Labels]]:
    """Let a network predict some clips whenever an epoch is drawn, which is when the one before it is over.

    This does not change what the network learns, since prediction draws nothing at random.

    Parameters
    ----------
    network
        To be trained once.
    x
        The clips' scaled features [shape=(n, ...)].

    Returns
    -------
    network : Network
        To train in its place.
    predicted : list of numpy.ndarray [shape=(n,), dtype=int64]
        The emotions predicted after each epoch but the last, once training is over.
    """
    from ser.models import training

    models: list[Any] = []
    predicted: list[Labels] = []

    def build(*arguments: Any) -> Any:
        models.append(network.build(*arguments))
        return models[0]

    def epochs(*arguments: Any) -> training.Epoch:
        draw, drawn = network.epochs(*arguments), count()

        def predict_and_draw(generator: np.random.Generator) -> tuple[Array, Array]:
            if next(drawn) > 0:
                predicted.append(training.predict(models[0], x).argmax(axis=1))  # (n,)
            return draw(generator)

        return predict_and_draw

    return replace(network, build=build, epochs=epochs), predicted
