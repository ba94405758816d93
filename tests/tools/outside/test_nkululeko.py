"""What nkululeko is given, and how its answers are read; it is not installed for this."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ser.errors import InputError
from tools.outside import nkululeko
from tools.outside.nkululeko import (
    RUNS,
    SHARED,
    Run,
    configuration,
    read_predictions,
    recordings,
)

PEER = """#!/usr/bin/env python3
# In place of the interpreter: answers "angry" for every clip of emodb, as `-m nkululeko.nkululeko` would.
import configparser, csv, sys
config = configparser.ConfigParser()
config.read(sys.argv[-1])
with open(config["DATA"]["emodb"]) as given, open(config["EXP"]["save_test"], "w") as answers:
    writer = csv.writer(answers)
    writer.writerow(["file", "start", "end", "speaker", "predictions", "emotion"])
    for row in csv.DictReader(given):
        writer.writerow([row["file"], "0 days", "0 days 00:00:02", row["speaker"], "angry", row["emotion"]])
"""


@pytest.fixture
def tested(tmp_path: Path) -> pd.DataFrame:
    """Two speakers, each with a clip of every shared emotion and one of another."""
    emotions = [*SHARED, "fearful"]
    clips = pd.DataFrame(
        [
            {"clip": f"{actor}_{emotion}", "actor": actor, "gender": "female", "emotion": emotion}
            for actor in ("03", "08")
            for emotion in emotions
        ]
    )
    return recordings("emodb", clips, tmp_path / "emodb")


def answered(tested: pd.DataFrame, path: Path, **changed: Any) -> Path:
    """Write predictions that are right but for the columns in `changed`, in another order of rows."""
    tested.assign(predictions=tested["emotion"]).assign(**changed)[::-1].to_csv(path, index=False)
    return path


def test_recordings_are_of_shared_emotions_and_speakers_of_their_corpus(tested: pd.DataFrame) -> None:
    assert len(tested) == 2 * len(SHARED)
    assert set(tested["emotion"]) == set(SHARED)
    # Not "03", which a reader of CSV takes for the number 3, as RAVDESS's third actor.
    assert set(tested["speaker"]) == {"emodb_03", "emodb_08"}
    assert all(Path(file).is_absolute() for file in tested["file"])


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_emodb_is_tested_and_never_in_training(run: Run, tmp_path: Path) -> None:
    config = configuration(run, tmp_path)
    strategies = {
        key.split(".")[0]: value for key, value in config["DATA"].items() if key.endswith("split_strategy")
    }
    assert strategies == {**dict.fromkeys(run.train, "train"), "emodb": "test"}
    assert config["DATA"]["databases"] == str([*run.train, "emodb"])
    assert (config["FEATS"]["scale"], config["MODEL"]["type"]) == (run.scale, run.classifier)


def test_runs_that_share_features_train_on_the_same_corpora() -> None:
    assert len({run.name for run in RUNS}) == len(RUNS)
    assert {(run.features, run.train) for run in RUNS} == {
        ("ravdess", ("ravdess",)),
        ("ravdess_nemo", ("ravdess", "nemo")),
    }


def test_predictions_are_matched_by_file(tested: pd.DataFrame, tmp_path: Path) -> None:
    found = read_predictions(answered(tested, tmp_path / "it.csv"), tested)
    assert found["emotion"].tolist() == tested.sort_values("file")["emotion"].tolist()
    right = [row[f"p_{row['emotion']}"] for _, row in found.iterrows()]
    assert right == [1.0] * len(tested)


def test_other_rows_labels_and_answers_are_refused(tested: pd.DataFrame, tmp_path: Path) -> None:
    path = tmp_path / "it.csv"
    answered(tested[1:], path)
    with pytest.raises(InputError, match="not the 8 recordings"):
        read_predictions(path, tested)
    answered(tested, path, emotion="sad")
    with pytest.raises(InputError, match="with their labels"):
        read_predictions(path, tested)
    answered(tested, path, predictions="calm")
    with pytest.raises(InputError, match="predictions are none of"):
        read_predictions(path, tested)


def test_each_run_is_scored(tested: pd.DataFrame, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text(PEER)
    python.chmod(0o755)
    tested.to_csv(tmp_path / "emodb.csv", index=False)
    found = list(nkululeko.rows(tmp_path, python, tested, samples=20, seed=0))
    assert [(row["train"], row["scale"], row["classifier"]) for row in found] == [
        (list(run.train), run.scale, run.classifier) for run in RUNS
    ]
    assert {(row["uar"], row["n"], row["test"]) for row in found} == {(0.25, 8, "emodb")}


def test_a_failed_run_says_why(tested: pd.DataFrame, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho no such feature set\nexit 3\n")
    python.chmod(0o755)
    with pytest.raises(InputError, match="exit code 3:\nno such feature set"):
        next(nkululeko.rows(tmp_path, python, tested, samples=20, seed=0))
    assert "no such feature set" in (tmp_path / f"{RUNS[0].name}.log").read_text()
