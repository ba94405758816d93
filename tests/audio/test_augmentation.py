"""The article's augmentations: drawn by (seed, clip, transform) alone, replayable, and what they do."""

import json
import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kurtosis, skew

from ser.audio.augmentation import (
    AddPeakRelativeNoise,
    Settings,
    SpeedAndPitch,
    Waveform,
    draw,
    make_transform,
    replay,
)
from ser.parallel import run_all
from ser.params import NoiseParams, SpeedPitchParams, StretchParams, Workers

RATE = 48_000
NOISE = NoiseParams(seed=0, max_amplitude=0.05)
STRETCH = StretchParams(seed=0, rate=0.8)
SPEED_PITCH = SpeedPitchParams(seed=0, factor=1.4, min_length_change=0.8, max_length_change=1.0)
ALL: list[Settings] = [NOISE, STRETCH, SPEED_PITCH]
DRAWN: list[Settings] = [NOISE, SPEED_PITCH]


def tone(n: int = 9600) -> Waveform:
    """A fading glide, unlike itself at any other place."""
    time = np.arange(n) / RATE
    return (0.5 * np.exp(-3 * time) * np.sin(2 * np.pi * (200 + 400 * time) * time)).astype(np.float32)


def drawn_of(chosen: Settings, clip: str, seed: int) -> tuple[bytes, str]:
    samples, drawn = draw(make_transform(chosen), tone(), sample_rate=RATE, seed=seed, clip=clip)
    return samples.tobytes(), drawn


def test_neither_order_nor_workers_nor_former_draws_matter() -> None:
    calls: list[tuple[Any, ...]] = [(chosen, f"clip{number}", 0) for chosen in ALL for number in range(4)]
    alone = [drawn_of(*call) for call in calls]
    random.seed(99)
    np.random.seed(99)  # noqa: NPY002
    backwards = [drawn_of(*call) for call in reversed(calls)]
    assert backwards[::-1] == alone
    workers = Workers(backend="loky", jobs=2)
    assert run_all(drawn_of, calls, workers=workers, what="draws") == alone


@pytest.mark.parametrize("chosen", DRAWN, ids=lambda each: type(each).__name__)
def test_every_clip_and_every_seed_is_drawn_anew(chosen: Settings) -> None:
    draws = {drawn_of(chosen, clip, seed)[1] for clip in ("a", "b") for seed in (0, 1)}
    assert len(draws) == 4


def test_one_transform_object_draws_anew_for_each_clip_and_after_a_replay() -> None:
    transform = make_transform(NOISE)
    _, first = draw(transform, tone(), sample_rate=RATE, seed=0, clip="a")
    _, second = draw(transform, tone(), sample_rate=RATE, seed=0, clip="b")
    replay(transform, tone(), sample_rate=RATE, drawn=first)
    assert draw(transform, tone(), sample_rate=RATE, seed=0, clip="b")[1] == second != first


@pytest.mark.parametrize("chosen", ALL, ids=lambda each: type(each).__name__)
def test_a_replayed_draw_gives_the_same_samples(chosen: Settings) -> None:
    before, drawn = draw(make_transform(chosen), tone(), sample_rate=RATE, seed=3, clip="clip")
    random.seed(99)
    again = replay(make_transform(chosen), tone(), sample_rate=RATE, drawn=drawn)
    np.testing.assert_array_equal(again, before)
    assert again.dtype == np.float32
    assert not np.array_equal(again, tone())


@settings(max_examples=30, deadline=None)
@given(clip=st.text(min_size=1, max_size=30), seed=st.integers(0, 2**32 - 1))
def test_every_draw_is_within_its_bounds(clip: str, seed: int) -> None:
    noise, speed_pitch = (json.loads(drawn_of(each, clip, seed)[1]) for each in DRAWN)
    assert noise["should_apply"] is speed_pitch["should_apply"] is True
    assert 0 <= noise["amplitude"] <= 0.05
    assert 1.4 <= speed_pitch["speed"] <= 1.4 / 0.8


def test_draws_fill_their_range() -> None:
    draws = [json.loads(drawn_of(NOISE, f"clip{number}", 0)[1])["amplitude"] for number in range(60)]
    assert min(draws) < 0.01
    assert max(draws) > 0.04


