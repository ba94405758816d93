"""The LDA of the model that is exported, fitted to all actors."""

from collections.abc import Sequence

import pandas as pd

from ser.data.fold import Array, Fold
from ser.export.final_parts import LinearDiscriminant
from ser.models.classical import Search
from ser.params import TransferBaselines

LDA = "encoder_lda_augmented"
"""The LDA with which the network is averaged, by its name in predictions."""


def everyone(clips: pd.DataFrame, copies: Sequence[Array]) -> Fold:
    """Make a fold in which every clip trains.

    Parameters
    ----------
    clips
        The table of clips: ``clip``, ``emotion``, ``actor``.
    copies
        Features, each [shape=(clips, ...)], of the recordings first.

    Returns
    -------
    Fold
        Number 0, without validation and test clips.
    """
    clips = clips.reset_index(drop=True)
    return Fold(0, clips, clips[:0], clips[:0], copies)


def fit_lda(fold: Fold, *, grids: TransferBaselines) -> tuple[LinearDiscriminant, pd.DataFrame]:
    """Select layer and shrinkage on inner folds of actors, then fit to all of them.

    Each fold of LUNA5 does the same with its training actors, so that the scores there are those to expect.

    Parameters
    ----------
    fold
        Fold of `everyone`, with the encoder's statistics [shape=(clips, layers, columns)].
    grids
        The section ``train_baselines.transfer``: layers and shrinkages to try.

    Returns
    -------
    lda : LinearDiscriminant
        The LDA that is fitted to all clips, with the scaler before it.
    trials : pandas.DataFrame
        A row a point of the grid: ``parameters``, ``inner_uar``, ``chosen``.
    """
    tuned = Search(LDA, grids).fit(fold)
    choice, scaler, lda = (step for _, step in tuned.fitted.steps)
    fitted = LinearDiscriminant(
        layer=int(choice.layer),
        mean=scaler.mean_,  # (columns,)
        scale=scaler.scale_,  # (columns,)
        coef=lda.coef_,  # (8, columns)
        intercept=lda.intercept_,  # (8,)
    )
    return fitted, tuned.log
