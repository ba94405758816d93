"""tools.relock: a dvc.lock follows code that only moved or changed its words, and nothing else."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from ser.errors import InputError
from tools.check_current import stale_stages
from tools.relock import FOR_MORE, Equal, Outcome, Relock, md5_of, read_equal, relative_to

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


def run(folder: Path, *, equal: Equal | None = None) -> Outcome:
    return Relock(folder, equal=equal).run()


def stale(folder: Path) -> set[str]:
    return set(stale_stages(folder)[0])


def lock(folder: Path, name: str = "dvc.lock") -> dict[str, Any]:
    return YAML(typ="safe").load((folder / name).read_text(encoding="utf-8"))["stages"]  # type: ignore[no-any-return]


def changed(folder: Path) -> set[str]:
    return {line[3:] for line in git(folder, "status", "--porcelain").splitlines()}


def test_nothing_to_do_changes_nothing(project: Path) -> None:
    assert run(project) == Outcome({}, {})
    assert changed(project) == set()


def test_words_cost_no_run_and_only_locks_are_written(project: Path) -> None:
    edit(project, "lib/tally.py", ('"""Count them."""', '"""Count all words."""  # each once'))
    edit(project, "stages/show.py", ('"""Show."""', '"""Show what was counted."""'))
    assert stale(project) == {COUNT, *SHOW, AGAIN}
    before = changed(project)
    outcome = run(project)
    assert outcome.relocked == dict.fromkeys([COUNT, *SHOW, AGAIN], "for its code says the same")
    assert stale(project) == set()
    assert changed(project) == before | {"dvc.lock", "pipelines/more/dvc.lock"}
    assert str(outcome).endswith("4 relocked, 0 left stale")


def test_what_is_stale_only_for_what_is_relocked_is_not_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without data DVC may take what depends on a stale stage for stale, until that one is relocked."""
    edit(project, "lib/tally.py", ('"""Count them."""', '"""Count all words."""'))
    answers = iter([[COUNT, *SHOW, AGAIN], []])
    monkeypatch.setattr("tools.relock.stale_stages", lambda folder: (next(answers), ""))
    assert run(project) == Outcome(dict.fromkeys([COUNT, AGAIN], "for its code says the same"), {})


def test_a_frozen_stage_keeps_its_entry(project: Path) -> None:
    """It tells of the code that made the outputs, whatever became of that code."""
    command = "    cmd: python -m stages.count\n"
    edit(project, "dvc.yaml", (command, f"{command}    frozen: true\n"))
    before = lock(project)[COUNT]
    edit(project, "lib/tally.py", ('"""Count them."""', '"""Count all words."""'))
    assert list(run(project).relocked) == [AGAIN]
    assert lock(project)[COUNT] == before


def test_the_entry_is_as_dvc_would_write_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules were renamed, the stage's script among them, and one was split."""
    move(project, "lib/tally.py", "counting/words.py")
    move(project, "stages/count.py", "stages/zählen.py")
    edit(project, "dvc.yaml", ("stages.count", "stages.zählen"))
    edit(project, "stages/zählen.py", ("lib.tally", "counting.words"))
    edit(project, "stages/again.py", ("from lib import tally", "from counting import words as tally"))
    edit(project, "counting/words.py", ("STEP = 1\n", "from counting.steps import STEP\n"))
    write(project, {"counting/steps.py": "STEP = 1\n"})
    for name in ("dvc.yaml", "pipelines/more/dvc.yaml"):
        edit(project, name, ("counting/words.py", "counting/words.py, counting/steps.py"))
    assert set(run(project).relocked) == {COUNT, AGAIN}
    ours = (project / "dvc.lock").read_bytes()
    assert stale(project) == set()
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    dvc(project, "repro", "--quiet", "--force", "--all-pipelines")
    assert (project / "dvc.lock").read_bytes() == ours


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("STEP = 1", "STEP = 2"),
        ("start + len(words) * STEP", "len(words) * STEP + start"),
    ],
)
def test_changed_code_is_left_stale(project: Path, old: str, new: str) -> None:
    edit(project, "lib/tally.py", (old, new))
    edit(project, "stages/show.py", ('"""Show."""', '"""Show it."""'))
    before = lock(project)
    outcome = run(project)
    assert set(outcome.stale) == {COUNT, AGAIN}
    assert all(why.startswith("lib.tally: ") for why in outcome.stale.values())
    assert set(outcome.relocked) == set(SHOW)
    assert lock(project)["count"] == before["count"]
    assert {COUNT, AGAIN} <= stale(project)


@pytest.mark.parametrize(
    ("name", "old", "new", "why"),
    [
        ("style.css", "a {}", "b {}", FOR_MORE),
        (
            "dvc.yaml",
            ", style.css",
            ", style.css, params.yaml",
            "it reads or writes what it did not: params.yaml",
        ),
        ("dvc.yaml", "counts.json: {", "counted.json: {", "it reads or writes what it did not: counted.json"),
        ("dvc.yaml", "stages.count", "stages.count --fast", "its command was `python -m stages.count`"),
    ],
)
def test_whatever_else_changed_has_to_run(project: Path, name: str, old: str, new: str, why: str) -> None:
    before = lock(project)["count"]
    edit(project, "lib/tally.py", ("Counting.", "To count."))
    edit(project, name, (old, new))
    outcome = run(project)
    assert outcome.stale[COUNT] == why
    assert lock(project)["count"] == before
    assert AGAIN in outcome.relocked


