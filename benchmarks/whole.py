"""DVC's own time: a `dvc repro` with nothing to do, and what a stage costs; nkululeko on a fold.

The no-op is that of a workspace with all results. For the cost of a stage ten stages are made that only copy
a file, run by DVC and by a shell. Where nkululeko is given, both go from the same WAV files to an SVM and to
a CNN on one fold of LUNA5, from start to end: it by its own command, this project by its stages. Features,
settings and networks differ, so that the scores compare no methods.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks import nkululeko_fold
from benchmarks.cases import PROJECT, Case
from benchmarks.subjects import CPU, PEAK, WALL, Column, Ratio, Subject
from ser.errors import InputError

_DVC = (sys.executable, "-m", "dvc")
_STAGES = 10


def subject(folder: Path, *, workspace: Path, rounds: int, nkululeko: Path | None) -> Subject:
    """Describe what is measured.

    Raises
    ------
    InputError
        Where the workspace is not up to date: a no-op would be none.
    """
    workspace = workspace.resolve()
    check_current(workspace)
    cases = [
        Case("python", (sys.executable, "-c", "pass")),
        Case("import", (sys.executable, "-c", "import dvc.repo, dvc.commands.repro")),
        Case("noop", (*_DVC, "--cd", str(workspace), "repro"), check=lambda: check_current(workspace)),
        *_copying_stages(folder / "stages"),
    ]
    titles = {
        "python": "Python alone",
        "import": "importing DVC",
        "noop": "`dvc repro` of the whole pipeline, nothing to do",
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
        about="Every case is a process from start to end; memory is that of the largest one.",
        cases=cases,
        titles=titles,
        columns=(WALL, CPU, PEAK, Column("uar", "UAR", digits=3)),
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


def check_current(workspace: Path) -> None:
    """Refuse a clone whose results, of the root's pipeline, are not those of its code and parameters.

    Raises
    ------
    InputError
        Where they are not.
    """
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
    _run_dvc(folder, "init", "--no-scm")
    # The project's own settings: without them each call starts a process that reports it.
    shutil.copy(PROJECT / ".dvc" / "config", folder / ".dvc" / "config.local")
    _run_dvc(folder, "repro")
    here = (*_DVC, "--cd", str(folder), "repro", "--quiet")
    # Not `cp` onto what is linked to DVC's cache.
    elsewhere = f"mkdir -p shell && cp file_0 shell && cd shell && {' && '.join(commands)}"
    return [
        Case("ten_noop", here),
        Case("ten_forced", (*here, "--force")),
        Case("ten_shell", ("sh", "-c", f"cd '{folder}' && {elsewhere}")),
    ]


def _run_dvc(folder: Path, *arguments: str) -> None:
    done = subprocess.run([*_DVC, *arguments, "--quiet"], cwd=folder, check=False)
    if done.returncode:
        raise InputError(f"dvc {arguments[0]} failed in {folder}; its own message stands above")
