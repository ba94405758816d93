"""One fold of LUNA5 from WAV files to an SVM's score: nkululeko's own command, and this project's stages."""

import csv
import json
import os
import re
import shutil
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

from benchmarks.cases import Case
from benchmarks.once import case_of
from ser.errors import InputError
from ser.files import read_table

TITLES = {
    "nkululeko": "nkululeko, from WAV files to an SVM on eGeMAPS, one fold",
    "ours": "ingest, split, extract, and an SVM on functionals, the same fold, two workers",
}
_FOLD = 0


def cases(folder: Path, *, workspace: Path, python: Path) -> list[Case]:
    """List both.

    Parameters
    ----------
    folder
        Made here.
    workspace
        With data/raw and data/splits/luna5.parquet.
    python
        Of the environment that has nkululeko.
    """
    folder.mkdir()
    clips = read_table(workspace / "data/clips.parquet", ("clip", "path", "emotion", "actor", "gender"))
    split = read_table(workspace / "data/splits/luna5.parquet", ("fold", "clip", "role"))
    tested = set(split.loc[(split["fold"] == _FOLD) & (split["role"] == "test"), "clip"])
    for side in ("train", "test"):
        rows = clips[clips["clip"].isin(tested) == (side == "test")]
        with (folder / f"{side}.csv").open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(("file", "emotion", "speaker", "gender"))
            table.writerows(
                (workspace / path, *labels)
                for path, *labels in rows[["path", "emotion", "actor", "gender"]].to_numpy()
            )
    _write_settings(folder)
    command = (str(python), "-m", "nkululeko.nkululeko", "--config", str(folder / "fold.ini"))
    figures = folder / "nkululeko.json"
    return [
        Case("nkululeko", command, rounds=1, check=_read_score(folder, figures), figures=figures),
        case_of("nkululeko_fold", "ours", str(workspace / "data" / "raw"), folder=folder, rounds=1),
    ]


def run_once(_case: str, recordings: str) -> dict[str, float]:
    """Run the stages on the recordings, then an SVM of one setting; return its ``uar``."""
    from sklearn.metrics import recall_score

    from benchmarks.article import make_workspace, run_stages
    from ser.baselines import searched_model
    from ser.datasets import read_features, read_split, take
    from ser.params import load_params

    workspace = Path.cwd() / "workspace"
    make_workspace(workspace, Path(recordings))
    run_stages(workspace, ("ingest", "split", "extract clean"))
    os.chdir(workspace)
    grids = load_params().train_baselines.luna5
    clips, split = read_split("luna5")
    features = read_features("functionals", ["clean"])
    together = split.replace({"role": {"validation": "train"}})
    train = take(clips, together, features, fold=_FOLD, role="train")
    test = take(clips, split, features, fold=_FOLD, role="test")
    model, grid = searched_model("svm_rbf", grids=grids, n_layers=train.x.shape[1])
    middle = {key: values[len(values) // 2] for key, values in grid.items()}
    predicted = model.set_params(**middle).fit(train.x, train.y).predict(test.x)
    return {"uar": float(recall_score(test.y, predicted, average="macro"))}


def _write_settings(folder: Path) -> None:
    data = {"databases": "['train', 'test']", "target": "emotion"}
    for side in ("train", "test"):
        data |= {
            side: str(folder / f"{side}.csv"),
            f"{side}.type": "csv",
            f"{side}.absolute_path": "True",
            f"{side}.split_strategy": side,
        }
    settings = ConfigParser()
    settings.read_dict(
        {
            # It appends names to the root as they are.
            "EXP": {"root": f"{folder}/", "name": "svm", "runs": "1", "epochs": "1"},
            "DATA": data,
            "FEATS": {"type": "['os']", "set": "eGeMAPSv02", "scale": "standard"},
            "MODEL": {"type": "svm"},
        }
    )
    with (folder / "fold.ini").open("w", encoding="utf-8") as file:
        settings.write(file)


def _read_score(folder: Path, figures: Path) -> Callable[[], None]:
    """Make a check that reads the score which it reports."""

    def check() -> None:
        reports = sorted(folder.glob("svm/results/**/*.txt")) + sorted(folder.glob("svm/results/**/*.json"))
        texts = "\n".join(report.read_text(encoding="utf-8") for report in reports)
        found = re.search(r"UAR\D{0,5}(0?\.\d+)", texts, flags=re.IGNORECASE)
        if found is None:
            raise InputError(f"nkululeko reported no UAR in {[report.name for report in reports]}")
        figures.write_text(json.dumps({"uar": float(found[1])}), encoding="utf-8")
        # Else the next run would find its features there.
        shutil.rmtree(folder / "svm")

    return check
