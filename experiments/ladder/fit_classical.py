"""Fit two classical models with and without each leak: LDA on the speaker encoder, SVM on functionals.

Reads   data/clips.parquet, data/features/clean/{encoder,functionals}.npy
Writes  data/ladder/classical.parquet: the predictions of each point of their grids for every test clip

They have no epochs; what may be selected on the test clips instead is the point of the grid. There are no
validation clips, since it is selected on inner folds of the training clips or actors. Splits that separate
the duplicate clips are run once more without the one that trains.
"""

import pandas as pd

from experiments.ladder.classical import FEATURES, run
from experiments.ladder.params import Classical, LadderParams
from experiments.ladder.recipes import CLIPS, RECIPES, n_folds, sides
from experiments.ladder.scores import Run
from ser.files import read_table, write_parquet
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command
from stages.inputs import read_features

BY_ACTORS = ("speakers", "permuted", "scaled_on_all", "scaled_by_speaker")


def run_one(about: Run, settings: Classical, test_size: float) -> pd.DataFrame:
    """Make one run; the form in which workers are called."""
    clips = read_table("data/clips.parquet", CLIPS)
    recipe = RECIPES[about.recipe]
    divided = sides(
        recipe,
        clips,
        read_features(FEATURES[about.model], ["clean"]),
        axes=(0,),
        seed=about.seed,
        fold=about.fold,
        test_size=test_size,
        validation_clips=0,
    )
    return run(about.model, settings, recipe, divided, about=about)


def main() -> None:
    """Fit both models by every recipe."""
    command.parser(__doc__).parse_args()
    params = load_params()
    ladder = load("experiments/ladder/params.yaml", LadderParams)
    settings = ladder.classical
    runs = []
    for model in FEATURES:
        runs += [Run(model, name, 0, fold) for name in BY_ACTORS for fold in range(n_folds(RECIPES[name]))]
        at_random = ("own_validation", "without_twins")
        runs += [Run(model, name, seed, 0) for name in at_random for seed in settings.splits]
    calls = [(about, settings, params.split.article.test_size) for about in runs]
    tables = run_all(run_one, calls, workers=params.workers, what="ladder classical", unit="run")
    write_parquet("data/ladder/classical.parquet", pd.concat(tables, ignore_index=True))


if __name__ == "__main__":
    command.run(main)
