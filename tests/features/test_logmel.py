"""The article's log-mel against librosa's own reading of a file, and what the 2-D network reads."""

from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.audio import clip_io as audio
from ser.features.logmel import (
    CONTOUR_PADDING_DB,
    Array,
    Waveform,
    article_frames,
    article_logmel,
    contour,
    fit_length,
    fit_middle,
    speech_logmel,
)
from ser.params import ArticleMel, LogMelParams, Window, load_params

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")
ARTICLE: ArticleMel = PARAMS.extract.article
SPEECH: LogMelParams = PARAMS.extract.logmel
WINDOW: Window = PARAMS.article_window
RATE = 48_000


def voice(seconds: float, *, rate: int = RATE) -> Waveform:
    """Harmonics of a gliding voice in syllables, and a little breath; little above 10 kHz, as in speech."""
    time = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(150 * (1 + 0.2 * np.sin(2 * np.pi * 0.7 * time))) / rate
    pulses = sum(np.cos(harmonic * phase) / harmonic for harmonic in range(1, 40))
    syllables = pulses * (0.2 + np.abs(np.sin(2 * np.pi * 1.5 * time)))
    breath = 1e-3 * np.random.default_rng(0).standard_normal(len(time))
    speech: Waveform = (0.3 * syllables / np.abs(syllables).max() + breath).astype(np.float32)
    return speech


def articles_reading(path: Path) -> Waveform:
    samples: Waveform
    samples, _ = librosa.load(path, res_type="kaiser_fast", duration=3, sr=44_100, offset=0.5)
    return samples


def articles_logmel(samples: Waveform) -> Array:
    """As the article's notebook calls librosa; whatever it does not name is librosa's default."""
    power = librosa.feature.melspectrogram(y=samples, sr=44_100, n_mels=128, fmax=8000)
    decibels: Array = librosa.power_to_db(power)
    return decibels


def our_reading(path: Path) -> Waveform:
    return audio.load(
        path, sample_rate=ARTICLE.sample_rate, offset_s=WINDOW.offset_s, duration_s=WINDOW.duration_s
    )


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recording") / "voice.wav"
    soundfile.write(path, voice(4.0), RATE, subtype="PCM_16")
    return path


def test_the_same_samples_give_librosas_logmel_within_a_hundredth_decibel(recording: Path) -> None:
    samples = articles_reading(recording)
    ours = article_logmel(samples, settings=ARTICLE)
    assert ours.shape == (128, 259)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours, articles_logmel(samples), rtol=0, atol=0.01)
    assert contour(ours).shape == (259,)
    np.testing.assert_allclose(contour(ours), articles_logmel(samples).mean(axis=0), rtol=0, atol=0.01)


def test_another_resampler_moves_the_contour_by_less_than_a_hundredth_decibel(recording: Path) -> None:
    # The article's resampler is resampy's kaiser_fast, ours soxr's HQ. Measured here: the contour differs by
    # 0.003 dB, a cell of the log-mel by 0.002 on average and, 60 dB below the loudest, by 0.1 at the most.
    theirs = articles_logmel(articles_reading(recording))
    ours = article_logmel(our_reading(recording), settings=ARTICLE)
    assert ours.shape == theirs.shape
    difference = np.abs(ours - theirs)
    assert difference.mean() < 0.01
    assert difference[theirs > theirs.max() - 60].max() < 0.1
    assert difference.max() < 0.5
    np.testing.assert_allclose(contour(ours), theirs.mean(axis=0), rtol=0, atol=0.01)


def test_the_window_begins_half_a_second_in(recording: Path) -> None:
    ours = article_logmel(our_reading(recording), settings=ARTICLE)
    whole = articles_logmel(librosa.load(recording, sr=44_100)[0])
    hops_in = round(0.5 * 44_100 / 512)
    matches = [np.abs(contour(ours) - whole[:, start:][:, :259].mean(axis=0)).mean() for start in range(85)]
    assert int(np.argmin(matches)) == hops_in


def test_a_full_window_has_259_frames() -> None:
    assert article_frames(WINDOW, settings=ARTICLE) == 259
    assert article_frames(Window(offset_s=0.5, duration_s=1.0), settings=ARTICLE) == 87


def test_a_short_clip_is_filled_with_0_db_which_is_louder_than_its_speech(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "short.wav", voice(2.0), RATE, subtype="PCM_16")
    ours = contour(article_logmel(our_reading(tmp_path / "short.wav"), settings=ARTICLE))
    assert len(ours) == 130
    # The article gets there by a table whose short rows hold NaN, which it replaces by 0.
    filled = fit_length(ours, 259, padding=CONTOUR_PADDING_DB)
    theirs = np.full(259, np.nan)
    reading = articles_logmel(articles_reading(tmp_path / "short.wav")).mean(axis=0)
    theirs[: len(reading)] = reading
    np.testing.assert_allclose(filled, np.nan_to_num(theirs, nan=0.0), rtol=0, atol=0.01)
    assert (filled[130:] == 0).all()
    assert filled[:130].max() < 0


