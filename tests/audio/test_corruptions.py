"""Each corruption does what its definition says, and a kept draw gives the same samples again."""

import json
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.signal import correlate, welch

from ser.audio.corruptions.babble import Babble, babble
from ser.audio.corruptions.click import Click
from ser.audio.corruptions.clipping import Clipping
from ser.audio.corruptions.codec import Codec, code_and_decode
from ser.audio.corruptions.colored_noise import DECAY_DB, ColoredNoise, colored_noise
from ser.audio.corruptions.corruption import Corruption, generator
from ser.audio.corruptions.cut import Cut
from ser.audio.corruptions.dc_offset import DcOffset
from ser.audio.corruptions.hum import Hum
from ser.audio.corruptions.level import Level
from ser.audio.corruptions.mixture import KINDS, Mixture
from ser.audio.corruptions.room import Room
from ser.audio.corruptions.speed import Speed
from ser.audio.corruptions.telephone import Telephone
from ser.audio.endpointing import speech_span
from ser.params import (
    BabbleRanges,
    ClickRanges,
    ClippingRanges,
    CodecRanges,
    ColoredNoiseRanges,
    CutRanges,
    DcOffsetRanges,
    HumRanges,
    LevelRanges,
    RoomRanges,
    SpeedRanges,
    TelephoneRanges,
)

Waveform = npt.NDArray[np.float32]

RATE = 16_000
SPEECH = slice(8000, 32_000)
SEEDS = st.integers(0, 2**16)
CANDIDATES = {actor: [f"clip-{actor}-{number}" for number in range(3)] for actor in range(1, 9)}
DRAWS: Mapping[str, Callable[[np.random.Generator], Corruption]] = {
    "babble": lambda rng: Babble.draw(rng, BabbleRanges(talkers=[3, 6], snr_db=[0, 20]), CANDIDATES),
    "click": lambda rng: Click.draw(rng, ClickRanges(duration_s=[0.0005, 0.002], magnitude=[0.05, 1])),
    "clipping": lambda rng: Clipping.draw(rng, ClippingRanges(share=[0.001, 0.2])),
    "codec": lambda rng: Codec.draw(
        rng, CodecRanges(codes=["mu_law", "a_law", "gsm", "opus"], opus_kbit_s=[6, 24])
    ),
    "colored_noise": lambda rng: ColoredNoise.draw(
        rng, ColoredNoiseRanges(colors=["white", "pink", "brown"], snr_db=[-3, 30])
    ),
    "cut": lambda rng: Cut.draw(rng, CutRanges(place=[0, 1], duration_s=[0.7, 2])),
    "dc_offset": lambda rng: DcOffset.draw(rng, DcOffsetRanges(magnitude=[0.003, 0.1])),
    "hum": lambda rng: Hum.draw(rng, HumRanges(mains_hz=[50, 60], partials=8, snr_db=[0, 30])),
    "level": lambda rng: Level.draw(rng, LevelRanges(gain_db=[-20, 20], clipped=True)),
    "room": lambda rng: Room.draw(rng, RoomRanges(rt60_s=[0.2, 1], direct_to_reverberant_db=[-3, 6])),
    "speed": lambda rng: Speed.draw(rng, SpeedRanges(factor=[0.85, 1.18])),
    "telephone": lambda rng: Telephone.draw(rng, TelephoneRanges(low_hz=[200, 400], high_hz=[3000, 3600])),
}


@cache
def recording(seed: int = 0) -> Waveform:
    """Half a second of faint noise, 1.5 s of syllables, and half a second of noise again."""
    draw = np.random.default_rng(seed)
    time = np.arange(SPEECH.stop - SPEECH.start) / RATE
    voice = sum(np.sin(2 * np.pi * pitch * time) for pitch in (220, 700, 1800, 3000))
    samples = draw.normal(0, 1e-5, 40_000)
    samples[SPEECH] += 0.02 * voice * (1.2 - np.cos(2 * np.pi * 4 * time)) + draw.normal(0, 1e-3, len(time))
    made = samples.astype(np.float32)
    made.flags.writeable = False
    return made


@cache
def voices() -> dict[str, Waveform]:
    clips = [clip for of_actor in CANDIDATES.values() for clip in of_actor]
    return {
        clip: np.random.default_rng(place).normal(0, 0.01 * (1 + place), 5000).astype(np.float32)
        for place, clip in enumerate(clips)
    }


