"""Bring dvc.lock up to date where only the wording or the place of code changed, so that nothing has to run.

For each stage of each dvc.lock, the code that it ran with, found in git by its md5, is compared with that of
today (tools/code_equality.py): without docstrings and comments, definition by definition, wherever it may
have moved. Where all of it is proved equal, and what else the stage reads is the same, its entry gets the
paths, sizes and md5 of today, and the command of dvc.yaml. All other stages stay as they are, to be run, and
the first reasons are printed. Nothing but dvc.lock files is written.

    python -m tools.relock --check          # print only
    python -m tools.relock --moves FILE     # what got another name, a line each: OLD -> NEW

A map of moves is needed for what a comparison cannot find: files of data and outputs (old/path -> new/path),
keys of parameters (params.yaml:ladder.contour -> experiments/ladder/params.yaml:contour), stages
(old/dvc.yaml:name -> new/dvc.yaml:name), modules that no stage lists, and functions with another name
(old.py:name -> new.py:name). With a renamed function you vouch that its name is in no output.

    python -m tools.demo --all --against REV --equal FILE
    python -m tools.relock --equal FILE     # also what gave the same bytes on the synthetic corpus

Stages whose code is not proved equal may still be relocked where both commits gave the same bytes for all
their outputs; FILE counts only for the code for which it was made.
"""

import argparse
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any

from dvc.dependency.param import ParamsDependency
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import PipelineStage
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from ser.errors import InputError
from ser.files import replacing
from stages import command
from tools.code_equality import Program, UnclearError, differences
from tools.code_units import module_name

LOCK, PIPELINE = "dvc.lock", "dvc.yaml"
SHOWN = 3
"""Reasons a stage; the rest is counted."""

_MODULE = re.compile(r"python3? -m ([\w.]+)((?:\s.*)?)", flags=re.DOTALL)
_SCRIPT = re.compile(r"python3? ([\w./-]+\.py)((?:\s.*)?)", flags=re.DOTALL)

Entry = dict[str, Any]


@dataclass
class Outcome:
    """What became of the stages.

    Attributes
    ----------
    relocked : list of str
        Addresses of the stages whose entries were brought up to date, or would be.
    equal_on_demo : list of str
        Those of them whose code is not proved equal, but gave the same bytes.
    current : list of str
        Those to which nothing happened.
    stale : dict of str to list of str
        The reasons why the others stay as they are.
    locks : dict of Path to bytes
        What each dvc.lock that changes now holds.
    """

    relocked: list[str] = field(default_factory=list)
    equal_on_demo: list[str] = field(default_factory=list)
    current: list[str] = field(default_factory=list)
    stale: dict[str, list[str]] = field(default_factory=dict)
    locks: dict[str, Any] = field(default_factory=dict)


