"""The schema of this folder's params.yaml."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ser.params import NotNegative, Section, Seed, Share, Shrinkages


class CorpusSource(Section):
    """Where a corpus comes from, and the manifest that its clips are held to.

    Without an address, an environment variable must name the recordings.
    """

    manifest: str
    archive_url: Annotated[str, Field(pattern="^https?://")] | None


class Corpora(Section):
    """One section a corpus, by the names of `experiments.cross_corpus.corpora.CORPORA`."""

    nemo: CorpusSource
    emodb: CorpusSource


def _without_chosen(models: dict[str, "SomeSettings"]) -> dict[str, "SomeSettings"]:
    if "chosen" in models:
        raise ValueError("chosen is the name of the model that is chosen among all settings")
    return models


Weights = Annotated[list[NotNegative], Field(min_length=1)]
Flags = Annotated[list[bool], Field(min_length=1)]
Seeds = Annotated[list[Seed], Field(min_length=1)]
Numbers = Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)]
Blends = Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]


class EncodeCopies(Section):
    """The seed of all draws of corrupted copies; their ranges are those of RAVDESS's."""

    seed: Seed


class AllSettings(Section):
    """Values of each hyper-parameter, of which all combinations are tried."""

    shrinkage: Shrinkages
    weight: Weights
    centred: Flags
    copies: Flags
    blend: Blends


class SomeSettings(Section):
    """Values to which a model is restricted; where a key is left out, all of its values."""

    shrinkage: Shrinkages | None = None
    weight: Weights | None = None
    centred: Flags | None = None
    copies: Flags | None = None
    blend: Blends | None = None


class ScoreCorpora(Section):
    """What is tried on development corpora, and which models are scored beside the chosen one."""

    speaker_folds: Annotated[int, Field(ge=2)]
    settings: AllSettings
    compared: Annotated[dict[str, SomeSettings], AfterValidator(_without_chosen)]


class TrustRule(Section):
    """What answers must reach to get a word; see `experiments.cross_corpus.trust.Rule`."""

    mean_accuracy: Share
    least_accuracy: Share
    mean_coverage: Share


class ScoreTrust(Section):
    """When an answer is sure or likely."""

    answered_from: Share
    agreement_from: Share
    sure: TrustRule
    likely: TrustRule


class AdaptCorpora(Section):
    """With how many clips, in how many draws, to which copies of RAVDESS, and which warnings are tried."""

    copies: list[str]
    set_up_clips: Numbers
    set_up_seeds: Seeds
    speaker_clips: Numbers
    speaker_seeds: Seeds
    thresholds: Annotated[list[Annotated[float, Field(ge=1, le=8)]], Field(min_length=1)]


class CrossCorpusParams(Section):
    """The corpora beside RAVDESS, and how models are chosen, scored, trusted and adapted."""

    corpora: Corpora
    encode_copies: EncodeCopies
    score_corpora: ScoreCorpora
    score_trust: ScoreTrust
    adapt_corpora: AdaptCorpora