def power(samples: npt.NDArray[np.floating]) -> float:
    return float(np.var(samples, dtype=np.float64))


def in_db(ratio: float) -> float:
    return float(10 * np.log10(ratio))


def added_by(corruption: Corruption, samples: Waveform) -> npt.NDArray[np.float64]:
    return Mixture((corruption,)).apply(samples, RATE, voices=voices()).astype(np.float64) - samples


def density(samples: npt.NDArray[np.floating]) -> Callable[[float, float], float]:
    """Give the mean power density in dB of a band."""
    hz, found = welch(samples, RATE, nperseg=4096)
    return lambda low, high: float(10 * np.log10(found[(hz >= low) & (hz < high)].mean()))


def test_every_kind_is_tested() -> None:
    assert set(DRAWS) == set(KINDS)


@pytest.mark.parametrize("kind", DRAWS)
@given(SEEDS)
@settings(max_examples=6)
def test_a_kept_draw_is_replayed_to_the_bit_and_leaves_the_recording(kind: str, seed: int) -> None:
    samples = recording()
    before = samples.copy()
    drawn = Mixture((DRAWS[kind](np.random.default_rng(seed)),))
    first = drawn.apply(samples, RATE, voices=voices())
    np.random.seed(seed)  # noqa: NPY002
    kept = Mixture.from_json(drawn.to_json())
    assert kept == drawn
    assert Mixture((DRAWS[kind](np.random.default_rng(seed)),)) == drawn
    np.testing.assert_array_equal(kept.apply(samples, RATE, voices=voices()), first)
    np.testing.assert_array_equal(samples, before)
    assert first.dtype == np.float32
    assert first.ndim == 1
    assert np.isfinite(first).all()
    assert not np.array_equal(first, samples)
    if kind not in ("cut", "speed"):
        assert len(first) == len(samples)


@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("length", [1, 2, 100, 700])
@pytest.mark.parametrize("value", [0.0, 0.5])
def test_silence_and_the_shortest_recordings(kind: str, length: int, value: float) -> None:
    samples = np.full(length, value, dtype=np.float32)
    corrupted = Mixture((DRAWS[kind](np.random.default_rng(0)),)).apply(samples, RATE, voices=voices())
    assert len(corrupted) >= 1
    assert np.isfinite(corrupted).all()


@given(st.lists(st.sampled_from(sorted(DRAWS)), max_size=4), SEEDS)
@settings(max_examples=25)
def test_a_mixture_is_its_corruptions_one_after_the_other(kinds: list[str], seed: int) -> None:
    rng = np.random.default_rng(seed)
    mixture = Mixture(tuple(DRAWS[kind](rng) for kind in kinds))
    wanted = recording()
    for corruption in mixture.corruptions:
        wanted = Mixture((corruption,)).apply(wanted, RATE, voices=voices())
    np.testing.assert_array_equal(mixture.apply(recording(), RATE, voices=voices()), wanted)
    assert len(json.loads(mixture.to_json())) == len(kinds)
    assert Mixture.from_json(mixture.to_json()) == mixture
    assert set(mixture.voices) <= set(voices())


@given(st.floats(-3, 30), SEEDS, st.sampled_from(["white", "pink", "brown", "babble", "hum"]))
@settings(max_examples=25)
def test_the_snr_over_the_speech_is_the_one_asked_for(snr_db: float, seed: int, kind: str) -> None:
    if kind == "babble":
        corruption: Corruption = Babble(("clip-1-0", "clip-2-1"), snr_db, seed)
    elif kind == "hum":
        corruption = Hum(50.0, (1.0, 0.5), (0.0, 1.0), snr_db)
    else:
        corruption = ColoredNoise(kind, snr_db, seed)
    samples = recording(seed)
    added = added_by(corruption, samples)
    span = speech_span(samples, sample_rate=RATE)
    assert in_db(power(samples[span]) / power(added[span])) == pytest.approx(snr_db, abs=0.02)
    # What the ends are does not matter much, as long as the silence is not among it.
    assert in_db(power(samples[SPEECH]) / power(added[SPEECH])) == pytest.approx(snr_db, abs=1)
    assert power(added[: SPEECH.start]) > 0.05 * power(added[SPEECH])


