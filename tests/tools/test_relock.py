"""tools.relock: a dvc.lock follows code that only moved or changed its words, and nothing else."""

import contextlib
import json
import shutil
import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest
from dvc.repo import Repo
from ruamel.yaml import YAML

from ser.errors import InputError
from tools import relock
from tools.check_current import stale_stages
from tools.relock import Moves, Outcome, read_moves

PROJECT = Path(__file__).resolve().parents[2]
PIPELINE = """\
stages:
  count:
    cmd: python -m stages.count
    params: [count.start, count.words]
    deps: [stages/count.py, lib/tally.py, notes.txt, style.css]
    outs:
      - counts.json: {cache: false}
  show:
    foreach: [a, b]
    do:
      cmd: python -m stages.show ${item}
      deps: [stages/show.py, counts.json]
      outs: ['shown_${item}.txt']
"""
MORE = """\
stages:
  again:
    wdir: ../..
    cmd: python -m stages.again
    params: [more.times]
    deps: [stages/again.py, lib/tally.py, counts.json]
    outs: [more/again.txt]
"""
FILES = {
    "dvc.yaml": PIPELINE,
    "pipelines/more/dvc.yaml": MORE,
    "params.yaml": "count: {start: 1, words: [a, b]}\nmore: {times: 2}\n",
    "notes.txt": "a b a\n",
    "style.css": "a {}\n",
    "lib/tally.py": '"""Counting."""\n\nSTEP = 1\n\n\ndef tally(words: list[str], start: int) -> int:\n'
    '    """Count them."""\n    return start + len(words) * STEP\n',
    "stages/count.py": '"""Count."""\n\nimport json\nfrom pathlib import Path\n\n'
    "from lib.tally import tally\n\n\n"
    'def main() -> None:\n    words = Path("notes.txt").read_text().split()\n'
    '    Path("counts.json").write_text(json.dumps({"words": tally(words, 1)}))\n\n\n'
    'if __name__ == "__main__":\n    main()\n',
    "stages/show.py": '"""Show."""\n\nimport sys\nfrom pathlib import Path\n\n'
    'name = sys.argv[1]\nPath(f"shown_{name}.txt").write_text(Path("counts.json").read_text())\n',
    "stages/again.py": '"""Again."""\n\nfrom pathlib import Path\n\nfrom lib import tally\n\n\n'
    'def main() -> None:\n    Path("more").mkdir(exist_ok=True)\n'
    '    Path("more/again.txt").write_text(str(tally.tally([], 3)))\n\n\n'
    'if __name__ == "__main__":\n    main()\n',
    ".gitignore": "/shown_*\n/more/\n__pycache__/\n",
    ".dvcignore": "__pycache__\n",
}
COUNT, AGAIN = "count", "pipelines/more/dvc.yaml:again"
SHOW = ["show@a", "show@b"]


