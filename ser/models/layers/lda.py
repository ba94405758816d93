"""Recipe of the ensemble on an encoder's layers: everything is selected on inner folds of training actors.

Inner folds hold out actors with all copies of their clips, so that shrinkage and weights are judged on clean
and corrupted recordings alike.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from ser.data.fold import Fold, Part
from ser.models.layers.linear import LinearLayers, Matrix, write_linear
from ser.models.lda_ensemble import LdaEnsemble
from ser.models.speaker_adaptation import LdaChoice, Speech, fit_ldas
from ser.models.speaker_lda import SpeakerLda
from ser.params import AdaptationSearch, TrainLayers

NOBODY_ADAPTS = 0
"""Number of adaptation clips: all speakers are unseen."""


@dataclass(frozen=True)
class FittedLayers:
    """The ensemble, fitted to a fold; see `ser.models.recipe.Fitted`.

    Attributes
    ----------
    widths : Mapping of str to int
        Columns of each layer in a fold's features, as of `Speech.split`.
    linear : LinearLayers
        What was fitted: a classifier a layer.
    log : pandas.DataFrame
        The trials on inner folds: ``view`` (the layer), ``shrinkage``, ``weight``, ``inner_uar``, ``chosen``;
        the last row is that of the weighted sum.
    fit_without_validation : callable
        Fits classifiers with the same hyper-parameters, but not to the validation clips.
    """

    widths: Mapping[str, int]
    linear: LinearLayers
    log: pd.DataFrame
    fit_without_validation: Callable[[], LinearLayers]

    def predict(self, part: Part) -> Matrix:
        """Give probabilities [shape=(n, 8)]."""
        return self.linear.probabilities(_layers(Speech.split(part, self.widths)))

    def predict_validation(self, part: Part) -> Matrix:
        """Give probabilities [shape=(n, 8)] of validation clips, by classifiers not trained on them."""
        return self.fit_without_validation().probabilities(_layers(Speech.split(part, self.widths)))


@dataclass(frozen=True)
class LayerLdas:
    """Recipe of the ensemble. Validation clips train as well, for nothing is selected on them.

    Attributes
    ----------
    model : str
        Its name in predictions.
    widths : Mapping of str to int
        Columns of each layer in a fold's features [shape=(clips, columns)], side by side.
    settings : TrainLayers
        The grid of shrinkages, and the number of inner folds.
    folder : Path or None
        Folder for each fold's classifiers, as of `write_linear`; None to keep none.
    """

    model: str
    widths: Mapping[str, int]
    settings: TrainLayers
    folder: Path | None = None

    def fit(self, fold: Fold, *, seed: int = 0, bar_position: int = 0) -> FittedLayers:
        """Select and fit; see `ser.models.recipe.Recipe`. Nothing is drawn."""
        search = AdaptationSearch(
            seeds=[0],
            inner_folds=self.settings.inner_folds,
            lda_shrinkage=self.settings.lda_shrinkage,
            prior_clips=[1.0],
        )
        fitted = LdaEnsemble(self.model, self.widths, search).fit(fold)
        choices = fitted.choices[NOBODY_ADAPTS]
        linear = _linear(fitted.ldas, choices)
        if self.folder is not None:
            write_linear(self.folder, linear, model=self.model, fold=fold.number)
        return FittedLayers(
            self.widths,
            linear,
            fitted.log.drop(columns=["clips", "prior_clips"]),
            lambda: _linear(fit_ldas(Speech.split(fold.training(), self.widths)), choices),
        )


def _linear(ldas: Mapping[str, SpeakerLda], choices: Mapping[str, LdaChoice]) -> LinearLayers:
    """Fold centring, scaling and projection of each layer's LDA into its weights."""
    coefficients, biases = [], []
    for view, lda in ldas.items():
        choice = choices[view]
        found = lda.discriminant(
            n_clips=NOBODY_ADAPTS, prior_strength=choice.prior_strength, shrinkage=choice.shrinkage
        )
        linear = (lda.directions @ found.weights) / lda.scale[:, None]  # (columns, 8)
        coefficients.append(linear)
        biases.append(found.bias - lda.overall @ linear)
    return LinearLayers(
        np.stack(coefficients), np.stack(biases), np.array([it.weight for it in choices.values()])
    )


def _layers(speech: Speech) -> Matrix:
    """Stack the layers of clips: (n, layers, columns)."""
    return np.stack([*speech.views.values()], axis=1)