@given(SEEDS, st.floats(-0.5, 0.5))
@settings(max_examples=20)
def test_an_offset_does_not_make_noise_louder(seed: int, offset: float) -> None:
    noise = ColoredNoise("white", 10.0, seed)
    samples = recording(seed)
    np.testing.assert_allclose(
        added_by(noise, samples + np.float32(offset)), added_by(noise, samples), atol=1e-6
    )


def test_noise_is_the_same_at_every_ratio_and_another_for_every_seed() -> None:
    loud, quiet, other = (
        added_by(it, recording())
        for it in (
            ColoredNoise("pink", 0.0, 1),
            ColoredNoise("pink", 20.0, 1),
            ColoredNoise("pink", 0.0, 2),
        )
    )
    np.testing.assert_allclose(quiet * 10, loud, atol=1e-6)
    assert abs(np.corrcoef(loud, other)[0, 1]) < 0.2


@pytest.mark.parametrize("color", DECAY_DB)
def test_the_density_falls_by_so_much_an_octave(color: str) -> None:
    noise = colored_noise(color, 60 * RATE, sample_rate=RATE, seed=0)
    band = density(noise)
    for octave in range(5):
        low = 125 * 2**octave
        fall = band(low, 1.1 * low) - band(2 * low, 2.2 * low)
        assert fall == pytest.approx(DECAY_DB[color], abs=0.7)
    if color != "white":
        assert band(0, 30) < band(60, 100) - 30


@given(st.lists(st.floats(0.01, 100), min_size=3, max_size=3))
@settings(max_examples=15)
def test_every_voice_babbles_at_the_same_level(levels: list[float]) -> None:
    own = [voices()[f"clip-{actor}-0"] for actor in (1, 2, 3)]
    scaled = [np.float32(level) * voice for level, voice in zip(levels, own, strict=True)]
    np.testing.assert_allclose(babble(scaled, 16_000, seed=0), babble(own, 16_000, seed=0), atol=1e-3)
    assert power(babble(own[:1], 50_000, seed=0)) == pytest.approx(1, rel=0.01)


@given(SEEDS, st.integers(1, 8))
@settings(max_examples=20)
def test_talkers_are_as_many_different_actors_from_the_candidates(seed: int, talkers: int) -> None:
    drawn = Babble.draw(
        np.random.default_rng(seed), BabbleRanges(talkers=[talkers, talkers], snr_db=[0, 0]), CANDIDATES
    )
    actors = {actor for actor, clips in CANDIDATES.items() for clip in drawn.clips if clip in clips}
    assert len(drawn.clips) == len(actors) == talkers
    with pytest.raises(ValueError, match="babble of 9 talkers, but only 8 actors"):
        Babble.draw(np.random.default_rng(seed), BabbleRanges(talkers=[1, 9], snr_db=[0, 0]), CANDIDATES)


def test_babble_without_its_voices_is_an_error() -> None:
    with pytest.raises(KeyError, match="clip-1-0"):
        Mixture((Babble(("clip-1-0",), 0.0, 0),)).apply(recording(), RATE)


@given(st.floats(200, 400), st.floats(3000, 3600))
@settings(max_examples=10)
def test_a_telephone_lets_through_its_band_alone(low_hz: float, high_hz: float) -> None:
    sent = (0.05 * np.random.default_rng(0).standard_normal(20 * RATE)).astype(np.float32)
    before, after = density(sent), density(Telephone(low_hz, high_hz).apply(sent, RATE))

    def gain(low: float, high: float) -> float:
        return after(low, high) - before(low, high)

    assert abs(gain(1.3 * low_hz, 0.9 * high_hz)) < 0.5
    assert gain(low_hz - 8, low_hz + 8) == pytest.approx(-3, abs=1)
    assert gain(high_hz - 20, high_hz + 20) == pytest.approx(-3, abs=1)
    assert gain(0, low_hz / 2) < -25
    assert gain(4200, 8000) < -50


