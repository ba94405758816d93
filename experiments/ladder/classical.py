"""A classical model fitted by a recipe of the leakage ablation, at every point of its grid."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from experiments.ladder.params import Classical
from experiments.ladder.recipes import LadderSides, Recipe
from experiments.ladder.scores import Run, candidate_table
from ser.models.classical import LayerChoice
from ser.models.shrinkage_lda import ShrinkageLda

FEATURES = {"encoder_lda": "encoder", "svm_rbf": "functionals"}
"""What each model reads of the clean recordings."""


def model_and_grid(name: str, settings: Classical) -> tuple[Pipeline, dict[str, Sequence[float]]]:
    """Build a model of `FEATURES`, without a scaler, and the grid of its hyper-parameters."""
    if name == "encoder_lda":
        model = make_pipeline(LayerChoice(layer=settings.encoder_layer), ShrinkageLda())
        return model, {"shrinkagelda__shrinkage": settings.lda_shrinkage}
    if name == "svm_rbf":
        return make_pipeline(SVC(kernel="rbf")), {
            "svc__C": settings.svm_c,
            "svc__gamma": settings.svm_gamma,
        }
    raise ValueError(f"name must be one of {list(FEATURES)}, got {name!r}")


def run(name: str, settings: Classical, recipe: Recipe, sides: LadderSides, *, about: Run) -> pd.DataFrame:
    """Score every point of a model's grid by inner folds, and predict the tested clips by each.

    The inner folds divide what the recipe divides, actors or clips. Scaling is that of the recipe, learned
    once; so an inner fold's scaling has seen its held-out training rows. That can sway the choice among the
    points by a trifle, but nothing of the test comes in.

    Parameters
    ----------
    name
        One of `FEATURES`.
    settings
        The experiment's section ``classical``.
    recipe
        By which the sides were made.
    sides
        From `experiments.ladder.recipes.sides`.
    about
        Which run.

    Returns
    -------
    pandas.DataFrame
        As of `experiments.ladder.scores.candidate_table`; the candidates are the grid's points.
    """
    part = sides.training
    x, tested = sides.scaler.transform(part.x), sides.scaler.transform(sides.tested.x)
    model, grid = model_and_grid(name, settings)
    if recipe.divided == "actors":
        folds = GroupKFold(settings.inner_folds).split(x, part.y, part.actors)
    else:
        shuffled = StratifiedKFold(settings.inner_folds, shuffle=True, random_state=about.seed)
        folds = shuffled.split(x, part.y)
    searched = GridSearchCV(model, grid, scoring="balanced_accuracy", cv=list(folds), refit=False)
    results = searched.fit(x, part.y).cv_results_
    points: list[dict[str, float]] = results["params"]
    return candidate_table(
        about,
        names=[_name(point) for point in points],
        watched_uar=list(results["mean_test_score"]),
        clips=sides.tested.clips,
        predicted=np.stack([model.set_params(**point).fit(x, part.y).predict(tested) for point in points]),
    )


def _name(point: dict[str, float]) -> str:
    return " ".join(f"{key.split('__')[1]}={value:g}" for key, value in point.items())
