"""The whole `dvc repro` of RAVDESS, from recordings to the report, and after changes; the article's notebook.

In a new workspace the stages of the article's two networks are run first, which compare with its notebook as
one script, then the rest, then `dvc repro` with nothing to do, and with one parameter after another changed.
The notebook trains either network once, with all its epochs; the stages train each with several seeds. One
round takes most of an hour on 2 cores.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

from ruamel.yaml import YAML

from benchmarks.article import recordings_of
from benchmarks.cases import PROJECT
from benchmarks.once import case_of
from benchmarks.subjects import PEAK, Column, Ratio, Subject
from ser.errors import InputError
from tools import demo

NETWORKS = ("train_cnn_article", "train_cnn_article_augmented")
CHANGES = {
    "evaluate.bootstrap_seed": 4,
    "train_cnn.article.epochs": 39,
    "augment.noise.max_amplitude": 0.06,
}
"""None is set back before the next, so that each `dvc repro` runs what one of them touches."""


def subject(folder: Path, *, workspace: Path) -> Subject:
    """Describe what is measured on the recordings of a workspace.

    Raises
    ------
    InputError
        Where it has none.
    """
    recordings = recordings_of(workspace)
    article = ("article_s", "notebook", "pipeline")
    return Subject(
        name="rebuild",
        heading="From recordings to the report",
        about=(
            "RAVDESS; `dvc repro` in a new workspace; nothing to do, and one parameter changed, afterwards. "
            "The stages train the article's networks four times each, the notebook once each; of the three "
            "augmented copies of a clip, all of which the notebook makes, the stages make one on the way to "
            "these networks, from which they learn, and the others, like all else, on the way to the report. "
            "Memory is that of the largest process."
        ),
        cases=[case_of("rebuild", name, str(recordings), folder=folder) for name in ("notebook", "pipeline")],
        titles={"notebook": "the article's notebook as one script", "pipeline": "`dvc repro`"},
        columns=(
            Column("article_s", "to the article's networks, s"),
            Column("rest_s", "and to the report, s"),
            Column("noop_s", "nothing to do, s"),
            *(Column(key, f"`{key}` changed, s") for key in CHANGES),
            PEAK,
        ),
        ratios=(
            Ratio("to the article's networks: the notebook's time, in that of `dvc repro`", *article),
            Ratio("peak memory: the notebook's, in that of `dvc repro`", PEAK.key, *article[1:]),
        ),
        rounds=1,
        warm_up=False,
    )


def run_once(case: str, recordings: str) -> dict[str, float]:
    """Run the notebook, or the pipeline from nothing, then after each change; return the seconds of each."""
    if case == "notebook":
        command = [sys.executable, "-m", "benchmarks.article_notebook", recordings]
        environment = os.environ | {"PYTHONPATH": str(PROJECT)}
        started = time.perf_counter()
        subprocess.run(command, env=environment, check=True)
        return {"article_s": time.perf_counter() - started}
    workspace = Path.cwd() / "workspace"
    demo.make_workspace(workspace, recordings=Path(recordings))
    taken = {"article_s": timed_repro(workspace, *NETWORKS), "rest_s": timed_repro(workspace)}
    taken["noop_s"] = timed_repro(workspace)
    for key, value in CHANGES.items():
        change_param(workspace / "params.yaml", key, value)
        taken[key] = timed_repro(workspace)
    return taken


def timed_repro(workspace: Path, *targets: str) -> float:
    """Run `dvc repro`; return its seconds, DVC's start included.

    Raises
    ------
    InputError
        Where it fails.
    """
    started = time.perf_counter()
    done = demo.run_dvc(workspace, "repro", *targets)
    taken = time.perf_counter() - started
    if done.returncode:
        raise InputError(f"dvc repro failed in {workspace}; its own message stands above")
    return taken


def change_param(path: Path, key: str, value: float) -> None:
    """Set a parameter, of ``section.name``, as a user would with an editor."""
    yaml = YAML()
    params = section = yaml.load(path)
    *sections, name = key.split(".")
    for each in sections:
        section = section[each]
    section[name] = value
    yaml.dump(params, path)