@pytest.mark.parametrize(
    ("code", "kbit_s", "least_snr_db"),
    [("mu_law", 64, 30), ("a_law", 64, 30), ("gsm", 13, 3), ("opus", 24, 5), ("opus", 6, 0)],
)
def test_codecs_neither_delay_nor_lengthen_nor_change_the_level(
    code: str, kbit_s: float, least_snr_db: float
) -> None:
    """Chirps of the voice's band: a pitch with its harmonics that glides."""
    time = np.arange(2 * 8000 + 77) / 8000
    turn = 2 * np.pi * (120 * time + 30 * time**2)
    partials = [0.3 * np.cos(order * turn + order) / order for order in range(1, 9)]
    line = np.sum(partials, axis=0).astype(np.float32)
    coded = code_and_decode(line, code=code, kbit_s=kbit_s)
    assert len(coded) == len(line)
    lags = correlate(coded, line, "full")
    assert abs(int(np.argmax(lags)) - (len(line) - 1)) <= 1
    assert in_db(power(coded) / power(line)) == pytest.approx(0, abs=1.5)
    assert in_db(power(line) / power(coded - line)) > least_snr_db


@pytest.mark.parametrize("code", ["mu_law", "a_law", "gsm"])
def test_codecs_clip_what_exceeds_full_scale(code: str) -> None:
    """They do not wrap it round to the other sign."""
    tone = np.sin(2 * np.pi * 200 * np.arange(8000) / 8000).astype(np.float32)
    loud = code_and_decode(3 * tone, code=code, kbit_s=6)
    held = code_and_decode(np.clip(3 * tone, -0.9999, 0.9999), code=code, kbit_s=6)
    assert np.corrcoef(loud, tone)[0, 1] > 0.85
    assert np.abs(loud).max() <= 1.0
    assert power(loud) == pytest.approx(power(held), rel=0.01)


def test_mu_law_is_that_of_g711() -> None:
    coded = code_and_decode(np.linspace(-1, 1, 100_001, dtype=np.float32), code="mu_law", kbit_s=64)
    assert len(np.unique(coded)) == 255
    assert np.abs(coded).max() == pytest.approx(32_124 / 32_768)
    assert (code_and_decode(np.zeros(99, dtype=np.float32), code="mu_law", kbit_s=64) == 0).all()


@given(st.floats(0.2, 1.5), st.floats(-5, 10), SEEDS)
@settings(max_examples=20)
def test_a_room_decays_by_60_db_in_its_time(rt60_s: float, ratio_db: float, seed: int) -> None:
    response = Room(rt60_s, ratio_db, seed).response(RATE)
    direct, tail = response[0] ** 2, response[1:] ** 2
    assert in_db(direct / tail.sum()) == pytest.approx(ratio_db, abs=1e-6)
    # Schroeder: the energy still to come, here between 5 and 35 dB below all of it.
    decay = 10 * np.log10(np.cumsum(tail[::-1])[::-1] / tail.sum())
    middle = (decay < -5) & (decay > -35)
    slope = np.polyfit(np.flatnonzero(middle) / RATE, decay[middle], 1)[0]
    assert -60 / slope == pytest.approx(rt60_s, rel=0.15)


def test_a_room_keeps_the_level_and_adds_a_tail() -> None:
    samples = recording()
    wet = Room(0.8, 0.0, 0).apply(samples, RATE)
    span = speech_span(samples, sample_rate=RATE)
    assert power(wet[span]) == pytest.approx(power(samples[span]), rel=1e-4)
    assert power(wet[SPEECH.stop : SPEECH.stop + 1600]) > 100 * power(samples[SPEECH.stop :])
    assert np.abs(wet[: SPEECH.start - 200]).max() < 1e-3


@given(st.floats(-30, 30), st.booleans())
@settings(max_examples=25)
def test_the_level_changes_by_the_gain(gain_db: float, clipped: bool) -> None:
    samples = recording()
    louder = Level(gain_db, clipped).apply(samples, RATE)
    wanted = (samples * 10 ** (gain_db / 20)).astype(np.float32)
    np.testing.assert_array_equal(louder, np.clip(wanted, -1, 1) if clipped else wanted)


@given(st.floats(0.001, 0.9), SEEDS)
@settings(max_examples=30)
def test_the_stated_share_of_the_speech_is_clipped(share: float, seed: int) -> None:
    samples = recording(seed)
    clipped = Clipping(share).apply(samples, RATE)
    limit = np.abs(clipped).max()
    span = speech_span(samples, sample_rate=RATE)
    assert (np.abs(clipped[span]) >= limit).mean() == pytest.approx(share, abs=1e-3)
    untouched = np.abs(samples) < limit
    np.testing.assert_array_equal(clipped[untouched], samples[untouched])


@given(st.floats(-0.2, 0.2))
@settings(max_examples=25)
def test_the_offset_is_in_every_sample(offset: float) -> None:
    added = added_by(DcOffset(offset), recording())
    np.testing.assert_allclose(added, offset, atol=1e-7)


