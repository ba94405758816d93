"""Pitch: a tone has its height, noise has none, and speed does what playing faster does."""

import numpy as np
import pytest
from voices import spoken

from experiments.dtw.params import DtwParams
from experiments.dtw.pitch import FEWEST_VOICED, PitchTrack, pitch_functionals, pitch_track
from ser.params import load, load_params

FRAMING, SETTINGS = load_params().extract.logmel, load("experiments/dtw/params.yaml", DtwParams).pitch
MEAN, DEVIATION, SLOPE, CHANGE, SHARE = 0, 1, 7, 8, 18


def tone(hertz: float, *, end_hertz: float | None = None, seconds: float = 1.0) -> np.ndarray:
    """A voice of ten harmonics, which may glide."""
    rate = FRAMING.sample_rate
    height = np.geomspace(hertz, end_hertz or hertz, int(rate * seconds))
    phase = 2 * np.pi * np.cumsum(height) / rate
    return np.asarray(sum(np.sin(k * phase) / k for k in range(1, 11)) / 10, dtype=np.float32)


def functionals_of(samples: np.ndarray, *, speed: float = 1.0) -> np.ndarray:
    return pitch_functionals(pitch_track(samples, framing=FRAMING, settings=SETTINGS), speed=speed)


@pytest.mark.parametrize("hertz", [110.0, 220.0, 440.0])
def test_a_tone_has_its_height(hertz: float) -> None:
    found = functionals_of(tone(hertz))
    assert found[MEAN] == pytest.approx(np.log2(hertz), abs=0.01)
    assert found[DEVIATION] < 0.01
    assert found[SHARE] > 0.8


def test_a_glide_rises() -> None:
    found = functionals_of(tone(150, end_hertz=300))
    assert found[SLOPE] == pytest.approx(0.5, abs=0.05)  # an octave, while time goes from -1 to 1
    assert functionals_of(tone(300, end_hertz=150))[SLOPE] == pytest.approx(-0.5, abs=0.05)


def test_noise_has_a_pitch_that_can_be_used_and_no_share_of_voiced_frames() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, FRAMING.sample_rate).astype(np.float32)
    track = pitch_track(noise, framing=FRAMING, settings=SETTINGS)
    assert track.voiced.sum() < FEWEST_VOICED
    found = pitch_functionals(track)
    assert np.isfinite(found).all()
    assert found[SHARE] == track.voiced.mean()


def test_rounding_errors_do_not_choose_the_frames() -> None:
    frames = 40
    octaves = np.linspace(7, 8, frames)
    likely = np.full(frames, 0.25)
    likely[20:24] = 0.5
    of = {"octaves": octaves, "voiced": np.zeros(frames, dtype=bool)}
    found = pitch_functionals(PitchTrack(probability=likely, **of))
    expected = octaves[[*range(20, 24), *range(4)]]
    assert found[MEAN] == pytest.approx(expected.mean())
    noisy = likely + np.random.default_rng(0).normal(0, 1e-12, frames)
    assert pitch_functionals(PitchTrack(probability=noisy, **of)) == pytest.approx(found)


@pytest.mark.parametrize("speed", [0.85, 1.18])
def test_speed_does_what_playing_faster_does(speed: float) -> None:
    samples = spoken(1.5, rate=FRAMING.sample_rate, seed=0)
    told = functionals_of(samples, speed=speed)
    recorded = functionals_of(samples)
    assert told[MEAN] == pytest.approx(recorded[MEAN] + np.log2(speed))
    assert told[CHANGE] == pytest.approx(recorded[CHANGE] * speed)
    # Heard in earnest: fewer, or more, samples of the same recording.
    places = np.arange(0, len(samples) - 1, speed)
    heard = functionals_of(np.interp(places, np.arange(len(samples)), samples).astype(np.float32))
    assert told[MEAN] == pytest.approx(heard[MEAN], abs=0.05)
    assert told[SHARE] == pytest.approx(heard[SHARE], abs=0.15)
