"""By how much one model is better than another."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.errors import InputError
from ser.evaluation.differences import uar_difference
from ser.evaluation.metrics import uar
from ser.evaluation.scores import Tally

COUNTS = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(1, 9, (3, 4, 8, 8), dtype=np.int64)
)


@settings(max_examples=25)
@given(COUNTS, COUNTS, st.integers(1, 3), st.integers(1, 3))
def test_a_difference_is_of_means_over_seeds_and_turns_with_its_sides(
    one: np.ndarray, other: np.ndarray, seeds: int, other_seeds: int
) -> None:
    more, less = (
        Tally(tuple(range(n)), (1, 2, 3, 4), ("male",) * 4, counts[:n])
        for n, counts in ((seeds, one), (other_seeds, other))
    )
    there, back = (uar_difference(*it, samples=50, seed=0) for it in ((more, less), (less, more)))
    assert there["uar"] == pytest.approx(uar(more.pooled).mean() - uar(less.pooled).mean(), abs=1e-4)
    assert there["uar"] == pytest.approx(-back["uar"])
    assert there["low"] == pytest.approx(-back["high"], abs=2e-4)
    itself = uar_difference(more, more, samples=50, seed=0)
    assert itself == {"uar": 0, "low": 0, "high": 0}


def test_models_of_other_actors_are_not_compared() -> None:
    counts = np.ones((1, 2, 8, 8), dtype=np.int64)
    one, other = (Tally((0,), actors, ("male", "female"), counts) for actors in ((1, 2), (1, 4)))
    with pytest.raises(InputError, match=r"\(1, 2\) and \(1, 4\)"):
        uar_difference(one, other, samples=5, seed=0)
