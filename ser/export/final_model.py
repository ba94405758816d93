"""The model that is exported, trained on all actors: who trains, and its LDA."""

import pandas as pd

from ser.data.datasets import Array, Part, take
from ser.export.final_parts import LinearDiscriminant
from ser.models.classical import fit, search
from ser.params import TransferBaselines

LDA = "encoder_lda_augmented"
"""The network's partner, by its name in the predictions."""


def everyone(clips: pd.DataFrame) -> pd.DataFrame:
    """Make a split of one fold in which every clip trains."""
    return pd.DataFrame({"fold": 0, "clip": clips["clip"], "role": "train"})


def all_of(clips: pd.DataFrame, copies: list[Array]) -> Part:
    """Join all clips with their features, copy by copy."""
    return take(clips, everyone(clips), copies, fold=0, role="train")


def fit_lda(
    clips: pd.DataFrame, copies: list[Array], *, grids: TransferBaselines
) -> tuple[LinearDiscriminant, pd.DataFrame]:
    """Choose layer and shrinkage by inner folds of actors, then fit on all of them.

    It is what each fold of LUNA5 does with its training actors, so that the scores there tell what to expect.

    Parameters
    ----------
    clips
        The table of clips.
    copies
        The encoder's statistics, each [shape=(clips, layers, columns)], of the clean clips first.
    grids
        The section ``train_baselines.transfer``.

    Returns
    -------
    lda : LinearDiscriminant
    trials : pandas.DataFrame
        As of `ser.models.classical.Searched`.
    """
    training = all_of(clips, copies)
    # Nothing is left to test, and what the search predicts is not used.
    searched = search(LDA, training=training, test=all_of(clips, copies[:1]), grids=grids, copies=len(copies))
    choice, scaler, lda = (
        step for _, step in fit(searched.model, training=training, grids=grids, copies=len(copies)).steps
    )
    fitted = LinearDiscriminant(
        layer=int(choice.layer),
        mean=scaler.mean_,
        scale=scaler.scale_,
        coef=lda.coef_,
        intercept=lda.intercept_,
    )
    return fitted, searched.trials