def test_a_stage_that_was_never_run(project: Path) -> None:
    edit(project, "pipelines/more/dvc.yaml", ("again:", "other:"))
    assert run(project).stale == {AGAIN.replace("again", "other"): "it was never run"}


def test_code_that_git_does_not_hold_is_unproved(project: Path) -> None:
    edit(project, "dvc.lock", (lock(project)["count"]["deps"][0]["md5"], "a" * 32))
    edit(project, "lib/tally.py", ("Counting.", "To count."))
    assert run(project).stale[COUNT].startswith("git does not hold the lib/tally.py that it ran with (md5 aa")


def test_code_is_found_in_the_history_wherever_it_was(project: Path) -> None:
    edit(project, "lib/tally.py", ("Counting.", "To count."))
    git(project, "commit", "--quiet", "--all", "--message", "words")
    move(project, "lib/tally.py", "lib/words.py")
    edit(project, "stages/count.py", ("lib.tally", "lib.words"))
    edit(project, "stages/again.py", ("import tally", "import words as tally"))
    git(project, "commit", "--quiet", "--all", "--message", "move")
    assert set(run(project).relocked) == {COUNT, AGAIN}
    assert stale(project) == set()


def equal_of(project: Path, **changes: Any) -> Equal:
    """What tools.demo writes where all outputs are the same at both commits."""
    tracked = git(project, "ls-files").splitlines()
    files = {it: md5_of((project / it).read_bytes()) for it in tracked}
    outputs = dict.fromkeys(("counts.json", "shown_a.txt", "shown_b.txt", "more/again.txt"), True)
    found = {"base": git(project, "rev-parse", "HEAD").strip(), "files": files, "outputs": outputs}
    return Equal.model_validate(found | changes)


def test_the_same_bytes_on_the_synthetic_corpus_count_for_this_code_and_these_outputs(project: Path) -> None:
    edit(project, "lib/tally.py", ("start + len(words) * STEP", "len(words) * STEP + start"))
    equal = equal_of(project)
    assert set(run(project).stale) == {COUNT, AGAIN}

    def refused(**changes: Any) -> set[str]:
        git(project, "checkout", "--quiet", "--", "dvc.lock", "pipelines/more/dvc.lock")
        return set(run(project, equal=equal_of(project, **changes)).stale)

    assert refused(outputs=equal.outputs | {"more/again.txt": False}) == {AGAIN}
    assert refused(outputs={}) == {COUNT, AGAIN}
    assert refused(files=equal.files | {"stages/count.py": "0" * 32}) == {COUNT}
    with pytest.raises(InputError, match="abc: no commit"):
        run(project, equal=equal_of(project, base="abc"))

    git(project, "checkout", "--quiet", "--", "dvc.lock", "pipelines/more/dvc.lock")
    outcome = run(project, equal=equal)
    assert outcome.relocked[COUNT] == "for its outputs are the same bytes on the synthetic corpus"
    assert stale(project) == set()


def test_the_same_bytes_do_not_count_for_outputs_that_the_commit_did_not_have(project: Path) -> None:
    edit(project, "lib/tally.py", ("start + len(words) * STEP", "len(words) * STEP + start"))
    equal = equal_of(project)
    for name in ("dvc.lock", "pipelines/more/dvc.lock"):
        entries = lock(project, name)
        out = entries["count" if name == "dvc.lock" else "again"]["outs"][0]
        edit(project, name, (out["md5"], "b" * 32))
    assert {COUNT, AGAIN} <= set(run(project, equal=equal).stale)


def test_a_file_that_the_demo_did_not_write(tmp_path: Path) -> None:
    path = tmp_path / "equal.json"
    with pytest.raises(InputError, match="No such file"):
        read_equal(path)
    path.write_text(json.dumps({"base": "abc"}))
    with pytest.raises(InputError, match="was not written by"):
        read_equal(path)


def test_pipelines_that_dvc_cannot_read(project: Path) -> None:
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
    metrics = "ser/evaluation/metrics.py"
    before = stale(clone)
    users = {
        address
        for address, stage in Relock(clone).stages.items()
        if not stage.frozen and any(relative_to(it.fs_path, clone) == metrics for it in stage.deps)
    } - before
    assert len(users) > 5

    (words, *_) = (clone / metrics).read_text(encoding="utf-8").splitlines()
    edit(clone, metrics, (words, words.replace('"""', '"""Other words. ')))
    assert stale(clone) >= before | users
    assert set(run(clone).relocked) == users
    assert stale(clone) == before

    git(clone, "commit", "--quiet", "--all", "--message", "words")
    edit(clone, metrics, ("CHANCE = 1 / len(EMOTIONS)", "CHANCE = 2 / len(EMOTIONS)"))
    outcome = run(clone)
    changed_by_it = {it for it, why in outcome.stale.items() if why.endswith("CHANCE differs")} - before
    # Those that import the module and not this constant need not run; what reads from a stage that has to run
    # waits for it.
    assert 0 < len(changed_by_it) < len(users)
    assert changed_by_it < users <= outcome.relocked.keys() | outcome.stale.keys()
    assert {outcome.stale[it] for it in outcome.stale.keys() - changed_by_it - before} <= {FOR_MORE}
