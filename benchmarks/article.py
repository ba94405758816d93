"""From recordings to the article's networks: its notebook as one script, against this project's stages.

Both read the same WAV files. Of the stages, the commands of dvc.yaml are run one after another in a folder of
their own, with two workers; they compute more than the notebook, as other models read it, too (log-mel and
functionals of the speech), and check every clip. An epoch of either network is measured by
`benchmarks.training`'s way on that folder, as the stage has it: with two seeds side by side.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import yaml

from benchmarks.cases import PROJECT
from benchmarks.once import case_of
from benchmarks.subjects import PEAK, WALL, Column, Ratio, Subject
from ser.errors import InputError

_FEATURES = ("ingest", "extract clean")
_AUGMENTATION = tuple(
    f"{stage} {variant}"
    for variant in ("noise", "stretch", "speed_pitch")
    for stage in ("augment", "extract")
)
_SCALING = ("split", "normalize article", "normalize article_augmented")


def subject(folder: Path, *, workspace: Path, rounds: int) -> Subject:
    """Describe what is measured on recordings of a workspace.

    Raises
    ------
    InputError
        Where the workspace has no recordings.
    """
    recordings = recordings_of(workspace)
    names = ("notebook", "stages")
    cases = [case_of("article", name, str(recordings), folder=folder) for name in names]
    phases = {
        "features_s": "from recordings to features",
        "augmentation_s": "three copies of each and their features",
        "first_epoch_s": "an epoch of the first network",
        "augmented_epoch_s": "an epoch of the augmented network",
    }
    return Subject(
        name="article",
        heading="From recordings to the article's networks",
        about=(
            "Times of an epoch, with its scoring, are measured after one that is left out; the notebook "
            "trains 40 of the first network and 20 of the second, once, and the stages as many with several "
            "seeds, two at a time: that is what an epoch of theirs is here, halved. Memory is that of the "
            "largest process."
        ),
        cases=cases,
        titles={"notebook": "the article's notebook as one script", "stages": "the stages, two workers"},
        columns=(*(Column(key, f"{title}, s") for key, title in phases.items()), WALL, PEAK),
        ratios=tuple(
            Ratio(f"{title}: the notebook's time, in that of the stages", key, *names)
            for key, title in phases.items()
        ),
        rounds=rounds,
        warm_up=False,
    )


def recordings_of(workspace: Path) -> Path:
    """Find a workspace's recordings.

    Raises
    ------
    InputError
        Where it has none.
    """
    recordings = workspace.resolve() / "data" / "raw"
    if not recordings.is_dir():
        raise InputError(f"{recordings}: missing; run make repro there, or give another --workspace")
    return recordings


def run_once(case: str, recordings: str) -> dict[str, float]:
    """Measure either; see `benchmarks.article_notebook.run` for the figures."""
    if case == "notebook":
        from benchmarks.article_notebook import run

        return run(Path(recordings), first_epochs=3, augmented_epochs=2)
    return _stages(Path(recordings))


def _stages(recordings: Path) -> dict[str, float]:
    workspace = Path.cwd() / "workspace"
    make_workspace(workspace, recordings)
    features_s = run_stages(workspace, _FEATURES)
    augmentation_s = run_stages(workspace, _AUGMENTATION)
    scaling_s = run_stages(workspace, _SCALING)
    return {
        "features_s": features_s + scaling_s,
        "augmentation_s": augmentation_s,
        "first_epoch_s": _epoch_s(workspace, "article"),
        "augmented_epoch_s": _epoch_s(workspace, "article_augmented"),
    }


def make_workspace(workspace: Path, recordings: Path) -> None:
    """Copy the recordings, the manifest and the parameters."""
    shutil.copytree(recordings, workspace / "data" / "raw")
    params = yaml.safe_load((PROJECT / "params.yaml").read_text(encoding="utf-8"))
    params["workers"] = {"backend": "loky", "jobs": 2}
    params["corpus"]["manifest"] = str(PROJECT / params["corpus"]["manifest"])
    (workspace / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")


def run_stages(workspace: Path, stages: tuple[str, ...]) -> float:
    """Run stages there, as ``dvc.yaml`` calls them; return the seconds that it took."""
    environment = os.environ | {"PYTHONPATH": str(PROJECT), "PYTHONHASHSEED": "0"}
    start = time.perf_counter()
    for stage in stages:
        command = [sys.executable, "-m", *f"stages.{stage}".split()]
        subprocess.run(command, cwd=workspace, env=environment, check=True)
    return time.perf_counter() - start


def _epoch_s(workspace: Path, network: str) -> float:
    from benchmarks.training import run_once as train

    epoch_s: float = train(f"{network}_two_processes", str(workspace))["epoch_s"]
    return epoch_s
