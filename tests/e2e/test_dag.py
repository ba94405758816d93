"""What the pipeline promises: nothing runs twice, a change runs what it touches, a kill leaves no mess.

The tests share one workspace; each leaves it as it found it.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools.demo import REPORT, environment

from .conftest import Workspace, git, stages_run

pytestmark = pytest.mark.e2e

STAGES = {
    "fetch",
    "ingest",
    "explore",
    "augment@noise",
    "augment@stretch",
    "augment@speed_pitch",
    "extract@clean",
    "extract@noise",
    "extract@stretch",
    "extract@speed_pitch",
    "split",
    "normalize_contour",
    "normalize_contour_augmented",
    "normalize_logmel",
    "train_baselines@article",
    "train_baselines@luna5",
    "train_cnn_article",
    "train_cnn_article_augmented",
    "train_cnn_logmel",
    "evaluate",
    "report",
}

# DVC's run cache passes over stages with outputs that persist or are not cached: they really run again.
WITHOUT_RUN_CACHE = {"ingest", "evaluate", "report"}


def test_the_demo_ends_green_and_names_its_report(workspace: Workspace) -> None:
    assert set(workspace.dvc("stage", "list", "--name-only").split()) == STAGES
    assert stages_run(workspace.demo_output) == STAGES
    assert workspace.demo_output.rstrip().endswith(str(workspace.folder / REPORT))
    assert "<html" in (workspace.folder / REPORT).read_text(encoding="utf-8")
    assert git(workspace.project, "status", "--porcelain") == ""


def test_the_synthetic_emotions_are_learned_but_not_trivially(workspace: Workspace) -> None:
    summary = json.loads((workspace.folder / "metrics" / "summary.json").read_text(encoding="utf-8"))
    chance = 1 / 8
    assert 2 * chance < summary["luna5"]["lda"]["uar"] < 0.95
    assert summary["article"]["dummy"]["uar"] < 1.5 * chance


def test_a_second_run_does_nothing(workspace: Workspace) -> None:
    again = workspace.repro()
    assert again.ran == again.restored == set()
    assert "up to date" in again.output


def test_one_augmentation_parameter_runs_one_branch(workspace: Workspace) -> None:
    lock = workspace.lock
    with workspace.changed("augment.stretch.rate", 0.9):
        run = workspace.repro()
    assert run.ran == {
        "augment@stretch",
        "extract@stretch",
        "normalize_logmel",
        "train_cnn_logmel",
        "evaluate",
        "report",
    }
    assert run.ran == workspace.downstream("augment@stretch")
    restored = workspace.repro()
    assert restored.ran == run.ran & WITHOUT_RUN_CACHE
    assert restored.restored == run.ran - WITHOUT_RUN_CACHE
    assert workspace.lock == lock


def test_an_epoch_count_runs_that_training_and_what_follows(workspace: Workspace) -> None:
    lock = workspace.lock
    summary = workspace.folder / "metrics" / "summary.json"
    before = json.loads(summary.read_text(encoding="utf-8"))
    with workspace.changed("train_cnn.article.epochs", 3):
        run = workspace.repro()
        after = json.loads(summary.read_text(encoding="utf-8"))
    assert run.ran == {"train_cnn_article", "evaluate", "report"}
    assert run.ran == workspace.downstream("train_cnn_article")
    assert after["article"].pop("cnn") != before["article"].pop("cnn")
    assert after == before
    restored = workspace.repro()
    assert restored.ran == run.ran & WITHOUT_RUN_CACHE
    assert restored.restored == run.ran - WITHOUT_RUN_CACHE
    assert workspace.lock == lock


def test_deleted_outputs_come_back_from_the_cache(workspace: Workspace) -> None:
    lock = workspace.lock
    table = workspace.folder / "data" / "clips.parquet"
    copies = workspace.folder / "data" / "augmented" / "noise"
    content = table.read_bytes()
    table.unlink()
    shutil.rmtree(copies)
    assert workspace.repro().ran == {"ingest"} & WITHOUT_RUN_CACHE
    assert table.read_bytes() == content
    assert len(list(copies.glob("Actor_*/*.flac"))) == 1440
    assert workspace.lock == lock


def test_the_number_of_workers_changes_no_byte(workspace: Workspace) -> None:
    lock = workspace.lock
    with workspace.changed("workers.jobs", 1):
        assert workspace.repro().ran == set()
        run = workspace.repro("--force", "--single-item", "augment@noise", "extract@noise")
    assert run.ran == {"augment@noise", "extract@noise"}
    assert workspace.lock == lock


def test_a_kill_leaves_nothing_half_written_and_the_next_run_ends_the_same(workspace: Workspace) -> None:
    lock = workspace.lock
    final = workspace.folder / "data" / "augmented" / "stretch"
    killed = subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "augment@stretch"],
        cwd=workspace.folder,
        env=environment(workspace.folder),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    wait_for_files(final.with_name(".stretch.partial"), process=killed)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not final.exists()
    assert workspace.repro("--force", "--single-item", "augment@stretch").ran == {"augment@stretch"}
    assert workspace.repro().ran == set()
    assert workspace.lock == lock
    assert sorted(path.name for path in final.parent.iterdir()) == ["noise", "speed_pitch", "stretch"]


def wait_for_files(folder: Path, *, process: subprocess.Popen[bytes]) -> None:
    while not any(folder.glob("Actor_*/*.flac")):
        assert process.poll() is None, "the stage ended before it could be killed"
        time.sleep(0.05)
