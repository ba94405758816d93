"""Run the pipeline again under changed conditions; its dvc.lock must stay the same.

  python -m tools.check_deterministic                                     each condition alone, in a run each
  python -m tools.check_deterministic --conditions all-at-once            most of them at once, in one run
  python -m tools.check_deterministic --conditions zip path --together    both in one run
  python -m tools.check_deterministic --recordings FOLDER                 on RAVDESS, all at once: hours

An undisturbed run comes first, then a run from nothing for each condition, in a folder of its own; each takes
as long as `make demo`, or with --recordings as `make repro`. Outputs whose bytes differ are listed, and the
stage where the difference begins, and the exit code is 1. What was run stays in the folder, and is not run
again while code and parameters stay: to start afresh, after an update of the packages for one, delete it.
"""

import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import soundfile
from ruamel.yaml import YAML

from ser.data.clips import list_audio
from ser.errors import InputError
from ser.files import replacing
from stages import command
from tools import demo
from tools.repair_after_kill import repair

Lock = dict[str, Any]

REVERSED_ORDER = Path(__file__).with_name("reversed_file_order")
"""On PYTHONPATH, it makes every Python list folders backwards."""
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
_LOCALE = ("tr_TR", "ISO-8859-9")
"""Not UTF-8, and where lower and upper case of i are others."""
_UNDISTURBED = {"TZ": "UTC", "LC_ALL": "C.UTF-8"}
"""Else the shell's own zone or locale might be the condition."""


