"""Train the 2-D CNN with and without some of the leaks, on as many folds and splits as its time allows.

Reads   data/clips.parquet, data/features/VARIANT/logmel.npy of the clean clips and the CNN's copies
Writes  data/ladder/logmel_cnn.parquet: the CNN's predictions for every test clip after every epoch

Its settings are those of train_cnn.logmel, but it is trained for fewer epochs, so that its scores are lower
than those of the main pipeline; they are to be compared with one another.
"""

from experiments.ladder.networks import NetworkByEpoch
from experiments.ladder.params import LadderParams
from experiments.ladder.recipes import BY_ACTORS, Recipe, Sizes
from experiments.ladder.runs import fit_all, runs_of
from ser.data.fold import Array
from ser.models.network_inputs import INPUTS
from ser.models.network_recipe import logmel
from ser.params import load, load_params
from stages import command
from stages.inputs import read_features

MODEL = "logmel_cnn"
"""Its name in outputs."""


def read(_recipe: Recipe) -> list[Array]:
    """Read the log-mels of all copies of the main pipeline's CNN, each [shape=(clips, t, n_mels)]."""
    return read_features(INPUTS["logmel"].features, list(INPUTS["logmel"].copies))


def main() -> None:
    """Train what the ablation compares."""
    command.parser(__doc__).parse_args()
    params = load_params()
    ladder = load("experiments/ladder/params.yaml", LadderParams)
    chosen = ladder.logmel
    settings = params.train_cnn.logmel.model_copy(update={"epochs": chosen.epochs})
    names = ("own_validation", *BY_ACTORS)
    fit_all(
        runs_of(MODEL, names, splits=chosen.splits, seeds=chosen.seeds, folds=chosen.folds),
        {MODEL: NetworkByEpoch(logmel, read, settings)},
        sizes=Sizes(params.split.article.test_size, ladder.validation_clips),
        workers=params.workers,
        path="data/ladder/logmel_cnn.parquet",
    )


if __name__ == "__main__":
    command.run(main)
