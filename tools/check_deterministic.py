"""Run the pipeline again under changed conditions; its dvc.lock must stay the same.

  python -m tools.check_deterministic                                     each condition alone, in a run each
  python -m tools.check_deterministic --conditions all-at-once            the cheapest way to know all is well
  python -m tools.check_deterministic --conditions zip path --together    both in one run
  python -m tools.check_deterministic --recordings FOLDER --conditions all-at-once    on RAVDESS: hours

An undisturbed run comes first, then a run from nothing for each condition, in a folder of its own; each takes
as long as `make demo`, or with --recordings as `make repro`. Outputs whose bytes differ are listed, and the
stage where the difference begins, and the exit code is 1. What was run stays in the folder, and is not run
again while code and parameters stay.
"""

import functools
import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soundfile
from ruamel.yaml import YAML

from ser.errors import InputError
from ser.files import replacing
from stages import command
from tools import demo

Lock = dict[str, Any]

REVERSED_ORDER = Path(__file__).with_name("reversed_file_order")
"""On PYTHONPATH, it makes every Python list folders backwards."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
_LOCALE = ("tr_TR", "ISO-8859-9")
"""Not UTF-8, and where lower and upper case of i are others."""


@dataclass(frozen=True)
class Condition:
    """What is another than in an undisturbed run.

    Attributes
    ----------
    environment : mapping
        Variables.
    arguments : tuple of str
        Of ``dvc repro``.
    prepare : callable or None
        Changes a workspace before the run, and gives more variables.
    umask : int
        -1 leaves it.
    place : str
        The workspace's folder, within that of the condition.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    prepare: Callable[[Path], Mapping[str, str]] | None = None
    umask: int = -1
    place: str = "workspace"


def one_worker(workspace: Path) -> Mapping[str, str]:
    """Set ``workers.jobs``, on which no result depends, to 1."""
    yaml = YAML()
    params = yaml.load(workspace / "params.yaml")
    params["workers"]["jobs"] = 1
    yaml.dump(params, workspace / "params.yaml")
    return {}


def from_wav(workspace: Path) -> Mapping[str, str]:
    """Give the recordings as WAV files, which are written in another order than the FLAC files were."""
    corpus = workspace / "corpus"
    with replacing(workspace / "corpus_wav") as folder:
        for path in sorted(corpus.rglob("*.flac"), reverse=True):
            samples, rate = soundfile.read(path, dtype="int16")
            target = (folder / path.relative_to(corpus)).with_suffix(".wav")
            target.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(target, samples, rate, subtype="PCM_16")
    return {"RAVDESS_DIR": str(workspace / "corpus_wav")}


def from_zip(workspace: Path) -> Mapping[str, str]:
    """Give the recordings as a zip, its entries from the last to the first."""
    corpus = workspace / "corpus"
    with replacing(workspace / "corpus.zip") as path, zipfile.ZipFile(path, "w") as bundle:
        for file in sorted(corpus.rglob("*.flac"), reverse=True):
            bundle.write(file, file.relative_to(corpus))
    return {"RAVDESS_DIR": str(workspace / "corpus.zip")}


def other_locale(workspace: Path) -> Mapping[str, str]:
    """Choose a locale whose encoding is not UTF-8; where the system cannot make one, C."""
    language, encoding = _LOCALE
    name = f"{language}.{encoding}"
    folder = workspace / "locales"
    folder.mkdir(exist_ok=True)
    if shutil.which("localedef") is None:
        return {"LC_ALL": "C"}
    make = ["localedef", "--no-archive", "-i", language, "-f", encoding, str(folder / name)]
    if subprocess.run(make, check=False, capture_output=True).returncode > 1:
        return {"LC_ALL": "C"}
    return {"LOCPATH": str(folder), "LC_ALL": name}


def _threads(number: int) -> dict[str, str]:
    return dict.fromkeys(_THREADS, str(number))


def _reversed_order(workspace: Path) -> Mapping[str, str]:
    others = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    return {"PYTHONPATH": os.pathsep.join([str(REVERSED_ORDER), *others])}


ODD_PLACE = "Gefühle und 'Stimmen' 感情"
CONDITIONS = {
    "again": Condition(),
    "forced": Condition(arguments=("--force",)),
    "one-worker": Condition(prepare=one_worker),
    "wav": Condition(prepare=from_wav),
    "zip": Condition(prepare=from_zip),
    "path": Condition(place=ODD_PLACE),
    "locale": Condition(prepare=other_locale),
    "plain-locale": Condition(environment={"LC_ALL": "C"}),
    "time-zone": Condition(environment={"TZ": "Pacific/Kiritimati"}),
    "umask-private": Condition(umask=0o077),
    "umask-open": Condition(umask=0o000),
    "hash-seed": Condition(environment={"PYTHONHASHSEED": "random"}),
    "file-order": Condition(prepare=_reversed_order),
    "one-thread": Condition(environment=_threads(1)),
    "two-threads": Condition(environment=_threads(2)),
    "eight-threads": Condition(environment=_threads(8)),
}


