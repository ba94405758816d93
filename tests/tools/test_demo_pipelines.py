"""All pipelines in one workspace, and what two commits make of the same corpus."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ser.errors import InputError
from tools import demo, demo_pipelines, relock
from tools.demo_pipelines import Moves, former_params, judge, merged_params, random_whisper

FIRST = """\
stages:
  first:
    cmd: python stages/first.py
    params: [first.factor]
    deps: [stages/first.py, corpus/manifest.csv]
    outs: [data/first.txt, {metric: {cache: false}}]
"""
SECOND = """\
stages:
  second:
    frozen: true
    wdir: ../..
    cmd: python {folder}/second.py
    params: [{params}]
    deps: [{folder}/second.py, data/first.txt]
    outs: [data/second.txt]
  weights:
    wdir: ../..
    cmd: python {folder}/weights.py
    deps: [{folder}/weights.py]
    outs: [ser/weights.txt]
"""
WRITE = "from pathlib import Path\nfrom ruamel.yaml import YAML\n\n"
FIRST_PY = (
    WRITE + "factor = YAML(typ='safe').load(Path('params.yaml'))['first']['factor']\n"
    "words = Path('corpus/manifest.csv').read_text()\nPath('data').mkdir(exist_ok=True)\n"
    "Path('data/first.txt').write_text(words * factor)\nPath('metric.json').write_text(str(len(words)))\n"
)
SECOND_PY = (
    WRITE + "times = YAML(typ='safe').load(Path('{file}'))['second']['times']\n"
    "Path('data/second.txt').write_text(Path('data/first.txt').read_text() * times)\n"
)
WEIGHTS_PY = (
    WRITE + "import os\nsize = len(Path(os.environ['WHISPER_WEIGHTS']).read_bytes())\n"
    "Path('ser/weights.txt').write_text(str(size))\n"
)
OLD = {
    "dvc.yaml": FIRST.replace("metric", "metric.json"),
    "params.yaml": "workers: {backend: loky, jobs: 1}\nfirst: {factor: 5}\nsecond: {times: 7}\n"
    "late: {factor: 1}\n",
    "params.demo.yaml": "first: {factor: 2}\n",
    "stages/first.py": FIRST_PY,
    "ser/__init__.py": "",
    ".dvcignore": "__pycache__\n",
    ".dvc/config": "[core]\n    analytics = false\n    check_update = false\n",
    ".gitignore": "/build/\n__pycache__/\n",
    "pipelines/more/dvc.yaml": SECOND.format(folder="pipelines/more", params="second.times"),
    "pipelines/more/dvc.lock": "schema: '2.0'\nstages: {}\n",
    "pipelines/more/second.py": SECOND_PY.format(file="params.yaml"),
    "pipelines/more/weights.py": WEIGHTS_PY,
    "pipelines/never/dvc.yaml": "stages: {fail: {cmd: exit 1}}\n",
}
NEW = {
    "params.yaml": "workers: {backend: loky, jobs: 1}\nfirst: {factor: 4}\nlate: {factor: 3}\nnew: 1\n",
    "experiments/more/dvc.yaml": SECOND.format(
        folder="experiments/more", params="{experiments/more/params.yaml: [second.times]}"
    ),
    "experiments/more/dvc.lock": "schema: '2.0'\nstages: {}\n",
    "experiments/more/params.yaml": "second: {times: 9}\n",
    "experiments/more/params.demo.yaml": "second: {times: 3}\n",
    "experiments/more/second.py": SECOND_PY.format(file="experiments/more/params.yaml"),
    "experiments/more/weights.py": WEIGHTS_PY,
}


def git(folder: Path, *arguments: str) -> str:
    name = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    done = subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with an earlier commit, in which an experiment lay elsewhere."""
    folder = tmp_path / "project"
    write(folder, OLD)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "before")
    git(folder, "tag", "before")
    git(folder, "rm", "--quiet", "-r", "pipelines")
    write(folder, NEW)
    git(folder, "add", "--all")

    def write_corpus(workspace: Path, **_: object) -> None:
        demo.mark(workspace)
        write(workspace, {"corpus/manifest.csv": "a b\n"})

    monkeypatch.setattr(demo, "write_corpus", write_corpus)
    return folder


