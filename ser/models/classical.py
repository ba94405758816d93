"""The classical models: the article's two, and those on functionals or a pretrained encoder, tuned nested."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from ser.data.datasets import Array, Labels, Part
from ser.errors import InputError
from ser.models.shrinkage_lda import ShrinkageLda
from ser.params import Luna5Baselines, TransferBaselines

Grids = Luna5Baselines | TransferBaselines
ARTICLE_SETTINGS = {"dummy": "strategy=stratified", "decision_tree": "scikit-learn's defaults"}
SEARCHED_MODELS: dict[str, dict[str, tuple[str, ...]]] = {
    "luna5": {
        "lda": ("clean",),
        "lda_augmented": ("clean", "resampled"),
        "logistic_regression": ("clean",),
        "svm_rbf": ("clean",),
    },
    "transfer": {"encoder_lda": ("clean",), "encoder_lda_augmented": ("clean", "resampled")},
}
"""By their section of ``train_baselines``, with the copies of a training clip that each learns of."""


class LayerChoice(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Take one layer of a pretrained encoder, which one being a hyper-parameter.

    Parameters
    ----------
    layer
        1 is the lowest.
    """

    def __init__(self, *, layer: int = 1) -> None:
        self.layer = layer

    def fit(self, _x: Array, _y: Labels | None = None) -> Self:
        """Learn nothing."""
        return self

    def transform(self, x: Array) -> Array:
        """Turn [shape=(n, layers, columns)] into [shape=(n, columns)]."""
        return x[:, self.layer - 1]


def article_model(name: str, *, seed: int) -> Pipeline:
    """Build one of `ARTICLE_SETTINGS`, which the article left unseeded, with a seed."""
    classifier: ClassifierMixin = {
        "dummy": DummyClassifier(strategy="stratified", random_state=seed),
        "decision_tree": DecisionTreeClassifier(random_state=seed),
    }[name]
    return make_pipeline(StandardScaler(), classifier)


def searched_model(
    name: str, *, grids: Grids, n_layers: int = 1
) -> tuple[Pipeline, Mapping[str, Sequence[float]]]:
    """Build one of `SEARCHED_MODELS` and the grid of its hyper-parameters; `n_layers` are the encoder's."""
    shrinkages: dict[str, Sequence[float]] = {"shrinkagelda__shrinkage": grids.lda_shrinkage}
    lda = ShrinkageLda()
    if isinstance(grids, TransferBaselines):
        if max(grids.layer) > n_layers:
            raise InputError(f"params.yaml: layer {max(grids.layer)}, but the encoder has {n_layers} layers")
        model = make_pipeline(LayerChoice(), StandardScaler(), lda)
        return model, {"layerchoice__layer": grids.layer, **shrinkages}
    if name in ("lda", "lda_augmented"):
        return make_pipeline(StandardScaler(), lda), shrinkages
    if name == "logistic_regression":
        regression = LogisticRegression(max_iter=2000)
        return make_pipeline(StandardScaler(), regression), {"logisticregression__C": grids.logistic_c}
    if name == "svm_rbf":
        svm = SVC(kernel="rbf", break_ties=True)
        return make_pipeline(StandardScaler(), svm), {
            "svc__C": grids.svm_c,
            "svc__gamma": grids.svm_gamma,
        }
    raise ValueError(f"name must be one of {list(SEARCHED_MODELS['luna5'])}, got {name!r}")


@dataclass(frozen=True)
class Searched:
    """A model whose hyper-parameters were chosen, and how.

    Attributes
    ----------
    model : sklearn.pipeline.Pipeline
        With the chosen hyper-parameters, not fitted.
    probabilities : numpy.ndarray [shape=(n, 8)]
        Of the test rows.
    trials : pandas.DataFrame
        A row a point of the grid: ``parameters``, ``inner_uar`` (mean over the inner folds), ``chosen``.
    """

    model: Pipeline
    probabilities: npt.NDArray[np.floating]
    trials: pd.DataFrame


def search(name: str, *, training: Part, test: Part, grids: Grids, copies: int = 1) -> Searched:
    """Choose hyper-parameters by inner folds of training actors, fit on all of them, predict the test rows.

    Scaling is part of the model, so that it too is learned within each inner fold.

    Parameters
    ----------
    name
        One of `SEARCHED_MODELS`.
    training, test
        The two sides; no actor is on both.
    grids
        The section of ``train_baselines`` that the model belongs to.
    copies
        Of each training clip.

    Raises
    ------
    InputError
        Where the grid has a layer that the encoder has not.
    """
    model, grid = searched_model(name, grids=grids, n_layers=training.x.shape[1])
    folds = inner_folds(training, copies=copies, grids=grids)
    tuned = GridSearchCV(model, grid, scoring="balanced_accuracy", cv=folds, refit=False)
    tuned.fit(training.x, training.y)
    best = clone(model).set_params(**tuned.best_params_)
    fitted = fit(best, training=training, copies=copies, grids=grids)

    results = tuned.cv_results_
    trials = pd.DataFrame(
        {
            "parameters": [
                " ".join(f"{key.split('__')[1]}={value:g}" for key, value in point.items())
                for point in results["params"]
            ],
            "inner_uar": results["mean_test_score"],
            "chosen": np.arange(len(results["params"])) == tuned.best_index_,
        }
    )
    return Searched(model=best, probabilities=fitted.predict_proba(test.x), trials=trials)


def fit(model: Pipeline, *, training: Part, grids: Grids, copies: int = 1) -> ClassifierMixin:
    """Fit a model, leaving the one that is given as it is, so that it can tell probabilities.

    The SVM, which has none of its own, gets them by temperature scaling on its inner folds' held-out scores;
    that leaves its decisions as they are.
    """
    if hasattr(model, "predict_proba"):
        return clone(model).fit(training.x, training.y)
    folds = inner_folds(training, grids=grids, copies=copies)
    calibrated = CalibratedClassifierCV(model, method="temperature", cv=folds, ensemble=False)
    return calibrated.fit(training.x, training.y)


def inner_folds(training: Part, *, grids: Grids, copies: int) -> list[tuple[Labels, Labels]]:
    """Divide training actors: rows of all copies of some to fit on, of the others' clean clips to judge by.

    Parameters
    ----------
    training
        Copy by copy, the clean one first.
    grids
        Their ``inner_folds`` is the number of folds.
    copies
        How many there are of each clip.
    """
    clean = len(training.x) // copies
    divided = GroupKFold(grids.inner_folds).split(training.x, training.y, training.actors)
    return [(fitted, held_out[held_out < clean]) for fitted, held_out in divided]
