"""Train the article's CNN on the frame-mean log-mel by recipes of the leakage ablation, with one setting.

`contour`       every step; permuted labels and other ways to scale have fewer runs, those of seeds_beside and
                folds_beside
`contour_long`  for many more epochs, the three steps between which the article's published figures lie:
                copies made before the random split, copies made after it, and unseen speakers

Reads   data/clips.parquet, data/features/VARIANT/contour.npy, data/ladder/contour_silence.npy
Writes  data/ladder/contour_cnn.parquet, or for contour_long data/ladder/contour_long.parquet: the CNN's
        predictions for every test clip after every epoch

The steps are experiments.ladder.recipes.STEPS. Each seed draws its own random split as well; the sixth step
tests all five folds.
"""

from typing import TYPE_CHECKING

import numpy as np

from experiments.ladder.networks import NetworkByEpoch
from experiments.ladder.params import Contour, LadderParams, Trials
from experiments.ladder.recipes import BY_ACTORS, STEPS, VARIANTS, Recipe, Sizes
from experiments.ladder.runs import fit_all, runs_of
from ser.data.fold import Array
from ser.params import load, load_params
from stages import command
from stages.inputs import read_features

if TYPE_CHECKING:
    from ser.models.cnn_runs import Network

MODEL = "contour_cnn"
"""Its name in outputs."""
OUTPUTS = {"contour": "contour_cnn", "contour_long": "contour_long"}
LONG = ("augment_first", "split_first", "speakers")


def network() -> "Network":
    """Give the article's first CNN; called by workers, which alone load TensorFlow."""
    from ser.models.article_cnn import NETWORKS

    return NETWORKS["article"]


def read(recipe: Recipe) -> list[Array]:
    """Read the frame-mean log-mels of all copies of a recipe, each [shape=(clips, t)], padded as it says."""
    if recipe.padding == "0 dB":
        return read_features("contour", list(recipe.copies))
    silent = np.load("data/ladder/contour_silence.npy", mmap_mode="r", allow_pickle=False)  # (4, clips, t)
    return [silent[VARIANTS.index(variant)] for variant in recipe.copies]


def main() -> None:
    """Train all steps and what stands beside them, or three of them for longer."""
    parser = command.parser(__doc__)
    parser.add_argument("runs", choices=list(OUTPUTS), help="which runs to make")
    name: str = parser.parse_args().runs
    params = load_params()
    ladder = load("experiments/ladder/params.yaml", LadderParams)
    settings = ladder.contour.network
    chosen: Contour | Trials = getattr(ladder, name)
    if isinstance(chosen, Contour):
        steps = [step for step, recipe in STEPS.items() if not recipe.permuted]
        beside = [recipe for recipe in BY_ACTORS if recipe not in steps]
        runs = runs_of(MODEL, steps, splits=settings.seeds, seeds=settings.seeds)
        runs += runs_of(MODEL, beside, seeds=chosen.seeds_beside, folds=chosen.folds_beside)
    else:
        settings = settings.model_copy(update={"epochs": chosen.epochs})
        runs = runs_of(MODEL, LONG, splits=chosen.splits, seeds=chosen.seeds, folds=chosen.folds)
    fit_all(
        runs,
        {MODEL: NetworkByEpoch(network, read, settings)},
        sizes=Sizes(params.split.article.test_size, ladder.validation_clips),
        workers=params.workers,
        path=f"data/ladder/{OUTPUTS[name]}.parquet",
    )


if __name__ == "__main__":
    command.run(main)
