"""Repair what DVC leaves half-written where it is killed itself, so that ``dvc repro`` runs again.

DVC writes a dvc.lock, and .dvc/tmp/rwlock, in place. A kill or Ctrl-C in that moment leaves half of one, and
then ``dvc repro`` stops with an error or, where an entry of dvc.lock ends at the cut, runs all later stages
again. Run this before it, as `make repro` does: while a dvc.lock, the root's or that of a folder in
experiments/, is complete, it keeps a copy in .dvc/tmp; where it is not, it restores that copy, or else what
git holds. What was done in between runs again, to the same bytes. While a DVC command runs, it does nothing.
"""

import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from dvc.schema import COMPILED_LOCKFILE_SCHEMA
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from voluptuous import Invalid

from ser.files import replacing
from stages import command

LOCK = "dvc.lock"
COPY = Path(".dvc/tmp/dvc.lock")
_HELD = Path(".dvc/tmp/rwlock")
"""Which DVC process reads or writes which file; DVC itself strikes out those that have ended."""
_WRITTEN_WITHIN_S = 1.0


def main() -> None:
    """Repair the project in the current folder and say what was done."""
    command.parser(__doc__).parse_args()
    for done in repair(Path()):
        print(done)


def repair(project: Path) -> list[str]:
    """Repair a project, unless a DVC command runs there; return what was done, a sentence each."""
    done: list[str] = []
    if _is_in_use(project):
        return done
    if _holders(project / _HELD) is None:
        (project / _HELD).unlink()
        done.append(f"{_HELD}: was half-written, deleted")
    experiments = sorted(it.relative_to(project) for it in project.glob(f"experiments/**/{LOCK}"))
    for name in (Path(LOCK), *experiments):
        if _repair_lock(project, name):
            done.append(f"{name}: was half-written, restored as it was before")
    return done


def _repair_lock(project: Path, name: Path) -> bool:
    """Keep a copy of a complete lock, else restore it; return whether it was restored."""
    lock, copy = project / name, project / COPY.parent / name
    if not lock.exists():
        return False
    # What git holds is complete, and older than the copy after a checkout.
    if lock.read_bytes() == _in_git(project, name) or not _is_cut(_entries(lock), _entries(copy)):
        with replacing(copy) as temporary:
            shutil.copyfile(lock, temporary)
        return False
    with replacing(lock) as temporary:
        temporary.write_bytes(copy.read_bytes() if copy.exists() else _in_git(project, name))
    return True


def _is_cut(now: list[str] | None, before: list[str] | None) -> bool:
    """Whether DVC cannot read its entries, or only the first of what they were are left."""
    return now is None or (before is not None and len(now) < len(before) and now == before[: len(now)])


def _entries(lock: Path) -> list[str] | None:
    """Names of a dvc.lock's stages in their order; None where DVC cannot read it."""
    try:
        content = YAML(typ="safe").load(lock.read_text(encoding="utf-8"))
        return list(COMPILED_LOCKFILE_SCHEMA(content).get("stages", {}))
    except (FileNotFoundError, UnicodeDecodeError, YAMLError, Invalid):
        return None


def _is_in_use(project: Path) -> bool:
    """Whether DVC's list of who reads or writes what names a process that lives."""
    held = project / _HELD
    if _holders(held) is None:
        # It may be written just now.
        time.sleep(_WRITTEN_WITHIN_S)
    return any(_lives(pid) for pid in _holders(held) or ())


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _holders(held: Path) -> set[int] | None:
    """Read the processes that hold a file; None where only half of that was written."""
    if not held.exists():
        return set()
    try:
        content = json.loads(held.read_text(encoding="utf-8") or "{}")
    except (UnicodeDecodeError, json.JSONDecodeError):
        return None
    writers = list(content.get("write", {}).values())
    readers = [reader for each in content.get("read", {}).values() for reader in each]
    return {int(holder["pid"]) for holder in writers + readers}


def _in_git(project: Path, name: Path) -> bytes:
    """Read a committed dvc.lock; nothing, so that all stages run, where there is none."""
    show = ["git", "show", f"HEAD:./{name.as_posix()}"]
    try:
        done = subprocess.run(show, cwd=project, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return b"schema: '2.0'\nstages: {}\n"
    return done.stdout


if __name__ == "__main__":
    command.run(main)
