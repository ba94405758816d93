"""Train the 2-D CNN with and without some of the leaks, on as many folds and splits as its time allows.

Reads   data/clips.parquet, data/features/VARIANT/logmel.npy of the clean clips and the CNN's copies
Writes  data/ladder/logmel_cnn.parquet: the CNN's predictions for every test clip after every epoch

Its settings are those of train_cnn.logmel, but it is trained for fewer epochs, so that its scores are lower
than those of the main pipeline; they are to be compared with one another.
"""

import pandas as pd

from experiments.ladder.params import LadderParams
from experiments.ladder.recipes import CLIPS, RECIPES, sides
from experiments.ladder.runs import train_all
from experiments.ladder.scores import Run
from ser.files import read_table
from ser.models.network_inputs import INPUTS
from ser.params import LogMelCnn, load, load_params
from stages import command
from stages.inputs import read_features

BY_ACTORS = ("speakers", "permuted", "scaled_on_all", "scaled_by_speaker")


def run_one(
    about: Run, settings: LogMelCnn, test_size: float, validation_clips: int, bar: int
) -> pd.DataFrame:
    """Make one run; the form in which workers are called. Only here is TensorFlow loaded."""
    from experiments.ladder.networks import run
    from ser.models.logmel_cnn import NETWORKS

    wanted = INPUTS["logmel"]
    divided = sides(
        RECIPES[about.recipe],
        read_table("data/clips.parquet", CLIPS),
        read_features(wanted.features, list(wanted.copies)),
        axes=wanted.axes,
        seed=about.seed,
        fold=about.fold,
        test_size=test_size,
        validation_clips=validation_clips,
    )
    return run(NETWORKS["logmel"], settings, divided, about=about, bar_position=bar)


def main() -> None:
    """Train what the ablation compares."""
    command.parser(__doc__).parse_args()
    params = load_params()
    ladder = load("experiments/ladder/params.yaml", LadderParams)
    chosen = ladder.logmel
    settings = params.train_cnn.logmel.model_copy(update={"epochs": chosen.epochs})
    runs = [Run("logmel_cnn", "own_validation", seed, 0) for seed in chosen.splits]
    runs += [
        Run("logmel_cnn", name, seed, fold)
        for name in BY_ACTORS
        for seed in chosen.seeds
        for fold in chosen.folds
    ]
    train_all(
        run_one,
        runs,
        settings,
        test_size=params.split.article.test_size,
        validation_clips=ladder.validation_clips,
        workers=params.workers,
        path="data/ladder/logmel_cnn.parquet",
    )


if __name__ == "__main__":
    command.run(main)
