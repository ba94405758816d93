"""Score another toolkit, nkululeko, on EMO-DB: trained on the same recordings as the models here.

    python -m tools.outside.nkululeko

Its configuration is that of its own example for these emotions (eGeMAPS functionals, `scale = standard`,
support vectors), with its XGBoost and its scaling per speaker beside it; what is not set is its default.
`RUNS` was declared before any score was seen, and all of it is reported. Recordings are at 16 kHz, as its
instructions for nEMO say, because openSMILE's features depend on the sample rate.

Reads   data/clips.parquet, data/cross_corpus/{nemo,emodb}/clips.parquet, and the recordings that they name
        tools/outside/requirements-nkululeko.txt: its environment is made of these packages
Writes  metrics/peers.json: a row a run, with the UAR on EMO-DB
        build/nkululeko: the environment, recordings, tables, configurations, predictions and logs

No stage, because it installs packages of its own, which no lock of this project holds.
"""

import configparser
import subprocess
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd

from experiments.cross_corpus.scores import score
from ser.audio.clip_io import load, write_pcm16
from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.files import read_table, replacing, write_csv, write_json
from ser.parallel import run_all
from ser.params import Workers, load_params
from stages import command

SHARED = ("neutral", "happy", "sad", "angry")
"""The emotions of EMO-DB's clips; the peer is trained on these alone."""
TEST = "emodb"
TABLES = {
    "ravdess": "data/clips.parquet",
    "nemo": "data/cross_corpus/nemo/clips.parquet",
    TEST: f"data/cross_corpus/{TEST}/clips.parquet",
}
SAMPLE_RATE = 16_000
REQUIREMENTS = Path(__file__).with_name("requirements-nkululeko.txt")


@dataclass(frozen=True)
class Run:
    """What is trained.

    Attributes
    ----------
    train : tuple of str
        Corpora in training.
    scale : str
        ``standard`` by the training clips, or ``speaker`` by the clips of each speaker, also of those tested:
        their unlabelled clips then have a part in what they are answered.
    classifier : str
        By nkululeko's name: ``svm`` or ``xgb``.
    """

    train: tuple[str, ...]
    scale: str
    classifier: str

    @property
    def features(self) -> str:
        """Name the cache of features: runs that train on the same corpora share it."""
        return "_".join(self.train)

    @property
    def name(self) -> str:
        """Name the run's files."""
        return f"{self.features}_{self.scale}_{self.classifier}"


RUNS = tuple(
    Run(*it) for it in product((("ravdess",), ("ravdess", "nemo")), ("standard", "speaker"), ("svm", "xgb"))
)


