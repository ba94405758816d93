"""The check of determinism finds whatever leaks into a result, and passes what does not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ser.audio.clip_io import write_pcm16
from ser.data.ravdess import SAMPLE_RATE, clip_path
from ser.errors import InputError
from tools import check_deterministic
from tools.check_deterministic import (
    ALL_AT_ONCE,
    CONDITIONS,
    Condition,
    differences,
    read_lock,
    run_under,
    together,
)
from tools.demo import PROJECT

LEAKS = {
    "nothing": "sorted(os.listdir('corpus'))",
    "worker": "open('params.yaml', encoding='utf-8').read().split('jobs:')[1][:3]",
    "source": "pathlib.Path(os.environ['RAVDESS_DIR']).suffix",
    "encoding": "locale.getpreferredencoding(False)",
    "zone": "time.localtime(0).tm_hour",
    "mask": "os.umask(0)",
    "hash": "hash('a')",
    "listing": "os.listdir('ordered')",
    "scan": "[path.name for path in pathlib.Path('ordered').glob('*')]",
    "threads": "os.environ.get('OMP_NUM_THREADS')",
}
"""What a careless stage could write."""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """As a demo's, with a stage for each leak."""
    folder = tmp_path / "workspace"
    (folder / ".dvc").mkdir(parents=True)
    shutil.copy(PROJECT / ".dvc/config", folder / ".dvc/config")
    (folder / ".dvc/config.local").write_text("[core]\n    no_scm = true\n")
    shutil.copy(PROJECT / "params.yaml", folder)
    (folder / "ordered").mkdir()
    for number in range(20):
        (folder / "ordered" / f"{number:02d}").touch()
    for name in ("03-01-01-01-01-01-01", "03-01-01-01-01-01-02"):
        path = clip_path(folder / "corpus", name, suffix=".flac")
        path.parent.mkdir(parents=True)
        write_pcm16(path, np.arange(9600, dtype=np.int16), sample_rate=SAMPLE_RATE)
    lines = ["stages:"]
    for name, leak in LEAKS.items():
        code = f"import locale, os, pathlib, time; open('{name}.txt', 'w').write(ascii({leak}))"
        (folder / f"{name}.py").write_text(code)
        lines.append(f"  {name}: {{cmd: python {name}.py, deps: [{name}.py], outs: [{name}.txt]}}")
    (folder / "dvc.yaml").write_text("\n".join(lines) + "\n")
    return folder


def test_whatever_leaks_is_found(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The shell's own settings are not the undisturbed run's.
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    monkeypatch.setenv("LC_ALL", "C")
    assert run_under(Condition(), workspace, "repro").returncode == 0
    before = read_lock(workspace)
    assert run_under(ALL_AT_ONCE, workspace, "repro", "--force").returncode == 0
    found = differences(before, read_lock(workspace))
    expected = [name for name in LEAKS if name != "nothing"]
    if "LOCPATH" not in CONDITIONS["locale"].prepare(workspace):  # type: ignore[misc]
        # No localedef here: all that is left is C, which Python reads as UTF-8.
        expected.remove("encoding")
    begins = "(begins here: its inputs are the same)"
    assert found == [f"{name}: {name}.txt differs {begins}" for name in sorted(expected)]


def test_what_follows_a_difference_is_told_from_where_it_begins() -> None:
    def lock(made: str, used: str) -> dict[str, object]:
        return {
            "make": {"deps": [{"path": "a", "md5": "0"}], "outs": [{"path": "b", "md5": made}]},
            "use": {"deps": [{"path": "b", "md5": made}], "outs": [{"path": "c", "md5": used}]},
        }

    assert differences(lock("1", "2"), lock("1", "2")) == []
    assert differences(lock("1", "2"), lock("3", "4")) == [
        "make: b differs (begins here: its inputs are the same)",
        "use: c differs",
    ]
    assert differences(lock("1", "2"), {"make": lock("1", "2")["make"]}) == ["use: ran in one of them only"]


def test_conditions_change_together_what_each_changes_alone(workspace: Path) -> None:
    both = together(["umask-private", "zip", "time-zone", "path"])
    assert run_under(Condition(), workspace, "repro").returncode == 0
    before = read_lock(workspace)
    assert run_under(both, workspace, "repro", "--force").returncode == 0
    begins = "(begins here: its inputs are the same)"
    expected = [f"{name}: {name}.txt differs {begins}" for name in ("mask", "source", "zone")]
    assert differences(before, read_lock(workspace)) == expected
    assert both.place == CONDITIONS["path"].place


@pytest.mark.parametrize(
    "names",
    [
        ("wav", "zip"),
        ("locale", "plain-locale"),
        ("umask-open", "umask-private"),
        ("one-thread", "two-threads"),
    ],
)
def test_of_conditions_that_exclude_each_other_none_is_left_out_unseen(names: tuple[str, str]) -> None:
    with pytest.raises(InputError, match="cannot be changed in one run"):
        together(["path", *names])


def test_all_at_once_goes_together_with_others() -> None:
    condition = together(["all-at-once", "forced"])
    assert condition.arguments == ("--force",)
    assert (condition.place, condition.umask) == (ALL_AT_ONCE.place, ALL_AT_ONCE.umask)
    with pytest.raises(InputError, match="wav and zip"):
        together(["all-at-once", "wav"])


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, Path | None]]:
    """Write a lock in place of a run, another one from WAV files, and none under another time zone."""
    made: list[tuple[Path, Path | None]] = []

    def make(folder: Path, condition: Condition, *, recordings: Path | None = None) -> Path:
        if condition == CONDITIONS["time-zone"]:
            raise InputError("dvc repro failed")
        folder.mkdir(parents=True)
        digest = "1" if condition == CONDITIONS["wav"] else "0"
        outs = [{"path": "a", "md5": digest}]
        (folder / "dvc.lock").write_text(json.dumps({"stages": {"make": {"deps": [], "outs": outs}}}))
        made.append((folder, recordings))
        return folder

    monkeypatch.setattr(check_deterministic, "make_and_run", make)
    return made


def test_every_condition_gets_its_verdict(
    runs: list[tuple[Path, Path | None]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = ["wav", "time-zone", "zip"]
    with pytest.raises(InputError, match="depends on what it must not"):
        check_deterministic.main(["--folder", str(tmp_path), "--conditions", *names])
    assert [folder.name for folder, _ in runs] == ["undisturbed", "wav", "zip"]
    told = capsys.readouterr().out
    assert "make: a differs (begins here" in told
    assert "dvc repro failed" in told
    assert "zip: dvc.lock is the same" in told


def test_recordings_are_those_of_every_run(runs: list[tuple[Path, Path | None]], tmp_path: Path) -> None:
    recordings = tmp_path / "RAVDESS"
    recordings.mkdir()
    asked = ["--folder", str(tmp_path / "work"), "--recordings", str(recordings)]
    with pytest.raises(InputError, match="no WAV or FLAC files"):
        check_deterministic.main(asked)
    (recordings / "03-01-01-01-01-01-01.wav").touch()
    check_deterministic.main(asked)
    names = [(folder.name, given) for folder, given in runs]
    assert names == [("undisturbed", recordings), ("all-at-once", recordings)]
