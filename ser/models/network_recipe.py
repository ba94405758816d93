"""The recipe of a network. TensorFlow is loaded by the worker that trains, and by nothing else."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ser.data.fold import Fold
from ser.data.scaling import Scaler
from ser.params import ArticleCnn, LogMelCnn

if TYPE_CHECKING:
    from ser.models.cnn_runs import FittedNetwork, Network


def logmel() -> "Network":
    """Give the 2-D CNN on log-mel."""
    from ser.models.logmel_cnn import NETWORKS

    return NETWORKS["logmel"]


@dataclass(frozen=True)
class NetworkRecipe:
    """A network, trained for all its epochs.

    Attributes
    ----------
    network : callable
        Returns the network; a module-level function, which may import TensorFlow.
    settings : ArticleCnn or LogMelCnn
        Its section of ``train_cnn``.
    checkpoints : Path
        Folder of the states after each epoch, from which a killed run goes on.
    scalers : mapping of int to Scaler
        Scalers of the input by the fold's number; without one, it is fitted to the fold's training clips.
    weights : Path or None
        Folder for each run's ``seedS_foldF.weights.h5``, and for ``architecture.json`` of the settings' first
        seed on fold 0; None to keep none.
    """

    network: Callable[[], "Network"]
    settings: ArticleCnn | LogMelCnn
    checkpoints: Path
    scalers: Mapping[int, Scaler] = field(default_factory=dict)
    weights: Path | None = None

    @property
    def model(self) -> str:
        """The network's name in predictions; loads TensorFlow."""
        return self.network().model

    def fit(self, fold: Fold, *, seed: int, bar_position: int = 0) -> "FittedNetwork":
        """Train on a fold; see `ser.models.recipe.Recipe`."""
        from ser.models import cnn_runs

        network, run = self.network(), f"seed{seed}_fold{fold.number}"
        fitted = cnn_runs.fit(
            network,
            self.settings,
            cnn_runs.training_data(fold, network, scaler=self.scalers.get(fold.number)),
            seed=seed,
            name=f"{network.model} seed {seed} fold {fold.number}",
            checkpoint=self.checkpoints / f"{run}.npz",
            bar_position=bar_position,
        )
        if self.weights is not None:
            self.weights.mkdir(parents=True, exist_ok=True)
            fitted.network.save_weights(self.weights / f"{run}.weights.h5")
            # Runs differ in the length of the learning rate's schedule alone.
            if (seed, fold.number) == (self.settings.seeds[0], 0):
                text = fitted.network.to_json(indent=1) + "\n"
                (self.weights / "architecture.json").write_text(text, encoding="utf-8")
        return fitted
