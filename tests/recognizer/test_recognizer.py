"""The recognizer: any sound in, the same answer however it is given, and clear errors."""

import doctest
import errno
import hashlib
import importlib
import io
import json
import os
import pickle
import re
import shutil
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_info
from voices import spoken

from ser.audio import clip_io
from ser.audio.stream import Recording, Sound, resampled
from ser.data.ravdess import EMOTIONS
from ser.data.synthetic import synthesize
from ser.errors import InputError, NoSpeechError
from ser.recognizer.blas_threads import BLAS
from ser.recognizer.bundle_format import (
    ABOUT,
    GENERAL,
    LARGEST_BYTES,
    RAVDESS,
    SHIPPED,
    WEIGHTS_LICENCE,
    read_bundle,
    write_bundle,
)
from ser.recognizer.certainty import LIKELY, NOT_SURE, SURE, Thresholds
from ser.recognizer.judging import Recognition
from ser.recognizer.ordered_threads import AHEAD
from ser.recognizer.posteriors import posteriors
from ser.recognizer.reasons import SHORT
from ser.recognizer.recognizer import Recognizer
from ser.recognizer.segment import Segment
from stages.layers.speech import layers_of

RATE = 16_000
Samples = npt.NDArray[np.float32]


@pytest.fixture(scope="session")
def recognizer(bundle_folder: Path) -> Recognizer:
    return Recognizer.load(bundle_folder)


def difference(one: Recognition, other: Recognition) -> float:
    assert list(one.probabilities) == list(other.probabilities) == list(EMOTIONS)
    return max(abs(one.probabilities[it] - other.probabilities[it]) for it in EMOTIONS)


def check(result: Recognition) -> None:
    everything: list[Recognition | Segment] = [result, *result.segments]
    for it in everything:
        assert sum(it.probabilities.values()) == pytest.approx(1)
        assert it.confidence == max(it.probabilities.values()) == it.probabilities[it.emotion]
        assert 0 <= it.agreement <= 1
        assert it.uncertain or it.confidence >= 0.5
        assert it.uncertain == (it.certainty == NOT_SURE)
        assert it.reasons or not it.uncertain
        assert it.confidence >= {SURE: 0.8, LIKELY: 0.5, NOT_SURE: 0}[it.certainty]
        assert it.agreement >= 0.5 or it.certainty != SURE


@pytest.mark.parametrize(
    ("ending", "subtype", "tolerance"),
    [
        ("wav", "PCM_16", 1e-3),
        ("wav", "PCM_U8", 0.2),
        ("wav", "PCM_24", 1e-5),
        ("wav", "FLOAT", 1e-7),
        ("flac", "PCM_16", 1e-3),
        ("ogg", "VORBIS", 0.2),
        ("mp3", "MPEG_LAYER_III", 0.2),
    ],
)
def test_a_file_is_recognised_as_its_samples_are(
    recognizer: Recognizer, tmp_path: Path, ending: str, subtype: str, tolerance: float
) -> None:
    samples = spoken(2, rate=24_000)
    path = tmp_path / f"voice.{ending}"
    soundfile.write(path, samples, 24_000, subtype=subtype)
    expected = recognizer.predict(samples, 24_000)
    assert recognizer.predict((24_000, samples)) == expected
    found = recognizer.predict(path)
    check(found)
    assert found.source == str(path)
    assert difference(found, expected) < tolerance
    assert not found.segments
    # The same of its bytes, and from a stream, also from one that cannot go back, as a pipe.
    assert recognizer.predict(path.read_bytes(), name="it").probabilities == found.probabilities
    with path.open("rb") as stream:
        assert recognizer.predict(stream, name="it").probabilities == found.probabilities
    once = io.BufferedReader(_Pipe(path.read_bytes()))
    assert recognizer.predict(once, name="it").source == "it"


class _Pipe(io.RawIOBase):
    def __init__(self, content: bytes) -> None:
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        return self._content.readinto(buffer)


def test_channels_are_averaged_and_integers_taken_relative_to_full_scale(recognizer: Recognizer) -> None:
    samples = spoken(2)
    expected = recognizer.predict(samples, RATE)
    eight = np.stack([samples * (channel / 4) for channel in range(1, 8)] + [np.zeros_like(samples)], axis=1)
    louder = eight / eight.mean(axis=1, keepdims=True).max() * samples.max()
    assert difference(recognizer.predict(louder.astype(np.float32), RATE), expected) < 1e-4
    for dtype, full in ((np.int16, 2**15), (np.int32, 2**31)):
        assert difference(recognizer.predict((samples * full).astype(dtype), RATE), expected) < 1e-3