@given(length=st.integers(0, 40), wanted=st.integers(1, 40))
def test_fit_length_cuts_or_pads_at_the_end(length: int, wanted: int) -> None:
    values = np.arange(2 * length, dtype=np.float32).reshape(2, length)
    fitted = fit_length(values, wanted, padding=-7.0)
    kept = min(length, wanted)
    assert fitted.shape == (2, wanted)
    assert fitted.dtype == np.float32
    np.testing.assert_array_equal(fitted[:, :kept], values[:, :kept])
    assert (fitted[:, kept:] == -7.0).all()


def test_top_db_bounds_how_far_below_the_loudest_a_value_lies() -> None:
    samples = np.concatenate([voice(0.5, rate=44_100), np.zeros(22_050, dtype=np.float32)])
    decibels = article_logmel(samples, settings=ARTICLE)
    assert decibels.min() == pytest.approx(decibels.max() - 80, abs=1e-4)


def silence(seconds: float) -> Waveform:
    return np.zeros(int(seconds * SPEECH.sample_rate), dtype=np.float32)


def speech(seconds: float) -> Waveform:
    return voice(seconds, rate=SPEECH.sample_rate)


def test_silence_at_both_ends_makes_no_difference() -> None:
    # Whole hops, so that the frames fall on the same samples.
    hop_s = SPEECH.hop_length / SPEECH.sample_rate
    bare = speech_logmel(speech(1.0), settings=SPEECH)
    framed = np.concatenate([silence(50 * hop_s), speech(1.0), silence(31 * hop_s)])
    trimmed = speech_logmel(framed, settings=SPEECH)
    assert bare.shape == (63, 64)
    # The trimming frames are 40 ms wide, and keep a hop or two more at either end.
    assert 63 <= len(trimmed) <= 63 + 4
    offsets = [np.abs(trimmed[5 + extra :][:50] - bare[5:55]).max() for extra in range(4)]
    assert min(offsets) < 0.01


def test_trimming_stops_at_its_level() -> None:
    faint = [10 ** (-decibels / 20) * speech(0.5) for decibels in (50, 20)]
    loud_alone = speech_logmel(speech(1.0), settings=SPEECH)
    with_fainter = speech_logmel(np.concatenate([faint[0], speech(1.0)]), settings=SPEECH)
    with_faint = speech_logmel(np.concatenate([faint[1], speech(1.0)]), settings=SPEECH)
    assert len(with_fainter) <= len(loud_alone) + 3
    assert len(with_faint) > len(loud_alone) + 10


@settings(max_examples=10, deadline=None)
@given(decibels=st.floats(-20, 6))
def test_the_level_is_kept(decibels: float) -> None:
    before = speech_logmel(speech(0.6), settings=SPEECH)
    gained = speech(0.6) * np.float32(10 ** (decibels / 20))
    after = speech_logmel(gained, settings=SPEECH)
    assert after.shape == before.shape
    heard = (before > SPEECH.floor_db) & (after > SPEECH.floor_db)
    assert heard.mean() > 0.1
    np.testing.assert_allclose((after - before)[heard], decibels, atol=0.01)
    assert after.min() >= SPEECH.floor_db


@settings(max_examples=15, deadline=None)
@given(n_frames=st.integers(2, 120))
def test_it_is_cut_and_padded_at_both_ends_alike(n_frames: int) -> None:
    whole = np.random.default_rng(0).normal(-40, 9, (51, 64)).astype(np.float32)
    fitted = fit_middle(whole, settings=SPEECH.model_copy(update={"n_frames": n_frames}))
    assert fitted.shape == (n_frames, 64)
    n_speech = min(n_frames, 51)
    start = (n_frames - n_speech) // 2
    cut = (51 - n_speech) // 2
    heard = np.maximum(whole, SPEECH.network_floor_db)
    np.testing.assert_array_equal(fitted[start : start + n_speech], heard[cut : cut + n_speech])
    assert (fitted[:start] == SPEECH.network_floor_db).all()
    assert (fitted[start + n_speech :] == SPEECH.network_floor_db).all()


def test_nothing_lies_below_the_floor() -> None:
    hiss = np.random.default_rng(0).standard_normal(16_000).astype(np.float32)
    quiet = speech_logmel(1e-6 * hiss, settings=SPEECH)
    assert (quiet == SPEECH.floor_db).all()
    raised = speech_logmel(hiss, settings=SPEECH.model_copy(update={"floor_db": -1.0}))
    assert raised.min() == -1
    assert raised.max() > 0
