"""`ser listen`: a line a second from a file or a device, and clear errors where there is none."""

import io
import json
import re
import sys
import types
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from ser import cli
from ser.audio.clip_io import write_pcm16
from ser.audio.microphone import open_microphone
from ser.audio.stream import Sound
from ser.cli import listen as cli_listen
from ser.cli.listen import line, listen
from ser.data.ravdess import EMOTIONS, SAMPLE_RATE
from ser.data.synthetic import synthesize
from ser.errors import InputError
from ser.recognizer.judging import Recognition
from ser.recognizer.recognizer import Recognizer


@pytest.fixture(scope="module")
def recognizer(bundle_folder: Path) -> Recognizer:
    return Recognizer.load(bundle_folder)


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("talk") / "talk.flac"
    voice = synthesize("03-01-05-01-01-01-12")
    silence = np.zeros(5 * SAMPLE_RATE, dtype=np.int16)
    write_pcm16(path, np.concatenate([voice, silence, voice]), sample_rate=SAMPLE_RATE)
    return path


def test_a_line_a_second_of_the_last_three(recognizer: Recognizer) -> None:
    voice = np.tile(synthesize("03-01-05-01-01-01-12"), 6)[: 5 * SAMPLE_RATE + 100]
    sound = np.asarray(voice / 32768, dtype=np.float32)
    # In blocks as a device gives them, of a length that divides nothing.
    blocks = iter(np.split(sound, range(757, len(sound), 757)))
    heard = list(listen(recognizer, Sound("talk", SAMPLE_RATE, blocks)))
    assert [end_s for end_s, _ in heard] == pytest.approx([1, 2, 3, 4, 5, len(sound) / SAMPLE_RATE])
    for second in (1, 2, 3, 4, 5):
        window = sound[max(second - 3, 0) * SAMPLE_RATE : second * SAMPLE_RATE]
        expected = recognizer.predict(window, sample_rate=SAMPLE_RATE)
        result = heard[second - 1][1]
        assert result is not None
        assert result.probabilities == pytest.approx(expected.probabilities)


