"""Adaptation of the ensemble on two encoders, on made-up layers: who is scored, and what shows a leak."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from encoder_layers import LAYERS, spoil_test_clips, train_on_test_clips, write_layers
from full_disk import check_full_disk
from stage_runs import run_in

from experiments.speaker_adaptation import adapt_whisper, check_whisper_leaks
from experiments.whisper import evaluate as evaluate_whisper
from ser.data.protocols import LUNA5
from ser.files import write_parquet
from ser.models.adaptation_search import WEIGHTED_SUM
from ser.models.speaker_adaptation import draw_enrolled

WRITTEN = (
    "data/predictions/whisper_adaptation.parquet",
    "metrics/whisper_adaptation.json",
    "metrics/search/whisper_adaptation.csv",
)
LEAKS = "metrics/whisper_adaptation_leaks.json"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    write_layers()
    return tmp_path


def test_clips_that_did_not_adapt_are_scored_once_a_draw(project: Path) -> None:
    run_in(project, adapt_whisper)
    predictions = pd.read_parquet(WRITTEN[0])
    assert set(predictions["protocol"]) == {"enrolled_8"}
    assert set(predictions["model"]) == {"encoders_lda"}
    assert set(predictions["seed"]) == {0, 3}
    clips = pd.read_parquet("data/clips.parquet")
    for (fold, seed), tested in predictions.groupby(["fold", "seed"]):
        test = clips[clips["actor"].isin(LUNA5[int(str(fold))].test)]
        enrolled = draw_enrolled(test["actor"].to_numpy(), n_clips=8, seed=int(str(seed)))
        assert sorted(tested["clip"]) == sorted(test["clip"][~enrolled])
    scores = json.loads(Path(WRITTEN[1]).read_text())
    assert scores.keys() == {"8"}
    assert scores["8"]["n"] == 22 * 10
    assert scores["8"]["uar_low"] <= scores["8"]["uar"] <= scores["8"]["uar_high"]
    run_in(project, evaluate_whisper)
    unadapted = json.loads(Path("metrics/whisper.json").read_text())["luna5"]["encoders_lda"]
    assert scores["8"]["uar"] > unadapted["uar"] + 0.05


def test_the_same_bytes_twice_and_no_choice_by_test_clips(project: Path) -> None:
    run_in(project, adapt_whisper)
    before = {name: Path(name).read_bytes() for name in WRITTEN}
    run_in(project, adapt_whisper)
    assert {name: Path(name).read_bytes() for name in WRITTEN} == before
    check_full_disk(adapt_whisper)

    trials = pd.read_csv(WRITTEN[2])
    assert set(trials["view"]) == {*LAYERS, WEIGHTED_SUM}
    assert set(trials["clips"]) == {8}
    spoil_test_clips()
    run_in(project, adapt_whisper)
    again = pd.read_csv(WRITTEN[2])
    pd.testing.assert_frame_equal(again.query("fold == 0"), trials.query("fold == 0"))
    assert not again.query("fold == 1").equals(trials.query("fold == 1"))


def test_labels_of_test_actors_change_no_prediction(project: Path) -> None:
    run_in(project, adapt_whisper)
    before = pd.read_parquet(WRITTEN[0])
    clips = pd.read_parquet("data/clips.parquet")
    # Those of one fold: in the other they train.
    own = clips["actor"].isin(LUNA5[0].test)
    clips.loc[own, "emotion"] = np.random.default_rng(0).permutation(clips.loc[own, "emotion"])
    write_parquet("data/clips.parquet", clips)
    run_in(project, adapt_whisper)
    after = pd.read_parquet(WRITTEN[0])
    same, other = before["fold"] == 0, before["fold"] == 1
    pd.testing.assert_frame_equal(after[same], before[same])
    assert not after[other].equals(before[other])


def test_no_leak_is_found(project: Path) -> None:
    run_in(project, adapt_whisper)
    run_in(project, check_whisper_leaks)
    found = json.loads(Path(LEAKS).read_text())
    assert found["n_clips"] == 8
    assert list(found["permuted_uar_by_seed"]) == ["0", "1"]
    assert len(set(found["permuted_uar_by_seed"].values())) == 2
    adapted = json.loads(Path(WRITTEN[1]).read_text())["8"]["uar"]
    assert max(found["permuted_uar_by_seed"].values()) < 0.25 < adapted
    assert found["unseen_largest_difference"] < 1e-9


def test_a_model_that_trained_on_test_clips_is_found(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    train_on_test_clips(monkeypatch, adapt_whisper)
    run_in(project, adapt_whisper)
    run_in(project, check_whisper_leaks)
    assert json.loads(Path(LEAKS).read_text())["unseen_largest_difference"] > 0.01
