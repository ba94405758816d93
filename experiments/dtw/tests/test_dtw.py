"""Clips in step with a template: found again however they are stretched, with what was said at each part."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.dtw.dtw import Matrix, in_step, mfcc, shape_of
from experiments.dtw.params import DtwParams
from ser.params import load

SETTINGS = load(Path(__file__).parents[1] / "params.yaml", DtwParams).alignment
FRAMES = 96


def sentence(seed: int, *, frames: int = FRAMES) -> Matrix:
    """A log-mel that wanders smoothly [shape=(frames, 64)]."""
    draw = np.random.default_rng(seed)
    steps = draw.normal(0, 4, (frames // 6, 64))
    knots = np.linspace(0, len(steps) - 1, frames)
    wandering = np.stack([np.interp(knots, np.arange(len(steps)), it) for it in steps.T], axis=1)
    logmel: Matrix = -40 + wandering
    return logmel


def stretched(logmel: Matrix, times: list[int]) -> Matrix:
    """Say each third of it so many times as slowly."""
    thirds = np.array_split(logmel, 3)
    return np.concatenate([np.repeat(it, by, axis=0) for it, by in zip(thirds, times, strict=True)])


@given(seed=st.integers(0, 1000), times=st.lists(st.integers(1, 3), min_size=3, max_size=3))
@settings(max_examples=15, deadline=None)
def test_a_stretched_clip_is_in_step_with_the_clip(seed: int, times: list[int]) -> None:
    plain = mfcc(sentence(seed))
    slow = mfcc(stretched(sentence(seed), times))
    template = shape_of(plain)
    first, second = (in_step(it, [template], settings=SETTINGS) for it in (plain, slow))
    assert first.cost == pytest.approx(0, abs=1e-6)
    n = SETTINGS.parts * SETTINGS.n_mfcc
    assert len(second.columns) == n + SETTINGS.parts
    # Means and deviations over time are other ones, so that a boundary may lie a frame away.
    off = np.abs(first.columns[:n] - second.columns[:n]).reshape(SETTINGS.parts, -1).mean(axis=1)
    assert np.median(off) < 0.1
    longer = np.exp(second.columns[n:] - first.columns[n:])
    middles = longer.reshape(3, -1)[:, 2:-2].mean(axis=1)
    assert middles == pytest.approx(times, abs=0.5)


def test_the_same_sentence_is_nearer_than_another() -> None:
    template = [shape_of(mfcc(sentence(seed))) for seed in (1, 2)]
    draw = np.random.default_rng(0)
    said = mfcc(stretched(sentence(2), [2, 1, 2]) + draw.normal(0, 2, (160, 64)))
    costs = [in_step(said, [it], settings=SETTINGS).cost for it in template]
    assert costs[1] < 0.5 * costs[0]


def test_the_level_is_kept_but_does_not_guide() -> None:
    quiet, template = sentence(1), [shape_of(mfcc(sentence(1)))]
    found, louder = (in_step(mfcc(it), template, settings=SETTINGS) for it in (quiet, quiet + 10))
    n = SETTINGS.parts * SETTINGS.n_mfcc
    change = (louder.columns[:n] - found.columns[:n]).reshape(SETTINGS.parts, -1)
    # The first MFCC is the sum over 64 bands by their root.
    assert change[:, 0] == pytest.approx(80)
    assert change[:, 1:] == pytest.approx(0, abs=1e-9)
    assert louder.cost == pytest.approx(found.cost, abs=1e-9)


def test_several_templates_are_averaged() -> None:
    said = mfcc(sentence(3))
    templates = [shape_of(mfcc(sentence(seed))) for seed in (1, 2)]
    each = [in_step(said, [it], settings=SETTINGS) for it in templates]
    both = in_step(said, templates, settings=SETTINGS)
    assert both.columns == pytest.approx((each[0].columns + each[1].columns) / 2)
    assert both.cost == pytest.approx((each[0].cost + each[1].cost) / 2)


def test_silence_has_a_shape() -> None:
    assert np.isfinite(shape_of(mfcc(np.full((30, 64), -80.0)))).all()
