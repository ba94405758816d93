"""The recognizer: any sound in, the same answer however it is given, and clear errors."""

import io
import json
import shutil
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from voices import spoken

from ser.errors import InputError
from ser.model_bundle import ABOUT, MODEL, SHIPPED, read_bundle
from ser.ravdess import EMOTIONS
from ser.recognizer import Recognition, Recognizer, Segment

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
        assert it.uncertain or it.confidence >= 0.5


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
    found = recognizer.predict(path)
    check(found)
    assert found.source == str(path)
    assert difference(found, expected) < tolerance
    assert not found.segments
    # The same from a stream, also from one that cannot go back, as a pipe.
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
            assert difference(result, recognizer.predict(path)) < 1e-5
    beside = list(recognizer.predict_many(iter(paths), jobs=3))
    assert [str(it) for it in beside] == [str(it) for it in alone]


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


def _cut(ending: str) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        whole = io.BytesIO()
        soundfile.write(whole, spoken(3), RATE, format=ending)
        path.write_bytes(whole.getvalue()[: len(whole.getvalue()) // 2])

    return write


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
        ("huge.wav", _write(_huge(), subtype="FLOAT"), "times full scale"),
        ("slow.wav", _write(spoken(1), rate=2000), "sample rate is 2000 Hz"),
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


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (spoken(1), None, "needs its sample_rate"),
        (np.zeros((2, 3, 4)), RATE, "real numbers"),
        (np.zeros(100, complex), RATE, "real numbers"),
        (np.zeros((100, 0)), RATE, "no channel"),
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
    path = tmp_path / "ten_minutes.wav"
    with soundfile.SoundFile(path, "w", 48_000, 2, "PCM_16") as sound:
        minute = np.repeat(spoken(60, rate=48_000)[:, None], 2, axis=1)
        for _ in range(10):
            sound.write(minute)
    del minute
    # Windows that do not overlap, for time's sake.
    listening = replace(recognizer.bundle.listening, hop_s=3.0)
    listener = Recognizer(replace(recognizer.bundle, listening=listening))
    tracemalloc.start()
    try:
        result = listener.predict(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert result.duration_s == pytest.approx(600)
    assert len(result.segments) == 200
    # Its samples alone, as 32-bit mono at 16 kHz, are 38 MB.
    assert peak < 20e6


FAKE_FFMPEG = """#!{python}
import sys
import numpy as np
assert sys.argv[sys.argv.index("-f") + 1] == "mov", sys.argv
content = open(sys.argv[sys.argv.index("-i") + 1], "rb").read()
if b"broken" in content:
    sys.exit("moov atom not found")
rate = int(sys.argv[sys.argv.index("-ar") + 1])
assert rate == 48_000
sys.stdout.buffer.write(np.load(__file__ + ".npy").astype("<f4").tobytes())
"""


def test_m4a_goes_through_ffmpeg(
    recognizer: Recognizer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, broken = tmp_path / "-i.m4a", tmp_path / "broken.m4a"
    path.write_bytes(b"\x00\x00\x00\x20ftypM4A " + bytes(100))
    broken.write_bytes(path.read_bytes() + b"broken")
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(InputError, match="needs ffmpeg, which is not installed"):
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
    with pytest.raises(InputError, match=r"ffmpeg cannot read it \(moov atom not found\)"):
        recognizer.predict(broken)


def test_a_damaged_bundle_is_refused(bundle_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no exported model"):
        read_bundle(tmp_path / "nothing")
    damaged = tmp_path / "damaged"
    shutil.copytree(bundle_folder, damaged)
    (damaged / MODEL).write_bytes((bundle_folder / MODEL).read_bytes()[:-1])
    with pytest.raises(InputError, match="sha256"):
        read_bundle(damaged)
    content = json.loads((damaged / ABOUT).read_text())
    (damaged / ABOUT).write_text(json.dumps(content | {"format": 99}))
    with pytest.raises(InputError, match="another version"):
        read_bundle(damaged)


def test_the_shipped_bundle_recognises_and_says_what_it_is() -> None:
    shipped = Recognizer.load()
    check(shipped.predict(spoken(2), RATE))
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) <= 5_000_000
    assert {"expected", "training", "licence"} <= shipped.bundle.about.keys()


def test_nothing_slow_is_imported() -> None:
    code = "import sys, ser, ser.recognizer, ser.cli_predict; print(*sys.modules)"
    listing = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    loaded = {name.partition(".")[0] for name in listing.split()}
    slow = {"tensorflow", "keras", "librosa", "pandas", "sklearn", "scipy", "numba", "onnx", "joblib"}
    assert "onnxruntime" in loaded
    assert not loaded & slow
