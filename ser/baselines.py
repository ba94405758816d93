"""The classical models: the article's two, and those on functionals or a pretrained encoder, tuned nested."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from ser.datasets import Array, Labels, Part
from ser.errors import InputError
from ser.params import HuggingfaceBaselines, Luna5Baselines, TransferBaselines
from ser.shrinkage_lda import ShrinkageLda

Grids = Luna5Baselines | TransferBaselines | HuggingfaceBaselines
ARTICLE_SETTINGS = {"dummy": "strategy=stratified", "decision_tree": "scikit-learn's defaults"}
SEARCHED_MODELS = {
    "luna5": ("lda", "logistic_regression", "svm_rbf"),
    "transfer": ("encoder_lda",),
    "huggingface": ("huggingface_lda",),
}
"""By their section of ``train_baselines``."""


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
    if isinstance(grids, TransferBaselines | HuggingfaceBaselines):
        layers = grids.layer or list(range(1, n_layers + 1))
        if max(layers) > n_layers:
            raise InputError(f"params.yaml: layer {max(layers)}, but the encoder has {n_layers} layers")
        model = make_pipeline(LayerChoice(), StandardScaler(), lda)
        return model, {"layerchoice__layer": layers, **shrinkages}
    if name == "lda":
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
    raise ValueError(f"name must be one of {SEARCHED_MODELS['luna5']}, got {name!r}")


@dataclass(frozen=True)
class Searched:
    """A model whose hyper-parameters were chosen, and how.

    Attributes
    ----------
    probabilities : numpy.ndarray [shape=(n, 8)]
        Of the test rows.
    trials : pandas.DataFrame
        A row a point of the grid: ``parameters``, ``inner_uar`` (mean over the inner folds), ``chosen``.
    """

    probabilities: npt.NDArray[np.floating]
    trials: pd.DataFrame


def inner_folds(training: Part, *, copies: int, folds: int) -> list[tuple[Labels, Labels]]:
    """Divide the training actors: all copies of some to learn from, clean clips of the others to judge by.

    Parameters
    ----------
    training
        Copy by copy, the clean one first.
    copies
        How many.
    folds
        Into how many groups of actors.

    Returns
    -------
    list of tuple of numpy.ndarray
        Row numbers of both sides.
    """
    clean = len(training.x) // copies
    divided = GroupKFold(folds).split(training.x, training.y, training.actors)
    return [(fitted, held_out[held_out < clean]) for fitted, held_out in divided]


def search(name: str, *, training: Part, test: Part, grids: Grids, copies: int = 1) -> Searched:
    """Choose hyper-parameters by inner folds of training actors, fit on all of them, predict the test rows.

    Scaling is part of the model, so that it too is learned within each inner fold. The SVM, which has no
    probabilities of its own, gets them by temperature scaling on its inner folds' held-out scores; that
    leaves its decisions as they are.

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
    folds = inner_folds(training, copies=copies, folds=grids.inner_folds)
    tuned = GridSearchCV(model, grid, scoring="balanced_accuracy", cv=folds).fit(training.x, training.y)
    best = tuned.best_estimator_
    if name == "svm_rbf":
        best = CalibratedClassifierCV(best, method="temperature", cv=folds, ensemble=False)
        best.fit(training.x, training.y)

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
    return Searched(probabilities=best.predict_proba(test.x), trials=trials)
