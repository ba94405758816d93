"""The babble of a clip is never of an actor that is tested, whatever the fold and however it is drawn."""

from collections.abc import Iterable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.audio.corruptions.babble import Babble
from ser.data.babble_voices import in_every_fold, in_fold
from ser.data.fold import ROLES, Fold, folds
from ser.data.protocols import EMOBOX6, LOSO, LUNA5, ActorFold, split_by_actor
from ser.errors import InputError
from ser.params import BabbleRanges

ACTORS = range(1, 25)
CLIPS = pd.DataFrame(
    [
        {"clip": f"03-01-0{emotion}-01-01-01-{actor:02d}", "emotion": "calm", "actor": actor}
        for actor in ACTORS
        for emotion in range(1, 5)
    ]
)
PROTOCOLS = {"luna5": LUNA5, "emobox6": EMOBOX6, "loso": LOSO}


@cache
def folds_of(protocol: tuple[ActorFold, ...]) -> list[Fold]:
    return list(folds(CLIPS, split_by_actor(CLIPS, protocol)))


def actors_of(clips: Iterable[str]) -> set[int]:
    return {int(clip.rpartition("-")[2]) for clip in clips}


@given(
    roles=st.lists(st.sampled_from(ROLES), min_size=24, max_size=24),
    actor=st.sampled_from(ACTORS),
    talkers=st.integers(1, 6),
    seed=st.integers(0, 2**16),
)
@settings(max_examples=60)
def test_no_actor_that_is_tested_or_validates_is_among_the_talkers(
    roles: list[str], actor: int, talkers: int, seed: int
) -> None:
    """Whatever the fold: here any division of the actors into roles, and any clip."""
    role = CLIPS["actor"].map(dict(zip(ACTORS, roles, strict=True)))
    train, validation, test = (CLIPS[role == name] for name in ROLES)
    fold = Fold(0, train, validation, test)
    candidates = in_fold(fold, actor=actor)
    training = {it for it, own in zip(ACTORS, roles, strict=True) if own == "train"}
    assert set(candidates) == training - {actor}
    ranges = BabbleRanges(talkers=[talkers, talkers], snr_db=[0, 20])
    if talkers > len(candidates):
        with pytest.raises(ValueError, match="actors are allowed"):
            Babble.draw(np.random.default_rng(seed), ranges, candidates)
        return
    drawn = Babble.draw(np.random.default_rng(seed), ranges, candidates)
    assert set(drawn.clips) <= set(fold.train["clip"])
    assert actors_of(drawn.clips) <= training - {actor}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@given(actor=st.sampled_from(ACTORS), seed=st.integers(0, 2**16), data=st.data())
@settings(max_examples=20)
def test_no_test_actor_talks_in_any_fold_of_the_protocols(
    protocol: str, actor: int, seed: int, data: st.DataObject
) -> None:
    fold = data.draw(st.sampled_from(folds_of(PROTOCOLS[protocol])), label="fold")
    drawn = Babble.draw(
        np.random.default_rng(seed), BabbleRanges(talkers=[6, 6], snr_db=[0, 0]), in_fold(fold, actor=actor)
    )
    assert not actors_of(drawn.clips) & {*fold.test["actor"], *fold.validation["actor"], actor}


@pytest.mark.parametrize(("protocol", "fewest"), [("luna5", 3), ("emobox6", 3)])
def test_copies_that_serve_all_folds_have_talkers_that_none_of_them_tests(protocol: str, fewest: int) -> None:
    every = folds_of(PROTOCOLS[protocol])
    for actor in ACTORS:
        candidates = in_every_fold(every, actor=actor)
        assert len(candidates) >= fewest
        assert actor not in candidates
        for fold in every:
            if actor not in set(fold.test["actor"]):
                assert not set(candidates) & set(fold.test["actor"]), (protocol, actor, fold.number)


@given(st.lists(st.integers(0, 4), min_size=24, max_size=24), st.sampled_from(ACTORS))
@settings(max_examples=20)
def test_that_holds_for_any_division_of_the_actors(groups: list[int], actor: int) -> None:
    tested = [
        tuple(it for it, group in zip(ACTORS, groups, strict=True) if group == number) for number in range(5)
    ]
    every = folds_of(tuple(ActorFold(test=it) for it in tested if it))
    own = next(it for it in tested if actor in it)
    if len(own) == 1:
        with pytest.raises(InputError, match=f"actor {actor}: every other actor is tested"):
            in_every_fold(every, actor=actor)
    else:
        assert set(in_every_fold(every, actor=actor)) == {*own} - {actor}


def test_under_loso_no_copies_serve_all_folds() -> None:
    with pytest.raises(InputError, match="actor 3: every other actor is tested"):
        in_every_fold(folds_of(LOSO), actor=3)
