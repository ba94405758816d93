"""The quick LDA is scikit-learn's, solved another way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from ser.shrinkage_lda import ShrinkageLda


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 999),
    rows=st.integers(12, 60),
    columns=st.integers(1, 80),
    shrinkage=st.floats(0.05, 1),
)
def test_it_is_scikit_learns(seed: int, rows: int, columns: int, shrinkage: float) -> None:
    draw = np.random.default_rng(seed)
    y = np.concatenate([np.arange(3), draw.integers(0, 3, rows - 3)])
    x = np.float32(draw.normal(size=(rows, columns)) + y[:, None] * draw.normal(size=columns))
    unseen = np.float32(draw.normal(size=(20, columns)))
    ours = ShrinkageLda(shrinkage=shrinkage).fit(x, y)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(x.astype(np.float64), y)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(ours.predict_proba(unseen), theirs.predict_proba(unseen), rtol=1e-6, atol=1e-9)
    np.testing.assert_array_equal(ours.predict(unseen), theirs.predict(unseen))


def test_labels_may_have_gaps_and_any_order() -> None:
    x = np.random.default_rng(0).normal(size=(30, 2)) + np.repeat([[0, 9], [9, 0], [9, 9]], 10, axis=0)
    y = np.repeat([7, 2, 5], 10)
    np.testing.assert_array_equal(ShrinkageLda(shrinkage=0.1).fit(x, y).predict(x), y)


@pytest.mark.parametrize("shrinkage", [0.0, -0.1, 1.1])
def test_shrinkage_outside_its_range_is_refused(shrinkage: float) -> None:
    with pytest.raises(ValueError, match="shrinkage must be above 0"):
        ShrinkageLda(shrinkage=shrinkage).fit(np.eye(3, dtype=np.float32), np.arange(3))


def test_it_can_be_searched_over() -> None:
    assert clone(ShrinkageLda(shrinkage=0.3)).set_params(shrinkage=0.7).shrinkage == 0.7