@settings(max_examples=15, deadline=None)
@given(
    rate=st.sampled_from([4000, 8000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000]),
    channels=st.integers(1, 8),
    seconds=st.floats(0.35, 9),
)
def test_any_rate_channels_and_length(
    recognizer: Recognizer, rate: int, channels: int, seconds: float
) -> None:
    samples = np.repeat(spoken(seconds, rate=rate)[:, None], channels, axis=1)
    result = recognizer.predict(samples, rate)
    check(result)
    assert result.duration_s == pytest.approx(seconds, abs=0.01)
    assert bool(result.segments) == (len(samples) > 6 * rate)
    for one, following in zip(result.segments, result.segments[1:], strict=False):
        assert one.end_s == following.start_s
    if result.segments:
        assert result.segments[0].start_s == 0
        assert result.segments[-1].end_s == pytest.approx(seconds, abs=0.01)


def test_a_piece_is_the_mean_of_the_windows_that_hold_it(recognizer: Recognizer) -> None:
    samples = np.concatenate([spoken(4), spoken(4, seed=1)])
    segments = recognizer.predict(samples, RATE).segments
    assert [(it.start_s, it.end_s) for it in segments] == [(k, k + 1.0) for k in range(8)]
    windows = [recognizer.predict(samples[k * RATE : (k + 3) * RATE], RATE) for k in range(6)]
    for place, segment in enumerate(segments):
        holding = windows[max(place - 2, 0) : place + 1]
        for emotion in EMOTIONS:
            mean = np.mean([window.probabilities[emotion] for window in holding])
            assert segment.probabilities[emotion] == pytest.approx(mean, abs=1e-6)
    assert list(recognizer.timeline(samples, RATE)) == list(segments)


def test_silence_within_a_long_recording_is_left_out(recognizer: Recognizer) -> None:
    samples = np.concatenate([spoken(4), np.zeros(6 * RATE, np.float32), spoken(3)])
    result = recognizer.predict(samples, RATE)
    check(result)
    assert result.duration_s == 13
    assert [it.start_s for it in result.segments] == [0, 1, 2, 3, 10, 11, 12]


def test_many_are_recognised_as_each_alone_in_their_order_with_their_errors(
    recognizer: Recognizer, tmp_path: Path
) -> None:
    paths = []
    for number in range(40):
        paths.append(tmp_path / f"{number}.wav")
        seconds = 7.0 if number == 20 else 0.5 + 0.1 * number
        soundfile.write(paths[-1], spoken(seconds, seed=number), RATE)
    paths[7].write_bytes(b"")
    alone = list(recognizer.predict_many(paths, jobs=1))
    assert [isinstance(it, InputError) for it in alone] == [number == 7 for number in range(40)]
    assert "7.wav: empty file" in str(alone[7])
    for path, result in zip(paths, alone, strict=True):
        if isinstance(result, Recognition):
            check(result)
            # Bit for bit: nothing is computed together with another recording.
            assert result == recognizer.predict(path)
    beside = list(recognizer.predict_many(iter(paths), jobs=3))
    assert [str(it) for it in beside] == [str(it) for it in alone]


class _Meeting(io.BytesIO):
    """A stream that goes on only when another one is read at the same time."""

    def __init__(self, content: bytes, barrier: threading.Barrier) -> None:
        super().__init__(content)
        self._barrier: threading.Barrier | None = barrier

    def read(self, size: int | None = -1, /) -> bytes:
        if self._barrier is not None:
            self._barrier.wait()
            self._barrier = None
        return super().read(size)


def _wav(samples: Samples) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, samples, RATE, format="WAV")
    return content.getvalue()


def test_two_jobs_work_on_two_recordings_at_once(recognizer: Recognizer) -> None:
    barrier = threading.Barrier(2, timeout=60)
    streams = [_Meeting(_wav(spoken(0.5, seed=seed)), barrier) for seed in range(2)]
    results = list(recognizer.predict_many(streams, jobs=2))
    assert [type(it) for it in results] == 2 * [Recognition]


