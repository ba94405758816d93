"""The network beside the LDAs: its bias for a speaker is subtracted, by enrolment clips alone."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from experiments.speaker_adaptation.network import choose_prior, join_network, network_logits
from ser.data.predictions import PROBABILITIES
from ser.models.speaker_adaptation import draw_enrolled

ACTORS = np.repeat([3, 8], 40)
Y = np.tile(np.arange(8), 10)
DRAW = np.random.default_rng(0)
LEANING = {3: DRAW.normal(0, 5, 8), 8: DRAW.normal(0, 5, 8)}
CLEAR = 4 * np.eye(8)[Y] - 0.5
LEANT = CLEAR + np.stack([LEANING[actor] for actor in ACTORS])
EVEN = np.full((80, 8), 1 / 8)


def test_seeds_are_averaged_clip_by_clip_whatever_their_order() -> None:
    probabilities = softmax(np.random.default_rng(1).normal(size=(2, 3, 8)), axis=2)
    tables = [
        pd.DataFrame(of_seed, columns=list(PROBABILITIES)).assign(seed=seed, fold=4, clip=["a", "b", "c"])
        for seed, of_seed in enumerate(probabilities)
    ]
    other_fold = tables[0].assign(fold=0, **dict.fromkeys(PROBABILITIES, 0.125))
    predictions = pd.concat([tables[1].iloc[::-1], other_fold, tables[0]], ignore_index=True)
    found = network_logits(predictions, np.array(["c", "a"]), fold=4)
    expected = np.log(probabilities).mean(axis=0)[[2, 0]]
    np.testing.assert_allclose(softmax(found, axis=1), softmax(expected, axis=1))
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-12)
    with pytest.raises(KeyError, match="d"):
        network_logits(predictions, np.array(["d"]), fold=4)


def test_a_probability_of_zero_does_not_veto() -> None:
    sure = pd.DataFrame([[1.0] + [0.0] * 7], columns=list(PROBABILITIES)).assign(seed=0, fold=0, clip="a")
    assert np.isfinite(network_logits(sure, np.array(["a"]), fold=0)).all()


@given(n_clips=st.integers(0, 39), seed=st.integers(0, 99), prior=st.floats(0.1, 50))
def test_the_mean_weighs_both_the_same(n_clips: int, seed: int, prior: float) -> None:
    enrolled = draw_enrolled(ACTORS, n_clips=n_clips, seed=seed)
    scored = (~enrolled).sum()
    joined = join_network(EVEN[:scored], LEANT, ACTORS, enrolled=enrolled, prior_strength=prior)
    assert joined.shape == (scored, 8)
    np.testing.assert_allclose(joined.sum(axis=1), 1)
    assert (joined > 1 / 16).all()


def test_only_enrolled_clips_tell_its_bias() -> None:
    enrolled = draw_enrolled(ACTORS, n_clips=16, seed=0)
    before = join_network(EVEN[:48], LEANT, ACTORS, enrolled=enrolled, prior_strength=1)
    changed = LEANT.copy()
    scored = np.flatnonzero(~enrolled)
    changed[scored[0]] += 9 * np.eye(8)[0]
    after = join_network(EVEN[:48], changed, ACTORS, enrolled=enrolled, prior_strength=1)
    np.testing.assert_array_equal(after[1:], before[1:])
    assert (after[0] != before[0]).any()


def test_a_voice_for_which_it_is_biased_is_recognised_after_some_clips() -> None:
    def right(n_clips: int) -> float:
        enrolled = draw_enrolled(ACTORS, n_clips=n_clips, seed=0)
        joined = join_network(EVEN[: (~enrolled).sum()], LEANT, ACTORS, enrolled=enrolled, prior_strength=1)
        return float((joined.argmax(axis=1) == Y[~enrolled]).mean())

    assert right(0) < 0.8 < 0.95 < right(16)


def test_the_prior_that_serves_the_speakers_is_chosen_and_every_trial_told() -> None:
    draws = [draw_enrolled(ACTORS, n_clips=16, seed=seed) for seed in (0, 1)]
    chosen, trials = choose_prior([EVEN[:48], EVEN[:48]], LEANT, ACTORS, Y, draws=draws, grid=[1e6, 1.0, 1e5])
    assert chosen == 1.0
    assert trials["prior_clips"].to_list() == [1e6, 1.0, 1e5]
    assert trials["chosen"].to_list() == [False, True, False]
    assert trials["uar"].idxmax() == 1
