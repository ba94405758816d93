"""Train the 2-D CNN without augmentation, on every fold of LUNA5, to measure the gain by augmentation.

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/clean/logmel.npy
Writes  models/cnn_logmel_unaugmented: the architecture, each fold's weights, and the scalers, fitted to the
        clean training clips; data/curves/cnn_logmel_unaugmented.csv

All but augmentation is as for the augmented CNN (train_cnn.logmel in params.yaml); the last epoch is used. A
killed training goes on from its last epoch when the stage runs again.
"""

from pathlib import Path

import pandas as pd

from experiments.robustness.params import RobustnessParams
from ser.data.datasets import read_features, read_split
from ser.data.scaling import INPUTS, fit_scalers, write_scalers
from ser.files import remove, replacing, write_csv
from ser.parallel import run_all
from ser.params import LogMelCnn, load, load_params
from stages import command


def run_one(
    settings: LogMelCnn, seed: int, fold: int, folder: Path, checkpoints: Path, bar: int
) -> tuple[pd.DataFrame, str]:
    """Train one fold; the form in which workers are called. Only here is TensorFlow loaded."""
    from experiments.robustness.unaugmented_cnn import train_unaugmented

    return train_unaugmented(
        settings,
        seed=seed,
        fold=fold,
        folder=folder,
        checkpoints=checkpoints,
        bar_position=bar,
    )


def main() -> None:
    """Train all folds."""
    command.parser(__doc__).parse_args()
    params = load_params()
    robustness = load("experiments/robustness/params.yaml", RobustnessParams)
    settings, seed = params.train_cnn.logmel, robustness.unaugmented.seed
    clips, split = read_split("luna5")
    clean = read_features("logmel", ["clean"])
    checkpoints = Path("data/checkpoints/cnn_logmel_unaugmented")

    with replacing("models/cnn_logmel_unaugmented") as folder:
        folder.mkdir()
        scalers = fit_scalers(clips, split, clean, axes=INPUTS["logmel"].axes)
        write_scalers(str(folder / "scaler.npz"), scalers)
        calls = [
            (settings, seed, fold, folder, checkpoints, 1 + fold % params.workers.jobs)
            for fold in range(len(scalers))
        ]
        results = run_all(run_one, calls, workers=params.workers, what="train unaugmented", unit="run")
        curves, architectures = zip(*results, strict=True)
        (folder / "architecture.json").write_text(architectures[0] + "\n", encoding="utf-8")
        write_csv("data/curves/cnn_logmel_unaugmented.csv", pd.concat(curves))
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
