"""Classical models: the article's two, and those on functionals or an encoder, selected on inner folds.

To add one, add an entry to `MODELS`; docs/add_a_model.md shows it.
"""

from collections.abc import Callable, Mapping, Sequence
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

from ser.data.fold import Array, Fold, Labels, Part
from ser.errors import InputError
from ser.models.shrinkage_lda import ShrinkageLda
from ser.params import Luna5Baselines, TransferBaselines

Grids = Luna5Baselines | TransferBaselines
Point = Mapping[str, float]
"""Hyper-parameters by their names, without the step of the pipeline."""
ARTICLE_SETTINGS = {"dummy": "strategy=stratified", "decision_tree": "scikit-learn's defaults"}
FEATURES = {"luna5": "functionals", "transfer": "encoder"}
"""What the models of a section of ``train_baselines`` read."""


@dataclass(frozen=True)
class Classical:
    """A classifier on standardised features, and the grid of its hyper-parameters.

    Attributes
    ----------
    group : str
        The section of ``train_baselines`` that it belongs to, a key of `FEATURES`.
    copies : tuple of str
        The variants of a training clip that it is trained on, the recording first.
    classifier : callable
        Makes the classifier, unfitted, with seeds fixed.
    grid : mapping
        By the pipeline's hyper-parameters, such as ``svc__C``: values to try, or the key of the section under
        which they stand.
    """

    group: str
    copies: tuple[str, ...]
    classifier: Callable[[], ClassifierMixin]
    grid: Mapping[str, str | Sequence[float]]


_CLEAN, _AUGMENTED = ("clean",), ("clean", "resampled")
_SHRINKAGE = {"shrinkagelda__shrinkage": "lda_shrinkage"}
MODELS = {
    "lda": Classical("luna5", _CLEAN, ShrinkageLda, _SHRINKAGE),
    "lda_augmented": Classical("luna5", _AUGMENTED, ShrinkageLda, _SHRINKAGE),
    "logistic_regression": Classical(
        *("luna5", _CLEAN),
        lambda: LogisticRegression(max_iter=2000),
        {"logisticregression__C": "logistic_c"},
    ),
    "svm_rbf": Classical(
        *("luna5", _CLEAN),
        lambda: SVC(kernel="rbf", break_ties=True),
        {"svc__C": "svm_c", "svc__gamma": "svm_gamma"},
    ),
    "encoder_lda": Classical("transfer", _CLEAN, ShrinkageLda, _SHRINKAGE),
    "encoder_lda_augmented": Classical("transfer", _AUGMENTED, ShrinkageLda, _SHRINKAGE),
}
"""All that are tuned, by their names in predictions."""


def models_of(group: str) -> dict[str, Classical]:
    """List the models of one section of ``train_baselines``, by their names."""
    return {name: model for name, model in MODELS.items() if model.group == group}


