"""Every pipeline on the synthetic corpus, and what two commits make of it: for tools/demo.py.

A workspace holds the code of one commit, a corpus, and the parameters: those of each params.yaml, with
params.demo.yaml beside it on top. For a comparison, today's values are set at the older commit as well, under
the names that the keys had there, so that code alone differs.
"""

import shutil
import struct
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.stage import PipelineStage
from ruamel.yaml import YAML

from ser.errors import InputError
from ser.files import replacing, write_json
from ser.params import Workers
from tools import demo
from tools.check_current import stale_stages
from tools.relock import Equal, address_of, git, md5_of, relative_to

PIPELINE, LOCK, PARAMS, OVERLAY = "dvc.yaml", "dvc.lock", "params.yaml", "params.demo.yaml"
WHISPER = Path("whisper/model.bin")
"""In a workspace: weights of a small encoder, drawn at random."""

_NO_CODE = {".git", ".venv", "build", "data", "models", "logs"}
_ROOT_FILES = (PIPELINE, ".dvcignore", ".dvc/config")
_IGNORED = shutil.ignore_patterns("__pycache__", LOCK)

Values = dict[tuple[str, str], Any]


@dataclass(frozen=True)
class Verdict:
    """What two workspaces made.

    Attributes
    ----------
    outputs : dict of str to bool
        Whether an output of both, by its path of today, has the same bytes.
    only_before, only_today : list of str
        Outputs that one of them alone has.
    """

    outputs: dict[str, bool]
    only_before: list[str]
    only_today: list[str]

    def __str__(self) -> str:
        lines = [f"{path}: {'the same' if same else 'DIFFERS'}" for path, same in self.outputs.items()]
        lines += [f"{path}: only before" for path in self.only_before]
        lines += [f"{path}: only today" for path in self.only_today]
        same, n = sum(self.outputs.values()), len(self.outputs)
        alone = len(self.only_before) + len(self.only_today)
        return "\n".join([*lines, f"{same} of {n} outputs are the same bytes, {alone} are on one side only"])


def run_all(folder: Path, *, project: Path, without: Collection[str] = ()) -> None:
    """Run every pipeline of a project in a workspace.

    Parameters
    ----------
    folder
        Folder of the workspace.
    project
        Root of the project, which need not be a repository.
    without
        Names of experiments that are not to run.

    Raises
    ------
    InputError
        Where the workspace cannot be made, or a stage fails.
    """
    params = merged_params(project)
    demo.write_corpus(folder, workers=_workers(params))
    make_workspace(folder, code=project, params=params, without=without)
    code = repro(folder)
    if code != 0:
        raise InputError(f"dvc repro failed in {folder} (exit code {code}); its own message stands above")


def compare(
    folder: Path,
    *,
    project: Path,
    against: str,
    moves: Mapping[str, str],
    equal: Path | None,
    without: Collection[str] = (),
) -> Verdict:
    """Run all pipelines of a commit and of today on one corpus, and compare what came out.

    Parameters
    ----------
    folder
        Of today's workspace; that of the commit lies beside it.
    project
        A repository of git.
    against
        The commit.
    moves
        New names of files, outputs and keys of parameters by the old ones, as of `read_moves`.
    equal
        Where to write what ``tools.relock --equal`` reads, or None.
    without
        Names of experiments, those of then and of today, that are not to run.

    Raises
    ------
    InputError
        Where there is no such commit, or a workspace cannot be made.
    """
    commit = git(project, "rev-parse", "--verify", "--quiet", f"{against}^{{commit}}").decode().strip()
    if not commit:
        raise InputError(f"{against}: no commit of {project}")
    before = folder.with_name(f"{folder.name}_{commit[:7]}")
    today = merged_params(project)
    demo.write_corpus(folder, workers=_workers(today))
    _link_corpus(before, folder / "corpus")
    with tempfile.TemporaryDirectory() as temporary:
        code = Path(temporary)
        _check_out(project, commit, code)
        former, missing = former_params(code, today, Moves({new: old for old, new in moves.items()}))
        for key in missing:
            print(f"{key}: no such parameter at {commit[:7]}", flush=True)
        make_workspace(before, code=code, params=former, without=without)
    make_workspace(folder, code=project, params=today, without=without)
    sums = _sums(folder)
    for workspace in (before, folder):
        if repro(workspace, keep_going=True) != 0:
            print(f"some stages failed in {workspace}; their own messages stand above", flush=True)
    verdict = judge(outputs_of(before), outputs_of(folder), Moves(moves))
    if equal is not None:
        write_json(equal, Equal(base=commit, files=sums, outputs=verdict.outputs).model_dump())
    return verdict