@given(SEEDS, st.sampled_from([50.0, 60.0]))
@settings(max_examples=10)
def test_hum_is_in_the_multiples_of_the_mains_frequency(seed: int, mains_hz: float) -> None:
    ranges = HumRanges(mains_hz=[int(mains_hz)], partials=6, snr_db=[0, 0])  # type: ignore[list-item]
    drawn = Hum.draw(np.random.default_rng(seed), ranges)
    assert drawn.mains_hz == mains_hz
    added = added_by(drawn, recording())[: 2 * RATE]
    spectrum = np.square(np.abs(np.fft.rfft(added)))
    orders = np.arange(1, 7)
    at_multiples = spectrum[(2 * mains_hz * orders).astype(int)]
    assert at_multiples.sum() > 0.999 * spectrum.sum()
    np.testing.assert_allclose(
        np.sqrt(at_multiples / at_multiples[0]), np.array(drawn.amplitudes) / drawn.amplitudes[0], rtol=0.01
    )


@given(st.floats(0, 0.9999), st.floats(0.0001, 0.003), st.floats(-1, 1).filter(lambda it: abs(it) > 0.01))
@settings(max_examples=25)
def test_a_click_is_one_pulse(place: float, duration_s: float, amplitude: float) -> None:
    added = added_by(Click(place, duration_s, amplitude), recording())
    (where,) = np.nonzero(np.abs(added) > 1e-4)
    assert where[0] == int(place * 40_000)
    assert len(where) == min(max(1, round(duration_s * RATE)), 40_000 - where[0])
    assert (np.diff(where) == 1).all()
    np.testing.assert_allclose(added[where], amplitude, atol=1e-6)


@given(st.floats(0.7, 1.4))
@settings(max_examples=20)
def test_speed_divides_the_length_and_multiplies_the_pitch(factor: float) -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(2 * RATE) / RATE).astype(np.float32)
    played = Speed(factor).apply(tone, RATE)
    assert len(played) == pytest.approx(len(tone) / factor, abs=2)
    pitch = np.argmax(np.abs(np.fft.rfft(played * np.hanning(len(played))))) * RATE / len(played)
    assert pitch == pytest.approx(500 * factor, abs=1)


@given(st.floats(0, 1), st.floats(0.7, 3))
@settings(max_examples=25)
def test_a_cut_is_a_part_of_the_speech_of_the_length_asked_for(place: float, duration_s: float) -> None:
    samples = recording()
    speech = samples[speech_span(samples, sample_rate=RATE)]
    part = Cut(place, duration_s).apply(samples, RATE)
    length = min(round(duration_s * RATE), len(speech))
    start = round(place * (len(speech) - length))
    np.testing.assert_array_equal(part, speech[start : start + length])
    if place == 0:
        np.testing.assert_array_equal(part, speech[:length])


@pytest.mark.parametrize(
    ("ranges", "wrong"),
    [
        (ColoredNoiseRanges, {"colors": ["white"], "snr_db": [30.0, -3.0]}),
        (ColoredNoiseRanges, {"colors": ["blue"], "snr_db": [-3.0, 30.0]}),
        (CutRanges, {"place": [0.0, 1.0], "duration_s": [0.5, 2.0]}),
        (TelephoneRanges, {"low_hz": [300.0, 400.0], "high_hz": [3400.0, 4100.0]}),
        (ClippingRanges, {"share": [0.0, 0.1]}),
        (SpeedRanges, {"factor": [0.9, 1.1, 1.2]}),
        (CodecRanges, {"codes": ["mp3"], "opus_kbit_s": [6.0, 24.0]}),
    ],
)
def test_ranges_that_make_no_sense_are_refused(
    ranges: type[ColoredNoiseRanges], wrong: dict[str, object]
) -> None:
    with pytest.raises(ValidationError):
        ranges.model_validate(wrong)


@given(st.integers(0, 2**32), st.text(max_size=3), st.text(max_size=3))
@settings(max_examples=25)
def test_generators_depend_on_seed_and_names_alone(seed: int, clip: str, kind: str) -> None:
    assert generator(seed, clip, kind).random() == generator(seed, clip, kind).random()
    assert generator(seed, clip, kind).random() != generator(seed + 1, clip, kind).random()