def text(folder: Path, name: str) -> str:
    return (folder / name).read_text(encoding="utf-8")


def test_every_pipeline_runs_with_its_own_demo_parameters(project: Path) -> None:
    workspace = project / "build" / "demo_all"
    demo_pipelines.run_all(workspace, project=project)
    assert text(workspace, "data/second.txt") == "a b\n" * 2 * 3
    assert text(workspace, "ser/weights.txt") == str(len(random_whisper()))
    assert git(project, "status", "--porcelain", "--", "dvc.yaml", "params.yaml", "ser") == "M  params.yaml"
    locks = {path: path.read_bytes() for path in workspace.glob("**/dvc.lock")}
    assert len(locks) == 2
    # Again: outputs among the code stay, so nothing runs.
    before = (workspace / "ser/weights.txt").stat().st_mtime_ns
    (project / "experiments/more/gone.py").touch()
    demo_pipelines.run_all(workspace, project=project)
    assert (workspace / "experiments/more/gone.py").exists()
    (project / "experiments/more/gone.py").unlink()
    demo_pipelines.make_workspace(workspace, code=project, params=merged_params(project))
    assert not (workspace / "experiments/more/gone.py").exists()
    assert {path: path.read_bytes() for path in workspace.glob("**/dvc.lock")} == locks
    assert text(workspace, "ser/weights.txt") == str(len(random_whisper()))
    assert before > 0


