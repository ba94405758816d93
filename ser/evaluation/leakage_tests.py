"""Leakage tests of the test clips into a model: each test is a function from a fold to a fold.

label permutation  the labels of the training clips are permuted: UAR must come out at chance level
canary features    columns give actor and emotion away together: they must not help on unseen speakers, and
                   must help where all actors are in training and test
held-out removal   training reads features without the test clips: the predictions must be equal

Each is applied to the real features, with the model and the hyper-parameters of the result in question.
These are the tests for every model that is fitted to a `Fold`; frozen experiments have their own in
`ser.evaluation.leak_checks`.
"""

from dataclasses import replace

import numpy as np
import pandas as pd

from ser.data.fold import Fold, emotion_index
from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError


def permute_labels(fold: Fold, *, seed: int) -> Fold:
    """Permute the labels among the training clips, by a seed; the copies of a clip keep the same label."""
    order = np.random.default_rng(seed).permutation(len(fold.train))  # (training clips,)
    return replace(fold, train=fold.train.assign(emotion=fold.train["emotion"].to_numpy()[order]))


def add_canary(fold: Fold) -> Fold:
    """Add a column for each emotion of each actor to the features: 1 where the clip is of both, else 0.

    Columns of the actor alone would give nothing away in RAVDESS, where all speak in the same emotions.

    Parameters
    ----------
    fold
        Fold with features [shape=(clips, ..., columns)].

    Returns
    -------
    Fold
        The same clips, with features [shape=(clips, ..., columns + 8 * actors)].
    """
    clips = pd.concat([fold.train, fold.validation, fold.test])
    actors, actor = np.unique(clips["actor"], return_inverse=True)  # (actors,), (clips of the fold,)
    columns = np.zeros((len(fold.copies[0]), len(EMOTIONS) * len(actors)), dtype=np.float32)
    columns[clips.index, len(EMOTIONS) * actor + emotion_index(clips)] = 1
    between = [1] * (fold.copies[0].ndim - 2)  # Layers of an encoder, which all get the same columns.
    canary = columns.reshape(len(columns), *between, -1)  # (clips, 1, ..., 8 * actors)
    # (clips, ..., 8 * actors) each
    spread = [np.broadcast_to(canary, (*x.shape[:-1], canary.shape[-1])) for x in fold.copies]
    copies = [np.concatenate(pair, axis=-1) for pair in zip(fold.copies, spread, strict=True)]
    return replace(fold, copies=copies)


def remove_test_clips(fold: Fold) -> Fold:
    """Leave nothing but NaN in the test clips' features, which no model can use unnoticed.

    A model that was fitted to the result is to be tested on the fold as it was.

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
        Predictions of one model and seed.
    former
        Predictions of the same model and seed, of these clips at least.

    Returns
    -------
    float
        Largest absolute difference of two probabilities, 0 to 1.

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
