"""The log-mel in hundredths of a decibel: librosa's, rounded."""

from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from voices import spoken

from experiments.dtw.quantized_logmel import quantized_logmel
from ser.features.logmel import speech_logmel
from ser.params import LogMelParams, load_params

PROJECT = Path(__file__).parents[3]
SPEECH: LogMelParams = load_params(PROJECT / "params.yaml").extract.logmel


@given(seed=st.integers(0, 30), seconds=st.floats(0.1, 3.0), level=st.floats(0.01, 1.0))
@settings(max_examples=20, deadline=None)
def test_it_is_the_log_mel_of_the_speech_rounded(seed: int, seconds: float, level: float) -> None:
    samples = spoken(seconds, seed=seed) * np.float32(level)
    found = quantized_logmel(samples, settings=SPEECH)
    expected = speech_logmel(samples, settings=SPEECH)
    assert found.dtype == np.float32
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 0.006
    hundredths = 100 * found.astype(np.float64)
    assert np.abs(hundredths - np.rint(hundredths)).max() < 1e-3
    assert found.min() >= SPEECH.floor_db
