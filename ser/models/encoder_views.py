"""An LDA ensemble on the layers of two pretrained encoders, one LDA a layer.

The weighted sum of their logits decides. Shrinkage, weight and prior strength of each layer are selected on
inner folds of training actors, see `ser.models.adaptation_search`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self, TypeVar

import pandas as pd

from ser.data.fold import Array, take
from ser.models.adaptation_search import InnerFold, choose, inner_folds
from ser.models.speaker_adaptation import Mask, Speech, ViewChoice, fit_voices, recognise
from ser.models.speaker_lda import Matrix, SpeakerLda
from ser.params import AdaptationSearch

WHISPER, BOTH = "whisper_lda", "encoders_lda"
"""The model on Whisper's layers alone, and that on the layers of both encoders."""

Of = TypeVar("Of")


def sides_of(
    views: dict[str, Array], clips: pd.DataFrame, split: pd.DataFrame, *, fold: int
) -> tuple[Speech, Speech]:
    """Give training and test clips of a fold; nothing is selected by validation actors, so they train.

    Parameters
    ----------
    views
        Feature sets [shape=(clips, columns)] of all clips, by their names.
    clips, split
        The table of clips, and the split of a protocol: ``fold``, ``clip``, ``role``.
    fold
        Number of the fold, 0-based.

    Returns
    -------
    training, test : Speech
        The clips of both roles, in all feature sets.
    """
    together = split.replace({"role": {"validation": "train"}})
    training, test = (
        Speech.join({name: take(clips, together, [x], fold=fold, role=role) for name, x in views.items()})
        for role in ("train", "test")
    )
    return training, test


@dataclass(frozen=True)
class Learned:
    """Models that are fitted to training speakers.

    Attributes
    ----------
    inner : list of InnerFold
        Training actors who are held out, to select hyper-parameters on.
    voices : dict of str to SpeakerLda
        By feature set, the model that is fitted to all training speakers.
    settings : AdaptationSearch
        The grids of shrinkage and prior strength, the seeds, and the number of inner folds.
    """

    inner: list[InnerFold]
    voices: dict[str, SpeakerLda]
    settings: AdaptationSearch

    @classmethod
    def of(cls, training: Speech, settings: AdaptationSearch) -> Self:
        """Fit each feature set, to all training speakers and within each inner fold."""
        return cls(inner_folds(training, n_folds=settings.inner_folds), fit_voices(training), settings)

    def choose(self, model: str, *, n_clips: int) -> tuple[dict[str, ViewChoice], pd.DataFrame]:
        """Select hyper-parameters of `WHISPER` or `BOTH`; see `ser.models.adaptation_search.choose`."""
        inner = self.inner
        if model == WHISPER:
            inner = [
                replace(it, voices=_of_whisper(it.voices), projected=_of_whisper(it.projected))
                for it in inner
            ]
        return choose(inner, n_clips=n_clips, settings=self.settings)

    def recognise(
        self, choices: dict[str, ViewChoice], speech: Speech, *, enrolled: Mask, n_clips: int
    ) -> Matrix:
        """Give probabilities [shape=(n, 8)] of the n clips that are no adaptation clips."""
        return recognise(self.voices, choices, speech, enrolled=enrolled, n_clips=n_clips)


def _of_whisper(views: Mapping[str, Of]) -> dict[str, Of]:
    return {name: it for name, it in views.items() if name.startswith("whisper")}
