"""Run the whole pipeline, the same dvc.yaml, on a synthetic corpus: offline, within minutes.

It works in a folder of its own, build/demo unless told otherwise, with a copy of the project's stages, so
that the project's data, dvc.lock and metrics stay as they are. What did not change since the last time is not
run again; to start afresh, delete the folder.

With --all, every pipeline that was ever run does, those of experiments/ too, in build/demo_all; allow it
half an hour of two cores. cross_corpus needs recordings of other corpora: name them (NEMO_DIR, EMODB_DIR),
or leave it out, with recognizer, which reads it. With --against REV, the code of that commit runs as well,
in a folder beside it, on the same corpus and with the same parameters, and the outputs are compared byte for
byte. What is the same may be relocked:

    python -m tools.demo --all --without cross_corpus recognizer --against REV --equal build/equal.json
    python -m tools.relock --equal build/equal.json
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ruamel.yaml import YAML

import ser.data.synthetic
import ser.data.synthetic_corpus
from ser.data.ravdess import all_clips, parse_clip
from ser.errors import InputError
from ser.params import Workers, load_params
from stages import command
from tools.repair_after_kill import repair

PROJECT = Path(__file__).resolve().parent.parent
REPORT = Path("data/report/index.html")
"""In the workspace."""

_MARK = Path(".demo-workspace")


def main() -> None:
    """Make the workspace, run the pipeline there, and show what came out."""
    parser = command.parser(__doc__)
    parser.add_argument("--folder", type=Path, help="where to work (default: build/demo, or build/demo_all)")
    parser.add_argument("--all", action="store_true", help="run the experiments, too")
    parser.add_argument("--against", metavar="REV", help="with --all: compare with the outputs of a commit")
    parser.add_argument(
        "--moves",
        type=Path,
        metavar="FILE",
        help="with --against: what has another name now, a line `old -> new` each",
    )
    parser.add_argument(
        "--equal", type=Path, metavar="FILE", help="with --against: what to give tools.relock"
    )
    parser.add_argument(
        "--without",
        nargs="+",
        default=(),
        metavar="NAME",
        help="with --all: experiments that are not to run",
    )
    arguments = parser.parse_args()
    only_all, only_against = arguments.against or arguments.without, arguments.moves or arguments.equal
    if (only_all and not arguments.all) or (only_against and not arguments.against):
        parser.error("--against and --without need --all; --moves and --equal need --against")
    own = PROJECT / "build" / ("demo_all" if arguments.all else "demo")
    folder: Path = (arguments.folder or own).resolve()
    if arguments.all:
        # Only here, for it imports this module.
        from tools import demo_pipelines

        if not arguments.against:
            demo_pipelines.run_all(folder, project=PROJECT, without=arguments.without)
            return
        moves = demo_pipelines.read_moves(arguments.moves) if arguments.moves else {}
        verdict = demo_pipelines.compare(
            folder,
            project=PROJECT,
            against=arguments.against,
            moves=moves,
            equal=arguments.equal,
            without=arguments.without,
        )
        print(verdict)
        return
    make_workspace(folder)
    print(f"[3/3] dvc repro in {folder}", flush=True)
    for repaired in repair(folder):
        print(repaired, flush=True)
    code = run_dvc(folder, "repro").returncode
    if code != 0:
        raise InputError(f"dvc repro failed in {folder} (exit code {code}); its own message stands above")
    print(flush=True)
    run_dvc(folder, "metrics", "show")
    print(f"\nThese figures are of synthetic voices and say nothing of RAVDESS. Report: {folder / REPORT}")


def make_workspace(
    folder: Path,
    *,
    project: Path = PROJECT,
    clips: Sequence[str] | None = None,
    changes: Mapping[str, Any] = MappingProxyType({}),
    recordings: Path | None = None,
) -> None:
    """Make or bring up to date a folder where `run_dvc` runs the project's pipeline on a corpus.

    Parameters
    ----------
    folder
        Folder to work in: missing, empty, or made by this function before; then its results and cache stay.
    project
        Root of the project whose dvc.yaml, params.yaml, params.demo.yaml, ser/ and stages/ are copied.
    clips
        Ids of the synthetic corpus's clips. By default every actor, emotion, intensity and statement, each
        once.
    changes
        Parameters that differ from params.yaml and, for the synthetic corpus, from params.demo.yaml.
    recordings
        Folder of the RAVDESS recordings, in place of the synthetic corpus.

    Raises
    ------
    InputError
        Where `folder` holds anything else or another corpus, a file of the project or the recordings are
        missing, or the parameters are wrong.
    """
    check_mark(folder)
    corpus = folder / "corpus"
    if recordings is not None and not recordings.is_dir():
        raise InputError(f"{recordings}: missing, or no folder")
    other = corpus.is_symlink() if recordings is None else corpus.resolve() != recordings.resolve()
    if other and os.path.lexists(corpus):
        # Its results would be lost.
        raise InputError(f"{folder}: made for the corpus {corpus.resolve()}; choose another --folder")
    print(f"[1/3] workspace in {folder}", flush=True)
    mark(folder)
    try:
        _copy_pipeline(project, folder)
        _merge_params(project, folder, changes, overlay=recordings is None)
    except FileNotFoundError as error:
        raise InputError(f"{error.filename}: missing; run from a complete copy of the project") from error

    if recordings is not None:
        if not os.path.lexists(corpus):
            corpus.symlink_to(recordings.resolve(), target_is_directory=True)
        return
    write_corpus(folder, workers=load_params(folder / "params.yaml").workers, clips=clips)


def check_mark(folder: Path) -> None:
    """Refuse a folder that holds files which no demo made."""
    if folder.exists() and not (folder / _MARK).exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: holds files that no demo made; choose another --folder")


def mark(folder: Path) -> None:
    """Make a folder a workspace, unless it holds foreign files."""
    check_mark(folder)
    (folder / ".dvc").mkdir(parents=True, exist_ok=True)
    (folder / _MARK).touch()


def write_corpus(folder: Path, *, workers: Workers, clips: Sequence[str] | None = None) -> None:
    """Write the synthetic corpus into a workspace, unless it is there and current.

    Parameters
    ----------
    folder
        Folder of the workspace.
    workers
        Backend and number of parallel workers; no influence on the files.
    clips
        Ids of the corpus's clips, as of `make_workspace`.
    """
    mark(folder)
    corpus = folder / "corpus"
    sources = [str(it.__file__) for it in (ser.data.synthetic, ser.data.synthetic_corpus)]
    manifest = corpus / "manifest.csv"
    if manifest.exists() and manifest.stat().st_mtime > max(map(os.path.getmtime, sources)):
        print("[2/3] synthetic corpus: there already", flush=True)
    else:
        if clips is None:
            clips = [clip for clip in all_clips() if parse_clip(clip).repetition == 1]
        print(f"[2/3] synthetic corpus of {len(clips)} clips", flush=True)
        ser.data.synthetic_corpus.write_corpus(corpus, clips=clips, workers=workers)


def run_dvc(
    folder: Path, *arguments: str, changes: Mapping[str, str] | None = None, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run DVC in a workspace, with this Python and on its corpus.

    Parameters
    ----------
    folder
        Folder of the workspace, from `make_workspace`.
    *arguments
        Arguments of the ``dvc`` command.
    changes
        Environment variables that differ from `environment`.
    **options
        Further keyword arguments of `subprocess.run`.
    """
    return subprocess.run(
        [sys.executable, "-m", "dvc", *arguments],
        cwd=folder,
        env=environment(folder) | dict(changes or {}),
        text=True,
        check=False,
        **options,
    )


