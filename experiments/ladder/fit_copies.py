"""Fit two classical models to augmented copies that are in both splits, in one, or of other speakers.

Reads   data/clips.parquet, data/features/{clean,resampled}/{encoder,functionals}.npy
Writes  data/ladder/copies.parquet: each model's predictions for every test clip

The copies are speed perturbations. The splits are those of the article's CNN in
experiments.ladder.train_contour_long; there is one setting, so that nothing is selected.
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

AT_RANDOM = ("augment_first", "split_first")
BY_ACTORS = "speakers"


def run_one(about: Run, settings: Classical, test_size: float) -> pd.DataFrame:
    """Make one run; the form in which workers are called."""
    recipe = RECIPES[about.recipe]
    divided = sides(
        recipe,
        read_table("data/clips.parquet", CLIPS),
        read_features(FEATURES[about.model], ["clean", "resampled"]),
        axes=(0,),
        seed=about.seed,
        fold=about.fold,
        test_size=test_size,
        validation_clips=0,
    )
    return run(about.model, settings, recipe, divided, about=about)


def main() -> None:
    """Fit both models under every split."""
    command.parser(__doc__).parse_args()
    params = load_params()
    ladder = load("experiments/ladder/params.yaml", LadderParams)
    chosen = ladder.copies
    point = {
        "lda_shrinkage": [chosen.lda_shrinkage],
        "svm_c": [chosen.svm_c],
        "svm_gamma": [chosen.svm_gamma],
    }
    settings = ladder.classical.model_copy(update=point)
    runs = []
    for model in FEATURES:
        runs += [Run(model, name, seed, 0) for name in AT_RANDOM for seed in chosen.splits]
        runs += [Run(model, BY_ACTORS, 0, fold) for fold in range(n_folds(RECIPES[BY_ACTORS]))]
    calls = [(about, settings, params.split.article.test_size) for about in runs]
    tables = run_all(run_one, calls, workers=params.workers, what="ladder copies", unit="run")
    write_parquet("data/ladder/copies.parquet", pd.concat(tables, ignore_index=True))


if __name__ == "__main__":
    command.run(main)