def recordings(corpus: str, clips: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Make the table of a corpus that nkululeko reads.

    Parameters
    ----------
    corpus
        Name of the corpus, which is put before its speakers' names.
    clips
        Rows with ``clip``, ``actor``, ``gender`` and ``emotion``, of any emotions.
    folder
        Where the clips' recordings are, at `SAMPLE_RATE`.

    Returns
    -------
    pandas.DataFrame
        Columns ``file`` (absolute path), ``speaker``, ``gender``, ``emotion``; rows of `SHARED` emotions.
    """
    kept = clips[clips["emotion"].isin(SHARED)]
    return pd.DataFrame(
        {
            "file": [str((folder / f"{clip}.wav").resolve()) for clip in kept["clip"]],
            "speaker": [f"{corpus}_{actor}" for actor in kept["actor"]],
            "gender": kept["gender"].to_numpy(),
            "emotion": kept["emotion"].to_numpy(),
        }
    )


def configuration(run: Run, folder: Path) -> configparser.ConfigParser:
    """Configure a run whose tables are in `folder`; what is not named has nkululeko's default."""
    config = configparser.ConfigParser()
    config["EXP"] = {
        "root": f"{(folder / 'runs').resolve()}/",
        "name": run.features,
        "runs": "1",
        "epochs": "1",
        "save_test": str((folder / f"{run.name}.csv").resolve()),
    }
    config["DATA"] = {
        "databases": str([*run.train, TEST]),
        "target": "emotion",
        "labels": str(sorted(SHARED)),
    }
    for corpus in (*run.train, TEST):
        config["DATA"].update(
            {
                corpus: str((folder / f"{corpus}.csv").resolve()),
                f"{corpus}.type": "csv",
                f"{corpus}.split_strategy": "test" if corpus == TEST else "train",
            }
        )
    config["FEATS"] = {"type": "['os']", "scale": run.scale}
    config["MODEL"] = {"type": run.classifier}
    return config


def read_predictions(path: Path, tested: pd.DataFrame) -> pd.DataFrame:
    """Read what nkululeko predicted, in the form that `experiments.cross_corpus.scores.score` reads.

    Parameters
    ----------
    path
        CSV of its ``EXP.save_test``: ``file``, ``emotion`` (the label) and ``predictions``, among others.
    tested
        The table of `recordings` that it was tested on.

    Returns
    -------
    pandas.DataFrame
        ``actor``, ``emotion``, and the probabilities: 1 for the emotion that was answered, 0 for others.

    Raises
    ------
    InputError
        Where the rows are not the tested recordings with their labels, or an answer is no shared emotion.
    """
    found = pd.read_csv(path)
    rows = tested.merge(found, on="file", how="outer", suffixes=("", "_found"), validate="1:1")
    if rows["emotion"].isna().any() or (rows["emotion"] != rows["emotion_found"]).any():
        raise InputError(f"{path}: not the {len(tested)} recordings of {TEST} with their labels; remove it")
    if not rows["predictions"].isin(SHARED).all():
        raise InputError(f"{path}: some predictions are none of {', '.join(SHARED)}")
    answers = {
        column: (rows["predictions"] == emotion).astype(float)
        for column, emotion in zip(PROBABILITIES, EMOTIONS, strict=True)
    }
    return pd.DataFrame({"actor": rows["speaker"], "emotion": rows["emotion"], **answers})


def prepare(folder: Path, *, workers: Workers) -> dict[str, pd.DataFrame]:
    """Write the recordings and tables of every corpus to `folder`; give the tables."""
    made = {}
    for corpus, path in TABLES.items():
        clips = read_table(path, ("clip", "path", "actor", "gender", "emotion"))
        made[corpus] = recordings(corpus, clips, folder / corpus)
        (folder / corpus).mkdir(parents=True, exist_ok=True)
        sources = clips.loc[clips["emotion"].isin(SHARED), "path"]
        run_all(
            _resample, list(zip(sources, made[corpus]["file"], strict=True)), workers=workers, what=corpus
        )
        write_csv(folder / f"{corpus}.csv", made[corpus])
    return made


def _resample(source: str, target: str) -> None:
    if not Path(target).exists():
        with replacing(target) as temporary:
            write_pcm16(temporary, load(source, sample_rate=SAMPLE_RATE), sample_rate=SAMPLE_RATE)


def install(folder: Path) -> Path:
    """Make nkululeko's environment in `folder`, unless it is complete; give its Python."""
    python, done = folder / "bin" / "python", folder / "complete"
    if not done.exists():
        venv.create(folder, with_pip=True, clear=True)
        _call([str(python), "-m", "pip", "install", "--quiet", "--no-deps", "-r", str(REQUIREMENTS)])
        done.touch()
    return python


def version() -> str:
    """Read which nkululeko is installed."""
    lines = REQUIREMENTS.read_text(encoding="utf-8").splitlines()
    (pin,) = (line for line in lines if line.startswith("nkululeko=="))
    return pin.split("==")[1].split()[0]


def _call(command: list[str], *, log: Path | None = None) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if log:
        log.write_text(done.stdout, encoding="utf-8")
    if done.returncode:
        end = "\n".join(done.stdout.splitlines()[-5:])
        raise InputError(f"{' '.join(command)}: failed with exit code {done.returncode}:\n{end}")


def rows(folder: Path, python: Path, tested: pd.DataFrame, **bootstrap: int) -> Iterator[dict[str, Any]]:
    """Run all of `RUNS`, and score each.

    Parameters
    ----------
    folder
        Where `prepare` wrote the tables.
    python
        Interpreter of nkululeko's environment.
    tested
        The table of the tested corpus.
    **bootstrap
        ``samples`` and ``seed`` of the interval.

    Yields
    ------
    dict
        A row of metrics/peers.json.
    """
    for run in RUNS:
        config = folder / f"{run.name}.ini"
        with config.open("w", encoding="utf-8") as stream:
            configuration(run, folder).write(stream)
        log = config.with_suffix(".log")
        _call([str(python), "-m", "nkululeko.nkululeko", "--config", str(config)], log=log)
        found = score(read_predictions(config.with_suffix(".csv"), tested), **bootstrap)
        yield {
            "tool": "nkululeko",
            "version": version(),
            "features": "eGeMAPSv02",
            "scale": run.scale,
            "classifier": run.classifier,
            "train": list(run.train),
            "test": TEST,
            **found,
        }


def main() -> None:
    """Install, prepare, run and score."""
    command.parser(__doc__).parse_args()
    params, folder = load_params(), Path("build/nkululeko")
    tables = prepare(folder, workers=params.workers)
    python = install(folder / "venv")
    bootstrap = {"samples": params.evaluate.bootstrap_samples, "seed": params.evaluate.bootstrap_seed}
    found = list(rows(folder, python, tables[TEST], **bootstrap))
    write_json("metrics/peers.json", {"runs_scored_on_emodb": len(found), "rows": found})


if __name__ == "__main__":
    command.run(main)
