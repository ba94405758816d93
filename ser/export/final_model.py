"""The LDA of the model that is exported, fitted to all actors."""

from collections.abc import Sequence

import pandas as pd

from ser.data.fold import Array, Fold
from ser.export.final_parts import LinearDiscriminant
from ser.models.classical import Search
from ser.params import TransferBaselines

LDA = "encoder_lda_augmented"
"""The network's partner, by its name in the predictions."""


def everyone(clips: pd.DataFrame, copies: Sequence[Array]) -> Fold:
    """Make a fold in which every clip trains.

    Parameters
    ----------
    clips
        The table of clips.
    copies
        Features, each [shape=(clips, ...)], of the recordings first.
    """
    clips = clips.reset_index(drop=True)
    return Fold(0, clips, clips[:0], clips[:0], copies)


def fit_lda(fold: Fold, *, grids: TransferBaselines) -> tuple[LinearDiscriminant, pd.DataFrame]:
    """Choose layer and shrinkage by inner folds of actors, then fit on all of them.

    It is what each fold of LUNA5 does with its training actors, so that the scores there tell what to expect.

    Parameters
    ----------
    fold
        Of `everyone`, with the encoder's statistics [shape=(clips, layers, columns)].
    grids
        The section ``train_baselines.transfer``: layers and shrinkages to try.

    Returns
    -------
    lda : LinearDiscriminant
    trials : pandas.DataFrame
        As of `ser.models.classical.Tuned`.
    """
    tuned = Search(LDA, grids).fit(fold)
    choice, scaler, lda = (step for _, step in tuned.fitted.steps)
    fitted = LinearDiscriminant(
        layer=int(choice.layer),
        mean=scaler.mean_,
        scale=scaler.scale_,
        coef=lda.coef_,
        intercept=lda.intercept_,
    )
    return fitted, tuned.log
