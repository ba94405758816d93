"""Weights of network and LDA: how good a model is, and how far its confidence can be trusted."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import softmax

from ser.aligned_fusion import choose_weights, together, weigh
from ser.errors import InputError
from ser.ravdess import EMOTIONS
from ser.scores import PROBABILITIES

N = 1600
Y = np.tile(np.arange(8), N // 8)
CLIPS = pd.DataFrame({"clip": [f"{place:04}" for place in range(N)], "emotion": np.array(EMOTIONS)[Y]})


def said(logits: np.ndarray, *, seed: int = 0) -> pd.DataFrame:
    about: dict[str, Any] = {
        "protocol": "luna5",
        "model": "one",
        "seed": seed,
        "fold": np.arange(len(logits)) % 2,
    }
    table = pd.DataFrame(softmax(logits, axis=1), columns=list(PROBABILITIES))
    return table.assign(clip=CLIPS["clip"][: len(logits)], **about)


def evidence(of: float, *, seed: int) -> np.ndarray:
    """Logits that are calibrated: of normal evidence with this mean and variance for the right emotion."""
    draw = np.random.default_rng(seed)
    logits: np.ndarray = of * np.eye(8)[Y] + np.sqrt(of) * draw.normal(size=(N, 8))
    return logits


def test_who_is_too_sure_of_itself_counts_less() -> None:
    network, lda = evidence(1.0, seed=0), evidence(1.5, seed=1)
    weights = choose_weights(said(network), said(4 * lda), CLIPS)
    # The logarithms of independent evidence add up.
    assert weights == pytest.approx([1.0, 0.25], abs=0.12)
    useless = choose_weights(said(network), said(evidence(0.5, seed=2)[:, ::-1]), CLIPS)
    assert useless[1] < 0.1
    assert (useless >= 0).all()


def test_the_order_of_rows_does_not_matter() -> None:
    network, lda = said(evidence(1.0, seed=0)), said(evidence(1.0, seed=1))
    mixed = choose_weights(network.sample(frac=1, random_state=0), lda.sample(frac=1, random_state=1), CLIPS)
    assert np.array_equal(mixed, choose_weights(network, lda, CLIPS))


def test_other_clips_are_a_message() -> None:
    network = said(evidence(1.0, seed=0))
    twice = pd.concat([network, network])
    for one, other in ((network.iloc[1:], network), (twice, network), (twice, twice)):
        with pytest.raises(InputError, match="different clips of the other folds"):
            choose_weights(one, other, CLIPS)
    with pytest.raises(InputError, match="the LDA lacks clips"):
        weigh(network, network.iloc[1:], {0: np.ones(2), 1: np.ones(2)}, model="sum")


def test_clips_that_the_lda_leaves_out_do_not_count() -> None:
    network, lda = said(evidence(1.0, seed=0)), said(evidence(1.0, seed=1)).iloc[: N // 2]
    assert np.array_equal(
        choose_weights(network, lda, CLIPS), choose_weights(network.iloc[: N // 2], lda, CLIPS)
    )


def test_a_model_that_heard_missing_clips_is_a_message() -> None:
    network = said(evidence(1.0, seed=0))
    lacking = network.assign(p_calm=network["p_calm"].where(network["clip"] != "0007"))
    for one, other in ((network, lacking), (lacking, network)):
        with pytest.raises(InputError, match="not a number"):
            choose_weights(one, other, CLIPS)


def test_each_fold_has_its_weights_and_each_seed_the_same() -> None:
    draw = np.random.default_rng(0)
    one, two, lda = (draw.normal(size=(6, 8)) for _ in range(3))
    network = pd.concat([said(one), said(two, seed=1)], ignore_index=True)
    network = network.sample(frac=1, random_state=0)
    found = weigh(network, said(lda), {0: np.array([1.0, 0.5]), 1: np.array([0.2, 2.0])}, model="sum")
    assert found[["seed", "fold", "clip"]].equals(network[["seed", "fold", "clip"]])
    assert set(found["model"]) == {"sum"}
    for seed, logits in enumerate((one, two)):
        rows = found[found["seed"] == seed].sort_values("clip")[list(PROBABILITIES)].to_numpy()
        for place in range(6):
            a, b = ((1.0, 0.5), (0.2, 2.0))[place % 2]
            expected = softmax(a * logits[place] + b * lda[place])
            assert rows[place] == pytest.approx(expected, abs=1e-6)


def test_networks_together_are_their_mean() -> None:
    one, two = (np.random.default_rng(seed).normal(size=(4, 8)) for seed in (0, 1))
    mean = together(pd.concat([said(one), said(two, seed=1)]), model="all").sort_values("clip")
    assert set(mean["seed"]) == {0}
    expected = (softmax(one, axis=1) + softmax(two, axis=1)) / 2
    assert mean[list(PROBABILITIES)].to_numpy() == pytest.approx(expected)
