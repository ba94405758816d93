"""Bring dvc.lock up to date where only the wording or the place of code changed, so that nothing has to run.

For each stage that DVC would run, the code that it ran with, found in git by its md5, is compared with the
code of today: without docstrings and comments, definition by definition, wherever it may lie
(tools/code_identity.py). Where it is the same, the stage's entry in dvc.lock gets the command and the code
files of today. Where DVC would run the stage even then, since its data or parameters changed, too, the entry
stays as it was. What is left stale is named, with the first reason; only dvc.lock files are written.

    python -m tools.relock

Code that says something else may still make the same bytes. Where two commits did so on the synthetic corpus,
in all outputs of a stage, it may be relocked as well:

    python -m tools.demo --all --against REV --equal FILE
    python -m tools.relock --equal FILE

FILE counts for the code of today for which it was made, and for outputs that dvc.lock had at REV already.
"""

import hashlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import PipelineStage
from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ser.errors import InputError
from ser.files import replacing
from stages import command
from tools.check_current import stale_stages
from tools.code_identity import Program, UnclearError, difference

LOCK = "dvc.lock"
FOR_MORE = "DVC would run it for more than its code: see `dvc status`"

Entry = dict[str, Any]


class Equal(BaseModel):
    """What `tools.demo` found out about two commits.

    Attributes
    ----------
    base : str
        The older commit.
    files : dict of str to str
        The md5 of each file of the younger code, by its path.
    outputs : dict of str to bool
        Whether an output of both has the same bytes, by its path.
    """

    base: str
    files: dict[str, str]
    outputs: dict[str, bool]


@dataclass(frozen=True)
class Outcome:
    """What became of the stages that DVC would have run.

    Attributes
    ----------
    relocked : dict of str to str
        Why each needs no run, by its address.
    stale : dict of str to str
        Why each of the others is left as it is.
    """

    relocked: dict[str, str]
    stale: dict[str, str]

    def __str__(self) -> str:
        lines = [f"{address}: relocked, {why}" for address, why in self.relocked.items()]
        lines += [f"{address}: left stale, {why}" for address, why in self.stale.items()]
        return "\n".join([*lines, f"{len(self.relocked)} relocked, {len(self.stale)} left stale"])


