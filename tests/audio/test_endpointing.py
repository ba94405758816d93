"""Endpointing finds the same speech whatever the level, the offset, a click or steady noise."""

import subprocess
import sys
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ser.audio.corruptions.colored_noise import colored_noise
from ser.audio.endpointing import ENDPOINTING, band_levels, speech_frames, speech_span, trim_silence

RATE = 16_000
HOP = round(ENDPOINTING.hop_s * RATE)
FRAME = round(ENDPOINTING.frame_s * RATE)
SPEECH = slice(8000, 32_000)
SEEDS = st.integers(0, 2**16)


@cache
def recording(seed: int = 0, *, rate: int = RATE, floor: float = 1e-5) -> npt.NDArray[np.float32]:
    """Syllables at 4 Hz, half a second after the beginning and before the end, on a faint noise floor."""
    draw = np.random.default_rng(seed)
    start, stop, length = (round(it * rate / RATE) for it in (SPEECH.start, SPEECH.stop, 40_000))
    time = np.arange(stop - start) / rate
    pitch = draw.uniform(90, 300)
    voice = sum(np.sin(2 * np.pi * pitch * order * time + order) / order for order in range(1, 12))
    samples = draw.normal(0, floor, length)
    samples[start:stop] += draw.uniform(0.01, 0.1) * voice * (1.2 - np.cos(2 * np.pi * 4 * time))
    made = samples.astype(np.float32)
    made.flags.writeable = False
    return made


def frames_apart(one: slice, other: slice) -> float:
    return float(max(abs(one.start - other.start), abs(one.stop - other.stop)) / HOP)


@given(SEEDS, st.sampled_from([8000, 16_000, 22_050, 48_000]))
def test_speech_between_silences_is_found_at_any_rate(seed: int, rate: int) -> None:
    span = speech_span(recording(seed, rate=rate), sample_rate=rate)
    allowed_s = ENDPOINTING.frame_s + (1 + ENDPOINTING.pad_frames) * ENDPOINTING.hop_s
    assert span.start / rate == pytest.approx(SPEECH.start / RATE, abs=allowed_s)
    assert span.stop / rate == pytest.approx(SPEECH.stop / RATE, abs=allowed_s)


@given(SEEDS, st.floats(-60, 40))
@example(0, -40.0)
def test_the_level_makes_no_difference(seed: int, gain_db: float) -> None:
    samples = recording(seed)
    changed = (samples * 10 ** (gain_db / 20)).astype(np.float32)
    assert speech_span(changed, sample_rate=RATE) == speech_span(samples, sample_rate=RATE)


@pytest.mark.parametrize("part", [slice(0, 40_000), SPEECH, slice(12_000, 20_000)])
@given(SEEDS, st.floats(-0.5, 0.5), st.sampled_from([0.0, 1e-5, 1e-3]))
@example(0, 0.1, 0.0)
@example(0, 0.5, 1e-5)
@settings(max_examples=30)
def test_an_offset_makes_no_difference(part: slice, seed: int, offset: float, floor: float) -> None:
    samples = recording(seed, floor=floor)[part]
    changed = samples + np.float32(offset)
    assert speech_span(changed, sample_rate=RATE) == speech_span(samples, sample_rate=RATE)


