"""A classical model of the leakage ablation; its candidates are the points of its grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from sklearn.model_selection import GridSearchCV, GroupKFold, StratifiedKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.svm import SVC

from experiments.ladder.params import Classical
from experiments.ladder.recipes import RECIPES, Recipe
from experiments.ladder.runs import Candidates, Run
from ser.data.fold import Array, Fold
from ser.data.scaling import Scaler
from ser.models.classical import LayerChoice
from ser.models.shrinkage_lda import ShrinkageLda
from stages.inputs import read_features

FEATURES = {"encoder_lda": "encoder", "svm_rbf": "functionals"}
"""What each model reads."""


@dataclass(frozen=True)
class GridModel:
    """A model fitted at every point of its grid; see `experiments.ladder.runs.Model`.

    Attributes
    ----------
    name : str
        One of `FEATURES`.
    settings : Classical
        The grid, the number of inner folds, and the encoder's layer.
    variants : tuple of str
        The copies of a clip, whatever those of the recipe are; see `stages.inputs.read_features`.
    """

    name: str
    settings: Classical
    variants: tuple[str, ...]
    axes: ClassVar[tuple[int, ...]] = (0,)

    def read(self, _recipe: Recipe) -> list[Array]:
        """Read its features, each [shape=(clips, ...)]."""
        return read_features(FEATURES[self.name], list(self.variants))

    def fit(self, run: Run, fold: Fold, scaler: Scaler, *, bar_position: int = 0) -> Candidates:
        """Score every point on inner folds, and predict the test clips by each.

        The inner folds split what the recipe splits, actors or clips. Scaling is fitted once, so an inner
        fold's scaling has seen its held-out training rows. That can sway the selection among the points by a
        trifle, but nothing of the test comes in.
        """
        training = fold.training()
        x, y = scaler.transform(training.x), training.y  # (n, ...), (n,)
        tested = scaler.transform(fold.recordings(fold.test).x)
        model, grid = model_and_grid(self.name, self.settings)
        n_inner = self.settings.inner_folds
        if RECIPES[run.recipe].split_unit == "actors":
            inner = GroupKFold(n_inner).split(x, y, training.actors)
        else:
            inner = StratifiedKFold(n_inner, shuffle=True, random_state=run.seed).split(x, y)
        search = GridSearchCV(model, grid, scoring="balanced_accuracy", cv=list(inner), refit=False)
        results = search.fit(x, y).cv_results_
        points: list[dict[str, float]] = results["params"]
        predicted = [model.set_params(**point).fit(x, y).predict(tested) for point in points]
        return Candidates(
            names=[_name(point) for point in points],
            monitored_uar=list(results["mean_test_score"]),
            predicted=np.stack(predicted),  # (points, n)
        )


def model_and_grid(name: str, settings: Classical) -> tuple[Pipeline, dict[str, Sequence[float]]]:
    """Build a model of `FEATURES`, without a scaler, and the grid of its hyper-parameters."""
    if name == "encoder_lda":
        model = make_pipeline(LayerChoice(layer=settings.encoder_layer), ShrinkageLda())
        return model, {"shrinkagelda__shrinkage": settings.lda_shrinkage}
    if name == "svm_rbf":
        model = make_pipeline(SVC(kernel="rbf"))
        return model, {"svc__C": settings.svm_c, "svc__gamma": settings.svm_gamma}
    raise ValueError(f"name must be one of {list(FEATURES)}, got {name!r}")


def _name(point: dict[str, float]) -> str:
    return " ".join(f"{key.split('__')[1]}={value:g}" for key, value in point.items())
