"""Folds two at a time: nobody chooses for a fold who met its clips."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser.fold_pairs import pairs_of, split_by_pairs, told_by_others
from ser.protocols import EMOBOX6, LUNA5, ActorFold, split_by_actor
from ser.ravdess import all_clips, parse_clip

CLIPS = pd.DataFrame([vars(parse_clip(name)) for name in all_clips()])


@st.composite
def splits(draw: st.DrawFn) -> pd.DataFrame:
    """Some clips, each tested in one of a few folds, train or validate in the others."""
    n_folds = draw(st.integers(2, 5))
    tested = draw(st.lists(st.integers(0, n_folds - 1), min_size=n_folds, max_size=20))
    rows = [
        (fold, f"clip {place}", "test" if fold == own else draw(st.sampled_from(["train", "validation"])))
        for fold in range(n_folds)
        for place, own in enumerate([*range(n_folds), *tested])
    ]
    return pd.DataFrame(rows, columns=["fold", "clip", "role"])


def heard(split: pd.DataFrame) -> pd.DataFrame:
    """Predictions in which ``met`` lists whom the model was trained on."""
    pairs = split_by_pairs(split)
    met = {
        place: frozenset(rows.loc[rows["role"] == "train", "clip"]) for place, rows in pairs.groupby("fold")
    }
    tested = pairs[pairs["role"] == "test"]
    return tested[["fold", "clip"]].assign(met=tested["fold"].map(met))


@given(splits())
def test_every_other_clip_is_judged_once_by_who_met_neither(split: pd.DataFrame) -> None:
    tested = split[split["role"] == "test"].set_index("clip")["fold"]
    of_pairs = heard(split)
    for fold in sorted(set(split["fold"])):
        told = told_by_others(of_pairs, split, fold=fold)
        assert sorted(told["clip"]) == sorted(tested.index[tested != fold])
        own = set(tested.index[tested == fold])
        for clip, met in zip(told["clip"], told["met"], strict=True):
            assert not (own | {clip}) & met
            # Not more than that is missing: all folds but two train.
            assert met == set(tested.index[~tested.isin({fold, tested.loc[clip]})])


@pytest.mark.parametrize(("folds", "pairs"), [(LUNA5, 10), (EMOBOX6, 15)])
def test_the_pairs_of_the_protocols(folds: tuple[ActorFold, ...], pairs: int) -> None:
    split = split_by_actor(CLIPS, folds)
    by_pairs = split_by_pairs(split)
    assert by_pairs["fold"].nunique() == pairs == len(pairs_of(split))
    assert set(by_pairs["role"]) == {"train", "test"}
    for place, (one, other) in enumerate(pairs_of(split)):
        rows = by_pairs[(by_pairs["fold"] == place) & (by_pairs["role"] == "test")]
        assert set(rows["clip"].str[-2:].astype(int)) == {*folds[one].test, *folds[other].test}
