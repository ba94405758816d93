"""The benchmarks measure what they say; how fast anything is, no test asks."""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile

from benchmarks import cases, nkululeko_predict, recognizer, recordings, tables
from benchmarks.cases import Case, Run
from ser.errors import InputError

# Answers as nkululeko does: a version, a model where it trains, a file where it predicts.
PRETENCE = """\
#!{python}
import configparser, pathlib, sys
words = sys.argv[1:]
if "-c" in words:
    sys.exit(print("9.9"))
settings = configparser.ConfigParser()
settings.read(words[words.index("--config") + 1])
root, features = settings["EXP"]["root"], settings["FEATS"]["type"]
model = pathlib.Path(root + settings["EXP"]["name"])
if "nkululeko.nkululeko" in words:
    clips = pathlib.Path(settings["DATA"]["clips"]).read_text().splitlines()
    assert clips[0] == "file,emotion,speaker,gender" and features == "['os']"
    assert all(pathlib.Path(clip.split(",")[0]).exists() for clip in clips[1:])
    model.write_text("a model")
    sys.exit()
assert model.exists() and features == "['opensmile']"
if "--file" in words:
    file = pathlib.Path(words[words.index("--file") + 1])
    file.with_name(file.stem + "_result.txt").write_text("predicted: calm")
else:
    files = sorted(pathlib.Path(words[words.index("--folder") + 1]).glob("*.wav"))
    rows = ["file,predicted", *(f"{{file}},calm" for file in files[{skipped}:])]
    pathlib.Path(words[words.index("--outfile") + 1]).write_text("\\n".join(rows))
"""


def pretended(path: Path, *, skipped: int) -> Path:
    path.write_text(PRETENCE.format(python=sys.executable, skipped=skipped), encoding="utf-8")
    path.chmod(0o755)
    return path


def taken(*seconds: float, audio_s: float = 0.0, recordings: int = 0, mb: float = 1.0) -> dict[str, Any]:
    runs = [{"wall_s": it, "cpu_s": it / 2, "peak_bytes": round(mb * 1e6)} for it in seconds]
    return {"recordings": recordings, "audio_s": audio_s, "runs": runs}


RESULTS: dict[str, Any] = {
    "machine": {
        "cpu": "Abacus",
        "cores": 2,
        "load_before": 0.04,
        "python": "3.11.7",
        "versions": {"numpy": "2.0", "nkululeko": "1.0"},
    },
    "recordings": {"number": 120, "audio_s": 400.4, "sample_rate": 48000, "synthetic": False},
    "cases": {
        "nkululeko_one_file": taken(6.0, 8.0, 7.0, audio_s=4, recordings=1),
        "one_file": taken(0.5, 1.0, 0.7, audio_s=4, recordings=1, mb=84.4),
        "folder_jobs_1": taken(2.7, 2.6, 2.8, audio_s=404, recordings=120, mb=100),
        "nkululeko_folder": taken(87, 127, 107, audio_s=404, recordings=120, mb=250),
        "long_1": taken(9.0, audio_s=600, recordings=1, mb=140),
        "long_2": taken(50.0, audio_s=3600, recordings=1, mb=147),
        "imports": taken(0.4, 0.3, 0.35),
    },
}


def test_the_tables_tell_medians_spread_and_ratios_round_by_round() -> None:
    text, measured, ratios = tables.tables(RESULTS).split("\n\n")
    assert text == (
        "120 recordings, 400 s in all, 16 bit at 48000 Hz, WAV unless it says FLAC. Abacus, 2 cores, "
        "load 0.0 before the run; Python 3.11.7, numpy 2.0, nkululeko 1.0."
    )
    rows = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in measured.splitlines()[2:]}
    assert rows[tables.TITLES["imports"]] == [
        *("", "0.35 (0.30 to 0.40)", "0.17 (0.15 to 0.20)", "", "", "", "1 |")
    ]
    one = rows[tables.TITLES["one_file"]]
    assert (one[0], one[1], one[3:]) == ("4.0", "0.70 (0.50 to 1.00)", ["5.7", "", "", "84 |"])
    # 400 s in 2 s more than one recording takes; half of them CPU seconds.
    assert rows[tables.TITLES["folder_jobs_1"]][3:] == ["150", "200", "400", "100 |"]
    assert rows[tables.TITLES["nkululeko_folder"]][3:] == ["3.8", "4.0", "8.0", "250 |"]
    assert list(rows) == [title for name, title in tables.TITLES.items() if name in RESULTS["cases"]]
    lines = ratios.splitlines()[2:]
    assert len(lines) == 5, "of cases that were measured"
    assert lines[0].endswith("| 10.00 | 8.00 to 12.00 |"), "not the ratio of the extremes"
    assert lines[3] == (
        "| peak memory of the longer recording, in those of the long one | 1.05 | 1.05 to 1.05 |"
    )


