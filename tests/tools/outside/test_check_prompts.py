"""Counting sure answers of an emotion on neutral prompts."""

import json
import sys
from pathlib import Path

import pytest
import soundfile
from voices import spoken

from ser.data.ravdess import EMOTIONS
from ser.errors import InputError, NoSpeechError
from ser.recognizer.judging import Recognition
from tools.outside import check_prompts
from tools.outside.check_prompts import count, pool, sets_in


def answer(emotion: str, certainty: str) -> Recognition:
    return Recognition("it", 2.0, emotion, 0.9, 0.9, dict.fromkeys(EMOTIONS, 0.125), certainty, ())


ANSWERS: list[Recognition | InputError] = [
    answer("neutral", "sure"),
    answer("calm", "sure"),
    answer("happy", "sure"),
    answer("happy", "likely"),
    answer("sad", "not sure"),
    NoSpeechError("a tone"),
]


def test_only_sure_answers_of_an_emotion_count() -> None:
    found = count(ANSWERS)
    assert found == {
        "prompts": 6,
        "without_answer": 1,
        "answers": 5,
        "sure": 3,
        "likely": 1,
        "not sure": 1,
        "sure_emotions": {"happy": 1},
        "share": 0.2,
    }
    assert count([NoSpeechError("a tone")])["share"] is None


def test_sets_are_pooled_by_answers() -> None:
    found = pool([count(ANSWERS), count([answer("sad", "sure")])])
    assert found["answers"] == 6
    assert found["sure_emotions"] == {"happy": 1, "sad": 1}
    assert found["share"] == pytest.approx(2 / 6, abs=1e-4)


def test_each_folder_is_a_set(
    bundle_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, seconds in (("one/deeper/a.wav", 2), ("one/b.wav", 0.1), ("two/c.flac", 1)):
        path = tmp_path / "prompts" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, spoken(seconds), 16_000)
    (tmp_path / "prompts/empty").mkdir()
    written = tmp_path / "prompts.json"
    arguments = [str(tmp_path / "prompts"), "--bundle", str(bundle_folder), "--write", str(written)]
    monkeypatch.setattr(sys, "argv", ["check_prompts", *arguments])
    check_prompts.main()
    of_model = json.loads(written.read_text())["models"]["ravdess"]
    counted = {name: (it["prompts"], it["answers"]) for name, it in of_model["sets"].items()}
    assert counted == {"one": (2, 1), "two": (1, 1)}
    assert of_model["all"]["answers"] == 2
    assert "ravdess  one: " in capsys.readouterr().out


def test_a_folder_without_prompts_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no folder with recordings"):
        sets_in(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        sets_in(tmp_path / "gone")
