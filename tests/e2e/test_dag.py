"""What the pipeline promises: nothing runs twice, and a change runs what it touches.

The tests share one workspace; each leaves it as it found it.
"""

import json
import shutil
from pathlib import Path

import pytest

from ser.files import remove
from tools.check_deterministic import ALL_AT_ONCE, differences, read_lock, run_under
from tools.demo import REPORT, run_dvc

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
    "resample",
    "encode",
    "split",
    "encode_layers",
    "normalize_article",
    "normalize_article_augmented",
    "normalize_logmel",
    "train_baselines_article",
    "train_baselines@luna5",
    "train_baselines@transfer",
    "train_layers",
    "train_cnn_article",
    "train_cnn_article_augmented",
    "train_cnn_logmel",
    "fuse",
    "check_leaks",
    "check_layers_leaks",
    "degrade@noise",
    "degrade@babble",
    "degrade@channel",
    "degrade@recording",
    "evaluate_robustness",
    "draw_robustness",
    "evaluate",
    "calibrate",
    "draw_calibration",
    "report",
}


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
    output = workspace.dvc("repro")
    assert stages_run(output) == set()
    assert "up to date" in output


def test_one_augmentation_parameter_runs_one_branch(workspace: Workspace, tmp_path: Path) -> None:
    lock = workspace.lock
    in_git = ("metrics", "figures")
    for name in in_git:
        shutil.copytree(workspace.folder / name, tmp_path / name)
    with workspace.changed("augment.speed_pitch.factor", 1.3):
        ran = workspace.repro()
    assert ran == {
        "augment@speed_pitch",
        "extract@speed_pitch",
        "normalize_article_augmented",
        "train_cnn_article_augmented",
        "evaluate",
        "report",
    }
    assert ran == workspace.downstream("augment@speed_pitch")
    # The way back: what git does, then DVC.
    (workspace.folder / "dvc.lock").write_text(lock, encoding="utf-8")
    for name in in_git:
        shutil.rmtree(workspace.folder / name)
        shutil.copytree(tmp_path / name, workspace.folder / name)
    workspace.dvc("checkout")
    assert workspace.repro() == set()
    assert workspace.lock == lock


def test_an_epoch_count_runs_that_training_and_what_follows(workspace: Workspace) -> None:
    lock = workspace.lock
    summary = workspace.folder / "metrics" / "summary.json"
    before = json.loads(summary.read_text(encoding="utf-8"))
    with workspace.changed("train_cnn.article.epochs", 3):
        ran = workspace.repro()
        after = json.loads(summary.read_text(encoding="utf-8"))
    assert ran == {"train_cnn_article", "evaluate", "report"}
    assert ran == workspace.downstream("train_cnn_article")
    assert after["article"].pop("cnn") != before["article"].pop("cnn")
    assert after == before
    # Set back it really trains a second time, and to the same bytes.
    assert workspace.repro() == ran
    assert workspace.lock == lock


def test_a_wrong_parameter_leaves_the_former_results(workspace: Workspace) -> None:
    lock = workspace.lock
    kept = [workspace.folder / name for name in ("models/cnn_logmel/architecture.json", REPORT)]
    before = [path.read_bytes() for path in kept]
    with workspace.changed("train_cnn.logmel.epochs", -1):
        done = run_dvc(workspace.folder, "repro", capture_output=True)
    assert done.returncode != 0
    assert "train_cnn.logmel.epochs" in done.stderr
    assert [path.read_bytes() for path in kept] == before
    assert workspace.repro() == set()
    assert workspace.lock == lock


def test_deleted_outputs_come_back_from_the_cache(workspace: Workspace) -> None:
    lock = workspace.lock
    table = workspace.folder / "data" / "clips.parquet"
    copies = workspace.folder / "data" / "augmented" / "noise"
    content = table.read_bytes()
    table.unlink()
    shutil.rmtree(copies)
    workspace.dvc("checkout", "ingest", "augment@noise")
    assert workspace.repro() == set()
    assert table.read_bytes() == content
    assert len(list(copies.glob("Actor_*/*.flac"))) == 720
    assert workspace.lock == lock


def test_no_condition_of_a_run_changes_a_byte(workspace: Workspace) -> None:
    # One worker, recordings from a zip, another locale, time zone, umask, order of files in folders and
    # number of threads, and hashes without a seed. The path has spaces and accents anyway.
    lock = workspace.lock
    params = (workspace.folder / "params.yaml").read_bytes()
    stages = read_lock(workspace.folder)
    for output in (each["path"] for stage in stages.values() for each in stage["outs"]):
        remove(workspace.folder / output)
    try:
        done = run_under(
            ALL_AT_ONCE,
            workspace.folder,
            *("repro", "--force"),
            capture_output=True,
            errors="replace",
        )
    finally:
        (workspace.folder / "params.yaml").write_bytes(params)
    assert done.returncode == 0, done.stdout + done.stderr
    assert stages_run(done.stdout) == STAGES
    assert differences(stages, read_lock(workspace.folder)) == []
    assert workspace.lock == lock
