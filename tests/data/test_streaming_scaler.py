"""A scaler that is learned block by block is that of all rows at once, to the bit."""

import tracemalloc

import numpy as np
import numpy.typing as npt
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from ser.data.fold import Array, Fold
from ser.data.scaling import BLOCK, Scaler, stream_scaler


def fold_of(copies: list[Array], rows: npt.NDArray[np.intp]) -> Fold:
    """Make a fold in which some rows train."""
    nobody = pd.DataFrame({"clip": []})
    return Fold(0, pd.DataFrame(index=rows), nobody, nobody, copies)


@given(
    clips=st.integers(1, 3 * BLOCK),
    copies=st.integers(1, 3),
    frames=st.integers(0, 5),
    columns=st.integers(1, 9),
    seed=st.integers(0, 9),
)
def test_it_is_that_of_all_rows_at_once(
    clips: int, copies: int, frames: int, columns: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    shape, axes = ((clips, frames, columns), (0, 1)) if frames else ((clips, columns), (0,))
    features = [draw.normal(-50.0, 20.0, shape).astype(np.float32) for _ in range(copies)]
    features[0][..., 0] = 7.0
    rows = np.flatnonzero(draw.random(clips) < 0.7)
    if not len(rows):
        rows = np.arange(clips)
    one_by_one = stream_scaler(fold_of(features, rows), axes=axes)
    at_once = Scaler.fit(np.concatenate([copy[rows] for copy in features]), axes=axes)
    np.testing.assert_array_equal(one_by_one.mean, at_once.mean)
    np.testing.assert_array_equal(one_by_one.deviation, at_once.deviation)


def test_memory_holds_a_few_blocks_not_all_rows() -> None:
    features = np.ones((40 * BLOCK, 50), np.float32)
    fold = fold_of([features], np.arange(len(features)))
    tracemalloc.start()
    try:
        stream_scaler(fold, axes=(0,))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # The sums are in 64 bit, and a block is there in up to four forms.
    assert peak < features.nbytes / 40 * 2 * 4 + 8 * len(features) + 100_000