def test_a_long_recording_does_not_hold_back_those_before_it(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [tmp_path / "short.wav", tmp_path / "long.wav", tmp_path / "another.wav"]
    for name, seconds in zip(names, (1.0, 7.0, 1.0), strict=True):
        soundfile.write(name, spoken(seconds), RATE)
    begun = []
    predict_long = Recognizer._predict_long

    def observed(self: Recognizer, recording: Recording) -> Recognition:
        begun.append(recording.name)
        return predict_long(self, recording)

    monkeypatch.setattr(Recognizer, "_predict_long", observed)
    results = recognizer.predict_many(names)
    first = next(results)
    assert (str(getattr(first, "source", "")), begun) == (str(names[0]), [])
    rest = [it.source for it in results if isinstance(it, Recognition)]
    assert (rest, begun) == ([str(name) for name in names[1:]], [str(names[1])])


def test_who_stops_does_not_wait_for_a_long_recording(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    soundfile.write(tmp_path / "short.wav", spoken(1.0), RATE)
    soundfile.write(tmp_path / "long.wav", np.tile(spoken(10.0), 60), RATE)
    begun, stopped, read = threading.Event(), threading.Event(), []

    def read_on(_self: Recognizer, recording: Recording) -> Recognition:
        for block in recording.blocks:
            read.append(len(block))
            begun.set()
            stopped.wait(60)
        raise AssertionError("it was read to its end")

    monkeypatch.setattr(Recognizer, "_predict_long", read_on)
    results = recognizer.predict_many([tmp_path / "short.wav", tmp_path / "long.wav"], jobs=2)
    next(results)
    assert begun.wait(60)
    closing = threading.Thread(target=results.close)
    closing.start()
    closing.join(0.5)
    stopped.set()
    closing.join(60)
    assert not closing.is_alive()
    assert len(read) == 1


def test_one_name_is_no_list_of_recordings(recognizer: Recognizer) -> None:
    with pytest.raises(TypeError, match="give a list"):
        list(recognizer.predict_many("talk.wav"))


def test_it_goes_to_other_processes(recognizer: Recognizer) -> None:
    """As joblib and Dask send it; an adapted one as well, which shares the encoder in this process."""
    adapted = recognizer.adapted(recognizer.adaptation([(RATE, spoken(30, seed=seed)) for seed in range(2)]))
    for one in (recognizer, adapted):
        again = pickle.loads(pickle.dumps(one))
        assert again.predict(spoken(2), RATE) == one.predict(spoken(2), RATE)
        assert copy(one)._windows is one._windows
    assert len(pickle.dumps(recognizer)) < 1e6


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_result_comes_before_later_recordings_are_asked_for(recognizer: Recognizer, jobs: int) -> None:
    taken = []

    def sources() -> Iterator[Samples]:
        for seed in range(100):
            taken.append(seed)
            yield spoken(0.5, seed=seed)

    results = recognizer.predict_many(sources(), sample_rate=RATE, jobs=jobs)
    assert isinstance(next(results), Recognition)
    assert len(taken) <= (1 if jobs == 1 else jobs * AHEAD)
    results.close()


@pytest.mark.parametrize("jobs", [1, 2])
def test_blas_is_left_as_it_was(recognizer: Recognizer, jobs: int) -> None:
    def threads() -> list[int]:
        return [it["num_threads"] for it in threadpool_info() if it["user_api"] == "blas"]

    before = threads()
    results = recognizer.predict_many([spoken(0.5)], sample_rate=RATE, jobs=jobs)
    assert isinstance(next(results), Recognition)
    # Suspended, with nothing left to do.
    deadline = time.monotonic() + 10
    while threads() != before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threads() == before
    with BLAS.held(), BLAS.held():
        assert set(threads()) == {1}
    assert threads() == before


def test_short_speech_is_never_sure(recognizer: Recognizer) -> None:
    model = replace(recognizer.model, thresholds=Thresholds(sure_from=0, likely_from=0, agreement_from=0))
    confident = Recognizer(replace(recognizer.bundle, models={RAVDESS: model}))
    quiet = np.zeros(RATE, np.float32)
    for seconds, unsure in ((0.6, True), (0.9, True), (1.3, False)):
        # How long the recording is does not count.
        samples = np.concatenate([quiet, spoken(seconds), quiet])
        result = confident.predict(samples, RATE)
        assert result.uncertain == (SHORT in result.reasons) == unsure
    long = np.concatenate([spoken(0.6), np.zeros(7 * RATE, np.float32)])
    result = confident.predict(long, RATE)
    assert result.uncertain
    assert [it.uncertain for it in result.segments] == len(result.segments) * [True]
    assert [it.uncertain for it in confident.timeline(long, RATE)] == len(result.segments) * [True]
    assert not confident.predict(spoken(8), RATE).uncertain


def test_noise_around_speech_is_no_speech_and_changes_no_answer(recognizer: Recognizer) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 6 * RATE).astype(np.float32)
    samples = np.concatenate([noise, spoken(5), noise])
    result = recognizer.predict(samples, RATE)
    check(result)
    assert [it.start_s for it in result.segments] == [6, 7, 8, 9, 10]
    assert result.no_speech == ((0, 6), (11, 17))
    assert result.as_dict()["no_speech"][1] == {"start_s": 11, "end_s": 17}
    # No window of noise alone has a vote.
    windows = [samples[k * RATE : (k + 3) * RATE] for k in range(4, 11)]
    mean = recognizer.predict_proba(windows, sample_rate=RATE).mean(axis=0)
    assert list(result.probabilities.values()) == pytest.approx(list(mean), abs=1e-6)


def test_a_long_recording_is_the_mean_of_its_windows(recognizer: Recognizer) -> None:
    samples = np.concatenate([spoken(4), spoken(4, seed=1)])
    windows = [samples[k * RATE : (k + 3) * RATE] for k in range(6)]
    mean = recognizer.predict_proba(windows, sample_rate=RATE).mean(axis=0)
    result = recognizer.predict(samples, RATE)
    assert list(result.probabilities.values()) == pytest.approx(list(mean), abs=1e-6)


@pytest.mark.parametrize("seconds", [3.0, 10.0])
def test_a_recording_without_speech_is_refused(recognizer: Recognizer, seconds: float) -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, round(seconds * RATE))
    with pytest.raises(NoSpeechError, match=r"^array: no speech heard"):
        recognizer.predict(noise, RATE)
    with pytest.raises(NoSpeechError, match=r"^array: no speech heard"):
        list(recognizer.timeline(noise, RATE))


