"""Whose recordings may be the babble of a clip: training actors of the fold, and never the clip's own.

Copies that serve several folds need talkers that are tested in none of them; `in_every_fold` gives those.
"""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from ser.data.fold import Fold
from ser.errors import InputError

Candidates = Mapping[int, Sequence[str]]
"""By actor, ids of the clips that may be drawn, in the order of the table of clips."""


def in_fold(fold: Fold, *, actor: int) -> Candidates:
    """List the clips from which the babble of one actor's clips is drawn, in one fold.

    Parameters
    ----------
    fold
        The fold, of which neither test nor validation clips are ever taken.
    actor
        Whose recordings get the babble, 1 to 24: a clip of training, validation or test.

    Returns
    -------
    dict
        The training clips of every other actor.
    """
    return _by_actor(fold.train[fold.train["actor"] != actor])


def in_every_fold(folds: Iterable[Fold], *, actor: int) -> Candidates:
    """List the clips for the babble of one actor's training copies that all folds share.

    Parameters
    ----------
    folds
        All folds in which the copies may train, of one protocol.
    actor
        Whose recordings get the babble, 1 to 24.

    Returns
    -------
    dict
        Clips of other actors that are tested in no fold in which the actor trains or validates; validation
        clips may be among them. Under LUNA5 these are the actors that are tested in the same fold.

    Raises
    ------
    InputError
        Where there are none, as under LOSO, where each fold needs copies of its own.
    """
    clips, tested = [], set[str]()
    for fold in folds:
        seen = pd.concat([fold.train, fold.validation])
        clips.append(pd.concat([seen, fold.test]))
        if actor in set(seen["actor"]):
            tested |= set(fold.test["clip"])
    every = pd.concat(clips).drop_duplicates("clip").sort_index() if clips else pd.DataFrame()
    allowed = every[~every["clip"].isin(tested) & (every["actor"] != actor)]
    if allowed.empty:
        raise InputError(f"actor {actor}: every other actor is tested in a fold in which this one trains")
    return _by_actor(allowed)


def _by_actor(clips: pd.DataFrame) -> dict[int, list[str]]:
    return {int(str(actor)): list(of_actor["clip"]) for actor, of_actor in clips.groupby("actor")}
