"""Speech is told from noise, tones, hum and clicks, at any level; synthetic voices count as speech."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from voices import CLIPS, spoken

from ser.errors import InputError
from ser.recognizer.voice_activity import RATE, SpeechDetector

Samples = npt.NDArray[np.float64]
T = np.arange(3 * RATE) / RATE


def noise(slope: float) -> Samples:
    """White for 0, pink for 0.5, brown for 1."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(size=len(T)))
    spectrum /= np.maximum(np.arange(len(spectrum)), 1) ** slope
    samples: Samples = np.fft.irfft(spectrum, len(T))
    samples /= samples.std()
    return samples


def impulses(*, every: int) -> Samples:
    samples = np.zeros(len(T))
    samples[every // 2 :: every] = 5.0
    return samples


NO_SPEECH: dict[str, Callable[[], Samples]] = {
    "white noise": lambda: noise(0),
    "pink noise": lambda: noise(0.5),
    "brown noise": lambda: noise(1),
    "swelling noise": lambda: noise(0) * (1 + np.sin(2 * np.pi * 4 * T)),
    "a tone of 100 Hz": lambda: np.sin(2 * np.pi * 100 * T),
    "a tone of 440 Hz": lambda: np.sin(2 * np.pi * 440 * T),
    "a swelling tone": lambda: np.sin(2 * np.pi * 440 * T) * (1 + np.sin(2 * np.pi * 4 * T)),
    "mains hum": lambda: np.sum([np.sin(2 * np.pi * 50 * k * T) / k for k in range(1, 9)], axis=0),
    "a chirp": lambda: np.sin(2 * np.pi * (100 * T + 600 * T**2)),
    "a constant": lambda: np.ones(len(T)),
    "a click": lambda: impulses(every=2 * len(T)),
    "clicks": lambda: impulses(every=RATE // 2),
    "a rattle": lambda: impulses(every=RATE // 100),
}


@pytest.fixture(scope="module")
def detector() -> SpeechDetector:
    return SpeechDetector()


@pytest.mark.parametrize("name", NO_SPEECH)
@pytest.mark.parametrize("level_db", [-6, -40, -60])
def test_what_is_no_speech(detector: SpeechDetector, name: str, level_db: int) -> None:
    samples = (NO_SPEECH[name]() * 10 ** (level_db / 20)).astype(np.float32)
    assert not detector.has_speech(samples)
    assert not detector.has_speech(samples[: RATE // 2])


@pytest.mark.parametrize("seed", range(len(CLIPS)))
@pytest.mark.parametrize("level_db", [0, -20, -40])
def test_voices_are_speech(detector: SpeechDetector, seed: int, level_db: int) -> None:
    samples = spoken(1, seed=seed) * np.float32(10 ** (level_db / 20))
    assert detector.has_speech(samples)
    draw = np.random.default_rng(0)
    noisy = samples + draw.normal(0, 0.1 * samples.std(), len(samples)).astype(np.float32)
    assert detector.has_speech(noisy)


def test_next_to_nothing_is_no_speech(detector: SpeechDetector) -> None:
    for length in (0, 1, 511, 512, 513):
        assert not detector.has_speech(np.zeros(length, np.float32))


def test_a_damaged_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vad.onnx"
    with pytest.raises(InputError, match=r"vad\.onnx: No such file or directory; install the package again"):
        SpeechDetector(path)
    path.write_bytes(b"something else")
    with pytest.raises(InputError, match=r"vad\.onnx: damaged"):
        SpeechDetector(path)