def test_a_timeline_has_the_same_lower_limit(recognizer: Recognizer) -> None:
    for seconds in (0.0, 0.2):
        with pytest.raises(NoSpeechError, match=r"at least 0\.3 s"):
            list(recognizer.timeline(spoken(seconds), RATE))
    (segment,) = recognizer.timeline(spoken(0.5), RATE)
    assert (segment.start_s, segment.end_s) == (0, 0.5)
    # What is too short at the end belongs to the piece before it.
    assert [it.end_s for it in recognizer.timeline(spoken(7.2), RATE)] == [1, 2, 3, 4, 5, 6, 7.2]


def test_channels_that_cancel_each_other_are_told(recognizer: Recognizer, tmp_path: Path) -> None:
    samples = spoken(2)
    soundfile.write(tmp_path / "opposite.wav", np.stack([samples, -samples], axis=1), RATE)
    with pytest.raises(NoSpeechError, match="mean of its 2 channels"):
        recognizer.predict(tmp_path / "opposite.wav")


def test_probabilities_as_of_a_classifier(recognizer: Recognizer) -> None:
    voices = [spoken(1, seed=seed) for seed in range(3)]
    table = recognizer.predict_proba(voices, sample_rate=RATE)
    assert table.shape == (3, 8)
    assert list(recognizer.classes_) == list(EMOTIONS)
    for row, samples in zip(table, voices, strict=True):
        assert recognizer.classes_[row.argmax()] == recognizer.predict(samples, RATE).emotion
    assert recognizer.predict_proba([]).shape == (0, 8)
    with pytest.raises(InputError, match="needs its sample_rate"):
        recognizer.predict_proba(voices)
    # The same of a list of numbers.
    assert recognizer.predict(voices[0].tolist(), RATE) == recognizer.predict(
        voices[0].astype(np.float64), RATE
    )


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(path.name)


ODD: list[tuple[str, Callable[[Path], object], str]] = [
    ("loop.wav", _loop, "cannot be opened \\(.*symbolic links"),
    ("link.wav", lambda path: path.symlink_to("nothing"), "no such file"),
    (300 * "x" + ".wav", lambda path: None, "cannot be opened \\(File name too long"),
    ("nul\0.wav", lambda path: None, "cannot be opened \\(embedded null"),
    ("socket.wav", _socket, "cannot be opened"),
]


@pytest.mark.parametrize(("name", "make", "message"), ODD, ids=[it[2] for it in ODD])
def test_an_odd_file_is_an_error_of_its_own(
    recognizer: Recognizer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    make: Callable[[Path], object],
    message: str,
) -> None:
    # The name of a socket may not be long.
    monkeypatch.chdir(tmp_path)
    make(Path(name))
    soundfile.write("voice.wav", spoken(1), RATE)
    failed, fine = recognizer.predict_many([name, "voice.wav"])
    assert isinstance(failed, InputError)
    assert re.search(message, str(failed))
    assert isinstance(fine, Recognition)


