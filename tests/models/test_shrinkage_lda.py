"""The quick LDA is scikit-learn's, solved another way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from ser.models.shrinkage_lda import ShrinkageLda


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
    x = draw.normal(size=(rows, columns)) + y[:, None] * draw.normal(size=columns)
    unseen = draw.normal(size=(20, columns))
    ours = ShrinkageLda(shrinkage=shrinkage).fit(x, y)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(x, y)
    # Rounding is of the size of the largest coefficient, also in those that come out near 0.
    largest = np.abs(theirs.coef_).max()
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=0, atol=1e-6 * largest)
    np.testing.assert_allclose(ours.predict_proba(unseen), theirs.predict_proba(unseen), rtol=0, atol=1e-5)


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


def test_columns_without_any_spread_tell_nothing() -> None:
    probabilities = (
        ShrinkageLda(shrinkage=0.5).fit(np.ones((6, 4)), np.arange(6) % 3).predict_proba(np.ones((1, 4)))
    )
    np.testing.assert_allclose(probabilities, 1 / 3)
