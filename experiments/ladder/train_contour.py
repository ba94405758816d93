"""Train the article's CNN on the frame-mean log-mel at every step of the leakage ablation, with one setting.

Reads   data/clips.parquet, data/features/VARIANT/contour.npy, data/ladder/contour_silence.npy
Writes  data/ladder/contour_cnn.parquet: the CNN's predictions for every test clip after every epoch

The steps are experiments.ladder.recipes.RUNGS. Each seed draws its own random split as well; the sixth step
tests all five folds. Permuted labels and the other ways to scale have fewer runs, those of seeds_beside and
folds_beside.
"""

import numpy as np
import pandas as pd

from experiments.ladder.params import LadderParams
from experiments.ladder.recipes import CLIPS, RECIPES, RUNGS, VARIANTS, Recipe, n_folds, sides
from experiments.ladder.runs import train_all
from experiments.ladder.scores import Run
from ser.data.fold import Array
from ser.files import read_table
from ser.params import ArticleCnn, load, load_params
from stages import command
from stages.inputs import read_features

BESIDE = ("permuted", "scaled_on_all", "scaled_by_speaker")


def contours(recipe: Recipe) -> list[Array]:
    """Read the copies of a recipe, padded as it says."""
    if recipe.padding == "0 dB":
        return read_features("contour", list(recipe.copies))
    silent = np.load("data/ladder/contour_silence.npy", mmap_mode="r", allow_pickle=False)
    return [silent[VARIANTS.index(variant)] for variant in recipe.copies]


def run_one(
    about: Run, settings: ArticleCnn, test_size: float, validation_clips: int, bar: int
) -> pd.DataFrame:
    """Make one run; the form in which workers are called. Only here is TensorFlow loaded."""
    from experiments.ladder.networks import run
    from ser.models.article_cnn import NETWORKS

    recipe = RECIPES[about.recipe]
    divided = sides(
        recipe,
        read_table("data/clips.parquet", CLIPS),
        contours(recipe),
        axes=(0,),
        seed=about.seed,
        fold=about.fold,
        test_size=test_size,
        validation_clips=validation_clips,
    )
    return run(NETWORKS["article"], settings, divided, about=about, bar_position=bar)


def main() -> None:
    """Train all steps and what stands beside them."""
    command.parser(__doc__).parse_args()
    params = load_params()
    ladder = load("experiments/ladder/params.yaml", LadderParams)
    chosen = ladder.contour
    settings = chosen.network
    runs = [
        Run("contour_cnn", name, seed, fold)
        for name, recipe in RUNGS.items()
        if name not in BESIDE
        for seed in settings.seeds
        for fold in range(n_folds(recipe))
    ]
    runs += [
        Run("contour_cnn", name, seed, fold)
        for name in BESIDE
        for seed in chosen.seeds_beside
        for fold in chosen.folds_beside
    ]
    train_all(
        run_one,
        runs,
        settings,
        test_size=params.split.article.test_size,
        validation_clips=ladder.validation_clips,
        workers=params.workers,
        path="data/ladder/contour_cnn.parquet",
    )


if __name__ == "__main__":
    command.run(main)