def _workers(params: Mapping[str, Any]) -> Workers:
    try:
        return Workers.model_validate(dict(params[PARAMS]["workers"]))
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{PARAMS}: mend the section workers ({error})") from error


def _link_corpus(folder: Path, corpus: Path) -> None:
    demo.mark(folder)
    link = folder / "corpus"
    if link.exists() and link.resolve() != corpus.resolve() and _sums(link) != _sums(corpus):
        raise InputError(f"{folder}: made for another corpus; delete it")
    if not link.exists():
        link.symlink_to(corpus, target_is_directory=True)


class Moves:
    """New names by the old ones: of outputs and their folders, and of keys of parameters (``FILE:KEY``)."""

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


def read_moves(path: Path) -> dict[str, str]:
    """Read new names by old ones: a line each, ``old -> new``; from ``#`` on it is a comment.

    Raises
    ------
    InputError
        Where the file cannot be read, or holds anything else.
    """
    try:
        lines = [it.partition("#")[0].strip() for it in path.read_text(encoding="utf-8").splitlines()]
        pairs = [line.split("->") for line in lines if line]
        return {old.strip(): new.strip() for old, new in pairs}
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read ({error})") from error
    except ValueError as error:
        raise InputError(f"{path}: each line must be `old -> new`") from error


def judge(before: Mapping[str, str], today: Mapping[str, str], moves: Moves) -> Verdict:
    """Compare outputs by their md5."""
    former = {moves.path(path): md5 for path, md5 in before.items()}
    both = sorted(former.keys() & today.keys())
    return Verdict(
        outputs={path: former[path] == today[path] for path in both},
        only_before=sorted(former.keys() - today.keys()),
        only_today=sorted(today.keys() - former.keys()),
    )


def repro(folder: Path, *, keep_going: bool = False) -> int:
    """Run what is not up to date of all pipelines of a workspace; return DVC's exit code."""
    weights = folder / WHISPER
    if not weights.exists():
        weights.parent.mkdir(parents=True, exist_ok=True)
        with replacing(weights) as temporary:
            temporary.write_bytes(random_whisper())
    started = time.monotonic()
    options = ["--keep-going"] if keep_going else []
    print(f"dvc repro --all-pipelines in {folder}", flush=True)
    changes = {"WHISPER_WEIGHTS": str(weights)}
    code = demo.run_dvc(folder, "repro", "--all-pipelines", *options, changes=changes).returncode
    print(f"{folder}: {time.monotonic() - started:.0f} s", flush=True)
    return code


def outputs_of(folder: Path) -> dict[str, str]:
    """Give the md5 of every output of a workspace that is up to date, by its path."""
    folder = folder.resolve()
    stale = set(stale_stages(folder)[0])
    try:
        with Repo(str(folder)) as repo:
            return {
                relative_to(out.fs_path, folder): out.hash_info.value
                for stage in repo.index.stages
                if isinstance(stage, PipelineStage)
                and address_of(relative_to(stage.path, folder), stage.name) not in stale
                for out in stage.outs
                if out.hash_info
            }
    except DvcException as error:
        raise InputError(f"{folder}: DVC cannot read its pipelines ({error})") from error


def pipelines(project: Path) -> list[str]:
    """List a project's dvc.yaml files by their paths: the root's, and those that were ever run."""
    found = (it.relative_to(project) for it in sorted(project.glob(f"**/{PIPELINE}")))
    return [
        it.as_posix()
        for it in found
        if it.parts[0] not in _NO_CODE and (len(it.parts) == 1 or (project / it).with_name(LOCK).exists())
    ]


