"""Whisper's log-mel without librosa: that which `experiments.whisper` computes with it."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voices import spoken

from experiments.whisper import whisper_encoder as published
from ser.errors import InputError
from ser.features.whisper_front_end import LONGEST_S, WHISPER_MEL, whisper_mel

RATE = WHISPER_MEL.sample_rate


@settings(max_examples=30, deadline=None)
@given(n=st.integers(0, 3000), decibels=st.floats(-100, 40))
def test_it_is_that_of_librosa(n: int, decibels: float) -> None:
    speech = np.random.default_rng(n).normal(0, 10 ** (decibels / 20), n).astype(np.float32)
    expected = published.whisper_mel(speech)
    assert whisper_mel(speech).shape == expected.shape
    np.testing.assert_allclose(whisper_mel(speech), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("seconds", [0.5, 4.0, LONGEST_S])
def test_it_is_that_of_librosa_on_voices(seconds: float) -> None:
    speech = spoken(seconds, rate=RATE)
    np.testing.assert_allclose(whisper_mel(speech), published.whisper_mel(speech), rtol=0, atol=1e-6)


def test_more_than_whisper_reads_is_refused() -> None:
    assert len(whisper_mel(np.zeros(30 * RATE, dtype=np.float32))) == 3000
    with pytest.raises(InputError, match=r"^31\.0 s of speech, but Whisper's encoder reads 30 s at most"):
        whisper_mel(np.zeros(31 * RATE, dtype=np.float32))


def test_nothing_slow_is_imported() -> None:
    code = "import sys, ser.features.whisper_encoder; print(*sys.modules)"
    listing = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = {name.partition(".")[0] for name in listing.split()}
    assert "numpy" in loaded
    assert not loaded & {"librosa", "scipy", "onnx", "onnxruntime", "pandas", "sklearn", "tensorflow"}
