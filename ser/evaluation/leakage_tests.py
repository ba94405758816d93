"""What would show a leak of the test clips into a model: each test is a function from a fold to a fold.

label permutation  the training clips' emotions are shuffled: the result must fall to chance
canary features    columns tell actor and emotion together: with unseen actors they must not help, and where
                   actors are in training and test they give everything away
held-out removal   the test clips' features are not there until the prediction: it must be the same as before

Each is tried on the real features, with the model and the hyper-parameters of the result in question.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from ser.data.fold import Fold, emotion_index
from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError


def permute_labels(fold: Fold, *, seed: int) -> Fold:
    """Shuffle the emotions among the training clips; the copies of a clip keep to one."""
    order = np.random.default_rng(seed).permutation(len(fold.train))
    return replace(fold, train=fold.train.assign(emotion=fold.train["emotion"].to_numpy()[order]))


def add_canary(fold: Fold) -> Fold:
    """Add a column for each emotion of each actor to the features: 1 where the clip is of both, else 0.

    Columns of the actor alone would tell nothing of RAVDESS, where all speak in the same emotions.

    Parameters
    ----------
    fold
        With features [shape=(clips, ..., columns)].
    """
    clips = pd.concat([fold.train, fold.validation, fold.test])
    actors, actor = np.unique(clips["actor"], return_inverse=True)
    columns = np.zeros((len(fold.copies[0]), len(EMOTIONS) * len(actors)), dtype=np.float32)
    columns[clips.index, len(EMOTIONS) * actor + emotion_index(clips)] = 1
    between = [1] * (fold.copies[0].ndim - 2)  # Layers of an encoder, which all get the same columns.
    canary = columns.reshape(len(columns), *between, -1)  # (clips, ..., emotions of all actors)
    spread = [np.broadcast_to(canary, (*x.shape[:-1], canary.shape[-1])) for x in fold.copies]
    copies = [np.concatenate(pair, axis=-1) for pair in zip(fold.copies, spread, strict=True)]
    return replace(fold, copies=copies)


def remove_test_clips(fold: Fold) -> Fold:
    """Leave nothing but NaN in the test clips' features, which no model can use unnoticed.

    What was fitted to this fold is to be tested on the fold as it was.

    Raises
    ------
    InputError
        Where a training clip is gone with them.
    """
    copies = []
    for features in fold.copies:
        removed = np.array(features)
        removed[fold.test.index] = np.nan
        if not np.isfinite(removed[fold.train.index]).all():
            raise InputError(f"a test clip is among the training clips of fold {fold.number}")
        copies.append(removed)
    return replace(fold, copies=copies)


def largest_difference(again: pd.DataFrame, former: pd.DataFrame) -> float:
    """Compare predictions of the same clips in the same folds: the largest difference of a probability.

    Parameters
    ----------
    again
        Of one model and seed.
    former
        Of the same model and seed, and of these clips at least.

    Raises
    ------
    InputError
        Where a prediction is not finite: the model has read a clip that was removed.
    """
    keys, columns = ["fold", "clip"], list(PROBABILITIES)
    if not np.isfinite(again[columns].to_numpy()).all():
        raise InputError("no prediction without the test clips: the model has read them")
    before = former.set_index(keys).loc[pd.MultiIndex.from_frame(again[keys]), columns]
    return float(np.abs(again[columns].to_numpy() - before.to_numpy()).max())
