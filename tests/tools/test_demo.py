"""The demo's workspace: whole, validated, never made over foreign files, and DVC works in it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

import ser.data.synthetic_corpus
from ser.errors import InputError
from ser.params import Workers, load_params
from tools import demo

ONE_STAGE = """\
stages:
  greet:
    cmd: python -c "import sys, os; open('out.txt', 'w').write(sys.executable + os.environ['RAVDESS_DIR'])"
    deps: [params.yaml]
    outs: [out.txt]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose pipeline has one quick stage, in a path that is no plain word, under git."""
    folder = tmp_path / "Gefühle und Stimmen"
    (folder / ".dvc").mkdir(parents=True)
    for name in (".dvc/config", ".dvcignore", ".gitignore", "params.yaml", "params.demo.yaml"):
        shutil.copy(demo.PROJECT / name, folder / name)
    for name in ("ser", "stages", "experiments", "tools"):
        shutil.copytree(demo.PROJECT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "dvc.yaml").write_text(ONE_STAGE, encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def corpora(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Write one clip instead of all, and count how often."""
    written: list[Path] = []
    write_corpus = ser.data.synthetic_corpus.write_corpus

    def write_one(folder: Path, *, workers: Workers, clips: Sequence[str] | None = None) -> None:
        written.append(folder)
        write_corpus(folder, workers=workers, clips=["03-01-01-01-01-01-01"])

    monkeypatch.setattr(ser.data.synthetic_corpus, "write_corpus", write_one)
    return written


def test_params_are_the_projects_with_the_overlay_on_top(project: Path, corpora: list[Path]) -> None:
    workspace = project / "build" / "demo"
    demo.make_workspace(workspace, project=project)
    params, ours = load_params(workspace / "params.yaml"), load_params(project / "params.yaml")
    assert params.corpus.manifest == "corpus/manifest.csv"
    assert params.train_cnn.article.epochs < ours.train_cnn.article.epochs
    assert params.train_cnn.article.dropout == ours.train_cnn.article.dropout
    # What is null in the overlay is taken out.
    assert list(params.encode_layers.copies) == ["noise", "babble"]
    assert params.robustness.noise == {"white_10": ours.robustness.noise["white_10"]}
    assert (params.augment, params.evaluate.bootstrap_seed) == (ours.augment, ours.evaluate.bootstrap_seed)


def test_recordings_take_the_place_of_the_synthetic_corpus(
    project: Path, corpora: list[Path], tmp_path: Path
) -> None:
    recordings, workspace = tmp_path / "RAVDESS", project / "build" / "real"
    recordings.mkdir()
    demo.make_workspace(workspace, project=project, recordings=recordings)
    assert load_params(workspace / "params.yaml") == load_params(project / "params.yaml")
    assert (workspace / "corpus").resolve() == recordings
    assert corpora == []
    # Named by its link, it is the same.
    demo.make_workspace(workspace, project=project, recordings=workspace / "corpus")
    assert (workspace / "corpus").resolve() == recordings


def test_a_workspace_stays_with_its_corpus(project: Path, corpora: list[Path], tmp_path: Path) -> None:
    one, other, real, synthetic = (tmp_path / name for name in ("one", "other", "real", "synthetic"))
    one.mkdir()
    other.mkdir()
    demo.make_workspace(real, project=project, recordings=one)
    demo.make_workspace(synthetic, project=project)
    for workspace, recordings in ((real, None), (real, other), (synthetic, one)):
        before = (workspace / "params.yaml").read_bytes()
        with pytest.raises(InputError, match="choose another --folder"):
            demo.make_workspace(workspace, project=project, recordings=recordings)
        assert (workspace / "params.yaml").read_bytes() == before
    assert list(one.iterdir()) == []


def test_missing_recordings_are_named(project: Path, corpora: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere: missing, or no folder"):
        demo.make_workspace(project / "build" / "real", project=project, recordings=tmp_path / "nowhere")


def test_an_overlay_with_an_unknown_key_is_refused(project: Path, corpora: list[Path]) -> None:
    (project / "params.demo.yaml").write_text("train_cnn: {article: {epoch: 1}}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"train_cnn\.article\.epoch"):
        demo.make_workspace(project / "build" / "demo", project=project)


def test_foreign_files_stay_untouched(project: Path, corpora: list[Path]) -> None:
    before = (project / "params.yaml").read_bytes()
    with pytest.raises(InputError, match="no demo made"):
        demo.make_workspace(project, project=project)
    assert (project / "params.yaml").read_bytes() == before
    assert corpora == []


def test_an_incomplete_project_is_named(project: Path, corpora: list[Path]) -> None:
    (project / "dvc.yaml").unlink()
    with pytest.raises(InputError, match=r"dvc\.yaml: missing"):
        demo.make_workspace(project / "build" / "demo", project=project)


def test_dvc_runs_inside_the_projects_git_and_leaves_it_clean(project: Path, corpora: list[Path]) -> None:
    before = git(project, "status", "--porcelain")
    workspace = project / "build" / "demo"
    demo.make_workspace(workspace, project=project)
    assert demo.run_dvc(workspace, "repro").returncode == 0
    expected = sys.executable + str(workspace / "corpus")
    assert (workspace / "out.txt").read_text(encoding="utf-8") == expected

    demo.make_workspace(workspace, project=project)
    again = demo.run_dvc(workspace, "repro", capture_output=True)
    assert "Running stage" not in again.stdout
    assert corpora == [workspace / "corpus"]
    assert git(project, "status", "--porcelain") == before


def test_a_module_that_left_the_project_leaves_the_workspace(project: Path, corpora: list[Path]) -> None:
    (project / "ser" / "gone.py").touch()
    demo.make_workspace(project / "build" / "demo", project=project)
    assert (project / "build" / "demo" / "ser" / "gone.py").exists()
    (project / "ser" / "gone.py").unlink()
    demo.make_workspace(project / "build" / "demo", project=project)
    assert not (project / "build" / "demo" / "ser" / "gone.py").exists()


def test_a_failing_stage_fails_the_command(project: Path, corpora: list[Path]) -> None:
    (project / "dvc.yaml").write_text("stages: {fail: {cmd: exit 7}}\n", encoding="utf-8")
    demo.make_workspace(project / "build" / "demo", project=project)
    done = subprocess.run(
        [sys.executable, "-m", "tools.demo"],
        cwd=project,
        env=os.environ | {"PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "error: dvc repro failed in" in done.stderr
    assert "Traceback" not in done.stderr
