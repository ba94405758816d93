"""Train and apply one convolutional network, for every seed and fold.

article            the article's first CNN, on frame-mean log-mel
article_augmented  its second, with four copies a training clip
logmel             a 2-D CNN on log-mel under LUNA5

Each is trained for a fixed number of epochs, and its last epoch is used.

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/normalized/INPUT.npz,
        data/features/VARIANT/FEATURES.npy
Writes  data/predictions/cnn_NETWORK.parquet, data/curves/cnn_NETWORK.csv, and models/cnn_NETWORK with the
        architecture and each run's weights

As in the article, the learning curves of its networks monitor the test set; nothing is selected on them. A
killed training goes on from its last epoch when the stage runs again. With --fold only that fold is run, to
check a result: its predictions go to data/predictions/cnn_NETWORK_foldN.parquet, and no other output is
touched.
"""

import tempfile
from pathlib import Path

import pandas as pd

from ser.data.datasets import read_split
from ser.data.scaling import INPUTS
from ser.errors import InputError
from ser.files import remove, replacing, write_csv, write_parquet
from ser.models.run_result import RunResult
from ser.parallel import run_all
from ser.params import ArticleCnn, LogMelCnn, load_params
from stages import command


def run_one(
    name: str,
    settings: ArticleCnn | LogMelCnn,
    seed: int,
    fold: int,
    folder: Path,
    checkpoints: Path,
    bar: int,
) -> RunResult:
    """Make one run; the form in which workers are called.

    Only here is TensorFlow loaded, and only this network's own code, which is all that dvc.yaml names for it.
    """
    from ser.models.cnn_runs import run

    if name == "logmel":
        from ser.models.logmel_cnn import NETWORKS
    else:
        from ser.models.article_cnn import NETWORKS
    return run(
        NETWORKS[name],
        settings,
        seed=seed,
        fold=fold,
        folder=folder,
        checkpoints=checkpoints,
        bar_position=bar,
    )


def main() -> None:
    """Train all runs of one network, or those of one fold."""
    parser = command.parser(__doc__)
    parser.add_argument("network", choices=["article", "article_augmented", "logmel"], help="which network")
    parser.add_argument("--fold", type=int, metavar="N", help="run this fold alone (0-based)")
    arguments = parser.parse_args()
    name: str = arguments.network
    params = load_params()
    settings: ArticleCnn | LogMelCnn = getattr(params.train_cnn, name)

    _, split = read_split(INPUTS[name].protocol)
    folds = sorted(split["fold"].unique().tolist())
    if arguments.fold is not None:
        if arguments.fold not in folds:
            raise InputError(f"--fold {arguments.fold}: must be one of {folds}")
        folds = [arguments.fold]

    def run_into(folder: Path, checkpoints: Path) -> list[RunResult]:
        pairs = [(seed, fold) for seed in settings.seeds for fold in folds]
        calls = [
            (name, settings, seed, fold, folder, checkpoints, 1 + place % params.workers.jobs)
            for place, (seed, fold) in enumerate(pairs)
        ]
        return run_all(run_one, calls, workers=params.workers, what=f"train {name}", unit="run")

    if arguments.fold is not None:
        with tempfile.TemporaryDirectory() as folder:
            results = run_into(Path(folder), Path(folder))
        predictions = pd.concat([result.predictions for result in results], ignore_index=True)
        write_parquet(f"data/predictions/cnn_{name}_fold{arguments.fold}.parquet", predictions)
        return

    checkpoints = Path(f"data/checkpoints/cnn_{name}")
    with replacing(f"models/cnn_{name}") as partial:
        results = run_into(partial, checkpoints)
        (partial / "architecture.json").write_text(results[0].architecture + "\n", encoding="utf-8")
        write_csv(f"data/curves/cnn_{name}.csv", pd.concat([result.curve for result in results]))
        predictions = pd.concat([result.predictions for result in results], ignore_index=True)
        write_parquet(f"data/predictions/cnn_{name}.parquet", predictions)
        validation = [result.validation for result in results if result.validation is not None]
        if validation:
            table = pd.concat(validation, ignore_index=True)
            write_parquet(f"data/predictions/cnn_{name}_validation.parquet", table)
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
