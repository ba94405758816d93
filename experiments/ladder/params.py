"""The schema of this folder's params.yaml, and of the sections that its modules are given."""

from typing import Annotated

from pydantic import Field

from ser.params import ArticleCnn, Count, Grid, InnerFolds, Luna5Folds, Positive, Section, Seeds, Shrinkages


class Contour(Section):
    """The article's CNN: one setting at every step."""

    network: ArticleCnn
    seeds_beside: Seeds
    folds_beside: Luna5Folds


class Trials(Section):
    """How much is tried of a network whose other settings stand elsewhere.

    ``splits`` are the seeds of random splits, each with weights of its own; ``seeds`` and ``folds`` are of
    the split by actors.
    """

    epochs: Count
    splits: Seeds
    seeds: Seeds
    folds: Luna5Folds


class Classical(Section):
    """The classical models beside the CNN."""

    splits: Seeds
    inner_folds: InnerFolds
    encoder_layer: Annotated[int, Field(ge=1, le=3)]
    lda_shrinkage: Shrinkages
    svm_c: Grid
    svm_gamma: Grid


class Copies(Section):
    """Classical models with speed perturbation, at one setting."""

    splits: Seeds
    lda_shrinkage: Annotated[float, Field(gt=0, le=1)]
    svm_c: Positive
    svm_gamma: Positive


class Neighbour(Section):
    """The nearest neighbour, which has no setting."""

    splits: Seeds


class LadderParams(Section):
    """The leakage ablation: settings by what is trained."""

    validation_clips: Annotated[int, Field(ge=8)]
    contour: Contour
    contour_long: Trials
    logmel: Trials
    classical: Classical
    copies: Copies
    neighbour: Neighbour
