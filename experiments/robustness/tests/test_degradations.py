"""Conditions do what their names say, and draw from seed, clip and kind alone."""

import copy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import welch

from experiments.robustness import degradations as conditions
from experiments.robustness.condition_names import KINDS, condition_words
from experiments.robustness.degradations import Recording, degrade
from experiments.robustness.params import Babble, Reverberation, RobustnessParams
from ser.errors import InputError
from ser.params import load, load_params

PROJECT = Path(__file__).parents[3]
PARAMS = load_params(PROJECT / "params.yaml")
CONDITIONS = load(PROJECT / "experiments/robustness/params.yaml", RobustnessParams)
RATE = 16000
SPEECH = slice(4000, 28000)


def recording(clip: str = "a", *, seed: int = 0) -> Recording:
    """Tones that come and go, between 0.25 s of silence at either end."""
    draw = np.random.default_rng(seed)
    time = np.arange(SPEECH.stop - SPEECH.start) / RATE
    voice = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220, 700, 1800, 3000)) * np.hanning(len(time))
    samples = np.zeros(32000, dtype=np.float32)
    samples[SPEECH] = 0.01 * voice + draw.normal(0, 1e-4, len(time))
    others = tuple(draw.normal(0, 0.1 * (1 + place), 5000).astype(np.float32) for place in range(3))
    return Recording(clip, samples, RATE, SPEECH, others)


def power(samples: np.ndarray) -> float:
    return float(np.mean(np.square(samples, dtype=np.float64)))


def in_db(ratio: float) -> float:
    return float(10 * np.log10(ratio))


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_named_waveforms_twice_the_same_and_leaves_the_recording(kind: str) -> None:
    it = recording()
    before = copy.deepcopy(it)
    first = degrade(it, settings=getattr(CONDITIONS, kind))
    np.testing.assert_array_equal(it.samples, before.samples)
    second = degrade(recording(), settings=getattr(CONDITIONS, kind))
    assert first.keys() == second.keys()
    for name, waveform in first.items():
        assert name.partition("_")[0] == kind
        assert condition_words(name)
        assert waveform.dtype == np.float32
        assert len(waveform) == (RATE if name == "start_1" else len(it.samples))
        assert np.isfinite(waveform).all()
        np.testing.assert_array_equal(waveform, second[name])
        assert (kind == "clean") == np.array_equal(waveform, it.samples)


def test_names_tell_the_values() -> None:
    names = [name for kind in KINDS for name in degrade(recording(), settings=getattr(CONDITIONS, kind))]
    assert len(names) == len(set(names))
    assert {"clean", "white_20", "babble_0", "reverberation_0.3", "clipping_0.1"} <= set(names)
    assert condition_words("level_-20") == "level -20 dB"
    assert condition_words("level_20_clipped") == "level +20 dB, clipped at full scale"
    assert condition_words("clipping_0.01") == "clipped, 1 % of the samples"
    assert condition_words("babble_5") == "babble, SNR 5 dB"
    assert condition_words("reverberation_0.3") == "reverberation, RT60 0.3 s"
    assert condition_words("start_1.0") == "truncated to the first 1 s of speech"


@settings(deadline=None, max_examples=30)
@given(st.floats(-20, 40), st.integers(0, 99), st.sampled_from(["white", "babble"]))
def test_the_ratio_measured_where_there_is_speech_is_the_one_asked_for(
    snr: float, seed: int, kind: str
) -> None:
    it = recording(seed=seed)
    noise = (
        conditions.white_noise(len(it.samples), seed=seed, clip="a")
        if kind == "white"
        else conditions.babble(it.voices, len(it.samples), seed=seed, clip="a")
    )
    noisy = conditions.add_noise(it.samples, noise, snr_db=snr, speech=SPEECH).astype(np.float64)
    added = noisy - it.samples
    assert in_db(power(it.samples[SPEECH]) / power(added[SPEECH])) == pytest.approx(snr, abs=0.05)
    assert power(added[: SPEECH.start]) > 0.1 * power(added[SPEECH])


