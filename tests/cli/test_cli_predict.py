"""The command `ser predict`: its forms of output, which files it takes, and its exit codes."""

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from voices import spoken

from ser.audio.paths import by_ending, find
from ser.cli import COMMANDS, main
from ser.data.ravdess import EMOTIONS
from ser.recognizer.bundle_format import read_bundle
from ser.recognizer.judging import Recognition
from ser.recognizer.reasons import IN_WORDS, in_words
from ser.recognizer.recognizer import Recognizer
from ser.recognizer.rows import COLUMNS

RATE = 16_000


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    """Two short recordings, one of them deeper, a long one, and a text."""
    folder = tmp_path / "recordings"
    (folder / "deeper").mkdir(parents=True)
    for name, seconds in (("a.wav", 1), ("deeper/b.flac", 2), ("long.ogg", 8)):
        soundfile.write(folder / name, spoken(seconds), RATE)
    (folder / "notes.txt").write_text("no recording")
    (folder / ".hidden.wav").write_text("nor this")
    return folder


def predict(bundle: Path, *arguments: str | Path) -> int:
    return main(["predict", "--bundle", str(bundle), *map(str, arguments)])


def test_json_is_an_object_a_line(
    bundle_folder: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(bundle_folder, recordings, "--json", "--jobs", "2") == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [it["file"] for it in lines] == [
        str(recordings / name) for name in ("a.wav", "deeper/b.flac", "long.ogg")
    ]
    for it in lines:
        assert list(it["probabilities"]) == list(EMOTIONS)
        assert it["confidence"] == it["probabilities"][it["emotion"]]
        assert it["uncertain"] or it["confidence"] >= 0.5
        assert it["uncertain"] == (it["certainty"] == "not sure")
        assert it["reasons"] or not it["uncertain"]
    assert ["segments" in it for it in lines] == [False, False, True]
    assert [it["start_s"] for it in lines[2]["segments"]] == list(range(8))


def test_parquet_is_not_written_over_a_recording(
    bundle_folder: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    listened_to, another = recordings / "a.wav", recordings / "deeper" / "b.flac"
    nameless = recordings / "talk"
    nameless.write_bytes(listened_to.read_bytes())
    for out, heard in ((listened_to, another), (listened_to, listened_to), (nameless, nameless)):
        before = out.read_bytes()
        assert predict(bundle_folder, heard, "--parquet", out) == 1
        assert f"error: {out}: is a recording" in capsys.readouterr().err
        assert out.read_bytes() == before


def test_a_full_standard_output_is_an_error_of_one_line(bundle_folder: Path, recordings: Path) -> None:
    arguments = ["--bundle", str(bundle_folder), str(recordings / "a.wav")]
    command = [sys.executable, "-m", "ser.cli", "predict", *arguments]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("error: an output")
    assert len(done.stderr.splitlines()) == 1


def test_csv_and_parquet_hold_the_same_rows(
    bundle_folder: Path, recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(bundle_folder, recordings, "--csv") == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    long = Recognizer.load(bundle_folder).predict(recordings / "long.ogg")
    assert len(rows) == 2 + len(long.stretches)
    assert {(row["status"], row["reason"], row["channel"]) for row in rows} == {("ok", "", "")}
    assert predict(bundle_folder, recordings, "--parquet", tmp_path / "out.parquet") == 0
    assert capsys.readouterr().out == ""
    table = pd.read_parquet(tmp_path / "out.parquet")
    assert list(table.columns) == list(rows[0]) == list(COLUMNS)
    assert [row["emotion"] for row in rows] == list(table["emotion"])
    assert [row["certainty"] for row in rows] == list(table["certainty"])
    assert [row["reasons"] for row in rows] == list(table["reasons"])
    assert all(set(row["reasons"].split()) <= set(IN_WORDS) for row in rows)
    assert [float(row["agreement"]) for row in rows] == pytest.approx(list(table["agreement"]), abs=1e-5)
    assert [float(row["p_calm"]) for row in rows] == pytest.approx(list(table["p_calm"]), abs=1e-5)


def test_the_table_says_how_sure_it_is_and_why(
    bundle_folder: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(bundle_folder, recordings / "a.wav", recordings / "long.ogg") == 0
    shown = capsys.readouterr().out
    assert shown.count(str(recordings)) == 2
    assert f"{recordings / 'long.ogg'}  0:08 of speech in 0:08" in shown
    assert "  0:00:00.0 to " not in shown
    assert predict(bundle_folder, recordings / "long.ogg", "--timeline") == 0
    timeline = capsys.readouterr().out
    assert "  0:00:00.0 to " in timeline
    assert "8.0  " in timeline
    assert predict(bundle_folder, recordings / "a.wav", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    first = shown.splitlines()[0].removeprefix(f"{recordings / 'a.wav'}  ")
    assert first.startswith(f"{answer['certainty']}: ")
    assert ("(" in first) == bool(answer["reasons"])
    assert in_words(answer["reasons"]) in first


def test_the_table_says_where_nobody_speaks(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    noise = np.random.default_rng(0).normal(0, 0.01, 4 * RATE)
    soundfile.write(tmp_path / "talk.wav", np.concatenate([spoken(4), noise, spoken(2)]), RATE)
    soundfile.write(tmp_path / "wind.wav", noise, RATE)
    assert predict(bundle_folder, tmp_path, "--timeline") == 1
    shown = capsys.readouterr()
    assert "  0:00:04.0 to 0:00:08.0  no speech" in shown.out.splitlines()
    assert (
        shown.err
        == f"error: {tmp_path / 'wind.wav'}: no speech heard; record it again, closer to whoever speaks\n"
    )


@pytest.mark.parametrize("how", [[], ["--json"], ["--csv"]])
def test_names_of_any_bytes_are_printed_harmlessly(
    bundle_folder: Path, tmp_path: Path, how: list[str]
) -> None:
    folder = os.fsencode(tmp_path)
    for name in (b"\xff.wav", b"\x1b[2J.wav", b"\xc2\x9b.wav", "\u202e.wav".encode(), b"a\nb.wav"):
        soundfile.write(open(os.path.join(folder, name), "wb"), spoken(1), RATE, format="WAV")  # noqa
    with open(os.path.join(folder, b"bad\x1b\xff.wav"), "wb") as bad:  # noqa: PTH118, PTH123
        bad.write(b"no sound")
    os.mkfifo(tmp_path / "pipe.wav")
    command = [
        sys.executable,
        "-m",
        "ser.cli",
        "predict",
        str(tmp_path),
        "--bundle",
        str(bundle_folder),
        *how,
    ]
    done = subprocess.run(command, capture_output=True, check=False, timeout=100)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    text = done.stdout.decode() + done.stderr.decode()
    assert not {"\x1b", "\x9b", "\u202e"} & set(text)
    assert "pipe.wav" not in text
    assert len(done.stdout.splitlines()) == 5 + 2 * (how == ["--csv"]), "a name must not make up a line"
    if how == ["--json"]:
        named = {json.loads(line)["file"] for line in done.stdout.splitlines()}
        assert os.fsdecode(os.path.join(folder, b"\xff.wav")) in named  # noqa: PTH118


def test_what_fails_is_named_and_the_rest_is_recognised(
    bundle_folder: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recordings / "bad.wav").write_text("This is no sound.")
    code = predict(bundle_folder, recordings / "gone.wav", recordings, "--json")
    shown = capsys.readouterr()
    assert code == 1
    assert len(shown.out.splitlines()) == 3
    assert f"error: {recordings / 'gone.wav'}: no such file or folder" in shown.err
    assert f"error: {recordings / 'bad.wav'}: no readable audio" in shown.err


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["predict"],
        ["nonsense"],
        ["predict", "a", "--jobs", "0"],
        ["predict", "a", "--jobs", "65"],
        ["predict", "a", "--csv", "--json"],
        ["predict", "a", "--nonsense"],
        ["predict", "a", "--format", "parquet"],
        ["predict", "a", "--parquet", "b", "-o", "c"],
        ["predict", "a", "b", "--format", "srt"],
        ["predict", "a", "--threshold", "1.5"],
        ["predict", "a", "--window", "1.4", "--hop", "1.4"],
        ["predict", "a", "--hop", "2"],
        ["predict", "a", "--min-length", "-1"],
    ],
)
def test_wrong_usage_exits_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    command = " predict" if "predict" in arguments else ""
    assert f"usage: ser{command} [" in capsys.readouterr().err


def test_a_missing_model_is_an_error(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict(recordings / "none", recordings) == 1
    assert "no exported model" in capsys.readouterr().err


def test_standard_input(bundle_folder: Path, recordings: Path) -> None:
    command = [sys.executable, "-m", "ser.cli", "predict", "-", "--json", "--bundle", str(bundle_folder)]
    content = (recordings / "a.wav").read_bytes()
    done = subprocess.run(command, input=content, capture_output=True, check=True)
    assert json.loads(done.stdout)["file"] == "standard input"
    failed = subprocess.run(command, input=b"text", capture_output=True, check=False)
    assert failed.returncode == 1
    assert b"standard input: no readable audio" in failed.stderr


def test_standard_input_keeps_its_place(bundle_folder: Path, recordings: Path) -> None:
    first, last = recordings / "deeper/b.flac", recordings / "a.wav"
    command = [sys.executable, "-m", "ser.cli", "predict", str(first), "-", str(last), "-", str(first)]
    command += ["--json", "--bundle", str(bundle_folder)]
    done = subprocess.run(command, input=last.read_bytes(), capture_output=True, check=True)
    named = [json.loads(line)["file"] for line in done.stdout.splitlines()]
    assert named == [str(first), "standard input", str(last)]


def test_a_table_that_cannot_be_written_is_an_error_before_the_work(
    bundle_folder: Path, recordings: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def listen(*_: object, **__: object) -> Iterator[Recognition]:
        pytest.fail("listened for nothing")

    monkeypatch.setattr(Recognizer, "predict", listen)
    for wrong in (recordings, recordings / "a.wav" / "out.parquet", Path("/dev/null")):
        assert predict(bundle_folder, recordings, "--parquet", wrong) == 1
        assert f"error: {wrong}: " in capsys.readouterr().err
    assert (recordings / "a.wav").is_file(), "the folder was taken for an earlier table"


def test_a_table_of_nothing_has_its_columns(bundle_folder: Path, recordings: Path, tmp_path: Path) -> None:
    out = tmp_path / "new" / "out.parquet"
    assert predict(bundle_folder, recordings / "notes.txt", "--parquet", out) == 1
    table = pd.read_parquet(out)
    assert list(table.columns) == list(COLUMNS)
    assert list(table["status"]) == ["error"]
    assert table["emotion"].isna().all()


def test_a_name_that_is_no_text(bundle_folder: Path, recordings: Path, tmp_path: Path) -> None:
    odd = os.fsdecode(os.fsencode(recordings) + b"/\xff.wav")
    (recordings / "a.wav").rename(odd)
    command = [sys.executable, "-m", "ser.cli", "predict", odd, "--bundle", str(bundle_folder)]
    environment = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    shown = [
        subprocess.run([*command, *form], capture_output=True, check=True, env=environment).stdout
        for form in ([], ["--csv"], ["--json"], ["--parquet", str(tmp_path / "out.parquet")])
    ]
    assert b"/\\udcff.wav  " in shown[0]
    assert b"/\\udcff.wav," in shown[1]
    assert json.loads(shown[2])["file"] == odd
    assert pd.read_parquet(tmp_path / "out.parquet")["file"][0].endswith("/\\udcff.wav")


def test_a_named_pipe_in_a_folder_is_passed_over(recordings: Path) -> None:
    os.mkfifo(recordings / "pipe.wav")
    (recordings / "broken.wav").symlink_to("gone.wav")
    names = ["a.wav", "broken.wav", "deeper/b.flac", "long.ogg"]
    found = find([str(recordings)])
    assert (found.files, found.problems) == ([str(recordings / name) for name in names], [])
    assert by_ending(found.left_out) == {".txt": 1}


def test_files_folders_and_patterns(recordings: Path) -> None:
    found = find([f"{recordings}/**/*.flac", f"{recordings}/*.txt", f"{recordings}/deeper"])
    # What is named is taken, whatever its ending, and nothing twice.
    assert found.files == [str(recordings / "deeper/b.flac"), str(recordings / "notes.txt")]
    assert found.problems == []
    (recordings / "none").mkdir()
    names = [f"{recordings}/none", f"{recordings}/*.mp3", f"{recordings}/x.wav"]
    found = find(names)
    assert found.files == []
    assert [str(it).removeprefix(f"{name}: ") for it, name in zip(found.problems, names, strict=True)] == [
        "no recording in this folder",
        "no file matches",
        "no such file or folder",
    ]
    # A file whose own name looks like a pattern is meant itself.
    (recordings / "[1].wav").write_bytes(b"")
    assert find([f"{recordings}/[1].wav"]).files == [f"{recordings}/[1].wav"]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    for name, command in COMMANDS.items():
        assert name in shown
        assert command.summary in shown


def test_a_model_is_asked_for_by_its_name(
    bundle_folder: Path, recordings: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = []
    for chosen in ([], ["--model", "ravdess"]):
        assert predict(bundle_folder, recordings / "a.wav", "--json", *chosen) == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert answers[0] == answers[1]
    assert 0 <= answers[0]["agreement"] <= 1
    assert predict(bundle_folder, recordings / "a.wav", "--model", "whoever") == 1
    assert capsys.readouterr().err == "error: whoever: no model of this name; give one of ravdess\n"


def test_the_versions_of_program_and_model(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    assert ended.value.code == 0
    assert capsys.readouterr().out == f"ravdess-ser {version('ravdess-ser')}, model {read_bundle().version}\n"
