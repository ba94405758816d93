"""Leakage tests of the test actors into a model, on the real features, for the frozen experiments alone.

Code of experiments/dtw and experiments/distillation, which stays as it was, imports this module. What is new
takes `ser.evaluation.leakage_tests`, the same tests for models that are fitted to a `Fold`.

Three tests, each with the model and the hyper-parameters of the result in question:

permuted  label permutation: UAR must come out at chance level
canary    columns of the features give actor and emotion away together: they must not help on unseen speakers,
          and must help where all actors are in training and test
unseen    held-out removal: training reads features without the test clips; the predictions must be equal
"""

from dataclasses import replace

import numpy as np

from ser.data.fold import Array, Labels, Part
from ser.data.ravdess import EMOTIONS


def permuted(part: Part, *, copies: int, seed: int) -> Part:
    """Permute the labels among the clips; the copies of a clip keep the same label.

    Parameters
    ----------
    part
        Training clips [shape=(copies * n, ...)], copy by copy, the recordings first.
    copies
        Number of copies of each clip, the recording included.
    seed
        Seed of the permutation.

    Returns
    -------
    Part
        The same clips and features, with permuted labels.
    """
    clips = part.y[: len(part.y) // copies]  # (n,)
    return replace(part, y=np.tile(np.random.default_rng(seed).permutation(clips), copies))


def with_canary(part: Part, *, actors: Labels) -> Part:
    """Add a column for each emotion of each actor to the features: 1 where the clip is of both, else 0.

    Columns of the actor alone would give nothing away in RAVDESS, where all speak in the same emotions.

    Parameters
    ----------
    part
        Clips with features [shape=(n, ..., columns)].
    actors
        Numbers of all actors, those of the test clips included, ascending.

    Returns
    -------
    Part
        The same clips with features [shape=(n, ..., columns + 8 * actors)].
    """
    columns = len(EMOTIONS) * len(actors)
    own = len(EMOTIONS) * np.searchsorted(actors, part.actors) + part.y  # (n,)
    told = np.eye(columns, dtype=np.float32)[own]  # (n, 8 * actors)
    spread: Array = np.broadcast_to(
        told.reshape(len(told), *[1] * (part.x.ndim - 2), columns), (*part.x.shape[:-1], columns)
    )
    return replace(part, x=np.concatenate([part.x, spread], axis=-1))


def without(copies: list[Array], rows: Labels) -> list[Array]:
    """Remove some clips from features: their rows hold nothing but NaN, which no model can use unnoticed.

    Parameters
    ----------
    copies
        Features [shape=(clips, ...)] of each copy.
    rows
        [shape=(m,)] Row numbers of the clips to remove.

    Returns
    -------
    list of numpy.ndarray [shape=(clips, ...)]
        The features of each copy, with NaN in these rows.
    """
    lacking = []
    for features in copies:
        removed = np.array(features)
        removed[rows] = np.nan
        lacking.append(removed)
    return lacking