@pytest.mark.parametrize("kind", ["white", "babble"])
def test_noise_is_the_same_at_every_ratio_and_another_for_every_clip(kind: str) -> None:
    section = getattr(CONDITIONS, kind)

    def added(it: Recording) -> np.ndarray:
        degraded = degrade(it, settings=section)
        first, last = (degraded[f"{kind}_{snr:g}"] - it.samples for snr in (5, 0))
        np.testing.assert_allclose(first * 10 ** (5 / 20), last, atol=1e-6)
        return np.asarray(last / np.sqrt(power(last)))

    same, other = added(recording("a")), added(recording("b"))
    assert abs(np.corrcoef(same, other)[0, 1]) < 0.2
    reseeded = degrade(recording("a"), settings=section.model_copy(update={"seed": 1}))
    assert not np.array_equal(reseeded[f"{kind}_0"], degrade(recording("a"), settings=section)[f"{kind}_0"])


def test_white_noise_is_flat() -> None:
    noise = conditions.white_noise(10 * RATE, seed=0, clip="a")
    _, density = welch(noise, RATE, nperseg=512)
    bands = [band.mean() for band in np.array_split(density[1:-1], 8)]
    np.testing.assert_allclose(bands, np.mean(bands), rtol=0.1)


@settings(deadline=None, max_examples=20)
@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=3))
def test_every_voice_babbles_at_the_same_level(levels: list[float]) -> None:
    voices = recording().voices
    scaled = [np.float32(level) * voice for level, voice in zip(levels, voices, strict=True)]
    np.testing.assert_allclose(
        conditions.babble(scaled, 16000, seed=0, clip="a"),
        conditions.babble(voices, 16000, seed=0, clip="a"),
        atol=1e-4,
    )
    alone = conditions.babble(voices[:1], 16000, seed=0, clip="a")
    assert power(alone) == pytest.approx(1, rel=0.1)
    assert len(alone) == 16000


TRAINING = pd.DataFrame({"actor": np.repeat(range(1, 9), 4), "path": [f"{place}.wav" for place in range(32)]})


@settings(deadline=None, max_examples=30)
@given(st.text(max_size=5), st.integers(1, 8))
def test_talkers_are_as_many_different_actors(clip: str, talkers: int) -> None:
    section = Babble(seed=0, snr_db=[0], talkers=talkers)
    paths = conditions.choose_talkers(TRAINING, clip=clip, settings=section)
    actors = TRAINING.set_index("path").loc[paths, "actor"]
    assert len(paths) == talkers
    assert actors.is_unique
    assert paths == conditions.choose_talkers(TRAINING, clip=clip, settings=section)


def test_more_talkers_than_training_actors_are_an_error() -> None:
    with pytest.raises(InputError, match=r"robustness/params\.yaml: babble\.talkers = 9: a fold has 8"):
        conditions.choose_talkers(TRAINING, clip="a", settings=Babble(seed=0, snr_db=[0], talkers=9))


def test_a_telephone_lets_through_its_band_alone() -> None:
    sent = (0.05 * np.random.default_rng(0).standard_normal(20 * RATE)).astype(np.float32)
    received = conditions.telephone(sent, rate=RATE, settings=CONDITIONS.telephone)
    frequency, before = welch(sent, RATE, nperseg=2048)
    _, after = welch(received, RATE, nperseg=2048)
    gain = 10 * np.log10(after / before)

    def mean(low: float, high: float) -> float:
        return float(gain[(frequency >= low) & (frequency < high)].mean())

    assert abs(mean(500, 3000)) < 0.5
    assert mean(280, 320) == pytest.approx(-3, abs=1.5)
    assert mean(3360, 3440) == pytest.approx(-3, abs=1.5)
    assert mean(0, 150) < -25
    assert mean(4200, 8000) < -50
    assert len(received) == len(sent)


@settings(deadline=None)
@given(st.lists(st.floats(-1.5, 1.5), min_size=1, max_size=20))
def test_mu_law_rounds_by_less_than_its_step(values: list[float]) -> None:
    samples = np.array(values)
    rounded = conditions.mu_law(samples)
    held = np.clip(samples, -1, 1)
    # Half a step of 1/127 on the companded scale, at the steeper end of it.
    half_step = np.log(256) / 254
    bound = (1 / 255 + np.abs(held)) * np.expm1(half_step)
    assert (np.abs(rounded - held) <= bound + 1e-12).all()
    np.testing.assert_allclose(conditions.mu_law(rounded), rounded, atol=1e-12)
    np.testing.assert_array_equal(conditions.mu_law(-samples), -rounded)