def test_a_file_stands_in_for_the_device(
    bundle_folder: Path, talk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["listen", "--input", str(talk), "--bundle", str(bundle_folder)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("00:01  ")
    assert any("(no speech)" in it for it in lines)
    spoken = [it for it in lines if "(no speech)" not in it]
    assert all(emotion in it for emotion in EMOTIONS for it in spoken)


def test_json(bundle_folder: Path, talk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["listen", "--input", str(talk), "--json", "--bundle", str(bundle_folder)]) == 0
    answers = [json.loads(it) for it in capsys.readouterr().out.splitlines()]
    assert [it["end_s"] for it in answers[:3]] == [1, 2, 3]
    assert {"emotion": None, "end_s": 6.0}.items() <= answers[5].items()
    assert sum(answers[0]["probabilities"].values()) == pytest.approx(1)


@pytest.mark.parametrize("width", [20, 60, 80, 200])
def test_a_line_fits_the_terminal(width: int) -> None:
    shares = dict(zip(EMOTIONS, [0.0, 0.0, 0.0, 0.0, 0.0, 0.1, 0.2, 0.7], strict=True))
    likely = Recognition("talk", 3.0, "surprised", 0.7, 0.5, shares, "likely", ("noisy",))
    text = line(75.2, likely, width=width)
    assert len(text) < width
    assert text.startswith("01:15  likely: surprised 70%"[: width - 1])
    if width >= 80:
        assert "neu" in text
        assert text.rstrip("▁▂▃▄▅▆▇█") != text, "the last bar is cut"
    unsure = replace(likely, certainty="not sure")
    assert line(75, unsure, width=80).startswith("01:15  not sure   ")


class Terminal(io.StringIO):
    encoding = "ascii"

    def isatty(self) -> bool:
        return True


def test_a_terminal_has_one_line(bundle_folder: Path, talk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    assert cli.main(["listen", "--input", str(talk), "--bundle", str(bundle_folder)]) == 0
    written = terminal.getvalue()
    assert written.count("\n") == 1
    assert written.count("\r") > 6
    assert written.isascii(), "this terminal cannot show blocks"


# --- Devices


class FakeDevice(types.SimpleNamespace):
    """What stands in for sounddevice: one microphone of 16 kHz that hears what it is told."""

    class PortAudioError(Exception):
        pass

    def __init__(self, heard: np.ndarray[Any, Any]) -> None:
        super().__init__(heard=heard, opened=[], closed=0)

    def query_devices(self, device: int | str | None = None, kind: str | None = None) -> Any:
        if kind is None:
            return "0 Fake microphone"
        if device not in (None, 0, "Fake"):
            raise ValueError(f"No input device matching {device!r}")
        return {"name": "Fake microphone", "default_samplerate": 16000.0}

    def InputStream(self, *, callback: Callable[..., None], **options: Any) -> Any:
        fake = self

        class Stream:
            def __enter__(self) -> Self:
                fake.opened.append(options)
                buffer = np.empty((1000, 1), dtype=np.float32)
                for start in range(0, len(fake.heard), 1000):
                    # One buffer for all blocks, as real devices have it.
                    piece = fake.heard[start : start + 1000]
                    buffer[: len(piece), 0] = piece
                    callback(buffer[: len(piece)], len(piece), None, None)
                buffer[:] = np.nan
                return self

            def __exit__(self, *_: object) -> None:
                fake.closed += 1

        return Stream()


def test_a_device_is_heard_and_closed() -> None:
    heard = np.sin(np.arange(5500)).astype(np.float32)
    fake = FakeDevice(heard)
    with open_microphone("0", import_module=lambda: fake) as sound:
        assert (sound.name, sound.rate) == ("Fake microphone", 16000)
        blocks = [next(sound.blocks) for _ in range(6)]
    np.testing.assert_array_equal(np.concatenate(blocks), heard)
    assert fake.opened == [{"device": 0, "samplerate": 16000, "channels": 1, "dtype": "float32"}]
    assert fake.closed == 1


def test_ctrl_c_ends_it_well(
    bundle_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = FakeDevice(np.sin(np.arange(16000)).astype(np.float32))

    def interrupted(*_: object) -> Any:
        yield 1.0, None
        raise KeyboardInterrupt

    monkeypatch.setattr(cli_listen, "listen", interrupted)
    opened = open_microphone(None, import_module=lambda: fake)
    monkeypatch.setattr(cli_listen, "open_microphone", lambda _: opened)
    assert cli.main(["listen", "--bundle", str(bundle_folder)]) == 0
    assert "(no speech)" in capsys.readouterr().out
    assert fake.closed == 1


def test_only_a_lack_of_speech_is_passed_over(recognizer: Recognizer) -> None:
    broken = np.full(SAMPLE_RATE, np.nan, dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE).astype(np.float32)
    heard = listen(recognizer, Sound("device", SAMPLE_RATE, iter([noise, broken])))
    assert next(heard) == (1.0, None)
    with pytest.raises(InputError, match="NaN"):
        next(heard)


def test_old_sound_is_dropped_where_the_listener_lags(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeDevice(np.repeat(np.arange(100, dtype=np.float32), 4800))
    monkeypatch.setattr("ser.audio.microphone._PATIENCE_S", 0.05)
    heard = []
    with (
        pytest.raises(InputError, match="gives no sound any more"),
        open_microphone(None, import_module=lambda: fake) as sound,
    ):
        for block in sound.blocks:
            heard.append(block)
    samples = np.concatenate(heard)
    assert len(samples) <= 5.2 * sound.rate
    assert samples[-1] == 99


def test_a_device_that_is_not_there() -> None:
    fake = FakeDevice(np.zeros(0))
    with (
        pytest.raises(InputError, match=r"no microphone.*Studio.*--devices"),
        open_microphone("Studio", import_module=lambda: fake),
    ):
        pass


def test_a_device_that_is_unplugged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ser.audio.microphone._PATIENCE_S", 0.05)
    fake = FakeDevice(np.zeros(500, dtype=np.float32))
    with open_microphone(None, import_module=lambda: fake) as sound:
        assert len(next(sound.blocks)) == 500
        with pytest.raises(InputError, match="Fake microphone: gives no sound any more"):
            next(sound.blocks)


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ModuleNotFoundError("No module named 'sounddevice'"), r"needs sounddevice.*pip install"),
        (OSError("PortAudio library not found"), "libportaudio2"),
    ],
)
def test_what_is_missing_is_named(
    error: Exception, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Finder:
        def find_spec(self, name: str, *_: object) -> None:
            if name == "sounddevice":
                raise error

    monkeypatch.delitem(sys.modules, "sounddevice", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    assert cli.main(["listen", "--devices"]) == 1
    complaint = capsys.readouterr().err
    assert complaint.startswith("error: ")
    assert re.search(said, complaint)


def test_a_file_that_is_no_sound(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "words.wav"
    words.write_text("Dear all,")
    assert cli.main(["listen", "--input", str(words), "--bundle", str(bundle_folder)]) == 1
    assert "words.wav: no readable audio" in capsys.readouterr().err
