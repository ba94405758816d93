"""Trials of how to teach: on training actors alone, and each of them held out once."""

import pandas as pd

from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import all_clips, parse_clip
from ser.evaluation.inner_trials import INNER_FOLDS, inner_split


def test_no_tested_actor_is_in_it_and_each_other_one_is_held_out_once() -> None:
    clips = pd.DataFrame([vars(parse_clip(name)) for name in all_clips()])
    inner = inner_split(clips, split_by_actor(clips, LUNA5), fold=2).merge(clips, on="clip")
    known = {*range(1, 25)} - {*LUNA5[2].test}
    assert set(inner["fold"]) == {*range(INNER_FOLDS)}
    held_out: list[int] = []
    for _, rows in inner.groupby("fold"):
        sides = {str(role): set(it["actor"]) for role, it in rows.groupby("role")}
        assert sides["train"] | sides["test"] == known
        assert sides["away"] == {*LUNA5[2].test}
        assert not sides["train"] & sides["test"]
        held_out += sides["test"]
    assert sorted(held_out) == sorted(known)
