"""Folds two at a time: what was never heard in two folds lets either judge what the other needs.

A model that trains without the folds f and g says of g's clips what can be chosen for f, and the other way
round: neither its training nor the choice has met the clips that will be tested. So a pair of folds costs one
training rather than two, and every fold is judged by all others.
"""

from itertools import combinations

import pandas as pd


def pairs_of(split: pd.DataFrame) -> list[tuple[int, int]]:
    """List the pairs of a protocol's folds, the lesser first; their places number the pairs."""
    return list(combinations(sorted(split["fold"].unique().tolist()), 2))


def split_by_pairs(split: pd.DataFrame) -> pd.DataFrame:
    """Make a protocol whose folds are the pairs of another's: what either tests is tested, the rest trains.

    Parameters
    ----------
    split
        Columns ``fold``, ``clip`` and ``role``; validation clips train.

    Returns
    -------
    pandas.DataFrame
        In the same form, ``fold`` being the place in `pairs_of`.
    """
    tested = {fold: rows.loc[rows["role"] == "test", "clip"] for fold, rows in split.groupby("fold")}
    clips = split["clip"].drop_duplicates()
    parts = []
    for place, (one, other) in enumerate(pairs_of(split)):
        held_out = clips.isin(set(tested[one]) | set(tested[other]))
        roles = held_out.map({True: "test", False: "train"})
        parts.append(pd.DataFrame({"fold": place, "clip": clips, "role": roles}))
    return pd.concat(parts, ignore_index=True)


def told_by_others(of_pairs: pd.DataFrame, split: pd.DataFrame, *, fold: int) -> pd.DataFrame:
    """Gather what was said of the clips of all other folds without having met those of `fold`.

    Parameters
    ----------
    of_pairs
        Predictions under `split_by_pairs`, with the columns ``fold`` and ``clip``.
    split
        The protocol's own folds.
    fold
        Which one; none of its clips is among the result.

    Returns
    -------
    pandas.DataFrame
        Of every clip that another fold tests, a row for each seed, in the form of `of_pairs`.
    """
    tested = split[split["role"] == "test"].set_index("clip")["fold"]
    parts = []
    for place, pair in enumerate(pairs_of(split)):
        if fold in pair:
            (other,) = set(pair) - {fold}
            rows = of_pairs[of_pairs["fold"] == place]
            parts.append(rows[rows["clip"].map(tested) == other])
    return pd.concat(parts, ignore_index=True)
