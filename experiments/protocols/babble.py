"""Babble of training copies for the folds of EMOBOX6 and LOSO, without a test actor's voice.

The main pipeline's copies hold voices that are allowed in the folds of LUNA5 alone. Here a copy with babble
comes twice, with voices of either half of the actors. All test actors of a fold are in one half; it trains on
the copies with voices of the other, all of whom train in that fold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ser.data.fold import Array, Fold
from ser.data.protocols import EMOBOX6
from ser.errors import InputError
from ser.params import CorruptionRanges

PROTOCOLS = ("emobox6", "loso")
"""Those whose folds have all their test actors in one of `HALVES`."""
HALVES = tuple(
    frozenset(actor for fold in part for actor in fold.test) for part in (EMOBOX6[:3], EMOBOX6[3:])
)
"""Actors who are heard in the first and in the second version of a copy: each half is three test sets."""


def half_for(fold: Fold) -> int:
    """Choose the half, a place in `HALVES`, whose voices may be heard while a fold trains.

    Parameters
    ----------
    fold
        A fold of one of `PROTOCOLS`.

    Raises
    ------
    InputError
        Where both halves have actors who validate or are tested.
    """
    held_out = {*fold.test["actor"], *fold.validation["actor"]}
    for place, half in enumerate(HALVES):
        if half.isdisjoint(held_out):
            return place
    raise InputError(
        f"fold {fold.number}: there are voices that it does not train on in both halves of actors"
    )


def places_of_babble(copies: Mapping[str, CorruptionRanges]) -> list[int]:
    """List which copies of ``encode_layers.copies`` hold other voices: 0 is the first."""
    return [place for place, ranges in enumerate(copies.values()) if ranges.babble]


def with_babble(fold: Fold, babble: Sequence[Sequence[Array]], places: Sequence[int]) -> Fold:
    """Give a fold the copies with babble that it may train on.

    Parameters
    ----------
    fold
        Its features are of the recordings and of all copies of the main pipeline.
    babble
        For each half, features [shape=(clips, columns)] of each copy with babble.
    places
        Places of those copies among all, as of `places_of_babble`.

    Returns
    -------
    Fold
        The same fold; the features of its copies with babble are those of `half_for`.
    """
    features = list(fold.copies)
    for place, copy in zip(places, babble[half_for(fold)], strict=True):
        features[1 + place] = copy  # after the recordings
    return replace(fold, copies=features)