def test_noise_is_gaussian_white_and_relative_to_the_peak() -> None:
    samples = tone(96_000)
    drawn = json.dumps({"should_apply": True, "amplitude": 0.04, "noise_seed": 7})
    noise = replay(make_transform(NOISE), samples, sample_rate=RATE, drawn=drawn) - samples
    assert noise.std() == pytest.approx(0.04 * samples.max(), rel=0.01)
    assert abs(noise.mean()) < 0.02 * noise.std()
    assert abs(skew(noise)) < 0.04
    assert abs(kurtosis(noise)) < 0.08
    assert abs(np.corrcoef(noise[1:], noise[:-1])[0, 1]) < 0.015

    louder = replay(make_transform(NOISE), samples * 2, sample_rate=RATE, drawn=drawn)
    np.testing.assert_allclose(louder, 2 * (samples + noise), rtol=0, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(2, 400), speed=st.floats(0.5, 2.0))
def test_speed_and_pitch_is_linear_interpolation_filled_with_zeros(n: int, speed: float) -> None:
    samples = tone(n) + np.float32(0.1)
    expected = np.zeros(n, dtype=np.float32)
    resampled = np.interp(np.arange(0, n, speed), np.arange(n), samples)[:n]
    expected[: len(resampled)] = resampled
    drawn = json.dumps({"should_apply": True, "speed": speed})
    result = replay(make_transform(SPEED_PITCH), samples, sample_rate=RATE, drawn=drawn)
    np.testing.assert_array_equal(result, expected)
    assert not result[int(np.ceil(n / speed)) :].any()


def test_speed_and_pitch_raises_the_pitch_by_the_drawn_factor() -> None:
    hertz = 440
    sine = np.sin(2 * np.pi * hertz * np.arange(RATE) / RATE).astype(np.float32)
    result, drawn = draw(make_transform(SPEED_PITCH), sine, sample_rate=RATE, seed=0, clip="clip")
    spectrum = np.abs(np.fft.rfft(result))
    assert spectrum.argmax() == pytest.approx(hertz * json.loads(drawn)["speed"], abs=1)


@pytest.mark.parametrize(("rate", "n"), [(0.8, 60_000), (1.25, 38_400), (0.5, 96_000)])
def test_stretch_changes_the_length_by_1_over_rate_and_keeps_the_pitch(rate: float, n: int) -> None:
    sine = np.sin(2 * np.pi * 440 * np.arange(RATE) / RATE).astype(np.float32)
    transform = make_transform(StretchParams(seed=0, rate=rate))
    result, drawn = draw(transform, sine, sample_rate=RATE, seed=0, clip="clip")
    assert len(result) == n
    assert result.dtype == np.float32
    assert json.loads(drawn)["rate"] == rate
    hertz = np.abs(np.fft.rfft(result)).argmax() * RATE / n
    assert hertz == pytest.approx(440, abs=2)


@pytest.mark.parametrize("chosen", ALL, ids=lambda each: type(each).__name__)
def test_the_original_is_left_as_it_was(chosen: Settings) -> None:
    samples = tone()
    draw(make_transform(chosen), samples, sample_rate=RATE, seed=0, clip="clip")
    np.testing.assert_array_equal(samples, tone())


@pytest.mark.parametrize("amplitude", [0.0, -0.1, 1.01, float("nan")])
def test_noise_refuses_an_amplitude_that_makes_no_sense(amplitude: float) -> None:
    with pytest.raises(ValueError, match=f"max_amplitude must be above 0 and at most 1, got {amplitude}"):
        AddPeakRelativeNoise(max_amplitude=amplitude)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((1.4, 0.0, 1.0), "0 < min_length_change <= max_length_change must hold, got 0.0, 1.0"),
        ((1.4, 1.0, 0.8), "must hold, got 1.0, 0.8"),
        ((1.4, -1.0, 0.8), "must hold, got -1.0, 0.8"),
        ((0.0, 0.8, 1.0), "factor must be above 0, got 0.0"),
        ((-1.4, 0.8, 1.0), "factor must be above 0, got -1.4"),
    ],
)
def test_speed_and_pitch_refuses_what_makes_no_sense(
    arguments: tuple[float, float, float], says: str
) -> None:
    factor, shortest, longest = arguments
    with pytest.raises(ValueError, match=says):
        SpeedAndPitch(factor=factor, min_length_change=shortest, max_length_change=longest)
