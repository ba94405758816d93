"""Odd recordings: what is heard in them is a valid answer, or the error names the file."""

import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import find, given, settings

from ser.audio import clip_io as audio
from ser.data.ravdess import EMOTIONS, SAMPLE_RATE
from ser.errors import InputError
from ser.recognizer.judging import Recognition
from ser.recognizer.recognizer import Recognizer
from ser.recognizer.segment import Segment

from .bounds import Bounded, check_message
from .bounds import bounded as bounded
from .mutations import RATES, files, recording, wav_files

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


def hear(content: bytes, recognizer: Recognizer, bounded: Bounded) -> None:
    """Let the recognizer answer or refuse."""
    try:
        with bounded():
            check_answer(recognizer.predict(io.BytesIO(content), name=NAME))
    except InputError as error:
        check_message(error, names=NAME)


def decode(content: bytes, path: Path, bounded: Bounded) -> None:
    """Let the pipeline decode or refuse, as a clip of the corpus and as what later stages read."""
    path.write_bytes(content)
    for stream in (None, io.BytesIO(content)):
        try:
            with bounded():
                samples = audio.read_pcm16(path, sample_rate=SAMPLE_RATE, stream=stream)
            assert samples.dtype == np.int16
            assert samples.any()
            assert len(samples) <= audio.LONGEST_S * SAMPLE_RATE
        except InputError as error:
            check_message(error, names=str(path))
    try:
        with bounded():
            window = audio.load(path, sample_rate=16_000, offset_s=0.1, duration_s=3.0)
        assert np.isfinite(window).all()
        assert len(window) <= 3.1 * 16_000
    except InputError as error:
        check_message(error, names=str(path))


@pytest.mark.filterwarnings(f"error::{STRAY}")
@given(content=files())
def test_the_recognizer_answers_or_refuses(content: bytes, recognizer: Recognizer, bounded: Bounded) -> None:
    hear(content, recognizer, bounded)


def test_the_simplest_wav_file_that_is_drawn_is_a_right_one() -> None:
    simplest = find(wav_files(), lambda _: True, settings=settings(database=None))
    assert simplest == recording(("WAV", "PCM_16"), RATES[0], 1)


@pytest.mark.filterwarnings(f"error::{STRAY}")
@given(content=wav_files())
def test_the_recognizer_answers_or_refuses_any_wav_header(
    content: bytes, recognizer: Recognizer, bounded: Bounded
) -> None:
    hear(content, recognizer, bounded)


AIFF, RF64 = (recording((form, "PCM_16"), 8000, 1) for form in ("AIFF", "RF64"))
SIZE = RF64.index(b"ds64") + 16
OUT_OF_FILE = {
    # To -1, as there is no place where sound begins.
    "AIFF without a chunk of sound": AIFF.replace(b"SSND", bytes(4)),
    "AIFF with a byte too many in its header": AIFF[:22] + b"\0" + AIFF[22:],
    # To the end of the samples, where the byte after it has no number.
    "RF64 of 2**63 - 1 bytes": RF64[:SIZE] + (2**63 - 1).to_bytes(8, "little") + RF64[SIZE + 8 :],
}
"""Found by the fuzzers: by such a header libsndfile seeks where no file can be; see
`ser.audio.wav_header`."""


@pytest.mark.filterwarnings(f"error::{STRAY}")
@pytest.mark.parametrize("content", OUT_OF_FILE.values(), ids=OUT_OF_FILE)
def test_a_header_that_leads_out_of_the_file_leaves_no_traceback(
    content: bytes, recognizer: Recognizer, bounded: Bounded
) -> None:
    hear(content, recognizer, bounded)


# Of libsndfile's callbacks: `ser.audio.clip_io` is a stage's, and its files were held to a checksum.
@pytest.mark.filterwarnings(f"ignore::{STRAY}")
@given(content=files(forms=(("WAV", "PCM_16"), ("WAV", "PCM_24"), ("FLAC", "PCM_16"), ("AIFF", "PCM_16"))))
def test_the_pipeline_decodes_or_refuses(
    content: bytes, bounded: Bounded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    decode(content, tmp_path_factory.getbasetemp() / "odd.wav", bounded)


@pytest.mark.filterwarnings(f"ignore::{STRAY}")
@given(content=wav_files(rates=(SAMPLE_RATE,)))
def test_the_pipeline_decodes_or_refuses_any_wav_header(
    content: bytes, bounded: Bounded, tmp_path_factory: pytest.TempPathFactory
) -> None:
    decode(content, tmp_path_factory.getbasetemp() / "odd.wav", bounded)
