"""One fold of LUNA5 from WAV files to the score of an SVM or a CNN: nkululeko's own command, and our stages.

nkululeko's CNN takes pictures of log-mels of recordings at 16 kHz, which are made beforehand; ours starts
from the recordings as they are, and makes copies of them at other speeds to train with. Both train as many
epochs, and their last one counts.
"""

import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from configparser import ConfigParser
from pathlib import Path

import soundfile
import soxr

from benchmarks.cases import Case
from benchmarks.once import case_of
from ser.errors import InputError
from ser.files import read_table

_FOLD = 0
_EPOCHS = 5
TITLES = {
    "nkululeko": "nkululeko, from WAV files to an SVM on eGeMAPS, one fold",
    "ours": "ingest, split, extract, and an SVM on functionals, the same fold, two workers",
    "nkululeko_cnn": f"nkululeko, from WAV files at 16 kHz to its CNN on log-mels, {_EPOCHS} epochs",
    "ours_cnn": f"ingest, split, extract, resample, normalize, and the 2-D network, {_EPOCHS} epochs",
}
_SETTINGS = {
    # Of nkululeko: `FEATS` and `MODEL`.
    "svm": ({"type": "['os']", "set": "eGeMAPSv02", "scale": "standard"}, {"type": "svm"}),
    "cnn": ({"type": "['spectra']"}, {"type": "cnn", "layers": "{'l1': 128, 'l2': 64}"}),
}


def cases(folder: Path, *, workspace: Path, python: Path) -> list[Case]:
    """List both ways to both models.

    Parameters
    ----------
    folder
        Made here.
    workspace
        With data/clips.parquet, data/raw and data/splits/luna5.parquet.
    python
        Of the environment that has nkululeko and, for its CNN, torchaudio, torchvision and torchcodec.
    """
    folder.mkdir()
    clips = read_table(workspace / "data/clips.parquet", ("clip", "path", "emotion", "actor", "gender"))
    split = read_table(workspace / "data/splits/luna5.parquet", ("fold", "clip", "role"))
    tested = set(split.loc[(split["fold"] == _FOLD) & (split["role"] == "test"), "clip"])
    recordings = {clip: workspace / path for clip, path in clips[["clip", "path"]].to_numpy()}
    made = []
    for model, name in (("svm", "nkululeko"), ("cnn", "nkululeko_cnn")):
        work = folder / model
        work.mkdir()
        files = recordings if model == "svm" else _at_16_khz(recordings, work / "recordings")
        for side in ("train", "test"):
            rows = clips[clips["clip"].isin(tested) == (side == "test")]
            table = rows.assign(file=rows["clip"].map(files), speaker=rows["actor"])
            table[["file", "emotion", "speaker", "gender"]].to_csv(work / f"{side}.csv", index=False)
        _write_settings(work, model)
        command = (str(python), "-m", "nkululeko.nkululeko", "--config", str(work / "fold.ini"))
        figures = work / "nkululeko.json"
        # Not the epoch that is the best on the test clips.
        check = _read_score(work, figures, of="_last_" if model == "cnn" else "")
        made.append(Case(name, command, check=check, figures=figures))
    for name in ("ours", "ours_cnn"):
        made.append(case_of("nkululeko_fold", name, str(workspace / "data/raw"), folder=folder))
    return made


def _at_16_khz(recordings: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """Write recordings at the one sample rate that nkululeko's CNN takes."""
    folder.mkdir()
    made = {}
    for clip, path in recordings.items():
        samples, rate = soundfile.read(path)
        made[clip] = folder / path.name
        soundfile.write(made[clip], soxr.resample(samples, rate, 16_000), 16_000, subtype="PCM_16")
    return made


def run_once(case: str, recordings: str) -> dict[str, float]:
    """Run the stages on the recordings up to the case's model; return its ``uar``."""
    from benchmarks.article import make_workspace

    workspace = Path.cwd() / "workspace"
    make_workspace(workspace, Path(recordings))
    return _cnn(workspace) if case == "ours_cnn" else _svm(workspace)


def _svm(workspace: Path) -> dict[str, float]:
    """Train and test an SVM of one setting."""
    from sklearn.metrics import recall_score

    from benchmarks.article import run_stages
    from ser.models.classical import model_and_grid
    from ser.params import load_params
    from stages.inputs import read_folds

    run_stages(workspace, ("ingest", "split", "extract clean"))
    os.chdir(workspace)
    grids = load_params().train_baselines.luna5
    fold = read_folds("luna5", "functionals", ("clean",))[_FOLD].merge_validation()
    train, test = fold.training(), fold.recordings(fold.test)
    model, grid = model_and_grid("svm_rbf", grids=grids)
    middle = {key: values[len(values) // 2] for key, values in grid.items()}
    predicted = model.set_params(**middle).fit(train.x, train.y).predict(test.x)
    return {"uar": float(recall_score(test.y, predicted, average="macro"))}


def _cnn(workspace: Path) -> dict[str, float]:
    """Train and test the 2-D network once."""
    import yaml
    from sklearn.metrics import recall_score

    from benchmarks.article import run_stages
    from ser.data.predictions import read_predictions
    from ser.evaluation.scores import actual_and_predicted

    params = yaml.safe_load((workspace / "params.yaml").read_text(encoding="utf-8"))
    params["train_cnn"]["logmel"] |= {"seeds": [0], "epochs": _EPOCHS}
    (workspace / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    features = ("ingest", "split", "extract clean", "resample", "normalize logmel")
    run_stages(workspace, (*features, f"train_cnn logmel --fold {_FOLD}"))
    predictions = read_predictions([workspace / f"data/predictions/cnn_logmel_fold{_FOLD}.parquet"])
    clips = read_table(workspace / "data/clips.parquet", ("clip", "emotion"))
    answers = actual_and_predicted(predictions, clips)
    return {"uar": float(recall_score(answers["actual"], answers["predicted"], average="macro"))}


def _write_settings(folder: Path, model: str) -> None:
    data = {"databases": "['train', 'test']", "target": "emotion"}
    for side in ("train", "test"):
        data |= {
            side: str(folder / f"{side}.csv"),
            f"{side}.type": "csv",
            f"{side}.absolute_path": "True",
            f"{side}.split_strategy": side,
        }
    feats, settings = _SETTINGS[model]
    epochs = str(_EPOCHS) if model == "cnn" else "1"
    # It appends names to the root as they are.
    experiment = {"root": f"{folder}/", "name": "run", "runs": "1", "epochs": epochs}
    config = ConfigParser()
    config.read_dict({"EXP": experiment, "DATA": data, "FEATS": feats, "MODEL": settings})
    with (folder / "fold.ini").open("w", encoding="utf-8") as file:
        config.write(file)


def _read_score(folder: Path, figures: Path, *, of: str = "") -> Callable[[], None]:
    """Make a check that reads the score which it reports, in files whose name holds `of`."""

    def check() -> None:
        reports = [path for path in sorted(folder.glob("run/results/**/*.txt")) if of in path.name]
        texts = "\n".join(report.read_text(encoding="utf-8") for report in reports)
        found = re.search(
            r'UAR\D{0,5}(0?\.\d+)|"macro avg": \{[^}]*"recall": (0?\.\d+)', texts, flags=re.IGNORECASE
        )
        if found is None:
            raise InputError(f"nkululeko reported no UAR in {[report.name for report in reports]}")
        uar = float(found[1] or found[2])
        figures.write_text(json.dumps({"uar": uar}), encoding="utf-8")
        # Else the next run would find its features there.
        shutil.rmtree(folder / "run")

    return check