def together(one: Condition, other: Condition) -> Condition:
    """Change what either changes; where both change the same, as the second does."""

    def prepare(workspace: Path) -> Mapping[str, str]:
        changes = [each.prepare(workspace) for each in (one, other) if each.prepare is not None]
        return {name: value for change in changes for name, value in change.items()}

    return Condition(
        environment={**one.environment, **other.environment},
        arguments=(*one.arguments, *other.arguments),
        prepare=prepare,
        umask=one.umask if other.umask == -1 else other.umask,
        place=one.place if other.place == Condition.place else other.place,
    )


_ALL = ("one-worker", "zip", "path", "locale", "time-zone", "umask-private", "hash-seed", "file-order")
ALL_AT_ONCE = functools.reduce(together, (CONDITIONS[name] for name in (*_ALL, "eight-threads")))
ALL_CONDITIONS = CONDITIONS | {"all-at-once": ALL_AT_ONCE}


def run_under(
    condition: Condition, workspace: Path, *arguments: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run DVC in a workspace of `tools.demo.make_workspace` under a condition.

    Parameters
    ----------
    condition
        What to change; its place and arguments are the caller's to heed.
    workspace
        Changed by the condition's `prepare`.
    *arguments, **options
        Of `tools.demo.run_dvc`.
    """
    prepared = condition.prepare(workspace) if condition.prepare else {}
    changes = {**condition.environment, **prepared}
    return demo.run_dvc(workspace, *arguments, changes=changes, umask=condition.umask, **options)


def read_lock(workspace: Path) -> Lock:
    """Read the stages of a workspace's dvc.lock."""
    stages: Lock = YAML(typ="safe").load(workspace / "dvc.lock")["stages"]
    return stages


def differences(one: Lock, other: Lock) -> list[str]:
    """Compare what stages wrote.

    Returns
    -------
    list of str
        A line for each output that is not the same in both; those of stages whose inputs are the same, where
        a difference begins, are marked.
    """
    lines = []
    for stage in sorted(one.keys() | other.keys()):
        if stage not in one or stage not in other:
            lines.append(f"{stage}: ran in one of them only")
            continue
        begins = " (begins here: its inputs are the same)"
        same_inputs = _hashes(one[stage], "deps") == _hashes(other[stage], "deps")
        ours, theirs = _hashes(one[stage], "outs"), _hashes(other[stage], "outs")
        lines += [
            f"{stage}: {path} differs{begins if same_inputs else ''}"
            for path in sorted(ours.keys() | theirs.keys())
            if ours.get(path) != theirs.get(path)
        ]
    return lines


def _hashes(stage: Lock, kind: str) -> dict[str, str]:
    return {item["path"]: item["md5"] for item in stage.get(kind, [])}


def make_and_run(folder: Path, condition: Condition, *, recordings: Path | None = None) -> Path:
    """Run the whole pipeline under a condition, in a workspace of its own; return the workspace.

    Parameters
    ----------
    folder
        Where the workspace is made.
    condition
        What to change.
    recordings
        Of RAVDESS, a folder of FLAC files; by default the synthetic corpus.

    Raises
    ------
    InputError
        Where `dvc repro` fails.
    """
    workspace = folder / condition.place
    demo.make_workspace(workspace, recordings=recordings)
    for arguments in ((), condition.arguments) if condition.arguments else ((),):
        done = run_under(condition, workspace, "repro", *arguments)
        if done.returncode:
            raise InputError(f"dvc repro failed in {workspace}; its own message stands above")
    return workspace


def main() -> None:
    """Run undisturbed, then under each condition, and tell what differs."""
    parser = command.parser(__doc__)
    parser.add_argument(
        "--conditions",
        nargs="+",
        choices=list(ALL_CONDITIONS),
        default=list(CONDITIONS),
        metavar="NAME",
        help=f"which; by default each alone: {', '.join(CONDITIONS)}; or all-at-once",
    )
    parser.add_argument(
        "--together", action="store_true", help="change all that --conditions names in one run"
    )
    parser.add_argument(
        "--recordings",
        type=Path,
        metavar="FOLDER",
        help="of RAVDESS, as FLAC files, for the whole pipeline as params.yaml has it (default: synthetic)",
    )
    parser.add_argument(
        "--folder", type=Path, default=demo.PROJECT / "build" / "deterministic", help="where to work"
    )
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    conditions = {name: ALL_CONDITIONS[name] for name in arguments.conditions}
    if arguments.together:
        conditions = {"+".join(conditions): functools.reduce(together, conditions.values())}
    undisturbed = make_and_run(folder / "undisturbed", Condition(), recordings=arguments.recordings)
    found: dict[str, list[str]] = {}
    for name, condition in conditions.items():
        print(f"== {name}", flush=True)
        workspace = make_and_run(folder / name, condition, recordings=arguments.recordings)
        found[name] = differences(read_lock(undisturbed), read_lock(workspace))
        same = (undisturbed / "dvc.lock").read_bytes() == (workspace / "dvc.lock").read_bytes()
        if not same and not found[name]:
            found[name] = ["dvc.lock: other bytes, but the same outputs"]
    print()
    for name, lines in found.items():
        print(f"{name}: {'dvc.lock is the same' if not lines else f'{len(lines)} outputs differ'}")
        print("".join(f"  {line}\n" for line in lines), end="")
    if any(found.values()):
        raise InputError("a result depends on what it must not depend on; the outputs stand above")


if __name__ == "__main__":
    command.run(main)