@dataclass(frozen=True)
class Condition:
    """Differences from an undisturbed run.

    Attributes
    ----------
    environment : mapping
        Environment variables to set, by their names.
    arguments : tuple of str
        Further arguments of ``dvc repro``.
    prepare : callable or None
        Changes a workspace before the run, and returns further environment variables.
    umask : int
        File mode mask of DVC and its stages.
    place : str
        Folder of the workspace, relative to that of the condition.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    prepare: Callable[[Path], Mapping[str, str]] | None = None
    umask: int = 0o022
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
        for name in reversed(list_audio(corpus)):
            samples, rate = soundfile.read(corpus / name, dtype="int16")
            target = (folder / name).with_suffix(".wav")
            target.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(target, samples, rate, subtype="PCM_16")
    return {"RAVDESS_DIR": str(workspace / "corpus_wav")}


def from_zip(workspace: Path) -> Mapping[str, str]:
    """Give the recordings as a zip, its entries from the last to the first."""
    corpus = workspace / "corpus"
    with (
        replacing(workspace / "corpus.zip") as path,
        zipfile.ZipFile(path, "w", strict_timestamps=False) as bundle,
    ):
        for name in reversed(list_audio(corpus)):
            bundle.write(corpus / name, name)
    return {"RAVDESS_DIR": str(workspace / "corpus.zip")}


def other_locale(workspace: Path) -> Mapping[str, str]:
    """Choose a locale whose encoding is not UTF-8; where the system cannot make one, C, and say so."""
    language, encoding = _LOCALE
    name = f"{language}.{encoding}"
    folder = workspace / "locales"
    folder.mkdir(exist_ok=True)
    make = ["localedef", "--no-archive", "-i", language, "-f", encoding, str(folder / name)]
    if shutil.which(make[0]) is None or subprocess.run(make, check=False, capture_output=True).returncode > 1:
        print(f"localedef cannot make {name} here: the locale is C, which Python reads as UTF-8", flush=True)
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


_EXCLUSIVE = (
    {"wav", "zip"},
    {"locale", "plain-locale"},
    {"umask-private", "umask-open"},
    {"one-thread", "two-threads", "eight-threads"},
)
"""Of each of these one run can have but one."""


_AT_ONCE = (
    *("one-worker", "zip", "path", "locale", "time-zone", "umask-private", "hash-seed", "file-order"),
    "eight-threads",
)
"""Of conditions that exclude each other the harder one."""


def together(names: Sequence[str]) -> Condition:
    """Join conditions into one that makes all their changes.

    Parameters
    ----------
    names
        Names of conditions in `CONDITIONS`, or all-at-once.

    Raises
    ------
    InputError
        Where two of them exclude each other, so that one would be left out.
    """
    names = [each for name in names for each in (_AT_ONCE if name == "all-at-once" else (name,))]
    for group in _EXCLUSIVE:
        if len(clash := sorted(group & set(names))) > 1:
            raise InputError(
                f"{' and '.join(clash)} cannot be changed in one run; give one with --conditions"
            )
    chosen = [CONDITIONS[name] for name in names]

    def prepare(workspace: Path) -> Mapping[str, str]:
        changes = [each.prepare(workspace) for each in chosen if each.prepare is not None]
        return {name: value for change in changes for name, value in change.items()}

    return Condition(
        environment={name: value for each in chosen for name, value in each.environment.items()},
        arguments=tuple(argument for each in chosen for argument in each.arguments),
        prepare=prepare,
        umask=next((each.umask for each in chosen if each.umask != Condition.umask), Condition.umask),
        place=next((each.place for each in chosen if each.place != Condition.place), Condition.place),
    )


ALL_AT_ONCE = together(["all-at-once"])


def run_under(
    condition: Condition, workspace: Path, *arguments: str, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run DVC in a workspace of `tools.demo.make_workspace` under a condition.

    Parameters
    ----------
    condition
        Differences from an undisturbed run; its place and arguments are left to the caller.
    workspace
        Folder of the workspace, which the condition's `prepare` changes.
    *arguments, **options
        Arguments of ``dvc``, and options of `tools.demo.run_dvc`.
    """
    prepared = condition.prepare(workspace) if condition.prepare else {}
    changes = {**_UNDISTURBED, **condition.environment, **prepared}
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
        Folder in which the workspace is made.
    condition
        Differences from an undisturbed run.
    recordings
        Folder of the RAVDESS recordings; by default the synthetic corpus is used.

    Raises
    ------
    InputError
        Where `dvc repro` fails.
    """
    workspace = folder / condition.place
    demo.make_workspace(workspace, recordings=recordings)
    repair(workspace)
    for arguments in ((), condition.arguments) if condition.arguments else ((),):
        done = run_under(condition, workspace, "repro", *arguments)
        if done.returncode:
            raise InputError(f"dvc repro failed in {workspace}; its own message stands above")
    return workspace


def compare(
    folder: Path, conditions: Mapping[str, Condition], *, recordings: Path | None = None
) -> dict[str, list[str]]:
    """Run undisturbed, then under each condition, and print at once what differs.

    Parameters
    ----------
    folder
        Folder in which the workspaces are made.
    conditions
        The conditions by their names.
    recordings
        Folder of the RAVDESS recordings; by default the synthetic corpus is used.

    Returns
    -------
    dict of str to list
        By condition, a line for each output that differs, or for a run that failed.
    """
    undisturbed = make_and_run(folder / "undisturbed", Condition(), recordings=recordings)
    found: dict[str, list[str]] = {}
    for name, condition in conditions.items():
        print(f"== {name}", flush=True)
        try:
            workspace = make_and_run(folder / name, condition, recordings=recordings)
        except InputError as error:
            found[name] = [str(error)]
        else:
            found[name] = differences(read_lock(undisturbed), read_lock(workspace))
            same = (undisturbed / "dvc.lock").read_bytes() == (workspace / "dvc.lock").read_bytes()
            if not same and not found[name]:
                found[name] = ["dvc.lock: other bytes, but the same outputs"]
        print(f"{name}: {'dvc.lock is the same' if not found[name] else 'NOT the same'}")
        print("".join(f"  {line}\n" for line in found[name]), end="", flush=True)
    return found


def main(argv: Sequence[str] | None = None) -> None:
    """Read the command line, run, and fail where anything differs."""
    parser = command.parser(__doc__)
    parser.add_argument(
        "--conditions",
        nargs="+",
        choices=[*CONDITIONS, "all-at-once"],
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
        help="of RAVDESS, for the whole pipeline as params.yaml has it (default: the synthetic corpus)",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        help="where to work (default: build/deterministic, with --recordings build/deterministic_recordings)",
    )
    arguments = parser.parse_args(argv)
    recordings: Path | None = arguments.recordings
    names = arguments.conditions or (["all-at-once"] if recordings else list(CONDITIONS))
    if recordings and not list_audio(recordings):
        raise InputError(f"{recordings}: no WAV or FLAC files there, nor in its folders")
    if arguments.together:
        conditions = {"+".join(sorted(set(names))): together(names)}
    else:
        conditions = {name: ALL_AT_ONCE if name == "all-at-once" else CONDITIONS[name] for name in names}
    own = demo.PROJECT / "build" / ("deterministic_recordings" if recordings else "deterministic")
    found = compare((arguments.folder or own).resolve(), conditions, recordings=recordings)
    print(
        "\n"
        + "\n".join(f"{name}: {'same' if not lines else 'NOT the same'}" for name, lines in found.items())
    )
    if any(found.values()):
        raise InputError("a run failed, or a result depends on what it must not; the lines above say which")


if __name__ == "__main__":
    command.run(main)