class History:
    """The files of a project that git holds.

    Parameters
    ----------
    folder
        The project's root.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        # Many stages ask for the same.
        self.entries, self.md5 = cache(self._entries), cache(self._md5)

    @cached_property
    def code(self) -> dict[str, str]:
        """Every Python file that any commit has, by the md5 of its bytes."""
        objects = git(self._folder, "rev-list", "--objects", "--all").splitlines()
        listed = (it.partition(b" ") for it in objects)
        names = [blob for blob, _, path in listed if path.endswith(b".py")]
        stream = io.BytesIO(git(self._folder, "cat-file", "--batch", text=b"\n".join(names)))
        found = {}
        while header := stream.readline():
            content = stream.read(int(header.split()[2]))
            found[md5_of(content)] = content.decode("utf-8")
            stream.readline()
        return found

    def _entries(self, commit: str) -> dict[str, Entry]:
        """Read the entries of a commit's dvc.lock files by the path of each output.

        Raises
        ------
        InputError
            Where there is no such commit.
        """
        listed = git(self._folder, "ls-tree", "-r", "--name-only", "--full-tree", commit)
        names = listed.decode().splitlines()
        if not names:
            raise InputError(f"{commit}: no commit of {self._folder}")
        locks = [it for it in names if Path(it).name == LOCK]
        read = (YAML(typ="safe").load(git(self._folder, "show", f"{commit}:{it}")) for it in locks)
        entries = (entry for lock in read for entry in (lock.get("stages") or {}).values())
        return {out["path"]: entry for entry in entries for out in entry.get("outs", [])}

    def _md5(self, commit: str, path: str) -> str:
        """Give the md5 of a file at a commit, or that of nothing."""
        return md5_of(git(self._folder, "show", f"{commit}:{path}"))


class Relock:
    """Compares the stages of a project with what their dvc.lock entries record.

    Parameters
    ----------
    folder
        The project's root. The paths in each dvc.yaml are relative to it.
    equal
        What `tools.demo` found, or None.
    """

    def __init__(self, folder: Path, *, equal: Equal | None = None) -> None:
        self._folder, self._equal = folder.resolve(), equal
        self._history = History(folder)
        try:
            with Repo(str(folder)) as repo:
                stages = [it for it in repo.index.stages if isinstance(it, PipelineStage)]
        except DvcException as error:
            raise InputError(f"{folder}: DVC cannot read the pipelines ({error})") from error
        self.stages = {address_of(relative_to(it.path, folder), it.name): it for it in stages}

    def run(self) -> Outcome:
        """Relock what is proved, and leave the rest."""
        proved: dict[str, Entry] = {}
        reasons: dict[str, str] = {}
        for address in stale_stages(self._folder)[0]:
            entry, reasons[address] = self._judge(self.stages[address])
            if entry is not None:
                proved[address] = entry
        before = {path: path.read_bytes() for path in {self._lock(it) for it in proved}}
        self._write(proved)
        # What was stale only for what is relocked now is stale no more, and is not named.
        still = set(stale_stages(self._folder)[0])
        if refused := still & proved.keys():
            for path, content in before.items():
                path.write_bytes(content)
            self._write({it: entry for it, entry in proved.items() if it not in refused})
            reasons |= dict.fromkeys(refused, FOR_MORE)
        return Outcome(
            relocked={it: why for it, why in reasons.items() if it in proved and it not in still},
            stale={it: why for it, why in reasons.items() if it in still},
        )

    def _lock(self, address: str) -> Path:
        return Path(self.stages[address].path).with_name(LOCK)

    def _recorded(self, stage: PipelineStage) -> Entry | None:
        path = Path(stage.path).with_name(LOCK)
        try:
            content = YAML(typ="safe").load(path.read_text(encoding="utf-8")) if path.exists() else {}
        except YAMLError as error:
            raise InputError(f"{path}: no YAML; repair it, or take git's ({error})") from error
        entry: Entry | None = (content.get("stages") or {}).get(stage.name)
        return entry

    def _judge(self, stage: PipelineStage) -> tuple[Entry | None, str]:
        """Make a stage's new entry, or None where it has to run, and say why."""
        recorded = self._recorded(stage)
        if recorded is None:
            return None, "it was never run"
        new = self._entry(stage, recorded)
        if new == recorded:
            return None, FOR_MORE
        if more := sorted(_data(new) - _data(recorded)):
            return None, f"it reads or writes what it did not: {', '.join(more)}"
        problem = self._code_difference(recorded, new)
        if problem is None:
            return new, "for its code says the same"
        if self._gave_the_same(new):
            return new, "for its outputs are the same bytes on the synthetic corpus"
        return None, problem

    def _entry(self, stage: PipelineStage, recorded: Entry) -> Entry:
        """Make an entry with the command and the code of today, and the data that the old one records."""
        known = {it["path"]: it for key in ("deps", "outs") for it in recorded.get(key, [])}
        deps = []
        for path in (it.def_path for it in stage.deps if not isinstance(it, ParamsDependency)):
            if path.endswith(".py"):
                try:
                    content = (self._folder / path).read_bytes()
                except OSError as error:
                    raise InputError(f"{path}: {error.strerror}, though a dvc.yaml names it") from error
                deps.append({"path": path, "hash": "md5", "md5": md5_of(content), "size": len(content)})
            else:
                deps.append(known.get(path, {"path": path}))
        outs = [known.get(it.def_path, {"path": it.def_path}) for it in stage.outs]
        by_path: Any = {"key": lambda it: it["path"]}
        new = recorded | {"cmd": stage.cmd, "deps": sorted(deps, **by_path), "outs": sorted(outs, **by_path)}
        return {key: value for key, value in new.items() if value}

    def _code_difference(self, recorded: Entry, new: Entry) -> str | None:
        (old_script, old_rest), (script, rest) = _command(recorded["cmd"]), _command(new["cmd"])
        if old_rest != rest or not old_script:
            return f"its command was `{recorded['cmd']}`"
        then, now = {}, {it["path"]: (self._folder / it["path"]).read_text("utf-8") for it in _code(new)}
        for dep in _code(recorded):
            if dep["md5"] not in self._history.code:
                return f"git does not hold the {dep['path']} that it ran with (md5 {dep['md5']})"
            then[dep["path"]] = self._history.code[dep["md5"]]
        try:
            return difference(Program(old_script, then), Program(script, now))
        except UnclearError as error:
            return str(error)

    def _gave_the_same(self, new: Entry) -> bool:
        """Tell whether today's code made the same bytes as that of a commit, of which the outputs are."""
        equal, outs = self._equal, new.get("outs", [])
        if equal is None or not all(equal.outputs.get(it["path"]) for it in outs):
            return False
        if any(equal.files.get(it["path"]) != it["md5"] for it in _code(new)):
            return False
        at_base = self._history.entries(equal.base)
        return all(self._is_of(equal.base, at_base.get(out["path"], {}), out, new) for out in outs)

    def _is_of(self, base: str, then: Entry, out: Entry, new: Entry) -> bool:
        """Tell whether a commit's code made an output as it is today, from today's data and parameters."""
        return (
            out in then.get("outs", [])
            and all(self._history.md5(base, it["path"]) == it["md5"] for it in _code(then))
            and all(it in then["deps"] for it in new["deps"] if not it["path"].endswith(".py"))
            and _values(new.get("params")) == _values(then.get("params"))
        )

    def _write(self, entries: Mapping[str, Entry]) -> None:
        """Put entries into their dvc.lock files, in the form in which DVC writes them."""
        yaml = YAML()
        yaml.default_flow_style = False
        for path in {self._lock(it) for it in entries}:
            content = yaml.load(path.read_text(encoding="utf-8"))
            for address, entry in entries.items():
                if self._lock(address) == path:
                    content["stages"][self.stages[address].name] = entry
            with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
                yaml.dump(content, stream)


