"""The exported model's front end against librosa's, with which it was trained."""

from pathlib import Path

import librosa
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.errors import InputError
from ser.export.write_bundle import front_end_of
from ser.features import logmel, speaker_encoder
from ser.features.front_end import FrontEndSettings, MelSettings, features, frame_power, mel_bank, trim
from ser.params import Params, load_params

RATE = 16_000


@pytest.fixture(scope="module")
def params() -> Params:
    return load_params(Path(__file__).parents[2] / "params.yaml")


@pytest.fixture(scope="module")
def front_end(params: Params) -> FrontEndSettings:
    return front_end_of(params.extract.logmel, trim_db=params.encode.trim_db)


@settings(max_examples=30, deadline=None)
@given(
    seconds=st.floats(0.05, 4),
    quiet_s=st.floats(0, 1),
    level_db=st.floats(-60, 0),
    seed=st.integers(0, 2**16),
)
def test_features_are_those_of_training(
    params: Params, front_end: FrontEndSettings, seconds: float, quiet_s: float, level_db: float, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    n = round(seconds * RATE)
    tone = np.sin(2 * np.pi * draw.uniform(80, 3000) * np.arange(n) / RATE)
    loud = 10 ** (level_db / 20) * (tone + draw.normal(0, 0.1, n)) * draw.uniform(0.1, 1)
    quiet = draw.normal(0, 1e-5, round(quiet_s * RATE))
    samples = np.concatenate([quiet, loud, quiet]).astype(np.float32)

    found = features(samples, settings=front_end)
    whole = logmel.speech_logmel(samples, settings=params.extract.logmel)
    expected = logmel.fit_middle(whole, settings=params.extract.logmel)
    np.testing.assert_allclose(found.logmel, expected, atol=1e-3)

    speech = speaker_encoder.speech_of(samples, trim_db=params.encode.trim_db)
    mel = speaker_encoder.encoder_mel(speech)
    computed, wanted = (10 * np.log10(np.maximum(power, 1e-10)) for power in (found.mel, mel))
    np.testing.assert_allclose(computed, wanted, atol=1e-3)
    rms = np.sqrt(np.mean(np.square(speech, dtype=np.float64)))
    np.testing.assert_allclose(found.level, [20 * np.log10(max(rms, 1e-10)), len(speech) / RATE], rtol=1e-5)


@pytest.mark.parametrize(
    ("n_fft", "n_mels", "fmin", "fmax"),
    [(1024, 64, 50, 8000), (400, 40, 0, 8000), (512, 20, 1200, 5000), (400, 128, 0, 8000)],
)
def test_mel_bank(n_fft: int, n_mels: int, fmin: float, fmax: float) -> None:
    found = mel_bank(MelSettings(RATE, n_fft, n_fft, 160, n_mels, fmin, fmax))
    with np.testing.suppress_warnings() as quietly:
        quietly.filter(UserWarning, "Empty filters")
        expected = librosa.filters.mel(sr=RATE, n_fft=n_fft, n_mels=n_mels, fmin=fmin, fmax=fmax)
    np.testing.assert_allclose(found, expected.T, atol=1e-7)


@pytest.mark.parametrize("n", [1, 399, 400, 401, 16_000])
@pytest.mark.parametrize(("frame", "hop"), [(400, 160), (640, 256), (5, 3)])
def test_frames_and_trimming(n: int, frame: int, hop: int) -> None:
    samples = np.random.default_rng(n).normal(0, 0.1, n).astype(np.float32)
    samples[: n // 3] *= 1e-4
    expected = librosa.feature.rms(y=samples, frame_length=frame, hop_length=hop)[0] ** 2
    np.testing.assert_allclose(frame_power(samples, frame=frame, hop=hop), expected, rtol=1e-3, atol=1e-12)
    trimmed, _ = librosa.effects.trim(samples, top_db=30, frame_length=frame, hop_length=hop)
    np.testing.assert_array_equal(trim(samples, trim_db=30, frame=frame, hop=hop), trimmed)


def test_another_rate_than_the_encoders_is_refused(params: Params) -> None:
    other = params.extract.logmel.model_copy(update={"sample_rate": 22_050})
    with pytest.raises(InputError, match=r"extract\.logmel\.sample_rate must be 16000"):
        front_end_of(other, trim_db=32)