def make_workspace(
    folder: Path, *, code: Path, params: Mapping[str, Any], without: Collection[str] = ()
) -> None:
    """Put a project's code and parameters into a workspace; its outputs and what DVC knows of them stay.

    Parameters
    ----------
    folder
        Missing, empty, or made so before.
    code
        The project.
    params
        Content of each params.yaml, by its path.
    without
        Names of experiments (folders) that are not to run.
    """
    demo.mark(folder)
    found = pipelines(code)
    names = [it for it in found if not {*Path(it).parts[:-1]} & {*without}]
    tops = {"ser", "stages", *(Path(it).parts[0] for it in found if it != PIPELINE)}
    kept = _kept(folder, tops)
    try:
        for name in _ROOT_FILES:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(code / name, folder / name)
        for top in tops:
            shutil.rmtree(folder / top, ignore_errors=True)
            shutil.copytree(code / top, folder / top, ignore=_IGNORED)
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: missing; run from a complete copy of the project") from error
    for name in names:
        # A frozen stage is one that DVC would not run, but what its code makes is compared here as well.
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(text.replace("    frozen: true\n", ""), encoding="utf-8")
    for name in {it.relative_to(folder).as_posix() for it in folder.glob(f"*/**/{PIPELINE}")} - {*names}:
        if Path(name).parts[0] in tops:
            (folder / name).unlink()
    for path, content in kept.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(content)
    (folder / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")
    yaml = YAML()
    for path, values in params.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        yaml.dump(values, folder / path)


def _kept(folder: Path, tops: set[str]) -> dict[str, bytes]:
    """Read what lies among the code and is not code: each dvc.lock, and outputs such as ser/bundle."""
    kept: dict[str, bytes] = {}
    for lock in folder.glob(f"**/{LOCK}"):
        relative = lock.relative_to(folder)
        if relative.parts[0] in _NO_CODE:
            continue
        if relative.parts[0] in tops:
            kept[relative.as_posix()] = lock.read_bytes()
        stages = (YAML(typ="safe").load(lock) or {}).get("stages") or {}
        for out in (it["path"] for stage in stages.values() for it in stage.get("outs", [])):
            path = folder / out
            if Path(out).parts[0] in tops and path.exists():
                files = path.rglob("*") if path.is_dir() else [path]
                kept |= {it.relative_to(folder).as_posix(): it.read_bytes() for it in files if it.is_file()}
    return kept


def merged_params(project: Path) -> dict[str, Any]:
    """Read each params.yaml with params.demo.yaml beside it on top, by its path."""
    yaml = YAML()
    merged: dict[str, Any] = {}
    for pipeline in pipelines(project):
        path = (project / pipeline).with_name(PARAMS)
        if not path.exists():
            continue
        values = yaml.load(path)
        if path.with_name(OVERLAY).exists():
            demo.overlay_on(values, yaml.load(path.with_name(OVERLAY)) or {})
        merged[path.relative_to(project).as_posix()] = values
    if PARAMS not in merged:
        raise InputError(f"{project / PARAMS}: missing; run from a complete copy of the project")
    return merged


def former_params(
    code: Path, today: Mapping[str, Any], moves_back: Moves
) -> tuple[dict[str, Any], list[str]]:
    """Set today's values in the parameters of an older commit.

    Parameters
    ----------
    code
        The older project.
    today
        What `merged_params` gives.
    moves_back
        Former names by those of today.

    Returns
    -------
    params : dict
        As `merged_params`.
    missing : list of str
        Keys of today that had no counterpart, so that the older code cannot read their values.
    """
    former = merged_params(code)
    missing = []
    for (file, key), value in _leaves(today):
        places = [moves_back.key(file, key)]
        if file not in former and file != PARAMS:
            places.append((PARAMS, f"{Path(file).parent.name}.{key}"))
        if not any(_set(former.get(old_file), old_key, value) for old_file, old_key in places):
            missing.append(f"{file}: {key}")
    return former, missing


def _leaves(params: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Any]]:
    def walk(values: Mapping[str, Any], above: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
        for name, value in values.items():
            if isinstance(value, Mapping):
                yield from walk(value, (*above, name))
            else:
                yield ".".join((*above, name)), value

    for file, values in params.items():
        for key, value in walk(values, ()):
            yield (file, key), value


def _set(values: Any, key: str, value: Any) -> bool:
    """Set a key that exists; tell whether it does."""
    *above, name = key.split(".")
    for part in above:
        values = values.get(part) if isinstance(values, dict) else None
    if not isinstance(values, dict) or name not in values:
        return False
    values[name] = value
    return True


def _check_out(project: Path, commit: str, folder: Path) -> None:
    """Write a commit's files into a folder, through an index of its own, so that the project's stays."""
    index = {"GIT_INDEX_FILE": str(folder / ".git-index")}
    git(project, "read-tree", commit, changes=index)
    git(project, "checkout-index", "--all", "--force", f"--prefix={folder}/", changes=index)
    (folder / ".git-index").unlink(missing_ok=True)
    if not (folder / PIPELINE).exists():
        raise InputError(f"{commit}: git cannot give the files of this commit, or it has no {PIPELINE}")


def _sums(folder: Path) -> dict[str, str]:
    """Give the md5 of every file of a project, by its path, but not of data and outputs."""
    return {
        path.relative_to(folder).as_posix(): md5_of(path.read_bytes())
        for top in sorted(folder.iterdir())
        if top.name not in {*_NO_CODE, "corpus", ".dvc", "whisper"}
        for path in ([top] if top.is_file() else sorted(top.rglob("*")))
        if path.is_file() and "__pycache__" not in path.parts
    }


def random_whisper() -> bytes:
    """Write a small encoder with random weights as CTranslate2 does; params.demo.yaml has its SHA-256.

    `experiments.whisper.ctranslate2_checkpoint` describes the format.
    """
    n_mels, units, heads, layers, inner = 80, 12, 3, 2, 20
    shapes: dict[str, tuple[int, ...]] = {
        "conv1/weight": (units, n_mels, 3),
        "conv1/bias": (units,),
        "conv2/weight": (units, units, 3),
        "conv2/bias": (units,),
        "position_encodings/encodings": (1500, units),
        "layer_norm/gamma": (units,),
        "layer_norm/beta": (units,),
    }
    linear = (
        ("self_attention/linear_0", 3 * units, units),
        ("self_attention/linear_1", units, units),
        ("ffn/linear_0", inner, units),
        ("ffn/linear_1", units, inner),
    )
    for layer in range(layers):
        for name, outputs, inputs in linear:
            shapes[f"layer_{layer}/{name}/weight"] = (outputs, inputs)
            shapes[f"layer_{layer}/{name}/bias"] = (outputs,)
        for name in ("self_attention", "ffn"):
            shapes |= {f"layer_{layer}/{name}/layer_norm/{it}": (units,) for it in ("gamma", "beta")}

    def text(words: str) -> bytes:
        return struct.pack("<H", len(words) + 1) + words.encode("ascii") + b"\0"

    def tensor(name: str, x: Any, kind: int) -> bytes:
        shape = struct.pack(f"<B{x.ndim}I", x.ndim, *x.shape)
        return text(name) + shape + struct.pack("<BI", kind, x.nbytes) + bytes(x.tobytes())

    draw = np.random.default_rng(0)
    tensors = [
        tensor(f"encoder/{name}", draw.normal(0, 0.3, shape).astype("<f2"), 4)
        for name, shape in shapes.items()
    ]
    tensors.append(tensor("encoder/num_heads", np.array(heads, "<i2"), 2))
    head = struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, len(tensors))
    alias = struct.pack("<I", 1) + text("decoder/alias") + text("encoder/conv1/weight")
    return head + b"".join(tensors) + alias
