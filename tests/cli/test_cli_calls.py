"""`ser predict` on calls and on what a call centre has beside them: channels, hold music, broken files."""

import csv
import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from voices import spoken

from ser.cli import main
from ser.cli.annotations import WRITERS
from ser.cli.options import SHORTEST_WINDOW_S
from ser.recognizer.bundle_format import read_bundle
from ser.recognizer.recognizer import Recognizer
from ser.recognizer.rows import COLUMNS, as_text, row_without_answer

RATE = 16_000


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A call, a voice message, hold music, and a file that is none; in this order."""
    folder = tmp_path / "calls"
    folder.mkdir()
    both = np.stack([spoken(8), spoken(8, seed=2)], axis=1)
    soundfile.write(folder / "a_call.wav", both, RATE)
    soundfile.write(folder / "b_message.wav", spoken(2), RATE)
    soundfile.write(folder / "c_hold.wav", np.sin(np.arange(4 * RATE) / 5) / 4, RATE)
    (folder / "d_broken.wav").write_text("no sound")
    return folder


def predict(bundle: Path, *arguments: str | Path) -> int:
    return main(["predict", "--bundle", str(bundle), *map(str, arguments)])


def objects(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def table(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_each_side_of_a_call_is_answered(
    bundle_folder: Path, calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = (calls / "a_call.wav", calls / "b_message.wav", "--channels", "split")
    assert predict(bundle_folder, *names, "--json", "--jobs", "2") == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    answers = objects(shown.out)
    assert [it["channel"] for it in answers] == ["left", "right", None]
    alone = Recognizer.load(bundle_folder).predict(spoken(8, seed=2), RATE).as_dict()
    assert answers[1]["summary"]["shares"] == pytest.approx(alone["summary"]["shares"])  # type: ignore[index]
    assert answers[1]["probabilities"] == pytest.approx(alone["probabilities"], abs=0.01)

    assert predict(bundle_folder, *names, "--csv") == 0
    rows = table(capsys.readouterr().out)
    assert list(dict.fromkeys(it["channel"] for it in rows)) == ["left", "right", ""]
    assert predict(bundle_folder, *names, "--format", "parquet", "-o", tmp_path / "out.parquet") == 0
    written = pd.read_parquet(tmp_path / "out.parquet")["channel"].fillna("")
    assert list(written) == [it["channel"] for it in rows]
    assert predict(bundle_folder, *names) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [
        it for it in lines if it.startswith(f"{calls / 'a_call.wav'}  left channel: 0:08 of speech in 0:08")
    ]
    assert [it for it in lines if it.startswith(f"{calls / 'a_call.wav'}  right channel: ")]

    assert predict(bundle_folder, *names[:2], "--channels", "right", "--json") == 0
    assert [it["channel"] for it in objects(capsys.readouterr().out)] == ["right", None]


def test_channels_that_differ_and_are_mixed_are_told_of_in_one_line(
    bundle_folder: Path, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = calls / "a_call.wav"
    (calls / "another.wav").write_bytes(call.read_bytes())
    assert predict(bundle_folder, call, calls / "b_message.wav", calls / "another.wav", "--json") == 0
    shown = capsys.readouterr()
    advice = "the channels differ, and their mean was answered; of two, --channels split answers each"
    assert shown.err == f"note: {call} and 1 more: {advice}\n"
    assert [it.get("channels_differ") for it in objects(shown.out)] == [True, None, True]
    assert predict(bundle_folder, call) == 0
    assert capsys.readouterr().err == f"note: {call}: {advice}\n"


def test_standard_input_can_be_split(bundle_folder: Path, calls: Path) -> None:
    command = [sys.executable, "-m", "ser.cli", "predict", "-", "--channels", "split", "--csv"]
    call = (calls / "a_call.wav").read_bytes()
    done = subprocess.run(
        [*command, "--bundle", str(bundle_folder)], input=call, capture_output=True, check=True
    )
    rows = table(done.stdout.decode())
    assert {(it["file"], it["channel"]) for it in rows} == {
        ("standard input", "left"),
        ("standard input", "right"),
    }


def test_a_silent_side_is_named_and_the_other_answered(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = tmp_path / "call.wav"
    soundfile.write(call, np.stack([spoken(2), np.zeros(2 * RATE)], axis=1), RATE)
    assert predict(bundle_folder, call, "--channels", "split", "--csv") == 1
    shown = capsys.readouterr()
    assert [(it["channel"], it["status"]) for it in table(shown.out)] == [
        ("left", "ok"),
        ("right", "no_speech"),
    ]
    assert shown.err.startswith(f"error: {call}: right channel: silent")


def test_every_file_has_a_row_in_its_place(
    bundle_folder: Path, calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = (calls / "gone.wav", calls, calls / "none*.wav")
    assert predict(bundle_folder, *names, "--csv", "--jobs", "2") == 1
    rows = table(capsys.readouterr().out)
    assert list(rows[0]) == list(COLUMNS)
    found = {it["file"]: (it["status"], it["reason"]) for it in rows}
    assert [Path(it).name for it in found] == [
        "gone.wav",
        *("a_call.wav", "b_message.wav", "c_hold.wav", "d_broken.wav"),
        "none*.wav",
    ]
    statuses = [status for status, _ in found.values()]
    assert statuses == ["error", "ok", "ok", "no_speech", "error", "error"]
    assert found[str(calls / "gone.wav")][1] == "no such file or folder"
    assert found[str(calls / "c_hold.wav")][1].startswith("no speech heard")
    assert all(it["emotion"] == it["start_s"] == it["p_calm"] == "" for it in rows if it["status"] != "ok")
    assert predict(bundle_folder, *names, "--parquet", tmp_path / "out.parquet") == 1
    written = pd.read_parquet(tmp_path / "out.parquet")
    assert list(written["status"]) == [it["status"] for it in rows]
    assert list(written["reason"].fillna("")) == [it["reason"] for it in rows]


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0.wav", "+1.wav", "-1.wav", "@SUM(A1).wav"])
def test_a_spreadsheet_computes_nothing(
    bundle_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    name = name.replace("/", "")
    soundfile.write(tmp_path / name, spoken(1), RATE, format="WAV")
    (tmp_path / f"{name}.txt").write_text("no sound")
    assert predict(bundle_folder, "--csv", "--", name, f"{name}.txt") == 1
    assert [it["file"] for it in table(capsys.readouterr().out)] == [f"'{name}", f"'{name}.txt"]


@pytest.mark.parametrize("sign", "=+-@\uff1d\uff0b\uff0d\uff20")
def test_signs_of_formulas_are_escaped_at_full_width_as_well(sign: str) -> None:
    row = row_without_answer(f"{sign}1.wav", None, status="error", reason=f"{sign}2")
    assert (as_text(row)[0], as_text(row)[-1]) == (f"'{sign}1.wav", f"'{sign}2")


def test_hold_music_is_no_failure_where_that_is_asked_for(
    bundle_folder: Path, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hold = calls / "c_hold.wav"
    assert predict(bundle_folder, calls / "b_message.wav", hold, "--keep-going", "--json") == 0
    shown = capsys.readouterr()
    assert shown.err.startswith(f"note: {hold}: no speech heard")
    message, silent = objects(shown.out)
    assert message["status"] == "ok"
    assert (silent["emotion"], silent["status"]) == (None, "no_speech")
    assert predict(bundle_folder, hold, "--keep-going") == 0
    assert capsys.readouterr().out == f"{hold}  no speech\n"
    # What cannot be read is a failure all the same.
    assert predict(bundle_folder, calls, "--keep-going", "--json") == 1
    assert [it["status"] for it in objects(capsys.readouterr().out)] == ["ok", "ok", "no_speech", "error"]
    assert predict(bundle_folder, hold) == 1


def test_what_is_left_out_of_a_folder_is_counted(
    bundle_folder: Path, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("notes.txt", "more.TXT", "table.xlsx", "README"):
        (calls / name).write_text("no recording")
    for name in ("c_hold.wav", "d_broken.wav"):
        (calls / name).unlink()
    assert predict(bundle_folder, calls, "--channels", "split", "--json") == 0
    assert capsys.readouterr().err == "note: 4 files left out: without an ending, .txt, .xlsx\n"


def test_what_is_left_out_is_counted_once(
    bundle_folder: Path, calls: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(calls.parent)
    deeper = calls / "deeper"
    deeper.mkdir()
    (calls / "b_message.wav").rename(deeper / "b.wav")
    for name in ("a_call.wav", "c_hold.wav", "d_broken.wav"):
        (calls / name).unlink()
    (deeper / "notes.txt").write_text("no recording")
    (deeper / "named.txt").write_text("no recording")
    again = ("calls/deeper", "calls", deeper, "calls/*", "./calls")
    assert predict(bundle_folder, *again, "calls/deeper/named.txt", "--json") == 1
    assert capsys.readouterr().err.splitlines()[1:] == ["note: 1 file left out: .txt"]


@pytest.mark.parametrize("form", ["table", "json", "csv", "srt", "vtt", "audacity", "rttm", "elan"])
def test_a_file_has_what_standard_output_has(
    bundle_folder: Path, calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    what = (calls / "b_message.wav", "--format", form)
    assert predict(bundle_folder, *what) == 0
    shown = capsys.readouterr().out
    assert shown
    out = tmp_path / "new" / "out"
    assert predict(bundle_folder, *what, "-o", out) == 0
    assert capsys.readouterr().out == ""
    assert out.read_text() == shown
    assert list(out.parent.iterdir()) == [out]


@pytest.mark.parametrize("form", ["csv", "srt", "rttm"])
def test_a_file_appears_only_when_it_is_complete(
    bundle_folder: Path, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    folder = tmp_path / "answers"
    folder.mkdir()
    out = folder / "out"
    out.write_text("of yesterday")

    def interrupted(*_: object, **__: object) -> None:
        assert {it.name for it in folder.iterdir()} == {"out", ".out.partial"}
        raise KeyboardInterrupt

    monkeypatch.setattr(Recognizer, "predict", interrupted)
    assert predict(bundle_folder, calls / "a_call.wav", "--format", form, "-o", out) == 130
    assert out.read_text() == "of yesterday"
    assert list(folder.iterdir()) == [out]


@pytest.mark.parametrize("form", ["table", "csv", "srt"])
def test_a_recording_is_not_written_over(
    bundle_folder: Path, calls: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    call = calls / "b_message.wav"
    before = call.read_bytes()
    for out in (call, calls / "new.mp3"):
        assert predict(bundle_folder, call, "--format", form, "-o", out) == 1
        assert capsys.readouterr().err.startswith(f"error: {out}: is a recording")
    assert call.read_bytes() == before


def test_subtitles_of_several_recordings_are_a_file_each(
    bundle_folder: Path, calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "subtitles"
    out.mkdir()
    what = (calls, "--format", "vtt", "--channels", "split", "-o", out)
    assert predict(bundle_folder, *what) == 1
    # What cannot be read has no file; where nobody speaks it is empty.
    assert sorted(it.name for it in out.iterdir()) == ["a_call.vtt", "b_message.vtt", "c_hold.vtt"]
    assert (out / "c_hold.vtt").read_text() == "WEBVTT\n"
    text = (out / "a_call.vtt").read_text()
    assert "<v left>" in text
    assert "<v right>" in text
    capsys.readouterr()
    (calls / "deeper").mkdir()
    (calls / "deeper" / "a_call.flac").write_bytes((calls / "a_call.wav").read_bytes())
    assert predict(bundle_folder, *what) == 1
    assert "a_call: two recordings have this name" in capsys.readouterr().err
    assert predict(bundle_folder, calls, "--format", "rttm") == 1
    assert "a_call: two recordings have this name" in capsys.readouterr().err
    with pytest.raises(SystemExit) as stopped:
        predict(bundle_folder, calls, "--format", "vtt", "-o", tmp_path / "one.vtt")
    assert stopped.value.code == 2
    assert "is of one recording, but these are 5" in capsys.readouterr().err


def test_labels_leave_a_transcript_beside_the_recording(bundle_folder: Path, calls: Path) -> None:
    transcript = calls / "b_message.txt"
    transcript.write_text("Call me back.")
    assert predict(bundle_folder, calls / "b_message.wav", "--format", "audacity", "-o", calls) == 0
    assert transcript.read_text() == "Call me back."
    assert (calls / "b_message.labels.txt").exists()


@pytest.mark.parametrize("form", ["srt", "vtt", "audacity", "rttm", "elan"])
def test_where_nobody_speaks_no_older_answer_stays(
    bundle_folder: Path, calls: Path, tmp_path: Path, form: str
) -> None:
    out = tmp_path / "out"
    out.write_text("angry")
    assert predict(bundle_folder, calls / "c_hold.wav", "--format", form, "-o", out) == 1
    assert "angry" not in out.read_text()
    assert out.read_text() == WRITERS[form]([])
    # Of what cannot be read nothing is known.
    assert predict(bundle_folder, calls / "d_broken.wav", "--format", form, "-o", out) == 1
    assert out.read_text() == WRITERS[form]([])


def test_names_that_are_the_same_without_blanks_are_refused_in_time_marks(
    bundle_folder: Path, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a b.wav", "a_b.wav"):
        (calls / name).write_bytes((calls / "b_message.wav").read_bytes())
    both = (calls / "a b.wav", calls / "a_b.wav")
    assert predict(bundle_folder, *both, "--format", "rttm") == 1
    assert "a_b: two recordings have this name" in capsys.readouterr().err
    assert predict(bundle_folder, *both, "--format", "audacity", "-o", calls) == 0


def test_one_file_of_time_marks_is_of_all_recordings(
    bundle_folder: Path, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(bundle_folder, calls / "a_call.wav", calls / "b_message.wav", "--format", "rttm") == 0
    assert {it.split()[1] for it in capsys.readouterr().out.splitlines()} == {"a_call", "b_message"}


def test_settings_of_listening_are_those_of_the_bundle_but_for_what_is_said(
    bundle_folder: Path, calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    call = calls / "a_call.wav"
    options = ("--threshold", "0.9", "--window", "2", "--hop", "0.5", "--json")
    assert predict(bundle_folder, call, *options) == 0
    (answer,) = objects(capsys.readouterr().out)
    bundle = read_bundle(bundle_folder)
    model = bundle.model()
    thresholds = replace(model.thresholds, likely_from=0.9, sure_from=0.9)
    expected = Recognizer(
        replace(
            bundle,
            listening=replace(bundle.listening, window_s=2.0, hop_s=0.5),
            models={"ravdess": replace(model, thresholds=thresholds)},
        )
    ).predict(call)
    assert {**expected.as_dict(), "status": "ok"} == answer
    assert {it["end_s"] - it["start_s"] for it in answer["segments"]} == {0.5}  # type: ignore[attr-defined]
    assert predict(bundle_folder, call, "--min-length", "3", "--json") == 0
    (longer,) = objects(capsys.readouterr().out)
    assert all(it["end_s"] - it["start_s"] >= 3 for it in longer["stretches"])  # type: ignore[attr-defined]
    assert len(longer["segments"]) == longer["summary"]["speech_s"]  # type: ignore[arg-type,index]


def test_the_help_says_the_defaults_of_the_shipped_bundle(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["predict", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    bundle = read_bundle()
    assert 1.5 * bundle.listening.sure_from_s <= SHORTEST_WINDOW_S
    assert f"{SHORTEST_WINDOW_S:g} or more" in shown
    for name, model in bundle.models.items():
        assert f"{model.thresholds.likely_from:g} of {name}" in shown
    assert f"(default: {bundle.listening.window_s:g})" in shown
    assert f"(default: {bundle.listening.hop_s:g})" in shown


@pytest.mark.parametrize("command", ["predict", "enrol", "listen", "evaluate"])
def test_help_has_two_examples_and_the_exit_codes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert shown.count(f"  ser {command} ") >= 2
    assert "exit codes" in shown


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_how_much_of_one_recording_was_read_is_shown_in_a_terminal(
    bundle_folder: Path, calls: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    split = (calls / "a_call.wav", "--channels", "split")
    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        assert predict(bundle_folder, *split) == 0
        assert ("0:08 of sound read in 00:0" in stream.getvalue()) == shown
        assert "of sound read" not in capsys.readouterr().out
    assert stream.getvalue() == ""