def environment(folder: Path) -> dict[str, str]:
    """Environment variables of a pipeline run in a workspace: this Python first, fixed hashes, the corpus."""
    return os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONHASHSEED": "0",
        "RAVDESS_DIR": str(folder / "corpus"),
        # DVC's own place for this would outlive the workspace.
        "DVC_SITE_CACHE_DIR": str(folder / ".dvc" / "tmp" / "site"),
    }


def _copy_pipeline(project: Path, folder: Path) -> None:
    for name in ("dvc.yaml", ".dvcignore", ".dvc/config"):
        shutil.copy2(project / name, folder / name)
    for name in ("ser", "stages"):
        shutil.rmtree(folder / name, ignore_errors=True)
        shutil.copytree(project / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    # Else DVC would take the project's git for the workspace's, and refuse outputs that git ignores.
    (folder / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")


def _merge_params(project: Path, folder: Path, changes: Mapping[str, Any], *, overlay: bool) -> None:
    yaml = YAML()
    params = yaml.load(project / "params.yaml")
    if overlay:
        overlay_on(params, yaml.load(project / "params.demo.yaml"))
    overlay_on(params, changes)
    yaml.dump(params, folder / "params.yaml")
    load_params(folder / "params.yaml")


def overlay_on(base: dict[str, Any], changes: Mapping[str, Any]) -> None:
    """Put values on top of others, key by key; None deletes a key, as in JSON Merge Patch (RFC 7396)."""
    for key, value in changes.items():
        if value is None:
            base.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(base.get(key), dict):
            overlay_on(base[key], value)
        else:
            base[key] = value


if __name__ == "__main__":
    command.run(main)