@given(SEEDS, st.integers(0, 39_999), st.floats(0.01, 1), st.sampled_from([-1, 1]))
@example(0, 0, 1.0, 1)
@example(0, 39_999, 1.0, 1)
def test_a_click_makes_hardly_a_difference(seed: int, place: int, amplitude: float, sign: int) -> None:
    """Beside the speech, its frames may count as an end of it; elsewhere the ends move by a frame at most."""
    samples = recording(seed)
    changed = samples.copy()
    changed[place : place + RATE // 1000] += np.float32(sign * amplitude)
    clean, clicked = (speech_span(it, sample_rate=RATE) for it in (samples, changed))
    beside = min(abs(place - clean.start), abs(place - clean.stop)) < 2 * FRAME
    assert frames_apart(clean, clicked) <= (FRAME / HOP + 2 if beside else 1)


@given(SEEDS, st.sampled_from([50, 60]), st.floats(-20, 5))
def test_hum_moves_the_ends_by_less_than_a_tenth_of_a_second(seed: int, mains: int, level_db: float) -> None:
    samples = recording(seed)
    turn = 2 * np.pi * mains * np.arange(len(samples)) / RATE
    hum = np.sum([np.sin(order * turn + order) / order**2 for order in range(1, 6)], axis=0)
    hum *= 10 ** (level_db / 20) * np.std(samples[SPEECH]) / np.std(hum)
    clean, humming = (speech_span(it.astype(np.float32), sample_rate=RATE) for it in (samples, samples + hum))
    assert frames_apart(clean, humming) * HOP < 0.1 * RATE


@given(SEEDS, st.sampled_from(["white", "pink", "brown"]), st.floats(5, 40))
def test_noise_before_and_after_the_speech_is_cut(seed: int, color: str, snr_db: float) -> None:
    samples = recording(seed)
    noise = colored_noise(color, len(samples), sample_rate=RATE, seed=seed)
    noise *= np.std(samples[SPEECH]) / np.std(noise[SPEECH]) / 10 ** (snr_db / 20)
    span = speech_span((samples + noise).astype(np.float32), sample_rate=RATE)
    # The first and last syllables swell from nothing, within 0.25 s.
    assert SPEECH.start - FRAME - 2 * HOP <= span.start <= SPEECH.start + 0.25 * RATE
    assert SPEECH.stop - 0.25 * RATE <= span.stop <= SPEECH.stop + FRAME + 2 * HOP


@given(SEEDS, st.integers(1, 4 * RATE), st.sampled_from(["white", "silence", "constant", "tone"]))
def test_where_nothing_stands_out_nothing_is_cut(seed: int, length: int, kind: str) -> None:
    time = np.arange(length) / RATE
    samples = {
        "white": 0.1 * np.random.default_rng(seed).standard_normal(length),
        "silence": np.zeros(length),
        "constant": np.full(length, 0.1),
        "tone": np.sin(2 * np.pi * 440 * time),
    }[kind]
    span = speech_span(samples.astype(np.float32), sample_rate=RATE)
    # The frames at the ends hold less of a tone.
    assert 0 <= span.start <= (FRAME if kind in ("tone", "white") else 0)
    assert length - (FRAME if kind in ("tone", "white") else 0) <= span.stop <= length


@pytest.mark.parametrize("length", [0, 1, 2, HOP - 1, HOP, FRAME - 1, FRAME + 1])
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_the_shortest_recordings(length: int, value: float) -> None:
    samples = np.full(length, value, dtype=np.float32)
    samples[length // 2 :] *= -1
    trimmed = trim_silence(samples, sample_rate=RATE)
    assert trimmed.dtype == np.float32
    assert min(length, 1) <= len(trimmed) <= length


def test_what_is_kept_is_as_it_was_recorded() -> None:
    samples = recording() + np.float32(0.1)
    span = speech_span(samples, sample_rate=RATE)
    trimmed = trim_silence(samples, sample_rate=RATE)
    np.testing.assert_array_equal(trimmed, samples[span])
    assert len(trimmed) < 0.7 * len(samples)


def test_levels_of_long_recordings_are_those_of_their_parts() -> None:
    long = np.random.default_rng(0).normal(0, 0.1, 60 * RATE).astype(np.float32)
    long -= long.mean()
    levels = band_levels(long, sample_rate=RATE, settings=ENDPOINTING)
    assert len(levels) == 1 + len(long) // HOP
    part = long[50 * RATE : 55 * RATE]
    own = band_levels(part, sample_rate=RATE, settings=ENDPOINTING)
    first = 50 * RATE // HOP
    np.testing.assert_allclose(levels[first + 4 : first + 500], own[4:500], atol=0.1)


def test_frames_of_speech_begin_where_they_adjoin_loud_ones() -> None:
    """0 dB the floor, 40 dB the peak: loud is above 16 dB, and what adjoins it above 8 dB is speech too."""
    levels = np.zeros(200)
    levels[50:60] = 12
    levels[60:80] = 40
    levels[80:90] = 12
    levels[95:105] = 12
    assert speech_frames(levels, settings=ENDPOINTING) == (50, 89)


def test_nothing_slow_is_imported() -> None:
    code = "import sys, ser.audio.endpointing; print(*sys.modules)"
    listing = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"scipy", "librosa", "soxr", "soundfile", "pydantic"} & set(listing.split())