def test_mu_law_keeps_silence_and_has_255_levels() -> None:
    assert (conditions.mu_law(np.zeros(3)) == 0).all()
    assert len(np.unique(conditions.mu_law(np.linspace(-1, 1, 1_000_001)))) == 255


@settings(deadline=None, max_examples=20)
@given(st.floats(0.2, 1.5), st.floats(-5, 10), st.text(max_size=3))
def test_a_room_decays_by_60_db_in_its_time(rt60: float, ratio_db: float, clip: str) -> None:
    section = Reverberation(seed=0, rt60_s=[rt60], direct_to_reverberant_db=ratio_db)
    response = conditions.room_response(rt60, rate=RATE, clip=clip, settings=section)
    direct, tail = response[0] ** 2, response[1:] ** 2
    assert in_db(direct / tail.sum()) == pytest.approx(ratio_db, abs=1e-6)
    # Schroeder: the energy still to come, here between 5 and 35 dB below all of it.
    decay = 10 * np.log10(np.cumsum(tail[::-1])[::-1] / tail.sum())
    middle = (decay < -5) & (decay > -35)
    slope = np.polyfit(np.flatnonzero(middle) / RATE, decay[middle], 1)[0]
    assert -60 / slope == pytest.approx(rt60, rel=0.1)


def test_a_room_keeps_the_level_and_without_echo_changes_nothing() -> None:
    it = recording()
    np.testing.assert_allclose(
        conditions.reverberate(it.samples, np.array([2.0]), speech=SPEECH), it.samples, atol=1e-6
    )
    for name, wet in degrade(it, settings=CONDITIONS.reverberation).items():
        assert power(wet[SPEECH]) == pytest.approx(power(it.samples[SPEECH]), rel=1e-4), name
        assert power(wet[SPEECH.stop :]) > 10 * power(it.samples[SPEECH.stop :])
        assert (np.abs(wet[: SPEECH.start]) < 1e-6).all(), "nothing is heard before it is said"


def test_level_is_changed_as_asked_and_clips_only_where_told() -> None:
    loud = Recording("a", 20 * recording().samples, RATE, SPEECH)
    degraded = degrade(loud, settings=CONDITIONS.level)
    np.testing.assert_allclose(degraded["level_20"], 10 * loud.samples, rtol=1e-6)
    np.testing.assert_allclose(degraded["level_-20"], loud.samples / 10, rtol=1e-6)
    assert np.abs(degraded["level_20"]).max() > 1
    clipped = degraded["level_20_clipped"]
    assert np.abs(clipped).max() == 1
    inside = np.abs(degraded["level_20"]) < 1
    np.testing.assert_array_equal(clipped[inside], degraded["level_20"][inside])


@settings(deadline=None)
@given(st.floats(0.001, 0.9), st.integers(0, 9))
def test_the_stated_share_is_clipped(share: float, seed: int) -> None:
    it = recording(seed=seed)
    clipped = conditions.clip_share(it.samples, share=share, speech=SPEECH)
    limit = np.abs(clipped).max()
    assert (np.abs(clipped[SPEECH]) >= limit).mean() == pytest.approx(share, abs=1e-3)
    untouched = np.abs(it.samples) < limit
    np.testing.assert_array_equal(clipped[untouched], it.samples[untouched])


def test_the_start_is_that_of_the_speech() -> None:
    it = recording()
    start = degrade(it, settings=CONDITIONS.start)["start_1"]
    np.testing.assert_array_equal(start, it.samples[SPEECH.start : SPEECH.start + RATE])


def test_speech_lies_between_silences() -> None:
    span = conditions.speech_span(recording().samples, settings=PARAMS.extract.logmel)
    window = PARAMS.extract.logmel.win_length
    assert SPEECH.start - window <= span.start <= SPEECH.start + 4000
    assert SPEECH.stop - 4000 <= span.stop <= SPEECH.stop + window
