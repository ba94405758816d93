"""The whole `dvc repro` of RAVDESS, from recordings to the report, and after changes; the article's notebook.

In a new workspace the stages of the article's two networks are run first, with those of the copies that the
notebook makes, which compare with it as one script, then the rest, then `dvc repro` with nothing to do, and
with one parameter after another changed. The notebook trains either network once, with all its epochs; the
stages train each with several seeds. An earlier commit may run beside it. One round takes most of an hour on
2 cores, and half an hour more with a commit.
"""

import json
import os
import shutil
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
from ser.params import load_params
from tools import demo

ARTICLE = (
    *(f"{stage}@{variant}" for stage in ("augment", "extract") for variant in ("noise", "stretch")),
    "train_cnn_article",
    "train_cnn_article_augmented",
)
"""What the notebook makes as well; DVC finds what these need."""
CHANGES = {
    "evaluate.bootstrap_seed": 4,
    "train_cnn.article.epochs": 39,
    "augment.noise.max_amplitude": 0.06,
}
"""None is set back before the next, so that each `dvc repro` runs what one of them touches."""
MODELS = ("fused_transfer", "logmel_cnn")
"""Whose UAR under LUNA5 is told."""


def subject(folder: Path, *, workspace: Path, before: str | None = None) -> Subject:
    """Describe what is measured on the recordings of a workspace, and of which earlier commit.

    Raises
    ------
    InputError
        Where it has none, or git has no such commit.
    """
    recordings = str(recordings_of(workspace))
    if before is not None and _git(PROJECT, "rev-parse", "--quiet", "--verify", f"{before}^{{commit}}"):
        raise InputError(f"--before {before}: git has no such commit here")
    titles = {"notebook": "the article's notebook as one script", "pipeline": "`dvc repro`"}
    cases = [case_of("rebuild", name, recordings, folder=folder) for name in titles]
    if before is not None:
        titles["before"] = f"`dvc repro` as it was in commit {before}"
        cases.append(case_of("rebuild", "before", recordings, before, folder=folder))
    return Subject(
        name="rebuild",
        heading="From recordings to the report",
        about=(
            "RAVDESS; `dvc repro` in a new workspace; nothing to do, and one parameter changed, afterwards. "
            "The stages train the article's networks several times each, the notebook once each. Memory is "
            "that of the largest process, UAR that of the run, under LUNA5. An earlier commit has its own "
            "code and parameters, but as many seeds as now, and today's packages."
        ),
        cases=cases,
        titles=titles,
        columns=(
            Column("article_s", "to the article's networks, s"),
            Column("whole_s", "to the report, s"),
            Column("noop_s", "nothing to do, s"),
            *(Column(key, f"`{key}` changed, s") for key in CHANGES),
            PEAK,
            *(Column(model, f"UAR of `{model}`", digits=4) for model in MODELS),
        ),
        ratios=(
            Ratio(
                "to the article's networks: the notebook's time, in that of `dvc repro`",
                *("article_s", "notebook", "pipeline"),
            ),
            Ratio("to the report: time of before, in that of now", "whole_s", "before", "pipeline"),
        ),
        rounds=1,
        warm_up=False,
    )


def run_once(case: str, recordings: str, commit: str = "") -> dict[str, float]:
    """Run the notebook, an earlier commit, or the pipeline from nothing, then after each change.

    Parameters
    ----------
    case
        ``notebook``, ``before`` or ``pipeline``.
    recordings
        Their folder.
    commit
        Of ``before``.

    Returns
    -------
    dict
        The seconds of each, and by model its UAR as a fraction.

    Raises
    ------
    InputError
        Where `dvc repro` fails.
    """
    if case == "notebook":
        command = [sys.executable, "-m", "benchmarks.article_notebook", recordings]
        environment = os.environ | {"PYTHONPATH": str(PROJECT)}
        started = time.perf_counter()
        subprocess.run(command, env=environment, check=True)
        return {"article_s": time.perf_counter() - started}
    workspace = Path.cwd() / "workspace"
    if case == "before":
        check_out(commit, workspace, recordings=Path(recordings))
        return {"whole_s": timed_repro(workspace), **_scores(workspace)}
    demo.make_workspace(workspace, recordings=Path(recordings))
    article_s = timed_repro(workspace, *ARTICLE)
    taken = {"article_s": article_s, "whole_s": article_s + timed_repro(workspace), **_scores(workspace)}
    taken["noop_s"] = timed_repro(workspace)
    for key, value in CHANGES.items():
        change_param(workspace / "params.yaml", key, value)
        taken[key] = timed_repro(workspace)
    return taken


def check_out(commit: str, workspace: Path, *, recordings: Path) -> None:
    """Make the workspace of a commit, with nothing that DVC knows to be made, and as many seeds as now."""
    if _git(PROJECT, "clone", "--quiet", "--shared", "--no-checkout", ".", str(workspace)) or _git(
        workspace, "checkout", "--quiet", "--detach", commit
    ):
        raise InputError(f"{commit}: git cannot check it out")
    shutil.rmtree(workspace / ".git")
    (workspace / "dvc.lock").unlink(missing_ok=True)
    # As in the workspace that it is compared with: DVC reads every dvc.yaml that it finds. Until they became
    # experiments/, further pipelines lay in pipelines/.
    for name in ("experiments", "pipelines"):
        shutil.rmtree(workspace / name, ignore_errors=True)
    (workspace / ".dvc" / "config.local").write_text("[core]\n    no_scm = true\n", encoding="utf-8")
    (workspace / "corpus").symlink_to(recordings)
    networks = load_params(PROJECT / "params.yaml").train_cnn
    for network in ("article", "article_augmented", "logmel"):
        seeds = list(getattr(networks, network).seeds)
        change_param(workspace / "params.yaml", f"train_cnn.{network}.seeds", seeds)


def _git(folder: Path, *arguments: str) -> int:
    command = ["git", "-C", str(folder), *arguments]
    return subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode


def _scores(workspace: Path) -> dict[str, float]:
    scores = json.loads((workspace / "metrics" / "summary.json").read_text(encoding="utf-8"))["luna5"]
    return {model: scores[model]["uar"] for model in MODELS}


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


def change_param(path: Path, key: str, value: float | list[int]) -> None:
    """Set a parameter, of ``section.name``, as a user would with an editor."""
    yaml = YAML()
    params = section = yaml.load(path)
    *sections, name = key.split(".")
    for each in sections:
        section = section[each]
    section[name] = value
    yaml.dump(params, path)
