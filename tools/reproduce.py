"""Rebuild committed results from the recordings in RAVDESS_DIR, and compare them with the committed metrics.

The last commit is cloned to a folder of its own, so that what is compared comes from committed code and
parameters alone. There DVC runs what the article's baselines, its first network and the model on the speaker
encoder need. Then the layers of Whisper's encoder are computed of the recordings and of one kind of copies,
enough for the model that is trained on recordings alone, and the 2-D network is trained for one of its luna5
folds, with its first seed. The article's second network, the classical models on functionals and the other
copies are left out, for time. Compared are

  dvc.lock  the outputs of fetch, ingest and split: the same bytes on every machine
  metrics   the scores; python -m tools.compare_metrics --help says how far they may differ
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
from ruamel.yaml import YAML

from ser.data.predictions import read_predictions
from ser.errors import InputError
from ser.evaluation import scores
from ser.files import read_table, write_csv, write_json
from ser.params import load_params
from stages import command
from tools import compare_metrics, demo

TARGETS = (
    "train_baselines_article",
    "train_baselines@transfer",
    "train_cnn_article",
    "normalize_logmel",
)
PREDICTIONS = ("baselines_article", "baselines_transfer", "cnn_article")
COPIES_OF_ONE_KIND = "noise"
WITHOUT_COPIES = "layers_lda_clean"
"""The model on the encoder's layers that no copy can change."""
NETWORK_SEEDS = 1
"""Of the 2-D network, for time."""
SAME_EVERYWHERE = ("fetch", "ingest", "split")
"""Stages whose outputs hold no computed float."""


def clone(project: Path, folder: Path) -> None:
    """Clone the last commit of a project.

    Parameters
    ----------
    project
        Root of the project, a git repository.
    folder
        Folder of the clone, missing or empty.

    Raises
    ------
    InputError
        Where the folder is not empty, or git cannot clone.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder}: not empty; delete it or choose another --folder")
    done = subprocess.run(["git", "clone", "--quiet", str(project), str(folder)], check=False)
    if done.returncode:
        raise InputError(f"{project}: git cannot clone it; its own message stands above")


def run(folder: Path, recordings: Path, *arguments: str) -> None:
    """Run a Python module in the clone, on the recordings.

    Raises
    ------
    InputError
        Where it fails.
    """
    print(f"== {' '.join(arguments)}", flush=True)
    environment = demo.environment(folder) | {"RAVDESS_DIR": str(recordings)}
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=folder, env=environment, check=False)
    if done.returncode:
        raise InputError(f"{' '.join(arguments)} failed in {folder}; its own message stands above")


def locked_outputs(folder: Path) -> dict[str, str]:
    """Read from dvc.lock the hashes of outputs that are the same on every machine, by their path."""
    path = folder / "dvc.lock"
    if not path.exists():
        raise InputError(f"{path}: no such file; no results are committed")
    stages: dict[str, dict[str, Any]] = YAML(typ="safe").load(path).get("stages", {})
    return {
        output["path"]: output["md5"]
        for name, stage in stages.items()
        if name.partition("@")[0] in SAME_EVERYWHERE
        for output in stage["outs"]
    }


def do_less(folder: Path) -> None:
    """Leave in a clone's params.yaml `NETWORK_SEEDS` seeds of the 2-D network, and copies of one kind."""
    yaml, path = YAML(), folder / "params.yaml"
    params = yaml.load(path)
    params["train_cnn"]["logmel"]["seeds"] = params["train_cnn"]["logmel"]["seeds"][:NETWORK_SEEDS]
    copies = params["encode_layers"]["copies"]
    params["encode_layers"]["copies"] = {COPIES_OF_ONE_KIND: copies[COPIES_OF_ONE_KIND]}
    yaml.dump(params, path)


def write_scores(folder: Path, fold: int) -> Path:
    """Score what was reproduced in the clone; return the folder of the reproduced metrics."""
    clips = read_table(folder / "data/clips.parquet", ("clip", "emotion", "actor", "gender"))
    whole = read_predictions(folder / f"data/predictions/{name}.parquet" for name in PREDICTIONS)
    layers = read_predictions([folder / "data/predictions/layers.parquet"])
    whole = pd.concat([whole, layers[layers["model"] == WITHOUT_COPIES]])
    one_fold = read_predictions([folder / f"data/predictions/cnn_logmel_fold{fold}.parquet"])
    settings = load_params(folder / "params.yaml").evaluate
    reproduced = folder / "build" / "metrics"
    summary = scores.summarize(
        scores.tally_all(whole, clips), samples=settings.bootstrap_samples, seed=settings.bootstrap_seed
    )
    write_json(reproduced / "summary.json", summary)
    write_csv(reproduced / "luna5_folds.csv", scores.score_folds(pd.concat([whole, one_fold]), clips))
    return reproduced


def main() -> None:
    """Clone, run, score, compare."""
    parser = command.parser(__doc__)
    default = demo.PROJECT / "build" / "reproduce"
    parser.add_argument("--folder", type=Path, default=default, help="where to work; missing or empty")
    parser.add_argument("--fold", type=int, default=0, help="which luna5 fold of the 2-D network (0 to 4)")
    arguments = parser.parse_args()
    folder: Path = arguments.folder.resolve()
    recordings = Path(os.environ.get("RAVDESS_DIR", "")).resolve()
    if not os.environ.get("RAVDESS_DIR") or not recordings.exists():
        raise InputError("RAVDESS_DIR must name the folder of recordings, or the official zip")

    clone(demo.PROJECT, folder)
    committed = locked_outputs(folder)
    run(folder, recordings, "dvc", "repro", *TARGETS)
    rebuilt = locked_outputs(folder)
    other = [path for path, md5 in sorted(committed.items()) if rebuilt.get(path) != md5]
    if other:
        raise InputError(
            f"{', '.join(other)}: not the bytes that dvc.lock has; they must be on every machine"
        )
    print(f"Equal bytes: {', '.join(sorted(committed))}")
    do_less(folder)
    run(folder, recordings, "dvc", "repro", "train_layers")
    run(folder, recordings, "stages.train_cnn", "logmel", "--fold", str(arguments.fold))
    compare_metrics.report(write_scores(folder, arguments.fold), folder / "metrics")


if __name__ == "__main__":
    command.run(main)