def git(folder: Path, *arguments: str) -> str:
    name = ("-c", "user.name=test", "-c", "user.email=test@example.org")
    done = subprocess.run(["git", *name, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


def dvc(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that was run by DVC and committed."""
    folder = tmp_path_factory.mktemp("relock") / "project"
    write(folder, FILES)
    (folder / ".dvc").mkdir()
    config = "[core]\n    analytics = false\n    check_update = false\n"
    write(folder, {".dvc/config": config, ".dvc/.gitignore": "/cache\n/tmp\n/config.local\n"})
    git(folder, "init", "--quiet")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
        dvc(folder, "repro", "--quiet", "--all-pipelines")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "project"))


def edit(folder: Path, name: str, *pairs: tuple[str, str]) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    (folder / name).write_text(text, encoding="utf-8")


def move(folder: Path, old: str, new: str) -> None:
    (folder / new).parent.mkdir(parents=True, exist_ok=True)
    git(folder, "mv", old, new)
    for name in ("dvc.yaml", "pipelines/more/dvc.yaml"):
        if (folder / name).exists():
            text = (folder / name).read_text(encoding="utf-8").replace(old, new)
            (folder / name).write_text(text, encoding="utf-8")


def run(
    folder: Path, *, moves: dict[str, str] | None = None, equal: Any = None, check: bool = False
) -> Outcome:
    options = Namespace(base="HEAD", moves=None, equal=None, check=check)
    if moves is not None:
        options.moves = folder.parent / "moves.json"
        options.moves.write_text(json.dumps(moves), encoding="utf-8")
    if equal is not None:
        options.equal = folder.parent / "equal.json"
        options.equal.write_text(json.dumps(equal), encoding="utf-8")
    return relock.run(folder, options)


def stale(folder: Path) -> list[str]:
    """The stages that DVC would run, in the order of `tools.check_current`."""
    with contextlib.chdir(folder), Repo(str(folder)) as repo:
        found = repo.status()
        order = [it.addressing for it in repo.index.stages]
    return [it for it in order if it in found]


def lock(folder: Path, name: str = "dvc.lock") -> dict[str, Any]:
    return YAML(typ="safe").load((folder / name).read_text(encoding="utf-8"))["stages"]  # type: ignore[no-any-return]


def changed(folder: Path) -> set[str]:
    return {line[3:] for line in git(folder, "status", "--porcelain").splitlines()}


def test_nothing_to_do_changes_nothing(project: Path) -> None:
    outcome = run(project)
    assert (outcome.relocked, outcome.stale) == ([], {})
    assert len(outcome.current) == 4
    assert changed(project) == set()


def test_words_cost_no_run_and_only_locks_are_written(project: Path) -> None:
    edit(project, "lib/tally.py", ('"""Count them."""', '"""Count all words."""  # each once'))
    edit(project, "stages/show.py", ('"""Show."""', '"""Show what was counted."""'))
    assert sorted(stale(project)) == sorted([COUNT, *SHOW, AGAIN])
    before = changed(project)
    run(project, check=True)
    assert changed(project) == before
    outcome = run(project)
    assert sorted(outcome.relocked) == sorted([COUNT, *SHOW, AGAIN])
    assert stale(project) == []
    assert changed(project) == before | {"dvc.lock", "pipelines/more/dvc.lock"}
    assert "4 stages relocked, 0 left stale, 0 current" in relock.report(outcome, written=True)


def test_a_frozen_stage_keeps_its_entry(project: Path) -> None:
    edit(
        project,
        "dvc.yaml",
        ("    cmd: python -m stages.count\n", "    cmd: python -m stages.count\n    frozen: true\n"),
    )
    before = lock(project)[COUNT]
    edit(project, "lib/tally.py", ('"""Count them."""', '"""Count all words."""'))
    outcome = run(project)
    assert COUNT in outcome.current
    assert lock(project)[COUNT] == before
    assert AGAIN in outcome.relocked


def test_the_entry_is_as_dvc_would_write_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    move(project, "lib/tally.py", "counting/words.py")
    move(project, "stages/count.py", "stages/zählen.py")
    edit(project, "dvc.yaml", ("stages.count", "stages.zählen"))
    edit(project, "stages/zählen.py", ("lib.tally", "counting.words"))
    edit(project, "stages/again.py", ("from lib import tally", "from counting import words as tally"))
    assert sorted(run(project).relocked) == [COUNT, AGAIN]
    ours = (project / "dvc.lock").read_bytes()
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    assert stale(project) == []
    dvc(project, "repro", "--quiet", "--force", "--all-pipelines")
    assert (project / "dvc.lock").read_bytes() == ours


def test_a_moved_definition_and_a_split_module(project: Path) -> None:
    text = (project / "lib/tally.py").read_text(encoding="utf-8")
    write(
        project,
        {
            "lib/tally.py": "from lib.steps import STEP\n" + text.replace("STEP = 1\n", ""),
            "lib/steps.py": "STEP = 1\n",
        },
    )
    for name in ("dvc.yaml", "pipelines/more/dvc.yaml"):
        edit(project, name, ("lib/tally.py", "lib/tally.py, lib/steps.py"))
    assert sorted(run(project).relocked) == [COUNT, AGAIN]
    assert stale(project) == []
    assert [it["path"] for it in lock(project)["count"]["deps"]] == [
        *("lib/steps.py", "lib/tally.py", "notes.txt", "stages/count.py", "style.css"),
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("STEP = 1", "STEP = 2"),
        ("start + len(words) * STEP", "len(words) * STEP + start"),
        ("start: int)", "start: int = 1)"),
        ("def tally", "@staticmethod\ndef tally"),
    ],
)
def test_changed_code_is_left_stale(project: Path, old: str, new: str) -> None:
    edit(project, "lib/tally.py", (old, new))
    edit(project, "stages/show.py", ('"""Show."""', '"""Show it."""'))
    before = lock(project)["count"]
    outcome = run(project)
    assert set(outcome.stale) == {COUNT, AGAIN}
    assert all(reasons[0].startswith("lib/tally.py: ") for reasons in outcome.stale.values())
    assert outcome.relocked == SHOW
    assert lock(project)["count"] == before
    assert {COUNT, AGAIN} <= set(stale(project))
    assert "left stale\n    lib/tally.py: " in relock.report(outcome, written=True)


def test_other_files_commands_deps_and_outs(project: Path) -> None:
    edit(project, "style.css", ("a {}", "b {}"))
    assert run(project).stale == {COUNT: ["style.css: changed, and is no code"]}
    edit(project, "dvc.yaml", (", style.css", ""))
    assert run(project).stale == {COUNT: ["style.css: is no dependency any more"]}
    edit(project, "dvc.yaml", ("lib/tally.py,", "lib/tally.py, params.yaml, style.css,"))
    assert "params.yaml: is a new dependency" in run(project).stale[COUNT]
    git(project, "checkout", "--quiet", "--", ".")
    edit(project, "dvc.yaml", ("'shown_${item}.txt'", "'shown/${item}.txt'"))
    assert run(project).stale[SHOW[0]] == [
        "shown/a.txt: is a new output",
        "shown_a.txt: is no output any more",
    ]
    git(project, "checkout", "--quiet", "--", ".")
    edit(project, "dvc.yaml", ("stages.show ${item}", "stages.show x${item}"))
    assert run(project).stale[SHOW[0]] == [
        "the command was `python -m stages.show a` and is `python -m stages.show xa`"
    ]


def test_a_renamed_output_by_a_map(project: Path) -> None:
    edit(project, "dvc.yaml", ("'shown_${item}.txt'", "'shown/${item}.txt'"), ("stages.show", "stages.show"))
    names = {f"shown_{it}.txt": f"shown/{it}.txt" for it in "ab"}
    outcome = run(project, moves=names)
    assert outcome.relocked == SHOW
    assert lock(project)["show@a"]["outs"][0]["path"] == "shown/a.txt"


def test_parameters(project: Path) -> None:
    """They may move to another file and under another key, but each keeps its value and type."""
    write(
        project,
        {
            "params.yaml": "count: {start: 1, words: [a, b]}\n",
            "pipelines/more/params.yaml": "n: {times: 2}\n",
        },
    )
    edit(project, "pipelines/more/dvc.yaml", ("[more.times]", "[{pipelines/more/params.yaml: [n.times]}]"))
    assert run(project).stale == {
        AGAIN: [
            "pipelines/more/params.yaml: n.times is a new parameter of the stage",
            "params.yaml: more.times is no parameter of the stage any more",
        ]
    }
    names = {"params.yaml:more": "pipelines/more/params.yaml:n"}
    write(project, {"pipelines/more/params.yaml": "n: {times: 2.0}\n"})
    assert run(project, moves=names).stale == {
        AGAIN: ["pipelines/more/params.yaml: n.times was 2 and is 2.0"],
    }
    write(project, {"pipelines/more/params.yaml": "n: {times: 2}\n"})
    assert run(project, moves=names).relocked == [AGAIN]
    assert lock(project, "pipelines/more/dvc.lock")["again"]["params"] == {
        "pipelines/more/params.yaml": {"n.times": 2}
    }
    assert stale(project) == []


def test_a_section_may_be_listed_instead_of_its_keys_and_its_keys_instead_of_it(project: Path) -> None:
    edit(project, "dvc.yaml", ("[count.start, count.words]", "[count]"))
    assert run(project).relocked == [COUNT]
    assert stale(project) == []
    git(project, "commit", "--quiet", "--all", "--message", "section")
    edit(project, "dvc.yaml", ("[count]", "[count.start, count.words]"))
    assert run(project).relocked == [COUNT]
    assert stale(project) == []
    git(project, "commit", "--quiet", "--all", "--message", "keys")
    edit(project, "params.yaml", ("[a, b]", "[a, c]"))
    edit(project, "dvc.yaml", ("[count.start, count.words]", "[count]"))
    assert run(project).stale == {COUNT: ["params.yaml: count.words was ['a', 'b'] and is ['a', 'c']"]}


def test_a_section_may_become_a_file(project: Path) -> None:
    edit(project, "dvc.yaml", ("[count.start, count.words]", "[count]"))
    run(project)
    git(project, "commit", "--quiet", "--all", "--message", "section")
    write(project, {"params.yaml": "more: {times: 2}\n", "count.yaml": "start: 1\nwords: [a, b]\n"})
    edit(project, "dvc.yaml", ("[count]", "[{count.yaml: [start, words]}]"))
    names = {"params.yaml:count": "count.yaml:"}
    assert run(project, moves=names).relocked == [COUNT]
    assert lock(project)["count"]["params"] == {"count.yaml": {"start": 1, "words": ["a", "b"]}}
    write(project, {"count.yaml": "start: 1\nwords: [a]\n"})
    assert run(project, moves=names).stale == {COUNT: ["count.yaml: words was ['a', 'b'] and is ['a']"]}


def test_a_pipeline_that_moved_takes_its_lock_along(project: Path) -> None:
    (project / "experiments").mkdir()
    git(project, "mv", "pipelines/more", "experiments/repeat")
    edit(project, "experiments/repeat/dvc.yaml", ("again:", "repeat:"))
    names = {"experiments/repeat/dvc.yaml:again": "experiments/repeat/dvc.yaml:repeat"}
    assert run(project, moves=names).relocked == ["experiments/repeat/dvc.yaml:repeat"]
    assert list(lock(project, "experiments/repeat/dvc.lock")) == ["repeat"]
    assert stale(project) == []


def test_a_lock_that_stayed_behind_is_found_at_the_base(project: Path) -> None:
    shutil.move(project / "pipelines" / "more", project / "repeat")
    (project / "repeat" / "dvc.lock").unlink()
    edit(project, "repeat/dvc.yaml", ("wdir: ../..", "wdir: .."))
    git(project, "add", "--all")
    outcome = run(project, moves={"pipelines/more/dvc.yaml": "repeat/dvc.yaml"})
    assert outcome.relocked == ["repeat/dvc.yaml:again"]
    assert stale(project) == []


def test_a_stage_that_is_gone_is_named_and_kept(project: Path) -> None:
    edit(project, "pipelines/more/dvc.yaml", ("again:", "other:"))
    outcome = run(project)
    assert outcome.stale == {AGAIN: ["pipelines/more/dvc.yaml has no such stage"]}
    assert list(lock(project, "pipelines/more/dvc.lock")) == ["again"]


def test_code_that_git_does_not_hold_is_unproved(project: Path) -> None:
    edit(project, "dvc.lock", (lock(project)["count"]["deps"][0]["md5"], "a" * 32))
    edit(project, "lib/tally.py", ("Counting.", "To count."))
    outcome = run(project)
    assert outcome.stale == {
        COUNT: [f"lib/tally.py: git does not hold what the stage ran with (md5 {'a' * 32})"]
    }


def test_code_is_found_in_the_history_even_before_a_rename(project: Path) -> None:
    edit(project, "lib/tally.py", ("Counting.", "To count."))
    git(project, "commit", "--quiet", "--all", "--message", "words")
    move(project, "lib/tally.py", "lib/words.py")
    for name in ("dvc.lock", "pipelines/more/dvc.lock"):
        edit(project, name, ("lib/tally.py", "lib/words.py"))
    edit(project, "stages/count.py", ("lib.tally", "lib.words"))
    edit(project, "stages/again.py", ("import tally", "import words as tally"))
    git(project, "commit", "--quiet", "--all", "--message", "move")
    assert sorted(run(project).relocked) == [COUNT, AGAIN]
    assert stale(project) == []


def test_what_writes_its_own_name_is_refused_when_it_moves(project: Path) -> None:
    edit(project, "lib/tally.py", ("return start", "print(__name__)\n    return start"))
    git(project, "commit", "--quiet", "--all", "--message", "name")
    for name in ("count", "again"):
        file = "dvc.lock" if name == "count" else "pipelines/more/dvc.lock"
        dep = next(it for it in lock(project, file)[name]["deps"] if it["path"] == "lib/tally.py")
        edit(project, file, (dep["md5"], relock._md5((project / "lib/tally.py").read_bytes())))
    edit(project, "lib/tally.py", ("Counting.", "To count."))
    assert run(project, check=True).stale == {}
    move(project, "lib/tally.py", "lib/words.py")
    edit(project, "stages/count.py", ("lib.tally", "lib.words"))
    edit(project, "stages/again.py", ("import tally", "import words as tally"))
    assert set(run(project).stale) == {COUNT, AGAIN}


def equal_of(project: Path, **changes: Any) -> dict[str, Any]:
    """What tools.demo writes where all outputs are the same at both commits."""
    tracked = git(project, "ls-files").splitlines()
    old = {it: relock._md5(git(project, "show", f"HEAD:{it}").encode()) for it in tracked}
    new = {it: relock._md5((project / it).read_bytes()) for it in tracked if (project / it).exists()}
    outs = ("counts.json", "shown_a.txt", "shown_b.txt", "more/again.txt")
    base = git(project, "rev-parse", "HEAD").strip()
    return {"base": base, "old_files": old, "new_files": new, "outputs": dict.fromkeys(outs, True)} | changes


def test_the_same_bytes_on_the_synthetic_corpus_are_a_proof_for_this_code_alone(project: Path) -> None:
    edit(project, "lib/tally.py", ("start + len(words) * STEP", "len(words) * STEP + start"))
    edit(project, "style.css", ("a {}", "a  {}"))
    equal = equal_of(project)
    assert set(run(project, check=True).stale) == {COUNT, AGAIN}
    one_differs = equal_of(project, outputs=equal["outputs"] | {"more/again.txt": False})
    assert set(run(project, equal=one_differs, check=True).stale) == {AGAIN}
    assert set(run(project, equal=equal_of(project, outputs={}), check=True).stale) == {COUNT, AGAIN}
    older = equal["old_files"] | {"stages/count.py": "0" * 32}
    assert set(run(project, equal=equal_of(project, old_files=older), check=True).stale) == {COUNT}
    with pytest.raises(InputError, match="was made against abc, and the base is"):
        run(project, equal=equal_of(project, base="abc"))
    with pytest.raises(InputError, match="was not written by"):
        run(project, equal={"base": "abc"})
    edit(project, "stages/again.py", ("[], 3", "[], 4"))
    outcome = run(project, equal=equal)
    assert (set(outcome.stale), outcome.relocked, outcome.equal_on_demo) == ({AGAIN}, [COUNT], [COUNT])
    assert "the same bytes on the synthetic corpus" in relock.report(outcome, written=True)
    assert COUNT not in stale(project)


def test_maps_of_moves(tmp_path: Path) -> None:
    lines = tmp_path / "moves.txt"
    lines.write_text("# files\na.py -> b/a.py\n\nparams.yaml:x -> p/params.yaml:\nold -> new  # a folder\n")
    moves = Moves(read_moves(lines))
    assert moves.path("a.py") == "b/a.py"
    assert moves.path("old/file.csv") == "new/file.csv"
    assert moves.path("older") == "older"
    assert moves.key("params.yaml", "x.y") == ("p/params.yaml", "y")
    assert moves.key("params.yaml", "xx.y") == ("params.yaml", "xx.y")
    assert Moves({"p.yaml:": "params.yaml:x"}).key("p.yaml", "y") == ("params.yaml", "x.y")
    assert moves.modules() == {"a": "b.a"}
    assert Moves({"a/dvc.yaml:s": "b/dvc.yaml:t"}).stage("a/dvc.yaml", "s@1") == ("b/dvc.yaml", "t@1")
    lines.write_text("a.py b.py\n")
    with pytest.raises(InputError, match="old -> new"):
        read_moves(lines)
    other = tmp_path / "moves.yaml"
    other.write_text("[a, b]\n")
    with pytest.raises(InputError, match="must map"):
        read_moves(other)
    with pytest.raises(InputError, match="cannot be read"):
        read_moves(tmp_path / "nowhere.json")


def test_no_commit_and_no_pipeline_are_errors(project: Path) -> None:
    with pytest.raises(InputError, match="nowhere: no commit"):
        relock.Project(project, base="nowhere")
    (project / "dvc.yaml").write_text("stages: [")
    with pytest.raises(InputError, match="DVC cannot read"):
        run(project)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project, committed as it is now, with every stage that can be current made so."""
    folder = tmp_path_factory.mktemp("clone") / "project"
    if not (PROJECT / ".git").exists():
        pytest.skip("needs the project's git")
    git(PROJECT, "clone", "--quiet", "--shared", str(PROJECT), str(folder))
    for name in git(PROJECT, "ls-files", "--modified", "--others", "--exclude-standard").splitlines():
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(PROJECT / name, folder / name)
        else:
            (folder / name).unlink(missing_ok=True)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "as it is")
    return folder


def test_a_docstring_of_a_shared_module_costs_no_run_and_a_constant_runs_its_users(clone: Path) -> None:
    (metrics,) = (it.relative_to(clone).as_posix() for it in clone.glob("ser/**/metrics.py"))
    before = set(stale_stages(clone)[0])
    text = (clone / metrics).read_text(encoding="utf-8")
    project = relock.Project(clone)
    users = {
        relock.address_of(pipeline, name)
        for (pipeline, name), stage in project.stages.items()
        if not stage.frozen and any(relock.relative_to(it.fs_path, clone) == metrics for it in stage.deps)
    }
    assert len(users) > 5

    (clone / metrics).write_text('"""Other words.' + text.removeprefix('"""'), encoding="utf-8")
    outcome = run(clone)
    assert users - before <= set(outcome.relocked)
    assert set(stale_stages(clone)[0]) <= before
    git(clone, "commit", "--quiet", "--all", "--message", "words")
    text = (clone / metrics).read_text(encoding="utf-8")
    constant = "CHANCE = 1 / len(EMOTIONS)"
    assert constant in text
    (clone / metrics).write_text(text.replace(constant, "CHANCE = 2 / len(EMOTIONS)"), encoding="utf-8")
    changed = relock.Project(clone).relock()
    # Those that import the module and not this constant need not run.
    assert set(changed.relocked) < users
    assert users - set(changed.relocked) <= set(changed.stale) <= users | set(outcome.stale)
