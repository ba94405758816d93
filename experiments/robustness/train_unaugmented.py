"""Train the 2-D CNN without augmentation, on every fold of LUNA5, to measure the gain by augmentation.

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/clean/logmel.npy
Writes  models/cnn_logmel_unaugmented: the architecture, each fold's weights, and the scalers, fitted to the
        clean training clips; data/curves/cnn_logmel_unaugmented.csv

All but augmentation is as for the augmented CNN (train_cnn.logmel in params.yaml); the last epoch is used. A
killed training goes on from its last epoch when the stage runs again.
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.robustness.params import RobustnessParams
from ser.data.scaling import Scaler, write_scalers
from ser.files import remove, replacing, write_csv
from ser.models.network_inputs import INPUTS
from ser.models.network_recipe import NetworkRecipe
from ser.models.recipe import cross_validate
from ser.params import load, load_params
from stages import command
from stages.inputs import read_folds

if TYPE_CHECKING:
    from ser.models.cnn_runs import Network

OFF = {
    "gain_db": 0.0,
    "tilt_db": 0.0,
    "noise_share": 0.0,
    "tempo_change": 0.0,
    "mel_warp": 0.0,
    "crop_frames": 0,
    "time_mask_frames": 0,
    "frequency_mask_bands": 0,
    "mixup_share": 0.0,
}
"""Settings with which an epoch shows each training clip as it is. Regularisation that does not change the
clips (dropout, weight decay, label smoothing) stays."""


def unaugmented() -> "Network":
    """Give the network under its own name; only the workers load TensorFlow."""
    from ser.models.logmel_cnn import NETWORKS

    return replace(NETWORKS["logmel"], model="logmel_cnn_unaugmented")


def main() -> None:
    """Train all folds."""
    command.parser(__doc__).parse_args()
    params = load_params()
    robustness = load("experiments/robustness/params.yaml", RobustnessParams)
    settings = params.train_cnn.logmel.model_copy(update={**OFF, "seeds": [robustness.unaugmented.seed]})
    wanted = INPUTS["logmel"]
    folds = read_folds("luna5", wanted.features, ("clean",))
    scalers = {fold.number: Scaler.fit(fold.training().x, axes=wanted.axes) for fold in folds}
    checkpoints = Path("data/checkpoints/cnn_logmel_unaugmented")

    with replacing("models/cnn_logmel_unaugmented") as folder:
        results = cross_validate(
            [(NetworkRecipe(unaugmented, settings, checkpoints, scalers, folder), folds)],
            protocol="luna5",
            seeds=settings.seeds,
            workers=params.workers,
            what="train unaugmented",
            unit="run",
        )
        write_scalers(str(folder / "scaler.npz"), list(scalers.values()))
        write_csv("data/curves/cnn_logmel_unaugmented.csv", results.log)
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
