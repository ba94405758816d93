"""Train the article's CNN at three steps of the leakage ablation, for many more epochs than there.

Reads   data/clips.parquet, data/features/VARIANT/contour.npy, data/ladder/contour_silence.npy
Writes  data/ladder/contour_long.parquet: the CNN's predictions for every test clip after every epoch

The steps are those between which the article's published figures lie: copies made before the random split,
copies made after it, and unseen speakers. All else is as in the ablation, but for the number of epochs.
"""

from experiments.ladder.params import LadderParams
from experiments.ladder.runs import train_all
from experiments.ladder.scores import Run
from experiments.ladder.train_contour import run_one
from ser.params import load, load_params
from stages import command

AT_RANDOM = ("augment_first", "split_first")
BY_ACTORS = "speakers"


def main() -> None:
    """Train all of them."""
    command.parser(__doc__).parse_args()
    params = load_params()
    ladder = load("experiments/ladder/params.yaml", LadderParams)
    chosen = ladder.contour_long
    runs = [Run("contour_cnn", name, seed, 0) for name in AT_RANDOM for seed in chosen.splits]
    runs += [Run("contour_cnn", BY_ACTORS, seed, fold) for seed in chosen.seeds for fold in chosen.folds]
    train_all(
        run_one,
        runs,
        ladder.contour.network.model_copy(update={"epochs": chosen.epochs}),
        test_size=params.split.article.test_size,
        validation_clips=ladder.validation_clips,
        workers=params.workers,
        path="data/ladder/contour_long.parquet",
    )


if __name__ == "__main__":
    command.run(main)
