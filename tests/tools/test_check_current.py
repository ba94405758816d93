"""The gate on dvc.lock, on small DVC projects."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ser.errors import InputError
from stages import command
from tools import check_current
from tools.check_current import main, only_the_machine_differs, stale_stages

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

MORE_PIPELINE = "experiments/more/dvc.yaml"
MORE = """\
stages:
  more:
    wdir: ../..
    cmd: python -c "open('more.json', 'w').write('1')"
    deps: [copy.txt, more.txt, ser/models/more.py]
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
    (folder / "more.txt").write_text("more\n")
    (folder / "ser" / "models").mkdir(parents=True)
    (folder / "ser" / "models" / "more.py").write_text("pass\n")
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


@pytest.fixture
def elsewhere(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The other pipeline's dvc.lock has another output of the main one, as another CPU computes it."""
    monkeypatch.setattr(check_current, "OTHER_MACHINE", frozenset({MORE_PIPELINE}))
    path = (project / MORE_PIPELINE).with_name("dvc.lock")
    own = re.search(r"path: copy.txt\n.*\n *md5: (\w+)", path.read_text())
    assert own
    path.write_text(path.read_text().replace(own[1], "a" * 32))
    assert stale_stages(project)[0] == [f"{MORE_PIPELINE}:more"]
    return project


def test_what_another_machine_ran_on_its_own_floats_is_current(elsewhere: Path) -> None:
    assert only_the_machine_differs(elsewhere, stale_stages(elsewhere)[0]) == {f"{MORE_PIPELINE}:more"}


@pytest.mark.parametrize("name", ["more.txt", "more.json", "ser/models/more.py"])
def test_all_else_must_be_what_was_run_there(elsewhere: Path, name: str) -> None:
    (elsewhere / name).write_text("2")
    assert only_the_machine_differs(elsewhere, stale_stages(elsewhere)[0]) == set()


def test_a_pipeline_of_this_machine_has_no_such_excuse(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_current, "OTHER_MACHINE", frozenset())
    assert only_the_machine_differs(elsewhere, stale_stages(elsewhere)[0]) == set()


def test_the_copy_that_is_asked_needs_no_git(elsewhere: Path) -> None:
    (elsewhere / ".dvc" / "config").write_text("")
    subprocess.run(["git", "init", "--quiet"], cwd=elsewhere, check=True)
    assert only_the_machine_differs(elsewhere, stale_stages(elsewhere)[0]) == {f"{MORE_PIPELINE}:more"}


def test_pipelines_of_another_machine_were_run() -> None:
    for name in check_current.OTHER_MACHINE:
        assert (Path(__file__).parents[2] / name).with_name("dvc.lock").exists(), name
