"""Fail where a dvc.lock lags behind: name the stages that `dvc repro` would run in a clone without data.

All pipelines are asked: that of the root, and those in experiments/ that were run, which a dvc.lock beside
them tells. `dvc repro --dry --allow-missing` exits with 0 whether or not a stage would run, so its output is
read. A stage counts as current only where DVC says that it did not change, so that other wording in a later
DVC fails this check rather than passing it.

Experiments in `OTHER_MACHINE` were run on another kind of CPU than the main pipeline, whose outputs differ
there in their last digits (docs/other_machines.md). They are asked in a copy of the project in which their
dvc.lock has the main pipeline's outputs as they are now: all else must be what was run. What this cannot
see is a change of the main pipeline's own results, after which they are to be run on its machine.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from ser.errors import InputError
from stages import command

_CURRENT = re.compile(r"^Stage '(.+)' didn't change, skipping$", flags=re.MULTILINE)

OTHER_MACHINE = frozenset(
    f"experiments/{name}/dvc.yaml" for name in ("ladder", "protocols", "protocols/loso", "speaker_adaptation")
)
"""Pipelines of the AMD EPYC of 2024; metrics/machine.json has the main pipeline's CPU."""


def stale_stages(folder: Path) -> tuple[list[str], str]:
    """Ask DVC which stages of a project are not up to date with dvc.lock.

    Parameters
    ----------
    folder
        Root of the project. Data that is missing counts as current.

    Returns
    -------
    stages : list of str
        Addresses of the stages, which in a pipeline of a folder begin with its dvc.yaml; empty where all are
        current.
    errors : str
        What DVC says where it could plan no stage at all, as of a dvc.lock that it cannot read; else empty.

    Raises
    ------
    InputError
        Where the folder has no stage, or DVC cannot read its files.
    """
    listing = ask_dvc(folder, "stage", "list", "--all", "--name-only")
    names = [name for name in listing.stdout.split() if _is_asked(folder, name)]
    if listing.returncode or not names:
        raise InputError(f"{folder}: DVC lists no stage here\n{listing.stderr}".rstrip())
    dry = ask_dvc(folder, "repro", "--dry", "--allow-missing", "--keep-going", "--all-pipelines")
    current = set(_CURRENT.findall(dry.stdout))
    return [name for name in names if name not in current], "" if dry.stdout.strip() else dry.stderr


def only_the_machine_differs(folder: Path, stages: Collection[str]) -> set[str]:
    """Find the stages that would be current if the main pipeline's outputs were those that they had read.

    Parameters
    ----------
    folder
        Root of the project.
    stages
        Addresses of stages, of which those in `OTHER_MACHINE` are asked.

    Returns
    -------
    set of str
        Addresses of stages whose code, parameters and inputs are as they were run, but for the main
        pipeline's outputs.
    """
    pipelines = {stage.rpartition(":")[0] for stage in stages} & OTHER_MACHINE
    if not pipelines:
        return set()
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "project"
        # Below the root, ser/data and others are code.
        left_out = {folder / name for name in (".git", ".venv", "build", "data", "logs", "models")}
        left_out |= {folder / ".dvc" / name for name in ("cache", "config.local", "tmp")}
        shutil.copytree(
            folder, copy, ignore=lambda path, names: [it for it in names if Path(path, it) in left_out]
        )
        (copy / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")
        yaml = YAML()
        outputs = _outputs(yaml.load(copy / "dvc.lock"))
        for pipeline in pipelines:
            path = (copy / pipeline).with_name("dvc.lock")
            lock = yaml.load(path)
            for stage in lock["stages"].values():
                stage["deps"] = [outputs.get(dep["path"], dep) for dep in stage.get("deps", [])]
            yaml.dump(lock, path)
        still, _ = stale_stages(copy)
    return {stage for stage in stages if stage.rpartition(":")[0] in pipelines} - set(still)


def _outputs(lock: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """List the outputs in a dvc.lock by their paths."""
    return {out["path"]: out for stage in lock["stages"].values() for out in stage.get("outs", [])}


def _is_asked(folder: Path, stage: str) -> bool:
    """Whether a stage belongs to the root's pipeline, or to one that was run."""
    pipeline, _, _ = stage.rpartition(":")
    return not pipeline or (folder / pipeline).with_name("dvc.lock").exists()


def ask_dvc(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command of DVC that changes nothing, and keep what it prints."""
    dvc = [sys.executable, "-m", "dvc", *arguments]
    return subprocess.run(dvc, cwd=folder, capture_output=True, text=True, check=False)


def main() -> None:
    """Name the stages that would run, a line each, or say that there are none."""
    command.parser(__doc__).parse_args()
    stale, errors = stale_stages(Path.cwd())
    elsewhere = only_the_machine_differs(Path.cwd(), stale)
    stale = [name for name in stale if name not in elsewhere]
    if stale:
        problems = "\n".join([*(f"  {name}" for name in stale), *errors.splitlines()])
        raise InputError(
            f"dvc.lock is behind: these stages would run\n{problems}\nRun `dvc repro` with the recordings "
            "(in experiments/NAME `dvc repro experiments/NAME/dvc.yaml`), then commit dvc.lock, metrics/ and "
            "figures/. Where only comments, docstrings or places of code changed, `python -m tools.relock` "
            "will do."
        )
    print("Every dvc.lock is current: no stage would run.")
    if elsewhere:
        print("But for these, which another kind of CPU ran, on the main pipeline's outputs there:")
    for name in sorted(elsewhere):
        print(f"  {name}")


if __name__ == "__main__":
    command.run(main)
