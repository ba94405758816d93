"""A workspace in which one stage is stale, and its expected content after the stage has run."""

import hashlib
import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ruamel.yaml import YAML

from ser.files import remove, replacing
from tools.demo import environment
from tools.repair_after_kill import COPY, LOCK, repair

State = Literal["changed", "first"]
"""What a stage finds: the results of another time, as after a change of what it reads, or nothing."""
Contents = dict[str, str]
"""Of each file the sha256, and of each folder an empty text, by its path in the workspace."""

_INPUTS = (".dvc", "corpus")
_TEMPORARY = re.compile(r"(^|/)\.[^/]*\.(partial|former)|^data/checkpoints(/|$)")


@dataclass(frozen=True)
class Workspace:
    """A workspace that a pipeline has run in, undisturbed.

    Attributes
    ----------
    folder : Path
        Folder of the workspace, from `tools.demo.make_workspace`.
    finished : dict
        Content of the workspace after the undisturbed run.
    lock : str
        Content of dvc.lock after that run.
    targets : tuple of str
        Stages that the pipeline ran, with those that they need; empty for all.
    """

    folder: Path
    finished: Contents
    lock: str
    targets: tuple[str, ...] = ()

    @property
    def temporary(self) -> Path:
        """What stands for the machine's folder of temporary files."""
        return self.folder.with_name(f"{self.folder.name}-temporary")

    @property
    def environment(self) -> dict[str, str]:
        """Of all that runs here."""
        self.temporary.mkdir(exist_ok=True)
        places = dict.fromkeys(("TMPDIR", "JOBLIB_TEMP_FOLDER"), str(self.temporary))
        return environment(self.folder) | places | {"PYTHONUNBUFFERED": "1"}

    def outputs(self, stage: str) -> list[str]:
        """Paths of a stage's outputs."""
        return [each["path"] for each in YAML(typ="safe").load(self.lock)["stages"][stage]["outs"]]

    def largest_output(self, stage: str) -> int:
        """Bytes of a stage's largest file or folder; all outputs must be there."""
        sizes = []
        for path in (self.folder / each for each in self.outputs(stage)):
            files = path.rglob("*") if path.is_dir() else [path]
            sizes.append(sum(file.stat().st_size for file in files if file.is_file()))
        return max(sizes)

    def prepare(self, stage: str, state: State) -> tuple[Contents, Contents]:
        """Make a stage stale.

        With state ``changed``, dvc.lock has another checksum of what the stage reads, and each output has a
        file that is a byte longer. With ``first``, the stage's outputs and its entry of dvc.lock are missing;
        DVC adds that entry at the end of the file.

        Returns
        -------
        expected, former : dict
            Expected content of the workspace after the run, and content of the outputs before it.
        """
        heading, *entries = re.split(r"^(?=  \S)", self.lock, flags=re.MULTILINE)
        (mine,) = (entry for entry in entries if entry.startswith(f"  {stage}:\n"))
        others = [entry for entry in entries if entry != mine]
        if state == "changed":
            another = re.sub(r"\bmd5: [0-9a-f]{32}", f"md5: {'f' * 32}", mine, count=1)
            self._write_lock("".join([heading, *(another if it == mine else it for it in entries)]))
            for path in self.outputs(stage):
                _lengthen(self.folder / path)
            found = read_contents(self.folder)
            return self.finished, {
                each: it for path in self.outputs(stage) for each, it in _below(found, path).items()
            }
        self._write_lock("".join([heading, *others]))
        for path in self.outputs(stage):
            remove(self.folder / path)
        at_the_end = "".join([heading, *others, mine])
        return self.finished | {LOCK: hashlib.sha256(at_the_end.encode()).hexdigest()}, {}

    def restore_lock(self) -> None:
        """Undo `prepare`, where the stage ran and only the order of dvc.lock's entries may differ."""
        self._write_lock(self.lock)

    def half_outputs(self, stage: str, *, former: Contents) -> list[str]:
        """Which outputs of a stage are neither as they were before it nor as they are after it."""
        found = read_contents(self.folder)
        return [
            path
            for path in self.outputs(stage)
            if _below(found, path) not in (_below(former, path), _below(self.finished, path))
        ]

    def _write_lock(self, text: str) -> None:
        (self.folder / LOCK).write_text(text, encoding="utf-8")
        # As at the start of `make repro`; a lock that was made shorter here is no lock that was cut.
        (self.folder / COPY).unlink(missing_ok=True)
        repair(self.folder)


def finish(folder: Path, *, targets: tuple[str, ...] = ()) -> Workspace:
    """Take a workspace in which ``dvc repro`` is through as it is now."""
    lock = (folder / LOCK).read_text(encoding="utf-8")
    return Workspace(folder, read_contents(folder), lock, targets)


def copy_workspace(workspace: Workspace, folder: Path) -> Workspace:
    """Make a folder, which may exist with anything in it, the same as a finished workspace."""
    dvc = folder / ".dvc"
    dvc.mkdir(parents=True, exist_ok=True)
    # The folder and DVC's own in it may be disks, which cannot be removed.
    for path in [*(it for it in folder.iterdir() if it != dvc), *dvc.iterdir()]:
        remove(path)
    shutil.copytree(workspace.folder, folder, symlinks=True, dirs_exist_ok=True)
    return Workspace(folder, workspace.finished, workspace.lock, workspace.targets)


def read_contents(folder: Path) -> Contents:
    """Checksums of all that lies in a workspace, but for its inputs, DVC's own files and bytecode."""
    found: Contents = {}
    for place, folders, files in os.walk(folder):
        here = Path(place)
        folders[:] = [it for it in folders if it != "__pycache__" and (here != folder or it not in _INPUTS)]
        for name in files:
            with (here / name).open("rb") as stream:
                found[_relative(here / name, folder)] = hashlib.file_digest(stream, "sha256").hexdigest()
        found |= {_relative(here / name, folder): "" for name in folders}
    return found


def temporaries(found: Contents) -> list[str]:
    """Which of these are what a stage writes before it is done."""
    return [path for path in found if _TEMPORARY.search(path)]


def differences(expected: Contents, found: Contents) -> list[str]:
    """Say in words, a line a file, where a workspace differs from what it must hold."""
    return [
        *(f"missing: {path}" for path in sorted(expected.keys() - found.keys())),
        *(f"left over: {path}" for path in sorted(found.keys() - expected.keys())),
        *(
            f"differs: {path}"
            for path in sorted(expected.keys() & found.keys())
            if expected[path] != found[path]
        ),
    ]


def damaged_cache(folder: Path) -> tuple[int, list[str]]:
    """Count the objects in DVC's cache, and list those whose bytes are not what their name says."""
    cache, damaged, count = folder / ".dvc" / "cache" / "files" / "md5", [], 0
    for path in sorted(cache.glob("*/*")):
        count += 1
        # DVC names objects by MD5; nobody is to be kept out by it.
        digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
        if digest != path.parent.name + path.name.removesuffix(".dir"):
            damaged.append(_relative(path, folder))
    return count, damaged


def _lengthen(path: Path) -> None:
    """Make a file, or the last file of a folder, a byte longer."""
    file = path if path.is_file() else max(each for each in path.rglob("*") if each.is_file())
    # Replaced, not written to: it may be linked to DVC's cache.
    with replacing(file) as temporary:
        temporary.write_bytes(file.read_bytes() + b"\n")


def _below(contents: Contents, path: str) -> Contents:
    return {each: digest for each, digest in contents.items() if each == path or each.startswith(f"{path}/")}


def _relative(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix()
