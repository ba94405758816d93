"""DVC's own time: a `dvc repro` with nothing to do or little, and what a stage costs; nkululeko on a fold.

The no-op is that of a workspace with all results; in a copy of it one parameter is changed. For the cost of
a stage ten stages are made that only copy a file, run by DVC and by a shell. Where nkululeko is given, both
go from the same WAV files to an SVM and to a CNN on one fold of LUNA5, from start to end: it by its own
command, this project by its stages. Features, settings and networks differ, so that the scores compare no
methods.
"""

import shutil
import subprocess
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks import nkululeko_fold
from benchmarks.cases import Case
from benchmarks.once import case_of
from benchmarks.subjects import CPU, PEAK, WALL, Column, Ratio, Subject
from ser.errors import InputError
from tools import demo

_DVC = (sys.executable, "-m", "dvc")
_STAGES = 10
_NOT_COPIED = (".git", ".venv", ".dvc", "build", "logs")


def subject(folder: Path, *, workspace: Path, rounds: int, nkululeko: Path | None) -> Subject:
    """Describe what is measured.

    Raises
    ------
    InputError
        Where the workspace is not up to date: a no-op would be none.
    """
    workspace = workspace.resolve()
    _check_current(workspace)
    cases = [
        Case("python", (sys.executable, "-c", "pass")),
        Case("import", (sys.executable, "-c", "import dvc.repo, dvc.commands.repro")),
        Case("noop", (*_DVC, "--cd", str(workspace), "repro"), check=lambda: _check_current(workspace)),
        case_of("whole", "changed", str(workspace), folder=folder),
        *_copying_stages(folder / "stages"),
    ]
    titles = {
        "python": "Python alone",
        "import": "importing DVC",
        "noop": "`dvc repro` of the whole pipeline, nothing to do",
        "changed": "the workspace copied, `evaluate.bootstrap_seed` changed, `dvc repro`",
        "ten_noop": f"`dvc repro` of {_STAGES} stages that copy a file, nothing to do",
        "ten_forced": "the same, all run",
        "ten_shell": "their commands in a shell",
    }
    if nkululeko is not None:
        cases += nkululeko_fold.cases(folder / "fold", workspace=workspace, python=nkululeko)
        titles |= nkululeko_fold.TITLES
    return Subject(
        name="whole",
        heading="DVC's own time, and nkululeko",
        about=("Every case is a process from start to end, that of the changed parameter with the copying."),
        cases=cases,
        titles=titles,
        columns=(
            WALL,
            CPU,
            PEAK,
            Column("changed_s", "`dvc repro` of it, s"),
            Column("uar", "UAR", digits=3),
        ),
        ratios=(
            Ratio("no-op: of its wall time, importing DVC", "wall_s", "import", "noop"),
            Ratio("ten stages: wall time by DVC, in that of a shell", "wall_s", "ten_forced", "ten_shell"),
            *(
                Ratio(f"one fold, {model}: nkululeko's {title}, in ours", quantity, above, below)
                for model, above, below in (
                    ("SVM", "nkululeko", "ours"),
                    ("CNN", "nkululeko_cnn", "ours_cnn"),
                )
                for title, quantity in (
                    ("wall time", WALL.key),
                    ("CPU time", CPU.key),
                    ("peak memory", PEAK.key),
                )
            ),
        ),
        rounds=rounds,
    )


def run_once(_case: str, workspace: str) -> dict[str, float]:
    """Change a parameter of `evaluate` in a copy of a workspace, and run DVC.

    Parameters
    ----------
    workspace
        With all results.

    Returns
    -------
    dict
        ``changed_s``, the wall time of `dvc repro`, DVC's start included.

    Raises
    ------
    InputError
        Where DVC fails, or would run something without the change.
    """
    copy = Path.cwd() / "copy"
    shutil.copytree(workspace, copy, symlinks=True, ignore=shutil.ignore_patterns(*_NOT_COPIED))
    (copy / ".dvc").mkdir()
    shutil.copy(Path(workspace, ".dvc", "config"), copy / ".dvc")
    cache = Path(workspace, ".dvc", "cache").resolve()
    settings = f"[core]\n    no_scm = true\n[cache]\n    dir = {cache}\n"
    (copy / ".dvc" / "config.local").write_text(settings, encoding="utf-8")
    # DVC must read each file of a copy once to know that it is current: not a part of what the change costs.
    if demo.run_dvc(copy, "status", "-q", "dvc.yaml").returncode:
        raise InputError(f"a copy of {workspace} is not up to date there")
    change_param(copy / "params.yaml", "evaluate.bootstrap_seed", 4)
    return {"changed_s": timed_repro(copy)}


def timed_repro(workspace: Path, *targets: str) -> float:
    """Run `dvc repro`; return its seconds, DVC's start included.

    Raises
    ------
    InputError
        Where it fails.
    """
    started = time.perf_counter()
    done = demo.run_dvc(workspace, "repro", *targets)
    taken = time.perf_counter() - started
    if done.returncode:
        raise InputError(f"dvc repro failed in {workspace}; its own message stands above")
    return taken


def change_param(path: Path, key: str, value: float) -> None:
    """Set a parameter, of ``section.name``, as a user would with an editor."""
    yaml = YAML()
    params = section = yaml.load(path)
    *sections, name = key.split(".")
    for each in sections:
        section = section[each]
    section[name] = value
    yaml.dump(params, path)


def _check_current(workspace: Path) -> None:
    # The pipeline of the root alone: `make repro` runs no other.
    asked = subprocess.run([*_DVC, "status", "-q", "dvc.yaml"], cwd=workspace, check=False)
    if asked.returncode:
        raise InputError(f"{workspace}: not up to date; run make repro there, or give another --workspace")


def _copying_stages(folder: Path) -> list[Case]:
    """Make a pipeline of stages that do nothing but copy what the one before wrote, and run it once."""
    folder.mkdir(parents=True)
    (folder / "file_0").write_text("nothing\n", encoding="utf-8")
    stages, commands = ["stages:"], []
    for number in range(1, _STAGES + 1):
        before, after = f"file_{number - 1}", f"file_{number}"
        command = f"cp {before} {after}"
        commands.append(command)
        stages.append(f"  copy_{number}: {{cmd: {command}, deps: [{before}], outs: [{after}]}}")
    (folder / "dvc.yaml").write_text("\n".join([*stages, ""]), encoding="utf-8")
    for arguments in (("init", "--no-scm", "--quiet"), ("repro", "--quiet")):
        subprocess.run([*_DVC, *arguments], cwd=folder, check=True)
    here = (*_DVC, "--cd", str(folder), "repro", "--quiet")
    # Not `cp` onto what is linked to DVC's cache.
    elsewhere = f"mkdir -p shell && cp file_0 shell && cd shell && {' && '.join(commands)}"
    return [
        Case("ten_noop", here),
        Case("ten_forced", (*here, "--force")),
        Case("ten_shell", ("sh", "-c", f"cd '{folder}' && {elsewhere}")),
    ]