def _command(cmd: str) -> tuple[str, str]:
    """Split ``python -m MODULE ...`` into the script and its arguments; other commands have no script."""
    match = re.fullmatch(r"python -m ([\w.]+)(.*)", cmd, flags=re.DOTALL)
    return (f"{match[1].replace('.', '/')}.py", match[2]) if match else ("", cmd)


def _code(entry: Entry) -> list[Entry]:
    return [it for it in entry.get("deps", []) if it["path"].endswith(".py")]


def _data(entry: Entry) -> set[str]:
    paths = {it["path"] for key in ("deps", "outs") for it in entry.get(key, [])}
    return {it for it in paths if not it.endswith(".py")}


def _values(params: Any) -> list[str]:
    """List the values of parameters, under whatever keys they stand."""
    if isinstance(params, Mapping):
        return sorted(it for value in params.values() for it in _values(value))
    return [] if params is None else [repr(params)]


def git(folder: Path, *arguments: str, text: bytes = b"", changes: Mapping[str, str] | None = None) -> bytes:
    """Give what a command of git prints, or nothing where it fails.

    Parameters
    ----------
    folder
        In the repository.
    *arguments
        Of ``git``.
    text
        What it reads from standard input.
    changes
        Environment variables that differ.
    """
    environment = os.environ | dict(changes or {})
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, env=environment, input=text, capture_output=True, check=False
        )
    except OSError as error:
        raise InputError(f"git cannot be run ({error})") from error
    return done.stdout if done.returncode == 0 else b""


def md5_of(content: bytes) -> str:
    """Give the md5 as DVC does."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def relative_to(path: str, folder: Path) -> str:
    """Give a path from a folder, as DVC's files write it."""
    return Path(path).resolve().relative_to(folder.resolve()).as_posix()


def address_of(pipeline: str, name: str) -> str:
    """Name a stage as DVC does in the project's root."""
    return name if pipeline == "dvc.yaml" else f"{pipeline}:{name}"


def read_equal(path: Path) -> Equal:
    """Read what ``tools.demo --equal`` wrote.

    Raises
    ------
    InputError
        Where the file cannot be read, or is anything else.
    """
    try:
        return Equal.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}; write it with `python -m tools.demo`") from error
    except (ValueError, ValidationError) as error:
        raise InputError(f"{path}: was not written by `python -m tools.demo --equal`") from error


def main() -> None:
    """Compare, write, and say what became of each stage."""
    parser = command.parser(__doc__)
    parser.add_argument("--equal", type=Path, metavar="FILE", help="written by tools.demo --equal")
    arguments = parser.parse_args()
    equal = read_equal(arguments.equal) if arguments.equal else None
    print(Relock(Path.cwd(), equal=equal).run())


if __name__ == "__main__":
    # Syntax trees of long expressions are deep.
    sys.setrecursionlimit(10_000)
    command.run(main)
