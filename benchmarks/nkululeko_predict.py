"""nkululeko's prediction of the same recordings, for comparison: an SVM on eGeMAPS, as its users train it.

It is another model, and none of its answers are compared here: it is trained, outside of what is measured, on
a few synthetic clips. Its time hardly depends on that, as nearly all of it goes into starting and into the
features. What is measured is its own command, from start to end, as installed.

References
----------
Burkhardt F et al. (2022). Nkululeko: A Tool For Rapid Speaker Characteristics Detection. LREC.
"""

import csv
import subprocess
from collections.abc import Callable
from configparser import ConfigParser
from pathlib import Path

import soundfile

from benchmarks.cases import Case, measure
from benchmarks.recordings import Recordings, spread
from ser.data.ravdess import SAMPLE_RATE, all_clips, parse_clip
from ser.data.synthetic import synthesize
from ser.errors import InputError

_TRAINING_CLIPS = 32
_TEST_SHARE_PERCENT = 30
# Version 1.14.1 calls the same features by one name when it trains and by another when it predicts.
_FEATURES = {"train.ini": "os", "predict.ini": "opensmile"}


def version_in(python: Path) -> str:
    """Ask which version an environment has.

    Raises
    ------
    InputError
        Where it has none.
    """
    question = "import importlib.metadata; print(importlib.metadata.version('nkululeko'))"
    try:
        asked = subprocess.run(
            [str(python), "-I", "-c", question], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise InputError(f"{python}: not a Python with nkululeko; install it there with pip") from error
    return asked.stdout.strip()


def write_settings(folder: Path) -> None:
    """Write the settings of training and prediction as ini files; a SVM on eGeMAPS, and one name for both."""
    for name, features in _FEATURES.items():
        settings = ConfigParser()
        settings.read_dict(
            {
                # It appends names to the root as they are.
                "EXP": {"root": f"{folder}/", "name": "svm", "res_name": "svm", "runs": "1", "epochs": "1"},
                "DATA": {
                    "databases": "['clips']",
                    "clips": str(folder / "clips.csv"),
                    "clips.type": "csv",
                    "clips.absolute_path": "True",
                    "clips.split_strategy": "speaker_split",
                    "clips.test_size": str(_TEST_SHARE_PERCENT),
                    "target": "emotion",
                },
                "FEATS": {"type": f"['{features}']", "set": "eGeMAPSv02"},
                "MODEL": {"type": "svm", "save": "True"},
            }
        )
        with (folder / name).open("w", encoding="utf-8") as file:
            settings.write(file)


def train(folder: Path, *, python: Path) -> None:
    """Train its model on synthetic clips, in a folder that is made here; some seconds.

    Raises
    ------
    InputError
        Where it fails.
    """
    folder.mkdir()
    rows = []
    for clip in spread(all_clips(), at_most=_TRAINING_CLIPS):
        labels = parse_clip(clip)
        path = folder / f"{clip}.wav"
        soundfile.write(path, synthesize(clip), SAMPLE_RATE, subtype="PCM_16")
        rows.append((path, labels.emotion, labels.actor, labels.gender))
    with (folder / "clips.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerows([("file", "emotion", "speaker", "gender"), *rows])
    write_settings(folder)
    measure([str(python), "-m", "nkululeko.nkululeko", "--config", str(folder / "train.ini")])


def cases(folder: Path, recordings: Recordings, *, python: Path) -> list[Case]:
    """List what is measured of it: one recording, and the folder.

    Parameters
    ----------
    folder
        Where `train` was.
    recordings
        Into their folder it writes its answer to the one recording.
    python
        Of the environment that has it.
    """
    predict = (str(python), "-m", "nkululeko.predict", "--config", str(folder / "predict.ini"))
    one, out = recordings.files[0], folder / "predicted.csv"
    answer = one.with_name(f"{one.stem}_result.txt")
    return [
        Case(
            "nkululeko_one_file",
            (*predict, "--type", "model", "--file", str(one)),
            recordings=1,
            audio_s=soundfile.info(one).duration,
            check=_lines_in(answer, at_least=1),
        ),
        Case(
            "nkululeko_folder",
            (
                *predict,
                "--type",
                "model",
                "--folder",
                str(recordings.folder),
                "--outfile",
                str(out),
                "--restart",
            ),
            recordings=len(recordings.files),
            audio_s=recordings.audio_s,
            check=_lines_in(out, at_least=1 + len(recordings.files)),
        ),
    ]


def _lines_in(path: Path, *, at_least: int) -> Callable[[], None]:
    """Make a check that the answers are there, as its exit code is 0 also where files failed."""

    def check() -> None:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        if len(text.splitlines()) < at_least or "ERROR" in text:
            raise InputError(f"nkululeko did not recognise all recordings: {path.name} holds {text[:200]!r}")
        path.unlink()

    return check