class Moves:
    """New names by the old ones: of files, folders, definitions, keys of parameters and stages."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self._names = dict(names)
        self._folders = sorted((it for it in self._names if ":" not in it), key=len, reverse=True)

    def path(self, path: str) -> str:
        """Give a file's or folder's path of today."""
        for old in self._folders:
            if path == old or path.startswith(f"{old}/"):
                return self._names[old] + path[len(old) :]
        return path

    def key(self, file: str, key: str) -> tuple[str, str]:
        """Give the file and the key of today of a parameter."""
        parts = key.split(".")
        for length in range(len(parts), -1, -1):
            new = self._names.get(f"{file}:{'.'.join(parts[:length])}")
            if new is not None:
                new_file, _, new_key = new.partition(":")
                return new_file, ".".join(filter(None, [new_key, *parts[length:]]))
        return self.path(file), key

    def stage(self, pipeline: str, name: str) -> tuple[str, str]:
        """Give the dvc.yaml and the name of today of a stage, or of one instance of a matrix."""
        base, at, item = name.partition("@")
        for old, rest in ((name, ""), (base, at + item)):
            new = self._names.get(f"{pipeline}:{old}")
            if new is not None:
                new_pipeline, _, new_name = new.partition(":")
                return new_pipeline, new_name + rest
        return self.path(pipeline), name

    def modules(self) -> dict[str, str]:
        """Give the new dotted names of modules and of definitions in them."""
        named = {}
        for old, new in self._names.items():
            (old_path, _, old_name), (new_path, _, new_name) = old.partition(":"), new.partition(":")
            if old_path.endswith(".py") and new_path.endswith(".py"):
                pair = [(module_name(old_path), old_name), (module_name(new_path), new_name)]
                old_dotted, new_dotted = (".".join(filter(None, it)) for it in pair)
                named[old_dotted] = new_dotted
        return named


def read_moves(path: Path) -> dict[str, str]:
    """Read a map of moves: lines ``old -> new``, or a mapping in YAML or JSON.

    Raises
    ------
    InputError
        Where the file cannot be read, or holds anything else.
    """
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix in (".json", ".yaml", ".yml"):
            content = YAML(typ="safe").load(text) or {}
        else:
            lines = (it.partition("#")[0].strip() for it in text.splitlines())
            content = {}
            for line in filter(None, lines):
                old, new = line.split("->")
                content[old.strip()] = new.strip()
    except (OSError, UnicodeDecodeError, YAMLError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    except ValueError as error:
        raise InputError(f"{path}: each line must be `old -> new`") from error
    if not isinstance(content, dict) or not all(isinstance(it, str) for it in (*content, *content.values())):
        raise InputError(f"{path}: must map old names to new ones, all of them text")
    return content


class History:
    """What git holds of a project.

    Parameters
    ----------
    folder
        The project's root.
    base
        The commit where the code of the locks is looked for first.
    """

    def __init__(self, folder: Path, base: str) -> None:
        self.folder = folder
        self.base = self._git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}").decode().strip()
        if not self.base:
            raise InputError(f"{base}: no commit of {folder}")
        tree = self._git("ls-tree", "-r", "-z", "--full-tree", self.base).decode().split("\0")
        self._at_base = {it.partition("\t")[2]: it.split()[2] for it in tree if it}
        self._earlier: dict[str, dict[str, bytes]] = {}
        self._paths: dict[str, set[str]] = {}
        self.show = cache(self._show)

    def _git(self, *arguments: str) -> bytes:
        try:
            done = subprocess.run(["git", *arguments], cwd=self.folder, capture_output=True, check=False)
        except OSError as error:
            raise InputError(f"git cannot be run ({error})") from error
        return done.stdout if done.returncode == 0 else b""

    def _show(self, path: str) -> bytes | None:
        """Give a file at the base, or None."""
        if path not in self._at_base:
            return None
        return self._git("cat-file", "blob", self._at_base[path])

    def locks(self) -> list[str]:
        """List the dvc.lock files at the base."""
        return sorted(it for it in self._at_base if PurePosixPath(it).name == LOCK)

    def tracked(self) -> set[str]:
        """List the files that git tracks today."""
        return set(self._git("ls-files", "-z").decode().split("\0"))

    def renamed(self) -> dict[str, str]:
        """List the files that moved since the base, by git's own comparison."""
        lines = self._git("diff", "--name-status", "--diff-filter=R", "-M", self.base).decode().splitlines()
        return dict(line.split("\t")[1:] for line in lines)

    def find(self, path: str, md5: str) -> bytes | None:
        """Find the content that a file once had, wherever it lay then, or None."""
        at_base = self.show(path)
        if at_base is not None and _md5(at_base) == md5:
            return at_base
        self._look_back(path)
        return self._earlier[path].get(md5)

    def names(self, path: str) -> set[str]:
        """List the paths where a file lay."""
        self._look_back(path)
        return self._paths[path]

    def _look_back(self, path: str) -> None:
        if path not in self._earlier:
            log = self._git(
                *("log", "--follow", "--raw", "--no-abbrev", "--format=", "--diff-filter=AMR", self.base),
                *("--", path),
            )
            lines = [line for line in log.decode().splitlines() if line]
            blobs = dict.fromkeys(line.split()[3] for line in lines)
            self._paths[path] = {it for line in lines for it in line.split("\t")[1:]}
            contents = (self._git("cat-file", "blob", it) for it in blobs)
            self._earlier[path] = {_md5(it): it for it in contents}


