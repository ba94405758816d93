"""Fit two classical models by recipes of the leakage ablation: LDA on speaker encoder, SVM on functionals.

classical  with and without each leak, at every point of their grids
copies     with speed perturbation, whose copies are in training and test, in training alone, or of other
           speakers: the splits of train_contour's contour_long, at one point, so that nothing is selected

Reads   data/clips.parquet, data/features/clean/{encoder,functionals}.npy, and for copies those of
        data/features/resampled
Writes  data/ladder/RUNS.parquet: the predictions of each point for every test clip

They have no epochs; what may be selected on the test clips instead is the point of the grid. There are no
validation clips, since it is selected on inner folds of the training clips or actors. Splits that separate
the duplicate clips are run once more without the one that trains.
"""

from experiments.ladder.classical import FEATURES, GridModel
from experiments.ladder.params import Classical, Copies, LadderParams
from experiments.ladder.recipes import BY_ACTORS, Sizes
from experiments.ladder.runs import fit_all, runs_of
from ser.params import load, load_params
from stages import command

RECIPES_OF = {
    "classical": (*BY_ACTORS, "own_validation", "without_twins"),
    "copies": ("augment_first", "split_first", "speakers"),
}
VARIANTS_OF = {"classical": ("clean",), "copies": ("clean", "resampled")}


def main() -> None:
    """Fit both models by every recipe."""
    parser = command.parser(__doc__)
    parser.add_argument("runs", choices=list(RECIPES_OF), help="which runs to make")
    name: str = parser.parse_args().runs
    params = load_params()
    ladder = load("experiments/ladder/params.yaml", LadderParams)
    settings = ladder.classical
    chosen: Classical | Copies = getattr(ladder, name)
    if isinstance(chosen, Copies):
        point = {key: [getattr(chosen, key)] for key in ("lda_shrinkage", "svm_c", "svm_gamma")}
        settings = settings.model_copy(update=point)
    fit_all(
        [run for model in FEATURES for run in runs_of(model, RECIPES_OF[name], splits=chosen.splits)],
        {model: GridModel(model, settings, VARIANTS_OF[name]) for model in FEATURES},
        sizes=Sizes(params.split.article.test_size),
        workers=params.workers,
        path=f"data/ladder/{name}.parquet",
    )


if __name__ == "__main__":
    command.run(main)
