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
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ser.data.fold import Fold
from ser.data.scaling import Scaler, read_scaler
from ser.errors import InputError
from ser.files import remove, replacing, write_csv, write_parquet
from ser.models.network_inputs import INPUTS
from ser.models.network_recipe import NetworkRecipe, logmel
from ser.models.recipe import CrossValidation, cross_validate
from ser.params import ArticleCnn, LogMelCnn, load_params
from stages import command
from stages.inputs import read_folds

if TYPE_CHECKING:
    from ser.models.cnn_runs import Network


# Called by workers, which alone load TensorFlow, and of a network's own code what dvc.yaml names.
def article() -> "Network":
    """Give the article's first CNN."""
    from ser.models.article_cnn import NETWORKS

    return NETWORKS["article"]


def article_augmented() -> "Network":
    """Give the article's second CNN."""
    from ser.models.article_cnn import NETWORKS

    return NETWORKS["article_augmented"]


LOADERS: Mapping[str, Callable[[], "Network"]] = {
    "article": article,
    "article_augmented": article_augmented,
    "logmel": logmel,
}


def read_inputs(name: str, *, alone: int | None = None) -> tuple[list[Fold], dict[int, Scaler]]:
    """Read what a network is trained on: its protocol's folds, or one alone, and by number its scalers."""
    wanted = INPUTS[name]
    folds = read_folds(wanted.protocol, wanted.features, wanted.copies)
    if alone is not None:
        numbers = [fold.number for fold in folds]
        if alone not in numbers:
            raise InputError(f"--fold {alone}: must be one of {numbers}")
        folds = [folds[numbers.index(alone)]]
    path = f"data/normalized/{name}.npz"
    return folds, {fold.number: read_scaler(path, fold=fold.number) for fold in folds}


def main() -> None:
    """Train all runs of one network, or those of one fold."""
    parser = command.parser(__doc__)
    parser.add_argument("network", choices=list(LOADERS), help="which network")
    parser.add_argument("--fold", type=int, metavar="N", help="run this fold alone (0-based)")
    arguments = parser.parse_args()
    name: str = arguments.network
    params = load_params()
    settings: ArticleCnn | LogMelCnn = getattr(params.train_cnn, name)

    folds, scalers = read_inputs(name, alone=arguments.fold)

    def run(checkpoints: Path, weights: Path | None) -> CrossValidation:
        recipe = NetworkRecipe(LOADERS[name], settings, checkpoints, scalers, weights)
        return cross_validate(
            [(recipe, folds)],
            protocol=INPUTS[name].protocol,
            seeds=settings.seeds,
            workers=params.workers,
            what=f"train {name}",
            unit="run",
        )

    if arguments.fold is not None:
        with tempfile.TemporaryDirectory() as temporary:
            predictions = run(Path(temporary), None).predictions
        write_parquet(f"data/predictions/cnn_{name}_fold{arguments.fold}.parquet", predictions)
        return

    checkpoints = Path(f"data/checkpoints/cnn_{name}")
    with replacing(f"models/cnn_{name}") as weights:
        results = run(checkpoints, weights)
        write_csv(f"data/curves/cnn_{name}.csv", results.log)
        write_parquet(f"data/predictions/cnn_{name}.parquet", results.predictions)
        if len(results.validation):
            write_parquet(f"data/predictions/cnn_{name}_validation.parquet", results.validation)
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
