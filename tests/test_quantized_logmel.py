"""The log-mel in hundredths of a decibel: librosa's, and the same however its sums were computed."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voices import spoken

from ser.logmel import speech_logmel
from ser.params import LogMelParams, load_params
from ser.quantized_logmel import quantized_logmel

PROJECT = Path(__file__).parents[1]
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


PRINT = """
import hashlib, numpy as np, sys
sys.path[:0] = ["tests"]
from voices import spoken
from ser.params import load_params
from ser.quantized_logmel import quantized_logmel
digest = hashlib.sha256()
for seed in range(12):
    digest.update(quantized_logmel(spoken(2.0, seed=seed), settings=load_params().extract.logmel).tobytes())
print(digest.hexdigest())
"""


@pytest.mark.parametrize(
    "environment",
    [{"OPENBLAS_CORETYPE": "Prescott"}, {"NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3"}],
    ids=["another BLAS kernel", "without AVX2"],
)
def test_other_instructions_give_the_same_bytes(environment: dict[str, str]) -> None:
    # As near as one machine comes to another kind of CPU.
    def digest(extra: dict[str, str]) -> str:
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", PRINT],
            cwd=PROJECT,
            env={"PATH": "", "PYTHONPATH": str(PROJECT), **extra},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert digest(environment) == digest({})
