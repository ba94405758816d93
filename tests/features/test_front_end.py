"""Mel bands, spectrograms and levels against librosa's."""

import librosa
import numpy as np
import pytest

from ser.features.front_end import MelSettings, frame_power, mel_bank, mel_power

RATE = 16_000


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
def test_frames(n: int, frame: int, hop: int) -> None:
    samples = np.random.default_rng(n).normal(0, 0.1, n).astype(np.float32)
    samples[: n // 3] *= 1e-4
    expected = librosa.feature.rms(y=samples, frame_length=frame, hop_length=hop)[0] ** 2
    np.testing.assert_allclose(frame_power(samples, frame=frame, hop=hop), expected, rtol=1e-3, atol=1e-12)


@pytest.mark.parametrize("n", [1, 399, 400, 16_000])
@pytest.mark.parametrize(("n_fft", "win_length", "hop_length"), [(1024, 640, 256), (400, 400, 160)])
def test_mel_power(n: int, n_fft: int, win_length: int, hop_length: int) -> None:
    samples = np.random.default_rng(n).normal(0, 0.1, n).astype(np.float32)
    samples[: n // 3] *= 1e-4
    found = mel_power(samples, settings=MelSettings(RATE, n_fft, win_length, hop_length, 40, 50, 8000))
    expected = librosa.feature.melspectrogram(
        y=samples,
        sr=RATE,
        n_fft=n_fft,
        win_length=win_length,
        hop_length=hop_length,
        n_mels=40,
        fmin=50,
        fmax=8000,
        pad_mode="constant",
    )
    np.testing.assert_allclose(found, expected.T, rtol=1e-3, atol=1e-10)
