"""The reduced picture: the same however the sound is cut to blocks, bounded however long it is."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.features.front_end import MelSettings, mel_power
from ser.web.overview import RANGE_DB, overview

MEL = MelSettings(16000, 512, 400, 160, 20, 50.0, 8000.0)


def noise(n: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    loudness = 0.1 * (1 + np.sin(np.arange(n) / 3000))
    return np.asarray(draw.normal(0, loudness), dtype=np.float32)


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 60_000), st.lists(st.integers(0, 60_000), max_size=6), st.integers(2, 40))
def test_blocks_make_no_difference(n: int, cuts: list[int], columns: int) -> None:
    samples = noise(n)
    whole = overview([samples], settings=MEL, columns=columns)
    parts = overview(np.split(samples, sorted(it % n for it in cuts)), settings=MEL, columns=columns)
    assert parts.column_s == whole.column_s
    np.testing.assert_array_equal(parts.low, whole.low)
    np.testing.assert_array_equal(parts.high, whole.high)
    assert np.abs(parts.levels.astype(int) - whole.levels).max() <= 1
    assert len(whole.low) <= 2 * columns
    assert len(whole.low) * whole.column_s == pytest.approx(n / 16000, abs=whole.column_s)
    assert whole.low.min() == min(samples.min(), 0 if n % 160 else np.inf)


def test_a_short_one_is_the_log_mel_itself() -> None:
    samples = noise(16000)
    power = mel_power(samples, settings=MEL)[:100]
    decibels = 10 * np.log10(power)
    levels = overview([samples], settings=MEL).levels
    assert levels.shape == (100, 20)
    assert levels.max() == 255
    expected = 255 * np.maximum(1 + (decibels - decibels.max()) / RANGE_DB, 0)
    np.testing.assert_allclose(levels, expected, atol=1)


def test_nothing() -> None:
    assert len(overview([], settings=MEL).low) == 0
