"""Clips as the layers of two pretrained encoders see them, and an LDA on each of these views.

Each layer is a view with an LDA of its own; the sum of their logits decides. Shrinkage and weight of each
view, and how readily it adapts to a voice, are chosen by inner folds of training actors, see
`ser.models.adaptation_search`.
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
    """Give training and test side of a fold; nothing is chosen by validation actors, so they train."""
    together = split.replace({"role": {"validation": "train"}})
    training, test = (
        Speech.join({name: take(clips, together, [x], fold=fold, role=role) for name, x in views.items()})
        for role in ("train", "test")
    )
    return training, test


@dataclass(frozen=True)
class Learned:
    """What is learned of training speakers.

    Attributes
    ----------
    inner : list of InnerFold
        Training actors who are held out, to select hyper-parameters on.
    voices : dict of str to SpeakerLda
        Each view, of all training speakers.
    settings : AdaptationSearch
        The grids of shrinkage and prior, and the number of inner folds.
    """

    inner: list[InnerFold]
    voices: dict[str, SpeakerLda]
    settings: AdaptationSearch

    @classmethod
    def of(cls, training: Speech, settings: AdaptationSearch) -> Self:
        """Fit every view, to all training speakers and within each inner fold."""
        return cls(inner_folds(training, n_folds=settings.inner_folds), fit_voices(training), settings)

    def choose(self, model: str, *, n_clips: int) -> tuple[dict[str, ViewChoice], pd.DataFrame]:
        """Choose for one of `WHISPER` and `BOTH`, where speakers enrol `n_clips`; give the trials as well."""
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
        """Recognise the clips that are not enrolled: probabilities [shape=(n, 8)]."""
        return recognise(self.voices, choices, speech, enrolled=enrolled, n_clips=n_clips)


def _of_whisper(views: Mapping[str, Of]) -> dict[str, Of]:
    return {name: it for name, it in views.items() if name.startswith("whisper")}
