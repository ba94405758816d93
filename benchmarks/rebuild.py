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

from benchmarks.article import recordings_of
from benchmarks.cases import PROJECT
from benchmarks.once import case_of
from benchmarks.subjects import Column, Ratio, Subject
from benchmarks.whole import change_param, timed_repro
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
            "RAVDESS; `dvc repro` in a new workspace. The article's networks are trained four times each by "
            "the stages, once each by the notebook. Nothing to do, and one parameter changed, afterwards."
        ),
        cases=[case_of("rebuild", name, str(recordings), folder=folder) for name in ("notebook", "pipeline")],
        titles={"notebook": "the article's notebook as one script", "pipeline": "`dvc repro`"},
        columns=(
            Column("article_s", "to the article's networks, s"),
            Column("rest_s", "and to the report, s"),
            Column("noop_s", "nothing to do, s"),
            *(Column(key, f"`{key}` changed, s") for key in CHANGES),
        ),
        ratios=(Ratio("to the article's networks: the notebook's time, in that of `dvc repro`", *article),),
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
