"""Half-written files of DVC's own, which a kill left, are put right for its next run."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tools.demo import run_dvc
from tools.repair_after_kill import repair

PIPELINE = """\
stages:
  first: {cmd: cp in.txt a.txt, deps: [in.txt], outs: [a.txt: {persist: true}]}
  second: {cmd: cp a.txt b.txt, deps: [a.txt], outs: [b.txt: {persist: true}]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that DVC has run."""
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    (tmp_path / "dvc.yaml").write_text(PIPELINE)
    (tmp_path / "in.txt").write_text("content")
    assert run_dvc(tmp_path, "repro", capture_output=True).returncode == 0
    return tmp_path


def test_what_is_whole_is_kept_as_it_is(project: Path) -> None:
    before = (project / "dvc.lock").read_bytes()
    assert repair(project) == []
    assert (project / "dvc.lock").read_bytes() == before


def test_half_a_dvc_lock_is_brought_back_as_it_was(project: Path) -> None:
    repair(project)
    lock = project / "dvc.lock"
    before = lock.read_text()
    lock.write_text(before[: before.index("second:") + 40])
    assert run_dvc(project, "repro", capture_output=True).returncode != 0
    assert len(repair(project)) == 1
    assert lock.read_text() == before
    assert "up to date" in run_dvc(project, "repro", capture_output=True).stdout


def test_half_a_lock_of_a_further_pipeline_is_brought_back(project: Path) -> None:
    lock = project / "experiments" / "further" / "dvc.lock"
    lock.parent.mkdir(parents=True)
    before = (project / "dvc.lock").read_text()
    lock.write_text(before)
    assert repair(project) == []
    lock.write_text(before[: before.index("second:") + 40])
    (told,) = repair(project)
    assert told.startswith("experiments/further/dvc.lock:")
    assert lock.read_text() == before


def test_a_dvc_lock_that_was_cut_after_an_entry_is_brought_back_as_well(project: Path) -> None:
    repair(project)
    lock = project / "dvc.lock"
    before = lock.read_text()
    lock.write_text(before[: before.index("  second:")])
    assert len(repair(project)) == 1
    assert lock.read_text() == before


def test_an_empty_dvc_lock_comes_from_git_or_is_made_anew(project: Path) -> None:
    lock = project / "dvc.lock"
    before = lock.read_text()
    lock.write_text("")
    repair(project)
    assert run_dvc(project, "repro", capture_output=True).returncode == 0
    assert lock.read_text() == before

    (project / ".dvc" / "tmp" / "dvc.lock").unlink(missing_ok=True)
    author = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    for arguments in (("init", "--quiet"), ("add", "dvc.lock"), (*author, "commit", "--quiet", "-m", "lock")):
        subprocess.run(["git", *arguments], cwd=project, check=True)
    lock.write_text("")
    repair(project)
    assert lock.read_text() == before


def test_a_checkout_of_an_older_lock_is_no_cut(project: Path) -> None:
    lock = project / "dvc.lock"
    author = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    newer = lock.read_text()
    older = newer[: newer.index("  second:")]
    repair(project)
    lock.write_text(older)
    for arguments in (("init", "--quiet"), ("add", "dvc.lock"), (*author, "commit", "--quiet", "-m", "lock")):
        subprocess.run(["git", *arguments], cwd=project, check=True)
    assert repair(project) == []
    assert lock.read_text() == older


def test_nothing_is_done_while_dvc_runs(project: Path) -> None:
    repair(project)
    running = {"pid": os.getpid(), "cmd": "dvc repro"}
    (project / ".dvc" / "tmp" / "rwlock").write_text(json.dumps({"write": {"b.txt": running}, "read": {}}))
    (project / "dvc.lock").write_text("schema: '2.0'\nstag")
    assert repair(project) == []
    assert (project / "dvc.lock").read_text() == "schema: '2.0'\nstag"


def test_half_an_rwlock_is_deleted(project: Path) -> None:
    held = project / ".dvc" / "tmp" / "rwlock"
    held.write_text('{"read": {')
    (project / "in.txt").write_text("another")
    assert run_dvc(project, "repro", capture_output=True).returncode != 0
    assert len(repair(project)) == 1
    assert run_dvc(project, "repro", capture_output=True).returncode == 0