def test_a_folder_that_takes_no_longer_than_one_recording_has_no_speed() -> None:
    measured = {"one_file": taken(1.0, audio_s=4), "folder_jobs_1": taken(0.9, audio_s=8)}
    assert tables.steady_speed(measured, "folder_jobs_1", quantity="wall_s") is None


def test_the_page_tells_the_committed_results() -> None:
    page = recognizer.PAGE.read_text(encoding="utf-8")
    filled = tables.fill(page, RESULTS)
    assert "Abacus" in filled
    assert tables.fill(filled, RESULTS) == filled
    if recognizer.RESULTS.exists():
        committed = json.loads(recognizer.RESULTS.read_text(encoding="utf-8"))
        assert tables.fill(page, committed) == page, "run: python -m benchmarks.recognizer"
    else:
        assert "<!-- results: recognizer -->\n<!-- end -->\n" in page


def test_what_may_be_asked_for(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("RAVDESS_DIR", raising=False)
    chosen = recognizer.options([])
    assert (chosen.recordings, chosen.nkululeko, chosen.minutes) == (None, None, [10.0, 60.0])
    monkeypatch.setenv("RAVDESS_DIR", "corpus")
    assert recognizer.options([]).recordings == Path("corpus")
    assert recognizer.options(["--recordings", "x", "--repeats", "3"]).repeats == 3
    for wrong in (["--repeats", "0"], ["--at-most", "1"], ["--minutes", "1"], ["--minutes", "0", "1"]):
        with pytest.raises(SystemExit):
            recognizer.options(wrong)
    assert "must be from 0.05 to 600 minutes" in capsys.readouterr().err


def test_what_a_command_takes_is_its_own() -> None:
    ballast = bytearray(os.urandom(1) * 200_000_000)
    small = cases.measure([sys.executable, "-c", "pass"])
    assert small.wall_s > 0
    assert small.cpu_s > 0
    assert small.peak_bytes < 100e6 < len(ballast), "not that of the process which measures"
    large = cases.measure([sys.executable, "-c", "bytearray(b'x' * 150_000_000)"])
    assert large.peak_bytes > 150e6


def test_a_command_that_fails_is_an_error_with_its_own_words() -> None:
    with pytest.raises(InputError, match="no such thing"):
        cases.measure([sys.executable, "-c", "import sys; sys.exit('no such thing')"])


def test_all_cases_take_turns_and_the_warm_up_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    order: list[str] = []

    def measure(command: tuple[str, ...], **_: Any) -> Run:
        order.append(command[0])
        return Run(wall_s=len(order), cpu_s=1.0, peak_bytes=1)

    monkeypatch.setattr(cases, "measure", measure)
    names = "abcd"
    chosen = [Case(name, (name,), rounds=1 if name == "d" else None) for name in names]
    results = cases.run_rounds(chosen, rounds=3, tell=lambda _: None)
    assert [sorted(order[start:end]) for start, end in ((0, 4), (4, 8), (8, 11), (11, 14))] == [
        list("abcd"),
        list("abcd"),
        list("abc"),
        list("abc"),
    ]
    assert {name: len(it["runs"]) for name, it in results.items()} == {"a": 3, "b": 3, "c": 3, "d": 1}
    assert all(run["wall_s"] > 4 for it in results.values() for run in it["runs"])


def test_recordings_are_the_same_in_both_formats_and_the_long_one_as_long_as_said(tmp_path: Path) -> None:
    made = recordings.write_recordings(tmp_path / "all", source=None, at_most=3)
    wav, flac = made["wav"], made["flac"]
    assert len(wav.files) == len(flac.files) == 3
    for one, other in zip(wav.files, flac.files, strict=True):
        assert (soundfile.read(one)[0] == soundfile.read(other)[0]).all()
    assert wav.audio_s == pytest.approx(sum(soundfile.info(file).duration for file in wav.files))
    again = recordings.write_recordings(tmp_path / "again", source=flac.folder, at_most=2)["wav"]
    assert [soundfile.info(it).frames for it in again.files] == [
        soundfile.info(it).frames for it in (wav.files[0], wav.files[2])
    ]
    seconds = recordings.write_long(tmp_path / "long.wav", wav, minutes=0.2)
    long = soundfile.info(tmp_path / "long.wav")
    assert (seconds, long.duration, long.channels) == (12.0, 12.0, 1)
    with pytest.raises(InputError, match="no such file or folder"):
        recordings.write_recordings(tmp_path / "none", source=tmp_path / "nowhere", at_most=2)


def test_nkululeko_is_trained_asked_and_held_to_its_answers(tmp_path: Path) -> None:
    wav = recordings.write_recordings(tmp_path / "all", source=None, at_most=2)["wav"]
    python = pretended(tmp_path / "python", skipped=0)
    assert nkululeko_predict.version_in(python) == "9.9"
    folder = tmp_path / "model"
    nkululeko_predict.train(folder, python=python)
    one, many = nkululeko_predict.cases(folder, wav, python=python)
    assert (one.recordings, many.recordings) == (1, 2)
    assert one.audio_s < many.audio_s == wav.audio_s
    results = cases.run_rounds([one, many], rounds=1, tell=lambda _: None)
    assert results.keys() == {"nkululeko_one_file", "nkululeko_folder"}
    assert sorted(file.suffix for file in wav.folder.iterdir()) == [".wav", ".wav"]
    pretended(python, skipped=1)
    with pytest.raises(InputError, match="did not recognise all"):
        cases.run_rounds([many], rounds=1, tell=lambda _: None)


def test_an_environment_without_nkululeko_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a Python with nkululeko"):
        nkululeko_predict.version_in(tmp_path / "python")


def test_a_run_measures_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RAVDESS_DIR", raising=False)
    written = tmp_path / "results.json"
    recognizer.main(
        f"--at-most 2 --repeats 1 --long-repeats 1 --minutes 0.05 0.15 --results {written}".split()
    )
    results = json.loads(written.read_text(encoding="utf-8"))
    own = [name for name in tables.TITLES if not name.startswith(("nkululeko", "before"))]
    assert sorted(results["cases"]) == sorted(own)
    for it in results["cases"].values():
        (run,) = it["runs"]
        assert min(run.values()) > 0
    assert results["recordings"]["number"] == results["cases"]["folder_jobs_2"]["recordings"] == 2
    assert results["recordings"]["synthetic"]
    facts = json.dumps(results["machine"])
    assert str(Path.home()) not in facts
    assert os.uname().nodename not in facts


@pytest.mark.parametrize(
    ("cpu", "expected"),
    [
        (
            {"architecture": "x86_64", "model name": "AMD EPYC", "cpu family": "26", "model": "2"},
            "AMD EPYC (family 26, model 2)",
        ),
        ({"architecture": "x86_64", "model name": "Abacus"}, "Abacus"),
        ({"architecture": "aarch64", "processor": "arm"}, "aarch64"),
    ],
)
def test_a_cpu_is_named_with_its_kind(cpu: dict[str, str], expected: str) -> None:
    assert recognizer.kind_of(cpu) == expected


def test_an_earlier_commit_is_measured_with_its_own_code(tmp_path: Path) -> None:
    written = recordings.write_recordings(tmp_path / "recordings", source=None, at_most=2)["wav"]
    recordings.write_long(tmp_path / "long_1.wav", written, minutes=0.1)
    found = recognizer.earlier_cases(tmp_path, written, "HEAD", long_rounds=1)
    assert [it.name for it in found] == ["before_one_file", "before_folder_jobs_1", "before_long_1"]
    (tmp_path / "before" / "ser" / "__init__.py").write_text("print(undefined_then)")
    with pytest.raises(InputError, match="undefined_then"):
        cases.measure(found[0].command, variables=found[0].variables)
    with pytest.raises(InputError, match="--before nowhere: git cannot check it out"):
        recognizer.earlier_cases(tmp_path / "other", written, "nowhere", long_rounds=1)