def test_two_commits_are_compared_on_one_corpus_with_the_same_values(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace, equal = project / "build" / "demo_all", project / "build" / "equal.json"
    first = text(project, "stages/first.py")
    write(project, {"stages/first.py": first.replace("words * factor", "''.join([words] * factor)")})
    moves = {"params.yaml:second": "experiments/more/params.yaml:second"}
    verdict = demo_pipelines.compare(workspace, project=project, against="before", moves=moves, equal=equal)
    paths = ["data/first.txt", "data/second.txt", "metric.json", "ser/weights.txt"]
    assert (verdict.outputs, verdict.only_before, verdict.only_today) == (dict.fromkeys(paths, True), [], [])
    assert "4 of 4 outputs are the same bytes, 0 are on one side only" in str(verdict)
    assert "params.yaml: new: no such parameter at" in capsys.readouterr().out
    assert "experiments/more/params.yaml: second.times" not in capsys.readouterr().out

    written = json.loads(equal.read_text())
    assert written["base"] == git(project, "rev-parse", "before")
    new = (project / "stages/first.py").read_bytes()
    assert written["files"]["stages/first.py"] == hashlib.md5(new).hexdigest()
    assert relock.read_equal(equal).outputs == verdict.outputs

    few = demo_pipelines.compare(
        workspace, project=project, against="before", moves=moves, equal=None, without=["more"]
    )
    assert set(few.outputs) == {"data/first.txt", "metric.json"}

    write(project, {"stages/first.py": first.replace("words * factor", "words * factor + 'c'")})
    write(project, {"experiments/more/weights.py": "raise SystemExit('broken')\n"})
    verdict = demo_pipelines.compare(workspace, project=project, against="before", moves=moves, equal=equal)
    assert verdict.outputs == {"data/first.txt": False, "data/second.txt": False, "metric.json": True}
    assert (verdict.only_before, verdict.only_today) == (["ser/weights.txt"], [])
    assert "data/first.txt: DIFFERS" in str(verdict)
    assert json.loads(equal.read_text())["outputs"] == verdict.outputs


def test_values_of_today_are_set_under_the_names_of_before(project: Path, tmp_path: Path) -> None:
    older = tmp_path / "older"
    write(older, OLD)
    today = merged_params(project)
    assert today["experiments/more/params.yaml"] == {"second": {"times": 3}}
    # What was a file of its own may have been a section of its name.
    params, missing = former_params(older, today, Moves({}))
    assert missing == ["params.yaml: new", "experiments/more/params.yaml: second.times"]
    back = {"experiments/more/params.yaml:": "params.yaml:"}
    params, missing = former_params(older, today, Moves(back))
    assert missing == ["params.yaml: new"]
    assert params["params.yaml"]["first"] == {"factor": 2}
    assert params["params.yaml"]["late"] == {"factor": 3}
    assert params["params.yaml"]["second"] == {"times": 3}
    own = {"params.yaml": today["params.yaml"], "experiments/second/params.yaml": {"times": 8}}
    params, missing = former_params(older, own, Moves({}))
    assert params["params.yaml"]["second"] == {"times": 8}


def test_names_that_changed(tmp_path: Path) -> None:
    lines = tmp_path / "moves.txt"
    lines.write_text("# files\na.csv -> b/a.csv\n\nparams.yaml:x -> p/params.yaml:\nold -> new  # a folder\n")
    moves = Moves(demo_pipelines.read_moves(lines))
    assert moves.path("a.csv") == "b/a.csv"
    assert moves.path("old/file.csv") == "new/file.csv"
    assert moves.path("older") == "older"
    assert moves.key("params.yaml", "x.y") == ("p/params.yaml", "y")
    assert moves.key("params.yaml", "xx.y") == ("params.yaml", "xx.y")
    assert Moves({"p.yaml:": "params.yaml:x"}).key("p.yaml", "y") == ("params.yaml", "x.y")
    lines.write_text("a.csv b.csv\n")
    with pytest.raises(InputError, match="old -> new"):
        demo_pipelines.read_moves(lines)
    with pytest.raises(InputError, match="cannot be read"):
        demo_pipelines.read_moves(tmp_path / "nowhere.txt")


def test_outputs_may_have_other_names() -> None:
    verdict = judge(
        {"data/old/a": "1", "b": "2", "c": "3"},
        {"data/new/a": "1", "b": "4", "d": "5"},
        Moves({"data/old": "data/new"}),
    )
    assert verdict.outputs == {"b": False, "data/new/a": True}
    assert (verdict.only_before, verdict.only_today) == (["c"], ["d"])
    assert str(verdict).splitlines()[-1] == "1 of 2 outputs are the same bytes, 2 are on one side only"


def test_a_failing_stage_and_foreign_files_are_errors(project: Path) -> None:
    with pytest.raises(InputError, match="no demo made"):
        demo_pipelines.make_workspace(project, code=project, params={})
    with pytest.raises(InputError, match="nowhere: no commit"):
        demo_pipelines.compare(
            project / "build/all", project=project, against="nowhere", moves={}, equal=None
        )
    write(project, {"stages/first.py": "raise SystemExit('broken')\n"})
    with pytest.raises(InputError, match="dvc repro failed"):
        demo_pipelines.run_all(project / "build" / "demo_all", project=project)


def test_the_weights_are_those_that_the_demo_parameters_name() -> None:
    values = merged_params(demo.PROJECT)
    found = [
        section["weights_sha256"]
        for file, params in values.items()
        for name, section in [(Path(file).parent.name, params), *params.items()]
        if name == "whisper" and "weights_sha256" in section
    ]
    assert found == [hashlib.sha256(random_whisper()).hexdigest()]


def test_demo_parameters_name_keys_that_are_there() -> None:
    """And each experiment's are of its schema, which its tests hold."""
    yaml = YAML(typ="safe")
    for overlay in demo.PROJECT.glob("**/params.demo.yaml"):
        if "build" in overlay.relative_to(demo.PROJECT).parts:
            continue
        base = yaml.load(overlay.with_name("params.yaml"))
        assert list(_keys_without_base(yaml.load(overlay), base)) == [], overlay


def _keys_without_base(overlay: dict[str, Any], base: dict[str, Any]) -> Iterator[str]:
    for name, value in overlay.items():
        if name not in base:
            yield name
        elif isinstance(value, dict):
            yield from (f"{name}: {below}" for below in _keys_without_base(value, base[name]))


@pytest.mark.parametrize(
    "arguments",
    [["--against", "HEAD"], ["--without", "x"], ["--all", "--equal", "x"], ["--moves", "x"]],
)
def test_options_that_need_others(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["demo", *arguments])
    with pytest.raises(SystemExit) as error:
        demo.main()
    assert error.value.code == 2
