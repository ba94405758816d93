"""The schema of this folder's params.yaml, and of the sections that its modules are given."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from ser.params import Count, InnerFolds, Positive, Section, Seeds, Shrinkages


class Alignment(Section):
    """DTW alignment of clips to reference utterances (templates) of the same sentence."""

    template_actors: Annotated[list[Annotated[int, Field(ge=1, le=24)]], Field(min_length=1)]
    parts: Annotated[int, Field(ge=2)]
    n_mfcc: Count

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len(set(self.template_actors)) < len(self.template_actors):
            raise ValueError("template_actors must not name an actor twice")
        return self


class PitchParams(Section):
    """The range and resolution of the F0 search."""

    fmin_hz: Positive
    fmax_hz: Positive
    resolution_semitones: Annotated[float, Field(gt=0, lt=1)]

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.fmin_hz >= self.fmax_hz:
            raise ValueError("fmin_hz must be below fmax_hz")
        return self


class NetworkSeeds(Section):
    """Of the 2-D CNN beside the DTW LDA, by protocol."""

    luna5: Seeds
    emobox6: Seeds
    loso: Seeds


class AlignedLda(Section):
    """The LDAs: how many reference utterances a fold has, and how the shrinkage is selected."""

    templates: Count
    inner_folds: InnerFolds
    shrinkage: Shrinkages


class DtwParams(Section):
    """The models on DTW-aligned features, and their leakage tests."""

    alignment: Alignment
    pitch: PitchParams
    lda: AlignedLda
    network_seeds: NetworkSeeds
    shuffles: Seeds