class LayerChoice(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Take one layer of a pretrained encoder, which one being a hyper-parameter.

    Parameters
    ----------
    layer
        Number of the layer, 1 being the lowest.
    """

    def __init__(self, *, layer: int = 1) -> None:
        self.layer = layer

    def fit(self, _x: Array, _y: Labels | None = None) -> Self:
        """Do nothing: there is nothing to fit."""
        return self

    def transform(self, x: Array) -> Array:
        """Turn [shape=(n, layers, columns)] into [shape=(n, columns)]."""
        return x[:, self.layer - 1]  # (n, columns)


@dataclass(frozen=True)
class ArticleBaseline:
    """Recipe of one of `ARTICLE_SETTINGS`, which the article left unseeded, with a seed."""

    model: str

    def fit(self, fold: Fold, *, seed: int, bar_position: int = 0) -> "Tuned":
        """Fit it; see `ser.models.recipe.Recipe`."""
        log = {"parameters": [ARTICLE_SETTINGS[self.model]], "inner_uar": [None], "chosen": [True]}
        training = fold.training()
        fitted = article_model(self.model, seed=seed).fit(training.x, training.y)
        return Tuned(fitted, log=pd.DataFrame(log))


def article_model(name: str, *, seed: int) -> Pipeline:
    """Build one of `ARTICLE_SETTINGS`."""
    classifier: ClassifierMixin = {
        "dummy": DummyClassifier(strategy="stratified", random_state=seed),
        "decision_tree": DecisionTreeClassifier(random_state=seed),
    }[name]
    return make_pipeline(StandardScaler(), classifier)


@dataclass(frozen=True)
class Tuned:
    """A fitted classical model; see `ser.models.recipe.Fitted`.

    Attributes
    ----------
    fitted : sklearn.base.ClassifierMixin
        The fitted pipeline, scaler included; it has ``predict_proba``.
    log : pandas.DataFrame
        A row a point of the grid: ``parameters``, ``inner_uar`` (mean over the inner folds), ``chosen``.
    fit_without_validation : callable or None
        Fits a model with the same hyper-parameters, but not to the validation clips.
    """

    fitted: ClassifierMixin
    log: pd.DataFrame
    fit_without_validation: Callable[[], ClassifierMixin] | None = None

    def predict(self, part: Part) -> npt.NDArray[np.floating]:
        """Give probabilities [shape=(n, 8)]."""
        return np.asarray(self.fitted.predict_proba(part.x))

    def predict_validation(self, part: Part) -> npt.NDArray[np.floating]:
        """Give probabilities [shape=(n, 8)] of validation clips, by a model that was not trained on them."""
        if self.fit_without_validation is None:
            raise ValueError("this model has no other that did not train on validation clips")
        return np.asarray(self.fit_without_validation().predict_proba(part.x))


@dataclass(frozen=True)
class Search:
    """Recipe of one of `MODELS`: selected on inner folds of training actors, then fitted to all of them.

    Scaling is part of the model, so that it too is fitted within each inner fold. Validation clips train as
    well; only to measure the calibration of the probabilities, a second model is fitted without them.

    Attributes
    ----------
    model : str
        Its name in predictions, one of `MODELS`.
    grids : Grids
        The section of ``train_baselines`` that it belongs to.
    """

    model: str
    grids: Grids

    def fit(self, fold: Fold, *, seed: int = 0, bar_position: int = 0) -> Tuned:
        """Select hyper-parameters and fit; see `ser.models.recipe.Recipe`. Nothing is drawn.

        Raises
        ------
        InputError
            Where the grid has a layer that the encoder has not.
        """
        n_copies, training = len(fold.copies), fold.merge_validation().training()
        model, grid = model_and_grid(self.model, grids=self.grids, n_layers=training.x.shape[1])
        inner = inner_folds(training, n_folds=self.grids.inner_folds, copies=n_copies)
        search = GridSearchCV(model, grid, scoring="balanced_accuracy", cv=inner, refit=False)
        search.fit(training.x, training.y)
        best = clone(model).set_params(**search.best_params_)

        def fit(part: Part) -> ClassifierMixin:
            return fit_with_probabilities(best, part, n_folds=self.grids.inner_folds, copies=n_copies)

        results = search.cv_results_
        trials = {
            "parameters": [
                " ".join(f"{key.split('__')[1]}={value:g}" for key, value in point.items())
                for point in results["params"]
            ],
            "inner_uar": results["mean_test_score"],
            "chosen": np.arange(len(results["params"])) == search.best_index_,
        }
        return Tuned(fit(training), pd.DataFrame(trials), lambda: fit(fold.training()))


@dataclass(frozen=True)
class Refit:
    """Recipe of one of `MODELS` with the hyper-parameters that a `Search` selected for each fold.

    Attributes
    ----------
    model : str
        One of `MODELS`, but for ``svm_rbf``, whose probabilities are calibrated.
    grids : Grids
        The section of ``train_baselines`` that it belongs to.
    points : mapping of int to Point
        Selected values of the hyper-parameters, by the fold's number.
    """

    model: str
    grids: Grids
    points: Mapping[int, Point]

    def fit(self, fold: Fold, *, seed: int = 0, bar_position: int = 0) -> Tuned:
        """Fit as `Search` fitted its best one; see `ser.models.recipe.Recipe`. Nothing is drawn."""
        point, training = self.points[fold.number], fold.merge_validation().training()
        # The features may hold fewer layers than were searched: no more than the chosen one is needed.
        layers = getattr(self.grids, "layer", None) or [int(point.get("layer", 1))]
        model, grid = model_and_grid(self.model, grids=self.grids, n_layers=max(layers))
        # The points hold floats alone; a layer's number must be an integer again.
        values = {key: type(choices[0])(point[key.split("__")[1]]) for key, choices in grid.items()}
        return Tuned(model.set_params(**values).fit(training.x, training.y), pd.DataFrame([point]))


def model_and_grid(
    name: str, *, grids: Grids, n_layers: int = 1
) -> tuple[Pipeline, Mapping[str, Sequence[float]]]:
    """Build one of `MODELS` and the grid of its hyper-parameters; `n_layers` are the encoder's."""
    if name not in MODELS:
        raise ValueError(f"name must be one of {list(MODELS)}, got {name!r}")
    model = MODELS[name]
    grid: dict[str, Sequence[float]] = {
        key: getattr(grids, values) if isinstance(values, str) else values
        for key, values in model.grid.items()
    }
    if not isinstance(grids, TransferBaselines):
        return make_pipeline(StandardScaler(), model.classifier()), grid
    if max(grids.layer) > n_layers:
        raise InputError(f"params.yaml: layer {max(grids.layer)}, but the encoder has {n_layers} layers")
    pipeline = make_pipeline(LayerChoice(), StandardScaler(), model.classifier())
    return pipeline, {"layerchoice__layer": grids.layer, **grid}


def fit_with_probabilities(model: Pipeline, training: Part, *, n_folds: int, copies: int) -> ClassifierMixin:
    """Fit a copy of a model that gives probabilities.

    The SVM, which has none of its own, gets them by temperature scaling on its inner folds' held-out scores;
    that leaves its decisions as they are. The options are those of `inner_folds`.
    """
    if hasattr(model, "predict_proba"):
        return clone(model).fit(training.x, training.y)
    inner = inner_folds(training, n_folds=n_folds, copies=copies)
    calibrated = CalibratedClassifierCV(model, method="temperature", cv=inner, ensemble=False)
    return calibrated.fit(training.x, training.y)


def inner_folds(training: Part, *, n_folds: int, copies: int) -> list[tuple[Labels, Labels]]:
    """Split training actors: rows of all copies of some to fit on, of the others' recordings to score.

    Parameters
    ----------
    training
        Training clips [shape=(copies * n, ...)], copy by copy, the recordings first.
    n_folds
        Number of inner folds; each actor is held out in one of them.
    copies
        Number of copies of each clip, the recording included.

    Returns
    -------
    list of (numpy.ndarray, numpy.ndarray)
        For each inner fold the rows to fit on, and the rows to score, which are below n.
    """
    recordings = len(training.x) // copies
    inner = GroupKFold(n_folds).split(training.x, training.y, training.actors)
    return [(fitted, held_out[held_out < recordings]) for fitted, held_out in inner]
