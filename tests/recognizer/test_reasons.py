"""What speaks against relying on an answer: found where it applies, and not where it does not."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from voices import spoken

from ser.audio.corruptions.clipping import Clipping
from ser.audio.corruptions.codec import Codec
from ser.audio.corruptions.colored_noise import ColoredNoise
from ser.audio.corruptions.level import Level
from ser.audio.corruptions.room import Room
from ser.audio.corruptions.telephone import Telephone
from ser.audio.endpointing import trim_silence
from ser.recognizer.bundle_format import RAVDESS
from ser.recognizer.certainty import LIKELY, NOT_SURE, SURE, Thresholds
from ser.recognizer.judging import Recognition
from ser.recognizer.reasons import (
    CLIPPED,
    IN_WORDS,
    LAYERS_DISAGREE,
    LOW_CONFIDENCE,
    NARROW_BAND,
    NOISY,
    SHORT,
    in_order,
    in_words,
    prevailing,
    sound_faults,
)
from ser.recognizer.recognizer import Recognizer
from ser.recognizer.segment import Segment

RATE = 16_000
FAULTS = {NOISY, NARROW_BAND, CLIPPED}
Samples = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def recognizer(bundle_folder: Path) -> Recognizer:
    return Recognizer.load(bundle_folder)


def voice(seed: int, *, pauses: bool = True, rate: int = RATE) -> Samples:
    """Somebody speaks for two seconds in a room that is not quite silent."""
    quiet = np.zeros(round(0.4 * rate) if pauses else 0, np.float32)
    # Three syllables a second; between them it is 25 dB quieter, as a synthetic voice is not.
    dips_db = 12.5 * (1 - np.cos(2 * np.pi * 3 * np.arange(2 * rate) / rate))
    syllables = spoken(2, rate=rate, seed=seed) * 10 ** (-dips_db / 20)
    samples = np.concatenate([quiet, syllables, quiet])
    room = np.random.default_rng(seed).normal(0, 10 ** (-75 / 20), len(samples))
    # Breath and hiss of consonants, which a synthetic voice lacks.
    hiss = np.random.default_rng(seed + 100).normal(0, 0.2, len(samples)) * np.abs(samples)
    voiced: Samples = (samples + hiss + room).astype(np.float32)
    return voiced


def found(samples: Samples) -> set[str]:
    return set(sound_faults(samples, trim_silence(samples, sample_rate=RATE), sample_rate=RATE))


def as_pcm16(samples: Samples) -> Samples:
    return np.asarray(np.round(samples * 2**15) / 2**15, dtype=np.float32)


def resampled(samples: Samples, rate: int) -> Samples:
    return np.asarray(soxr.resample(samples, rate, RATE), dtype=np.float32)


def over_a_line(samples: Samples, code: str = "mu_law") -> Samples:
    return Codec(code, kbit_s=12).apply(Telephone(300, 3400).apply(samples, RATE), RATE)


MADE: dict[str, tuple[Callable[[int], Samples], set[str]]] = {
    "clean": (voice, set()),
    "clean without pauses": (lambda seed: voice(seed, pauses=False), set()),
    "in a room": (lambda seed: Room(0.5, 0.0, seed).apply(voice(seed), RATE), set()),
    "20 dB quieter": (lambda seed: Level(-20, clipped=True).apply(voice(seed), RATE), set()),
    "in noise at 30 dB": (lambda seed: ColoredNoise("pink", 30, seed).apply(voice(seed), RATE), set()),
    "in white noise": (lambda seed: ColoredNoise("white", 5, seed).apply(voice(seed), RATE), {NOISY}),
    "in pink noise, no pauses": (
        lambda seed: ColoredNoise("pink", 3, seed).apply(voice(seed, pauses=False), RATE),
        {NOISY},
    ),
    "over a line": (lambda seed: over_a_line(voice(seed)), {NARROW_BAND}),
    "over a line, as 16 bits": (lambda seed: as_pcm16(over_a_line(voice(seed), "gsm")), {NARROW_BAND}),
    "at a rate of 8 kHz": (lambda seed: resampled(voice(seed, rate=8000), 8000), {NARROW_BAND}),
    "over a line, in noise there": (
        lambda seed: over_a_line(ColoredNoise("white", 3, seed).apply(voice(seed), RATE)),
        {NARROW_BAND, NOISY},
    ),
    "clipped": (lambda seed: Clipping(0.03).apply(voice(seed), RATE), {CLIPPED}),
    "clipped, then at another rate": (
        lambda seed: resampled(Clipping(0.03).apply(voice(seed, rate=48_000), 48_000), 48_000),
        {CLIPPED},
    ),
    "clipped, then quieter": (
        lambda seed: Level(-20, clipped=True).apply(Clipping(0.02).apply(voice(seed), RATE), RATE),
        {CLIPPED},
    ),
}


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("kind", MADE)
def test_faults_of_the_sound(kind: str, seed: int) -> None:
    make, expected = MADE[kind]
    assert found(make(seed)) == expected


def test_a_recording_has_the_faults_that_half_of_its_windows_have(recognizer: Recognizer) -> None:
    samples = np.concatenate([voice(0), voice(1), over_a_line(np.concatenate([voice(2), voice(3)]))])
    result = recognizer.predict(samples, RATE)
    assert NARROW_BAND not in result.segments[0].reasons
    assert NARROW_BAND in result.segments[-1].reasons
    assert NARROW_BAND in recognizer.predict(samples[len(samples) // 3 :], RATE).reasons
    assert NARROW_BAND not in recognizer.predict(samples[: 2 * len(samples) // 3], RATE).reasons
    assert prevailing({NOISY: 2, CLIPPED: 1}, windows=4) == {NOISY}


def thresholds(sure_from: float, likely_from: float, agreement_from: float) -> Thresholds:
    return Thresholds(sure_from=sure_from, likely_from=likely_from, agreement_from=agreement_from)


@pytest.mark.parametrize(
    ("given", "certainty", "doubts"),
    [
        (thresholds(0, 0, 0), SURE, set()),
        (thresholds(0, 0, 1), LIKELY, {LAYERS_DISAGREE}),
        (thresholds(1, 0, 0), LIKELY, set()),
        (thresholds(1, 1, 0), NOT_SURE, {LOW_CONFIDENCE}),
        (thresholds(1, 1, 1), NOT_SURE, {LAYERS_DISAGREE, LOW_CONFIDENCE}),
    ],
    ids=["sure", "layers disagree", "likely", "not sure", "both"],
)
def test_doubts_of_the_model_decide_the_word(
    recognizer: Recognizer, given: Thresholds, certainty: str, doubts: set[str]
) -> None:
    model = replace(recognizer.model, thresholds=given)
    strict = Recognizer(replace(recognizer.bundle, models={RAVDESS: model}))
    result = strict.predict(ColoredNoise("white", 5, 0).apply(voice(0), RATE), RATE)
    assert 0 < result.agreement < 1
    assert 0 < result.confidence < 1
    assert result.certainty == certainty
    assert set(result.reasons) == doubts | {NOISY}
    longer = strict.predict(np.concatenate([voice(0), voice(1), voice(2)]), RATE)
    answers: list[Recognition | Segment] = [longer, *longer.segments]
    for it in answers:
        assert (it.certainty, set(it.reasons) - FAULTS) == (certainty, doubts)


def test_too_little_speech_is_a_reason_whatever_the_model_says(recognizer: Recognizer) -> None:
    model = replace(recognizer.model, thresholds=thresholds(0, 0, 0))
    confident = Recognizer(replace(recognizer.bundle, models={RAVDESS: model}))
    quiet = np.zeros(RATE, np.float32)
    for seconds, expected in ((0.7, {SHORT}), (1.5, set())):
        result = confident.predict(np.concatenate([quiet, spoken(seconds), quiet]), RATE)
        assert set(result.reasons) - FAULTS == expected


@pytest.mark.parametrize("wrong", [(0.4, 0.5, 0.5), (1.1, 0.5, 0.5), (0.5, -0.1, 0.5), (0.5, 0.5, 2.0)])
def test_thresholds_are_in_order(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="no thresholds"):
        thresholds(*wrong)


def test_reasons_have_one_order_and_words() -> None:
    assert in_order({LOW_CONFIDENCE, SHORT, CLIPPED}) == (SHORT, CLIPPED, LOW_CONFIDENCE)
    assert in_words((SHORT, NOISY)) == "too little speech, noisy"
    assert set(IN_WORDS) == FAULTS | {SHORT, LAYERS_DISAGREE, LOW_CONFIDENCE}
