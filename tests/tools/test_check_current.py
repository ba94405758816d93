"""The gate on dvc.lock, on small DVC projects."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ser.errors import InputError
from stages import command
from tools.check_current import main, stale_stages

PIPELINE = """\
stages:
  copy:
    cmd: python -c "import shutil; shutil.copy('in.txt', 'copy.txt')"
    deps: [in.txt]
    outs: [copy.txt]
  count:
    matrix:
      of: [lines, words]
    cmd: python -c "open('${item.of}.json', 'w').write('1')"
    deps: [copy.txt]
    metrics:
      - ${item.of}.json:
          cache: false
"""

MORE = """\
stages:
  more:
    wdir: ../..
    cmd: python -c "open('more.json', 'w').write('1')"
    deps: [copy.txt, more.txt]
    metrics:
      - more.json:
          cache: false
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two pipelines that were run, without their data and cache."""
    folder = tmp_path_factory.mktemp("clone")
    (folder / "dvc.yaml").write_text(PIPELINE)
    (folder / "in.txt").write_text("one\n")
    (folder / "more.txt").write_text("one\n")
    (folder / "experiments" / "more").mkdir(parents=True)
    (folder / "experiments" / "more" / "dvc.yaml").write_text(MORE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")
        for arguments in (["init", "--quiet", "--no-scm"], ["repro", "--quiet", "--all-pipelines"]):
            subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=folder, check=True)
    (folder / "copy.txt").unlink()
    shutil.rmtree(folder / ".dvc" / "cache")
    return folder


@pytest.fixture
def project(clone: Path, tmp_path: Path) -> Path:
    return shutil.copytree(clone, tmp_path / "project")


def test_a_clone_without_data_is_current(project: Path) -> None:
    assert stale_stages(project)[0] == []


def test_a_changed_dependency_is_named(project: Path) -> None:
    (project / "in.txt").write_text("two\n")
    assert stale_stages(project)[0] == ["copy"]


@pytest.mark.parametrize("name", ["more.txt", "more.json"])
def test_another_pipeline_is_looked_at_too(project: Path, name: str) -> None:
    (project / name).write_text("2")
    assert stale_stages(project)[0] == ["experiments/more/dvc.yaml:more"]


def test_a_pipeline_that_was_never_run_has_no_results_to_be_behind(project: Path) -> None:
    (project / "experiments" / "more" / "dvc.lock").unlink()
    (project / "more.txt").write_text("2")
    assert stale_stages(project)[0] == []


def test_stale_stages_are_listed_a_line_each_without_dvcs_plan(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for name in ("in.txt", "more.txt"):
        (project / name).write_text("2")
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["check_current"])
    with pytest.raises(SystemExit) as stopped:
        command.run(main)
    heading, *listed, advice = str(stopped.value.code).splitlines()
    assert heading == "error: dvc.lock is behind: these stages would run"
    assert listed == ["  copy", "  experiments/more/dvc.yaml:more"]
    assert "dvc repro" in advice
    assert capfd.readouterr().out == ""


def test_what_dvc_could_not_read_is_told(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "dvc.lock").write_text("stages: [")
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "argv", ["check_current"])
    with pytest.raises(SystemExit) as stopped:
        command.run(main)
    assert "dvc.lock' is invalid" in str(stopped.value.code)


def test_a_changed_metric_is_named(project: Path) -> None:
    (project / "words.json").write_text("2")
    assert stale_stages(project)[0] == ["count@words"]


def test_a_stage_without_a_lock_is_named(project: Path) -> None:
    (project / "dvc.lock").unlink()
    assert stale_stages(project)[0][:3] == ["copy", "count@lines", "count@words"]


def test_a_new_matrix_value_is_named(project: Path) -> None:
    (project / "dvc.yaml").write_text(PIPELINE.replace("[lines, words]", "[lines, words, letters]"))
    assert stale_stages(project)[0] == ["count@letters"]


@pytest.mark.parametrize("content", ["", "stages: [", "stages: {}"])
def test_a_pipeline_without_stages_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "dvc.yaml").write_text(content)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet", "--no-scm"], cwd=tmp_path, check=True)
    with pytest.raises(InputError, match="DVC lists no stage"):
        stale_stages(tmp_path)