def test_a_disk_that_fails_is_an_error(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def readinto(self, buffer: object) -> int:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    (tmp_path / "voice.wav").write_bytes(b"RIFF")
    monkeypatch.setattr(Path, "open", lambda *_: io.BufferedReader(Broken()))
    with pytest.raises(InputError, match=r"voice\.wav: cannot be read \(Input/output error\)"):
        recognizer.predict(tmp_path / "voice.wav")


def _nan() -> Samples:
    samples = spoken(1)
    samples[5000] = np.nan
    return samples


def _huge() -> Samples:
    samples = spoken(1)
    samples[5000] = 1e20
    return samples


def _write(samples: Samples, rate: int = RATE, **how: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        soundfile.write(path, samples, rate, format="WAV", **how)

    return write


def wav_bytes(samples: Samples, *, size: int | None = None) -> bytes:
    """A WAV file; `size` is what its header says instead of the size of its samples."""
    whole = io.BytesIO()
    soundfile.write(whole, samples, RATE, format="WAV", subtype="PCM_16")
    content = bytearray(whole.getvalue())
    assert content[36:40] == b"data"
    if size is not None:
        content[40:44] = size.to_bytes(4, "little")
        content[4:8] = min(size + 36, 2**32 - 1).to_bytes(4, "little")
    return bytes(content)


def _cut(ending: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        whole = io.BytesIO()
        soundfile.write(whole, spoken(3), RATE, format=ending)
        path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])

    return write


def _only_header(path: Path) -> None:
    path.write_bytes(wav_bytes(spoken(1))[:44])


@pytest.mark.parametrize(
    ("name", "write", "message"),
    [
        ("empty.wav", lambda path: path.write_bytes(b""), "empty file, 0 bytes"),
        ("text.wav", lambda path: path.write_text("This is no sound at all."), "no readable audio"),
        ("riff.wav", lambda path: path.write_bytes(b"RIFF\x00\x00\x00\x00WAVEfmt "), "no readable audio"),
        ("header.wav", _write(np.zeros(0, np.float32)), "0.000 s of sound"),
        ("short.wav", _write(spoken(0.2)), "0.200 s of sound, but at least 0.3 s"),
        ("silent.wav", _write(np.zeros(RATE, np.float32)), "silent"),
        ("faint.wav", _write(spoken(1) * 1e-4, subtype="FLOAT"), "silent"),
        ("long_silence.wav", _write(np.zeros(9 * RATE, np.float32)), "silent"),
        ("nan.wav", _write(_nan(), subtype="FLOAT"), "NaN or infinite"),
        ("huge.wav", _write(_huge(), subtype="FLOAT"), r"samples of 1e\+20, but full scale of floats is 1"),
        (
            "scaled.wav",
            _write(spoken(1) * 20_000, subtype="FLOAT"),
            "full scale of floats is 1; if they were 16-bit integers, divide them by 32768",
        ),
        ("slow.wav", _write(spoken(1), rate=2000), "sample rate is 2000 Hz"),
        ("cut.wav", _cut("WAV"), r"truncated, 1\.5 of 3\.0 s are there; copy it again"),
        ("cut.aiff", _cut("AIFF"), r"truncated, 1\.5 of 3\.0 s"),
        ("cut.au", _cut("AU"), r"truncated, 1\.5 of 3\.0 s"),
        ("cut_to_the_header.wav", _only_header, "(truncated|0.000 s of sound)"),
        ("cut.flac", _cut("FLAC"), "(truncated|damaged|no readable audio)"),
        ("missing.wav", lambda path: None, "no such file"),
        ("folder.wav", lambda path: path.mkdir(), "a folder"),
    ],
)
def test_bad_input_is_named_with_what_to_do(
    recognizer: Recognizer, tmp_path: Path, name: str, write: Callable[[Path], None], message: str
) -> None:
    write(tmp_path / name)
    with pytest.raises(InputError, match=message) as caught:
        recognizer.predict(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")


@pytest.mark.parametrize("size", [0, 0x7FFF_F000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF])
def test_a_wav_whose_writer_did_not_know_its_length(recognizer: Recognizer, size: int) -> None:
    # As through a pipe: from one, and as a file that was written so.
    content = wav_bytes(spoken(2), size=size)
    expected = recognizer.predict(io.BytesIO(wav_bytes(spoken(2))), name="it")
    for stream in (io.BytesIO(content), io.BufferedReader(_Pipe(content))):
        found = recognizer.predict(stream, name="it")
        assert found.duration_s == pytest.approx(2, abs=0.001)
        assert difference(found, expected) < 1e-6


def test_a_header_that_is_a_little_wrong_does_no_harm(recognizer: Recognizer) -> None:
    # Some writers count their own header, or a chunk after the samples, as samples.
    content = wav_bytes(spoken(2), size=2 * 2 * RATE + 44)
    assert recognizer.predict(io.BytesIO(content)).duration_s == pytest.approx(2, abs=0.001)


def test_chunks_before_the_samples_are_passed_over(recognizer: Recognizer) -> None:
    content = wav_bytes(spoken(2))
    about = b"LIST" + (7).to_bytes(4, "little") + b"odd one" + b"\0"
    content = content[:36] + about + content[36:]
    assert recognizer.predict(io.BytesIO(content)).duration_s == pytest.approx(2)
    with pytest.raises(InputError, match=r"truncated, 1\.0 of 2\.0 s"):
        recognizer.predict(io.BytesIO(content[: len(content) // 2]))


def test_a_named_pipe_is_read_as_a_file_is(recognizer: Recognizer, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.wav"
    os.mkfifo(pipe)
    writing = threading.Thread(target=pipe.write_bytes, args=[wav_bytes(spoken(2))])
    writing.start()
    assert recognizer.predict(pipe).duration_s == pytest.approx(2)
    writing.join()


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (spoken(1), None, "needs its sample_rate"),
        (np.zeros((2, 3, 4)), RATE, "real numbers"),
        (np.zeros(100, complex), RATE, "real numbers"),
        (np.zeros((100, 0)), RATE, "no channel"),
        (np.zeros((2, 48_000)), RATE, "48000 channels of 2 samples.*transposed"),
        ([[1.0], [1.0, 2.0]], RATE, "real numbers"),
        (["a", "b"], RATE, "real numbers"),
        (b"RIFF", RATE, "sample_rate is for samples alone"),
        ((RATE, spoken(1)), RATE, "not for \\(sample_rate, samples\\)"),
        ({"array": spoken(1)}, RATE, "nothing to hear in a dict; give the name of a file, its bytes, "),
        (None, RATE, "nothing to hear in a NoneType"),
        (io.StringIO("RIFF"), None, "opened as text; open it as binary"),
        (spoken(1) * 32767, RATE, "full scale of floats is 1.*divide them by 32768"),
        ((spoken(1) * 32767).astype(np.int64), RATE, "type int64, but with a peak of .*as if of int16"),
        (np.round(spoken(1) * 32767).astype(int).tolist(), RATE, "type int64.*give them as int16"),
        ((spoken(1) * 32767 + 32768).astype(np.uint32), RATE, "type uint32.*as if of uint16"),
        ((spoken(1) * 2**30).astype(np.int64), RATE, "type int64.*as if of int32"),
        (np.zeros(0), RATE, "0.000 s"),
        (spoken(1), 0, "sample rate is 0"),
    ],
)
def test_bad_arrays(
    recognizer: Recognizer, samples: npt.NDArray[np.generic], rate: int | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        recognizer.predict(samples, rate)


def test_a_long_recording_is_never_held_whole(recognizer: Recognizer, tmp_path: Path) -> None:
    # Windows that do not overlap, for time's sake.
    listening = replace(recognizer.bundle.listening, hop_s=3.0)
    listener = Recognizer(replace(recognizer.bundle, listening=listening))
    minute = np.repeat(spoken(60, rate=48_000)[:, None], 2, axis=1)
    peaks = {}
    for minutes in (1, 10):
        path = tmp_path / f"{minutes}.wav"
        with soundfile.SoundFile(path, "w", 48_000, 2, "PCM_16") as sound:
            for _ in range(minutes):
                sound.write(minute)
        tracemalloc.start()
        try:
            result = listener.predict(path)
            _, peaks[minutes] = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert result.duration_s == pytest.approx(60 * minutes)
        assert len(result.segments) == 20 * minutes
    # What is kept of each window is little; of ten minutes the samples alone, at 16 kHz, are 38 MB.
    assert peaks[10] < 1.5 * peaks[1]
    assert peaks[10] < 20e6


FAKE_FFMPEG = """#!{python}
import struct
import sys
import numpy as np
assert sys.argv[sys.argv.index("-f") + 1] == "mov", sys.argv
content = open(sys.argv[sys.argv.index("-i") + 1], "rb").read()
if b"broken" in content:
    sys.exit("moov atom not found")
sys.stdout.buffer.write(b".snd" + struct.pack(">5I", 24, 2**32 - 1, 6, 48_000, 1))
sys.stdout.buffer.write(np.load(__file__ + ".npy").astype(">f4").tobytes())
"""


def test_m4a_goes_through_ffmpeg(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, broken = tmp_path / "-i.m4a", tmp_path / "broken.m4a"
    path.write_bytes(b"\x00\x00\x00\x20ftypM4A " + bytes(100))
    broken.write_bytes(path.read_bytes() + b"broken")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="M4A needs ffmpeg, which is not installed"):
        recognizer.predict(path)
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "ffmpeg"
    program.write_text(FAKE_FFMPEG.format(python=sys.executable))
    np.save(f"{program}.npy", spoken(2, rate=48_000))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    result = recognizer.predict(path)
    check(result)
    assert result.duration_s == pytest.approx(2)
    with pytest.raises(InputError, match=r"ffmpeg cannot read it \(its index is missing"):
        recognizer.predict(broken)


def test_a_damaged_bundle_is_refused(bundle_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no exported models"):
        read_bundle(tmp_path / "nothing")
    damaged = tmp_path / "damaged"
    shutil.copytree(bundle_folder, damaged)
    arrays = damaged / f"{RAVDESS}.npz"
    arrays.write_bytes(arrays.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"ravdess\.npz: damaged, its sha256"):
        read_bundle(damaged)
    arrays.unlink()
    with pytest.raises(InputError, match="no exported models"):
        read_bundle(damaged)
    content = json.loads((damaged / ABOUT).read_text())
    for other in (1, 2, 4):
        (damaged / ABOUT).write_text(json.dumps(content | {"format": other}))
        with pytest.raises(InputError, match="another version"):
            read_bundle(damaged)
    # As the format before had it, without what this one asks for.
    (damaged / ABOUT).write_text(json.dumps({"format": 1, "labels": EMOTIONS}))
    with pytest.raises(InputError, match="another version"):
        read_bundle(damaged)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda arrays: arrays | {"weights": np.zeros(2)}, "not of the encoder's layers"),
        (lambda arrays: {"weights": arrays["weights"]}, "not the classifiers of a model"),
        (lambda arrays: arrays | {"biases": np.full((3, 8), None)}, "not the classifiers of a model"),
    ],
    ids=["shape", "missing", "pickle"],
)
def test_arrays_of_something_else_are_refused(
    bundle_folder: Path, tmp_path: Path, change: Callable[[dict[str, Any]], dict[str, Any]], message: str
) -> None:
    folder = tmp_path / "bundle"
    shutil.copytree(bundle_folder, folder)
    arrays = folder / f"{RAVDESS}.npz"
    with np.load(arrays) as found:
        np.savez(arrays, **change(dict(found)))
    content = json.loads((folder / ABOUT).read_text())
    content["models"][RAVDESS]["arrays_sha256"] = hashlib.sha256(arrays.read_bytes()).hexdigest()
    (folder / ABOUT).write_text(json.dumps(content))
    with pytest.raises(InputError, match=message):
        read_bundle(folder)


def test_a_bundle_is_read_as_it_was_written(
    recognizer: Recognizer, bundle_folder: Path, tmp_path: Path
) -> None:
    two = replace(recognizer.bundle, models={RAVDESS: recognizer.model, "other": recognizer.model})
    write_bundle(tmp_path / "two", two, weights_licence="licence")
    again = read_bundle(tmp_path / "two")
    assert list(again.models) == [RAVDESS, "other"]
    np.testing.assert_array_equal(
        again.models["other"].linear.coefficients, recognizer.model.linear.coefficients
    )
    one = replace(recognizer.bundle, models={RAVDESS: again.models["other"]})
    write_bundle(tmp_path / "one", one, weights_licence="licence")
    for file in bundle_folder.iterdir():
        assert (tmp_path / "one" / file.name).read_bytes() == file.read_bytes()


def test_a_model_is_chosen_by_its_name(recognizer: Recognizer, tmp_path: Path) -> None:
    linear = recognizer.model.linear
    turned = replace(recognizer.model, linear=replace(linear, coefficients=-linear.coefficients))
    bundle = replace(recognizer.bundle, models={RAVDESS: recognizer.model, "turned": turned})
    write_bundle(tmp_path / "bundle", bundle, weights_licence="licence")
    named = [
        Recognizer.load(tmp_path / "bundle", model=name).predict(spoken(1), RATE) for name in bundle.models
    ]
    assert named[0] == recognizer.predict(spoken(1), RATE)
    assert named[0].emotion != named[1].emotion
    with pytest.raises(InputError, match=r"^general: no model of this name; give one of ravdess, turned"):
        Recognizer.load(tmp_path / "bundle", model="general")


def test_models_for_another_encoder_are_refused(recognizer: Recognizer) -> None:
    with pytest.raises(InputError, match="for another encoder"):
        Recognizer(replace(recognizer.bundle, encoder_sha256="0" * 64))


def test_the_shipped_bundle_recognises_and_says_what_it_is() -> None:
    shipped = Recognizer.load()
    check(shipped.predict(spoken(2), RATE))
    files = {file.name: file.stat().st_size for file in SHIPPED.iterdir()}
    assert files.keys() == {ABOUT, WEIGHTS_LICENCE, f"{RAVDESS}.npz", f"{GENERAL}.npz"}
    assert sum(files.values()) <= LARGEST_BYTES
    assert {"expected", "calibration", "training", "licence"} <= shipped.model.about.keys()


GOLDEN = {
    GENERAL: (0.074387, 0.0004, 0.005759, 0.133889, 0.528018, 0.253646, 0.003661, 0.000239),
    RAVDESS: (0.034912, 0.004451, 0.004891, 0.089034, 0.74049, 0.120806, 0.005089, 0.000326),
}
"""Of the shipped models for a synthetic voice, as the bundle itself computed them once; a new model needs new
ones. The export holds the bundle to the features of training, on recordings of RAVDESS."""


@pytest.mark.parametrize("model", GOLDEN)
def test_the_shipped_bundle_computes_what_it_did(model: str) -> None:
    voice = synthesize("03-01-05-02-01-01-12")
    (row,) = Recognizer.load(model=model).predict_proba([voice], sample_rate=48_000)
    assert list(row) == pytest.approx(GOLDEN[model], abs=1e-4)


@pytest.mark.parametrize("seconds", [1.0, 2.0, 6.0])
def test_features_are_those_of_training(recognizer: Recognizer, tmp_path: Path, seconds: float) -> None:
    """Bit for bit, of a recording at 16 kHz without an offset."""
    quiet = np.random.default_rng(0).normal(0, 1e-3, RATE // 2)
    samples = np.round(2**14 * np.concatenate([quiet, spoken(seconds), quiet])).astype(np.int16)
    # Its opposite follows: the mean of both is exactly 0.
    soundfile.write(tmp_path / "voice.wav", np.concatenate([samples, -samples]), RATE)
    with BLAS.held():
        expected = layers_of(clip_io.load(tmp_path / "voice.wav", sample_rate=RATE))
    found = recognizer.features_of(tmp_path / "voice.wav")
    np.testing.assert_array_equal(found, expected)


def test_more_than_the_encoder_reads_is_cut_as_in_training(recognizer: Recognizer) -> None:
    samples = spoken(32)
    with BLAS.held():
        expected = layers_of(samples - np.float32(np.mean(samples, dtype=np.float64)))
    np.testing.assert_array_equal(recognizer.features_of(samples, RATE), expected)


@pytest.mark.parametrize("seconds", [2.0, 8.0])
def test_an_offset_changes_no_answer(recognizer: Recognizer, seconds: float) -> None:
    draw = np.random.default_rng(0)
    quiet = draw.normal(0, 1e-4, RATE // 2).astype(np.float32)
    samples = np.concatenate([quiet, 0.5 * spoken(seconds), quiet])
    expected, found = (
        recognizer.predict(samples + offset, RATE) for offset in (np.float32(0), np.float32(0.1))
    )
    assert difference(found, expected) < 0.01
    assert abs(found.agreement - expected.agreement) < 0.01
    assert found.no_speech == expected.no_speech
    # It is no sound: what has nothing else is silent.
    with pytest.raises(NoSpeechError, match="silent"):
        recognizer.predict(np.full(2 * RATE, 0.1, np.float32), RATE)


@pytest.mark.parametrize("seconds", [2.0, 8.0])
def test_a_click_before_the_speech_changes_no_answer(recognizer: Recognizer, seconds: float) -> None:
    """Of a millisecond, as a switch makes it."""
    draw = np.random.default_rng(0)
    quiet = draw.normal(0, 1e-4, RATE).astype(np.float32)
    samples = np.concatenate([quiet, 0.2 * spoken(seconds), quiet])
    clicked = samples.copy()
    clicked[RATE // 4 : RATE // 4 + RATE // 1000] = 0.9
    expected, found = (recognizer.predict(it, RATE) for it in (samples, clicked))
    assert found.emotion == expected.emotion
    assert difference(found, expected) < 0.05


def test_blocks_make_no_difference(recognizer: Recognizer) -> None:
    """However a long recording comes, the answer is that for all of it at once, bit for bit."""
    samples = spoken(9.3)
    whole = recognizer.predict(samples, RATE, name="it")
    for size in (777, RATE, 5 * RATE):
        blocks = iter(np.split(samples, range(size, len(samples), size)))
        recording = resampled(Sound("it", RATE, blocks), sample_rate=RATE)
        assert recognizer._predict_long(recording) == whole


def test_agreement_is_the_least_probability_of_the_emotion_in_any_layer(recognizer: Recognizer) -> None:
    samples = spoken(2)
    result = recognizer.predict(samples, RATE)
    features = recognizer.features_of(samples, RATE)
    linear = recognizer.model.linear
    logits = np.stack([features[it] @ linear.coefficients[it] + linear.biases[it] for it in range(3)])
    by_layer = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)  # (layers, 8)
    place = EMOTIONS.index(result.emotion)
    assert result.agreement == pytest.approx(by_layer[:, place].min(), abs=1e-6)
    weighted = np.exp(linear.weights @ logits / recognizer.model.temperature)
    assert list(result.probabilities.values()) == pytest.approx(list(weighted / weighted.sum()), abs=1e-6)
    # Of a long recording, by the means over its windows.
    long = spoken(7)
    rows = [recognizer.features_of(long[k * RATE : (k + 3) * RATE], RATE) for k in range(5)]
    mean = np.mean([posteriors(recognizer.model, it) for it in rows], axis=0)
    result = recognizer.predict(long, RATE)
    assert result.agreement == pytest.approx(mean[1:, EMOTIONS.index(result.emotion)].min(), abs=1e-6)
    assert "agreement" in result.as_dict()
    assert "agreement" in result.segments[0].as_dict()


@pytest.mark.parametrize("name", ["ser", "ser.recognizer.recognizer"])
def test_the_examples_are_true(name: str) -> None:
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted >= 5
    assert not outcome.failed


@pytest.mark.parametrize("name", ["README.md", "docs/model_card.md", "docs/package_readme.md"])
def test_the_example_of_a_page_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = (Path(__file__).parents[2] / name).read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(from ser import Recognizer\n.*?)```", page, flags=re.DOTALL)
    monkeypatch.chdir(tmp_path)
    soundfile.write("your.wav", spoken(2), RATE)
    names: dict[str, Any] = {}
    exec(example, names)
    assert names["result"].emotion in EMOTIONS
    # Also what a comment promises.
    promised = re.findall(r"[# ,]\.([a-z]+)", example)
    assert [it for it in promised if not hasattr(names["result"], it)] == []


def test_nothing_slow_is_imported() -> None:
    code = "import sys, ser, ser.recognizer.recognizer, ser.cli.predict; print(*sys.modules)"
    listing = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = {name.partition(".")[0] for name in listing.split()}
    slow = {"tensorflow", "keras", "librosa", "pandas", "sklearn", "scipy", "numba", "onnx", "joblib"}
    assert "onnxruntime" in loaded
    assert not loaded & slow


def test_nothing_is_left_on_disk_nor_reported_to_anyone(tmp_path: Path, bundle_folder: Path) -> None:
    code = f"from ser import Recognizer; Recognizer.load({str(bundle_folder)!r})"
    places = {"HOME": tmp_path, "TMPDIR": tmp_path, "XDG_CACHE_HOME": tmp_path, "XDG_DATA_HOME": tmp_path}
    environment = os.environ | {name: str(place) for name, place in places.items()}
    # As in a new shell.
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert list(tmp_path.iterdir()) == []