class Project:
    """A project as it is today, beside what its dvc.lock files say.

    Parameters
    ----------
    folder
        Its root.
    base
        The commit where the code of the locks is looked for first.
    moves
        New names by the old ones.
    equal
        What `tools.demo` found to be the same, or None.
    """

    def __init__(
        self,
        folder: Path,
        *,
        base: str = "HEAD",
        moves: Mapping[str, str] | None = None,
        equal: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.history = History(folder, base)
        self._told = Moves(moves or {})
        self._moves = Moves(self.history.renamed() | dict(moves or {}))
        self.equal = equal
        self._tracked = self.history.tracked()
        self._texts: dict[str, bytes | None] = {}
        try:
            with Repo(str(folder)) as repo:
                stages = [it for it in repo.index.stages if isinstance(it, PipelineStage)]
        except DvcException as error:
            raise InputError(f"{folder}: DVC cannot read the pipelines ({error})") from error
        self.stages = {(relative_to(it.path, folder), it.name): it for it in stages}
        self._outs = {relative_to(out.fs_path, folder) for it in stages for out in it.outs}

    def relock(self) -> Outcome:
        """Compare every stage that a dvc.lock names; write nothing."""
        outcome = Outcome()
        for source, content in self._sources().items():
            pipeline = str(PurePosixPath(source).with_name(PIPELINE))
            for name, entry in content["stages"].items():
                new_pipeline, new_name = self._moves.stage(pipeline, name)
                address = address_of(new_pipeline, new_name)
                stage = self.stages.get((new_pipeline, new_name))
                target = str(PurePosixPath(new_pipeline).with_name(LOCK))
                if stage is None:
                    outcome.stale[address] = [f"{new_pipeline} has no such stage"]
                    self._put(outcome, source, name, entry, source)
                    continue
                if stage.frozen:
                    # Its entry tells of the code that made the outputs, whatever became of that code.
                    outcome.current.append(address)
                    self._put(outcome, source, name, entry, source)
                    continue
                new, reasons, by_demo = self._judge(stage, entry, address_of(pipeline, name), address)
                if reasons:
                    outcome.stale[address] = reasons
                elif new == entry and target == source and new_name == name:
                    outcome.current.append(address)
                else:
                    outcome.relocked.append(address)
                    if by_demo:
                        outcome.equal_on_demo.append(address)
                self._put(outcome, target, new_name, entry if reasons else new, source)
        return outcome

    @staticmethod
    def _put(outcome: Outcome, target: str, name: str, entry: Entry, source: str) -> None:
        outcome.locks.setdefault(target, {})[name] = entry
        outcome.locks.setdefault(source, {})

    def _sources(self) -> dict[str, Entry]:
        """Read every dvc.lock, and those of the base whose pipeline moved without them."""
        names = [it for it in sorted(self._tracked) if PurePosixPath(it).name == LOCK]
        names += sorted(
            {str(PurePosixPath(pipeline).with_name(LOCK)) for pipeline, _ in self.stages} - {*names}
        )
        found = {}
        for name in names:
            path = self.folder / name
            if path.exists():
                found[name] = _parse(name, path.read_bytes())
        for name in self.history.locks():
            pipeline, _ = self._moves.stage(str(PurePosixPath(name).with_name(PIPELINE)), "")
            known = any(it == pipeline for it, _ in self.stages)
            if name not in found and known and str(PurePosixPath(pipeline).with_name(LOCK)) not in found:
                content = self.history.show(name)
                if content is not None:
                    found[name] = _parse(name, content)
        return {name: it for name, it in found.items() if isinstance(it.get("stages"), dict)}

    def _judge(
        self, stage: PipelineStage, entry: Entry, old_address: str, address: str
    ) -> tuple[Entry, list[str], bool]:
        """Make a stage's new entry, and say why it may not take the old one's place, if so."""
        place = PurePosixPath(relative_to(stage.wdir, self.folder))

        def rooted(path: str) -> str:
            return _joined(place, path)

        old_deps = {rooted(it["path"]): it for it in entry.get("deps", [])}
        old_outs = {self._told.path(rooted(it["path"])): it for it in entry.get("outs", [])}
        deps = {
            relative_to(it.fs_path, self.folder): it.def_path
            for it in stage.deps
            if not isinstance(it, ParamsDependency)
        }
        outs = {relative_to(it.fs_path, self.folder): it.def_path for it in stage.outs}
        reasons = []
        new_deps: dict[str, Entry] = {}
        old_data = {self._told.path(it): old for it, old in old_deps.items() if not it.endswith(".py")}
        data = {it for it in deps if not it.endswith(".py")}
        reasons += [f"{it}: is a new dependency" for it in sorted(data - set(old_data))]
        reasons += [f"{it}: is no dependency any more" for it in sorted(set(old_data) - data)]
        reasons += [f"{it}: is a new output" for it in sorted(set(outs) - set(old_outs))]
        reasons += [f"{it}: is no output any more" for it in sorted(set(old_outs) - set(outs))]
        changed_files = []
        for path in sorted(data & set(old_data)):
            new_deps[path] = dict(old_data[path]) | {"path": deps[path]}
            now = self._text(path) if path in self._tracked and path not in self._outs else None
            if now is not None and _md5(now) != old_data[path].get("md5"):
                changed_files.append(path)
                new_deps[path] |= {"md5": _md5(now), "size": len(now)}
        code = sorted(it for it in deps if it.endswith(".py"))
        for path in code:
            now = self._text(path)
            if now is None:
                reasons.append(f"{path}: missing")
                continue
            new_deps[path] = {"path": deps[path], "hash": "md5", "md5": _md5(now), "size": len(now)}
        params, different = self._params(stage, entry.get("params", {}), rooted)
        reasons += different
        new: Entry = {"cmd": stage.cmd}
        new_out = {it: dict(old_outs[it]) | {"path": outs[it]} for it in outs if it in old_outs}
        for key, items in (("deps", new_deps), ("params", params), ("outs", new_out)):
            if not items:
                continue
            new[key] = items if key == "params" else sorted(items.values(), key=lambda it: str(it["path"]))
        by_demo = False
        if new == _in_order(entry):
            # As it is, though DVC might write it in another order.
            return entry, reasons, False
        if not reasons:
            problems = [f"{it}: changed, and is no code" for it in changed_files]
            problems += self._code_differences(entry["cmd"], stage.cmd, old_deps, code)
            if problems and self._gave_the_same(old_deps, deps, outs, old_address):
                problems, by_demo = [], True
            reasons += problems
        return new, reasons, by_demo

    def _text(self, path: str) -> bytes | None:
        if path not in self._texts:
            file = self.folder / path
            self._texts[path] = file.read_bytes() if file.is_file() else None
        return self._texts[path]

    def _params(self, stage: PipelineStage, old: Mapping[str, Any], rooted: Any) -> tuple[Entry, list[str]]:
        """Make the section ``params``, and say which values changed."""
        known: dict[tuple[str, str], Any] = {}
        for file, keys in old.items():
            for key, value in (keys or {}).items():
                known[self._told.key(rooted(file), key)] = value
        used: set[tuple[str, str]] = set()
        params: Entry = {}
        reasons = []
        listed = [it for it in stage.deps if isinstance(it, ParamsDependency)]
        for dependency in sorted(listed, key=lambda it: (it.def_path != "params.yaml", it.def_path)):
            file = relative_to(dependency.fs_path, self.folder)
            try:
                values = dependency.read_params()
            except DvcException as error:
                reasons.append(f"{file}: cannot be read ({error})")
                continue
            names = dependency.params or sorted(values)
            section = params.setdefault(dependency.def_path, {})
            for key in sorted(names):
                if key not in values:
                    reasons.append(f"{file}: {key} is missing")
                    continue
                section[key] = values[key]
                reasons += _changed_values(file, key, values[key], known, used)
        left = {it for it in known if not any(_covers(it, other) or _covers(other, it) for other in used)}
        reasons += [f"{file}: {key} is no parameter of the stage any more" for file, key in sorted(left)]
        return params, reasons

    def _code_differences(
        self, old_cmd: str, cmd: str, old_deps: Mapping[str, Entry], code: Iterable[str]
    ) -> list[str]:
        old_code: dict[str, str] = {}
        problems = []
        for path, dep in old_deps.items():
            if not path.endswith(".py"):
                continue
            text = self.history.find(path, dep.get("md5", ""))
            if text is None:
                problems.append(f"{path}: git does not hold what the stage ran with (md5 {dep.get('md5')})")
            else:
                old_code[path] = text.decode("utf-8", errors="surrogateescape")
        if problems:
            return problems
        new_code = {
            path: text.decode("utf-8", errors="surrogateescape")
            for path in code
            if (text := self._text(path)) is not None
        }
        old_entry, old_rest = _entry_of(old_cmd, old_code)
        new_entry, new_rest = _entry_of(cmd, new_code)
        if old_code == new_code and old_cmd == cmd:
            return []
        if old_entry is None or new_entry is None:
            return [
                f"the command `{cmd if new_entry is None else old_cmd}` runs no module that it depends on"
            ]
        if old_rest != new_rest:
            return [f"the command was `{old_cmd}` and is `{cmd}`"]
        modules = self._moves.modules()
        try:
            new = Program(new_entry, new_code, other=self._today)
            old = Program(old_entry, old_code, other=self._at_base, moves=modules)
            problems = differences(old, new, renamed=self._told.modules())
            if problems:
                # The entry may have the paths of today for code of before, which imports by former names.
                also = {
                    module_name(it): module_name(path)
                    for path in old_code
                    for it in self.history.names(path) - {*old_code}
                }
                old = Program(old_entry, old_code, other=self._at_base, moves=modules, also=also)
                problems = differences(old, new, renamed=self._told.modules()) and problems
            return problems
        except UnclearError as error:
            return [str(error)]

    def _at_base(self, path: str) -> str | None:
        text = self.history.show(path)
        return None if text is None else text.decode("utf-8", errors="surrogateescape")

    def _today(self, path: str) -> str | None:
        text = self._text(path)
        return None if text is None else text.decode("utf-8", errors="surrogateescape")

    def _gave_the_same(
        self,
        old_deps: Mapping[str, Entry],
        deps: Iterable[str],
        outs: Iterable[str],
        address: str,
    ) -> bool:
        """Tell whether the demo gave the same bytes with the code of the entry and with that of today."""
        if self.equal is None or not outs:
            return False
        for path, dep in old_deps.items():
            if self.equal["old_files"].get(path, dep["md5"]) != dep["md5"]:
                return False
            if path.endswith(".py") and path not in self.equal["old_files"]:
                return False
        for path in deps:
            now = self._text(path)
            if path in self._outs or now is None:
                continue
            if self.equal["new_files"].get(path) != _md5(now):
                return False
        return all(self.equal["outputs"].get(it) is True for it in outs)


def read_equal(path: Path, *, history: History) -> dict[str, Any]:
    """Read what ``tools.demo --all --against REV --equal`` wrote.

    Raises
    ------
    InputError
        Where the file cannot be read, or was made against a commit that this project does not have.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        wanted = {"base": str, "old_files": dict, "new_files": dict, "outputs": dict}
        if not all(isinstance(content[key], kind) for key, kind in wanted.items()):
            raise ValueError("a part of it is missing")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path}: was not written by tools.demo --equal ({error})") from error
    if content["base"] != history.base:
        raise InputError(
            f"{path}: was made against {content['base']}, and the base is {history.base}; "
            f"say --base {content['base']}"
        )
    result: dict[str, Any] = content
    return result


def _entry_of(cmd: str, code: Mapping[str, str]) -> tuple[str | None, str]:
    """Find the file that a command runs, and its arguments."""
    if match := _MODULE.fullmatch(cmd):
        folder = match[1].replace(".", "/")
        for path in (f"{folder}.py", f"{folder}/__main__.py"):
            if path in code:
                return path, match[2]
    elif (match := _SCRIPT.fullmatch(cmd)) and match[1] in code:
        return match[1], match[2]
    return None, cmd


def _changed_values(
    file: str, key: str, value: Any, known: Mapping[tuple[str, str], Any], used: set[tuple[str, str]]
) -> list[str]:
    """Compare a parameter with what the entry has, under this key, a part of it, or what it is a part of."""
    parts = key.split(".")
    for length in range(len(parts), -1, -1):
        above = (file, ".".join(parts[:length]))
        if above in known:
            used.add((file, key))
            former = known[above]
            for part in parts[length:]:
                former = former.get(part, _MISSING) if isinstance(former, Mapping) else _MISSING
            if _same(former, value):
                return []
            return [f"{file}: {key} was {_shown(former)} and is {_shown(value)}"]
    if isinstance(value, Mapping) and value:
        return [
            problem
            for name, it in value.items()
            for problem in _changed_values(file, f"{key}.{name}", it, known, used)
        ]
    return [f"{file}: {key} is a new parameter of the stage"]


_MISSING = object()


def _same(one: Any, other: Any) -> bool:
    """Compare values with their types: 1, 1.0 and true are three things."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(_same(one[it], other[it]) for it in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    plain = {type(one), type(other)}
    simple = all(issubclass(it, str | int | float | bool | type(None)) for it in plain)
    kinds = [
        next((k for k in (bool, int, float, str) if isinstance(it, k)), type(None)) for it in (one, other)
    ]
    return simple and kinds[0] is kinds[1] and bool(one == other)


def _shown(value: Any) -> str:
    text = "not there" if value is _MISSING else repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _covers(one: tuple[str, str], other: tuple[str, str]) -> bool:
    """Tell whether a key is another one or holds it; the key "" is the whole file."""
    return one[0] == other[0] and (one[1] in ("", other[1]) or other[1].startswith(f"{one[1]}."))


def _plain(value: Any) -> Any:
    """Turn what the YAML parser returns into plain dicts and lists, so that they can be compared."""
    if isinstance(value, Mapping):
        return {str(key): _plain(it) for key, it in value.items()}
    return [_plain(it) for it in value] if isinstance(value, list) else value


def _in_order(entry: Entry) -> Entry:
    """Sort an entry's deps and outs as DVC does."""
    plain: Entry = _plain(entry)
    for key in ("deps", "outs"):
        if key in plain:
            plain[key] = sorted(plain[key], key=lambda it: str(it["path"]))
    return plain


def _md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def _parse(name: str, content: bytes) -> Entry:
    try:
        found = YAML(typ="safe").load(content.decode("utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"{name}: cannot be read as YAML; mend it, or take git's ({error})") from error
    return found if isinstance(found, dict) else {}


def relative_to(path: str, folder: Path) -> str:
    """Give a path from a folder, as DVC's files write it."""
    return Path(path).resolve().relative_to(folder.resolve()).as_posix()


def _joined(folder: PurePosixPath, path: str) -> str:
    parts: list[str] = []
    for part in (folder / path).parts:
        if part == "..":
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def address_of(pipeline: str, name: str) -> str:
    """Name a stage as DVC does in the project's root."""
    return name if pipeline == PIPELINE else f"{pipeline}:{name}"


def write_locks(folder: Path, outcome: Outcome) -> list[str]:
    """Write the dvc.lock files that changed, in the form in which DVC writes them; return their names."""
    yaml = YAML()
    yaml.default_flow_style = False
    written = []
    for name, entries in outcome.locks.items():
        path = folder / name
        before: dict[str, Any] = {"schema": "2.0"}
        if path.exists():
            before = yaml.load(path.read_text(encoding="utf-8")) or before
        stages: dict[str, Any] = before.get("stages") or {}
        if _plain(stages) == _plain(entries) and list(stages) == list(entries):
            continue
        written.append(name)
        if not entries:
            path.unlink(missing_ok=True)
            continue
        for gone in set(stages) - set(entries):
            del stages[gone]
        for stage, entry in entries.items():
            if _plain(stages.get(stage)) != _plain(entry):
                stages[stage] = entry
        before["stages"] = stages
        with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as stream:
            yaml.dump(before, stream)
    return written


def report(outcome: Outcome, *, written: bool) -> str:
    """Say what became of the stages, a line for each reason."""
    lines = [f"{address}: relocked" for address in outcome.relocked]
    for place, address in enumerate(outcome.relocked):
        if address in outcome.equal_on_demo:
            lines[place] += ", for its outputs are the same bytes on the synthetic corpus"
    for address, reasons in outcome.stale.items():
        lines.append(f"{address}: left stale")
        lines += [f"    {it}" for it in reasons[:SHOWN]]
        lines += [f"    ... and {len(reasons) - SHOWN} more"] if len(reasons) > SHOWN else []
    verb = "relocked" if written else "could be relocked"
    left, current = len(outcome.stale), len(outcome.current)
    lines.append(f"{_count(len(outcome.relocked))} {verb}, {left} left stale, {current} current")
    return "\n".join(lines)


def _count(n: int) -> str:
    return "1 stage" if n == 1 else f"{n} stages"


def main() -> None:
    """Compare, write, and print a summary."""
    parser = command.parser(__doc__)
    parser.add_argument(
        "--base", default="HEAD", metavar="REV", help="commit to look for the stages' code first"
    )
    parser.add_argument("--moves", type=Path, metavar="FILE", help="new names by the old ones")
    parser.add_argument("--equal", type=Path, metavar="FILE", help="written by tools.demo --equal")
    parser.add_argument("--check", "--dry-run", action="store_true", help="write nothing")
    arguments = parser.parse_args()
    print(report(run(Path.cwd(), arguments), written=not arguments.check))


def run(folder: Path, arguments: argparse.Namespace) -> Outcome:
    """Do what the command line asks for."""
    moves = read_moves(arguments.moves) if arguments.moves else {}
    project = Project(folder, base=arguments.base, moves=moves)
    if arguments.equal:
        project.equal = read_equal(arguments.equal, history=project.history)
    outcome = project.relock()
    if not arguments.check:
        write_locks(folder, outcome)
    return outcome


if __name__ == "__main__":
    sys.setrecursionlimit(10_000)
    command.run(main)
