"""What would show a leak of the tested actors into a model, tried on the real features.

Three trials, each with the model and the hyper-parameters of the result that is suspected:

permuted  the training clips' emotions are shuffled: the result must fall to chance
canary    columns tell actor and emotion together: with actors who were never heard they must not help, and
          where actors are on both sides they give everything away
unseen    the tested clips' features are not there until the prediction: it must be the same as before
"""

from dataclasses import replace

import numpy as np

from ser.data.fold import Array, Labels, Part
from ser.data.ravdess import EMOTIONS


def permuted(part: Part, *, copies: int, seed: int) -> Part:
    """Shuffle the emotions among the clips; the copies of a clip keep to one.

    Parameters
    ----------
    part
        Copy by copy.
    copies
        How many.
    seed
        Of the shuffle.
    """
    clips = part.y[: len(part.y) // copies]
    return replace(part, y=np.tile(np.random.default_rng(seed).permutation(clips), copies))


def with_canary(part: Part, *, actors: Labels) -> Part:
    """Add a column for each emotion of each actor to the features: 1 where the clip is of both, else 0.

    Columns of the actor alone would tell nothing of RAVDESS, where all speak in the same emotions.

    Parameters
    ----------
    part
        With features [shape=(n, ..., columns)].
    actors
        All actors there are, tested ones too, ascending.
    """
    columns = len(EMOTIONS) * len(actors)
    own = len(EMOTIONS) * np.searchsorted(actors, part.actors) + part.y
    told = np.eye(columns, dtype=np.float32)[own]
    spread: Array = np.broadcast_to(
        told.reshape(len(told), *[1] * (part.x.ndim - 2), columns), (*part.x.shape[:-1], columns)
    )
    return replace(part, x=np.concatenate([part.x, spread], axis=-1))


def without(copies: list[Array], rows: Labels) -> list[Array]:
    """Make features that lack some clips: their rows hold nothing but NaN, which no model can use unseen.

    Parameters
    ----------
    copies
        Features [shape=(clips, ...)] of each copy.
    rows
        The clips to remove.
    """
    lacking = []
    for features in copies:
        removed = np.array(features)
        removed[rows] = np.nan
        lacking.append(removed)
    return lacking
