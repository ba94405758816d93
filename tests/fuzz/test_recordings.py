"""Odd recordings: what is heard in them is a valid answer, or the error names the file."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given

from ser import audio
from ser.errors import InputError
from ser.ravdess import EMOTIONS, SAMPLE_RATE
from ser.recognizer import Recognition, Recognizer, Segment

from .bounds import Bounded, check_message
from .bounds import bounded as bounded
from .mutations import files

NAME = "odd recording"

# A traceback that Python writes to standard error, as no caller is there to catch it.
STRAY = "pytest.PytestUnraisableExceptionWarning"


@pytest.fixture(scope="module")
def recognizer(bundle_folder: Path) -> Recognizer:
    return Recognizer.load(bundle_folder)


def check_answer(answer: Recognition) -> None:
    assert answer.source == NAME
    assert 0 < answer.duration_s < math.inf
    judged: list[Recognition | Segment] = [answer, *answer.segments]
    for it in judged:
        assert tuple(it.probabilities) == EMOTIONS
        assert it.emotion in EMOTIONS
        assert math.isclose(sum(it.probabilities.values()), 1, abs_tol=1e-5)


@pytest.mark.filterwarnings(f"error::{STRAY}")
@given(content=files())
def test_the_recognizer_answers_or_refuses(content: bytes, recognizer: Recognizer, bounded: Bounded) -> None:
    try:
        with bounded():
            check_answer(recognizer.predict(io.BytesIO(content), name=NAME))
    except InputError as error:
        check_message(error, names=NAME)


# Of libsndfile's callbacks: `ser.audio` is a stage's, and its files were held to a checksum.
@pytest.mark.filterwarnings(f"ignore::{STRAY}")
@given(content=files(forms=(("WAV", "PCM_16"), ("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("AIFF", "PCM_16"))))
def test_the_pipeline_decodes_or_refuses(
    content: bytes, bounded: Bounded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "odd.wav"
    path.write_bytes(content)
    for stream in (None, io.BytesIO(content)):
        try:
            with bounded():
                samples = audio.read_pcm16(path, sample_rate=SAMPLE_RATE, stream=stream)
            assert samples.dtype == np.int16
            assert samples.any()
        except InputError as error:
            check_message(error, names=str(path))
    try:
        with bounded():
            window = audio.load(path, sample_rate=16_000, offset_s=0.1, duration_s=3.0)
        assert np.isfinite(window).all()
        assert len(window) <= 3.1 * 16_000
    except InputError as error:
        check_message(error, names=str(path))
