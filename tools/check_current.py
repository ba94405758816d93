"""Fail where a dvc.lock lags behind: name the stages that `dvc repro` would run in a clone without data.

All pipelines are asked: that of the root, and those in experiments/ that were run, which a dvc.lock beside
them tells. `dvc repro --dry --allow-missing` exits with 0 whether or not a stage would run, so its output is
read. A stage counts as current only where DVC says that it did not change, so that other wording in a later
DVC fails this check rather than passing it.
"""

import re
import subprocess
import sys
from pathlib import Path

from ser.errors import InputError
from stages import command

_CURRENT = re.compile(r"^Stage '(.+)' didn't change, skipping$", flags=re.MULTILINE)


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
    if stale:
        problems = "\n".join([*(f"  {name}" for name in stale), *errors.splitlines()])
        raise InputError(
            f"dvc.lock is behind: these stages would run\n{problems}\nRun `dvc repro` with the recordings "
            "(in experiments/NAME `dvc repro experiments/NAME/dvc.yaml`), then commit dvc.lock, metrics/ and "
            "figures/. Where only comments, docstrings or places of code changed, `python -m tools.relock` "
            "will do."
        )
    print("Every dvc.lock is current: no stage would run.")


if __name__ == "__main__":
    command.run(main)
