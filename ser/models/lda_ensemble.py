"""An ensemble of LDAs, one a feature set: for unseen speakers, or adapted to a speaker by adaptation clips.

The LDAs' logits are added up with weights. Shrinkage, prior and weight of each LDA are selected on inner
folds of training actors, see `ser.models.adaptation_search`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd

from ser.data.fold import Array, Fold, Part
from ser.models.adaptation_search import choose, inner_folds
from ser.models.speaker_adaptation import LdaChoice, Mask, Speech, fit_ldas, recognise
from ser.models.speaker_lda import Matrix, SpeakerLda
from ser.params import AdaptationSearch


@dataclass(frozen=True)
class FittedEnsemble:
    """The LDAs, fitted to a fold's training speakers.

    Attributes
    ----------
    widths : Mapping of str to int
        Columns of each feature set, as of `Speech.split`.
    ldas : Mapping of str to SpeakerLda
        The LDA of each feature set, by the set's name.
    choices : Mapping of int to Mapping of str to LdaChoice
        By the number of adaptation clips, what was selected for each LDA.
    log : pandas.DataFrame
        The trials on inner folds: ``clips``, the number of adaptation clips, and the columns of
        `ser.models.adaptation_search.choose`.
    """

    widths: Mapping[str, int]
    ldas: Mapping[str, SpeakerLda]
    choices: Mapping[int, Mapping[str, LdaChoice]]
    log: pd.DataFrame

    def predict(self, part: Part) -> Matrix:
        """Recognise unseen speakers: probabilities [shape=(n, 8)]."""
        nobody = np.zeros(len(part.clips), dtype=np.bool_)
        return self.predict_adapted(part, enrolled=nobody, n_clips=0)

    def predict_validation(self, part: Part) -> Matrix:
        """Refuse: the validation clips of a fold train as well."""
        raise ValueError("this model has no other that did not train on validation clips")

    def predict_adapted(self, part: Part, *, enrolled: Mask, n_clips: int) -> Matrix:
        """Recognise the clips that are not enrolled: probabilities, see `recognise`."""
        speech = Speech.split(part, self.widths)
        return recognise(self.ldas, self.choices[n_clips], speech, enrolled=enrolled, n_clips=n_clips)


@dataclass(frozen=True)
class LdaEnsemble:
    """Recipe of the ensemble. Validation clips train as well, for nothing is selected on them.

    Attributes
    ----------
    model : str
        Its name in predictions.
    widths : Mapping of str to int
        Columns of each feature set in a fold's features, as of `Speech.split`.
    settings : AdaptationSearch
        The grids, the number of inner folds, and the seeds of their draws.
    """

    model: str
    widths: Mapping[str, int]
    settings: AdaptationSearch

    @classmethod
    def of(cls, model: str, views: Mapping[str, Array], settings: AdaptationSearch) -> Self:
        """Describe an ensemble on some feature sets, whose arrays stand side by side in a fold's features."""
        return cls(model, {name: x.shape[1] for name, x in views.items()}, settings)

    def fit(self, fold: Fold, *, seed: int = 0, bar_position: int = 0) -> FittedEnsemble:
        """Select and fit for unseen speakers; see `ser.models.recipe.Recipe`. Nothing is drawn."""
        return self.fit_for(fold, [0])

    def fit_for(self, fold: Fold, numbers: Sequence[int]) -> FittedEnsemble:
        """Select and fit for speakers with some numbers of adaptation clips."""
        training = Speech.split(fold.merge_validation().training(), self.widths)
        inner = inner_folds(training, n_folds=self.settings.inner_folds)
        found = {n_clips: choose(inner, n_clips=n_clips, settings=self.settings) for n_clips in numbers}
        choices = {n_clips: choices for n_clips, (choices, _) in found.items()}
        trials = [tried.assign(clips=n_clips) for n_clips, (_, tried) in found.items()]
        log = pd.concat(trials, ignore_index=True)
        return FittedEnsemble(
            self.widths, fit_ldas(training), choices, log[["clips", *log.columns.drop("clips")]]
        )
