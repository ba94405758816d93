"""The optional LDA on a Hugging Face model's states, and its scores; the states are made up."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from full_disk import check_full_disk

from experiments.huggingface import evaluate as evaluate_huggingface
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.errors import InputError
from ser.evaluation import scores
from ser.files import write_array, write_parquet
from ser.models.classical import searched_model
from ser.params import HuggingfaceBaselines
from stages import command, train_baselines

PROJECT = Path(__file__).resolve().parents[3]
LAYERS, TELLING = 4, 3
"""Of the made-up model: how many there are, and which one (counted from 1) tells the emotions apart."""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What split and encode_huggingface leave."""
    monkeypatch.chdir(tmp_path)
    configure()
    names = [name for name in all_clips() if name[9:11] == name[12:14] == name[15:17] == "01"]
    clips = pd.DataFrame([vars(parse_clip(name)) for name in names])
    write_parquet("data/clips.parquet", clips)
    write_parquet("data/splits/luna5.parquet", split_by_actor(clips, LUNA5))
    states = np.random.default_rng(0).normal(size=(len(clips), LAYERS, 12))
    place = clips["emotion"].map(EMOTIONS.index).to_numpy()
    states[:, TELLING - 1] += np.random.default_rng(1).normal(0, 1, (8, 12))[place]
    write_array("data/features/clean/huggingface.npy", states.astype(np.float32))
    return tmp_path


def configure(**changes: Any) -> None:
    params = yaml.safe_load((PROJECT / "params.yaml").read_text())
    params["workers"]["jobs"] = 1
    grids = {"inner_folds": 2, "layer": None, "lda_shrinkage": [0.3, 0.9]} | changes
    params["train_baselines"]["huggingface"] = grids
    Path("params.yaml").write_text(yaml.safe_dump(params))


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


@pytest.mark.usefixtures("project")
def test_every_layer_is_tried_and_the_telling_one_found_by_training_actors() -> None:
    run(train_baselines, "huggingface")
    trials = pd.read_csv("metrics/search/baselines_huggingface.csv")
    tried = [f"layer={layer} shrinkage={it}" for layer in range(1, LAYERS + 1) for it in ("0.3", "0.9")]
    for _, of_fold in trials.groupby("fold"):
        assert list(of_fold["parameters"]) == tried
    chosen = trials[trials["chosen"]]
    assert sorted(chosen["fold"]) == [0, 1, 2, 3, 4]
    assert chosen["parameters"].str.startswith(f"layer={TELLING} ").all()

    predictions = pd.read_parquet("data/predictions/baselines_huggingface.parquet")
    assert set(predictions["model"]) == {"huggingface_lda"}
    for fold, side in predictions.groupby("fold"):
        assert set(side["clip"].str[-2:].astype(int)) == set(LUNA5[int(str(fold))].test)


@pytest.mark.usefixtures("project")
def test_tested_actors_change_no_choice(project: Path) -> None:
    run(train_baselines, "huggingface")
    before = pd.read_csv("metrics/search/baselines_huggingface.csv").query("fold == 0")
    states = np.load("data/features/clean/huggingface.npy")
    tested = pd.read_parquet("data/clips.parquet")["actor"].isin(LUNA5[0].test)
    states[tested] = 1e6
    write_array("data/features/clean/huggingface.npy", states)
    run(train_baselines, "huggingface")
    after = pd.read_csv("metrics/search/baselines_huggingface.csv").query("fold == 0")
    pd.testing.assert_frame_equal(after, before)


@pytest.mark.usefixtures("project")
def test_a_layer_that_the_model_lacks_is_refused() -> None:
    configure(layer=[1, LAYERS + 1])
    with pytest.raises(SystemExit) as caught:
        run(train_baselines, "huggingface")
    assert caught.value.code == f"error: params.yaml: layer {LAYERS + 1}, but the encoder has {LAYERS} layers"
    assert not Path("metrics").exists()


def test_layers_that_are_named_are_the_only_ones_tried() -> None:
    grids = HuggingfaceBaselines(inner_folds=2, layer=[2, 4], lda_shrinkage=[0.5])
    _, grid = searched_model("huggingface_lda", grids=grids, n_layers=LAYERS)
    assert grid["layerchoice__layer"] == [2, 4]
    with pytest.raises(InputError, match="layer 4, but the encoder has 3 layers"):
        searched_model("huggingface_lda", grids=grids, n_layers=3)


@pytest.mark.usefixtures("project")
def test_the_scores_are_those_of_the_predictions_and_the_same_twice() -> None:
    run(train_baselines, "huggingface")
    run(evaluate_huggingface)
    before = Path("metrics/huggingface.json").read_bytes()
    written = json.loads(before)
    tested = pd.read_parquet("data/predictions/baselines_huggingface.parquet")
    labels = pd.read_parquet("data/clips.parquet").set_index("clip").loc[tested["clip"], "emotion"]
    right = labels.map(EMOTIONS.index).to_numpy() == scores.predicted_emotions(tested)
    assert written["accuracy"] == pytest.approx(right.mean(), abs=1e-4)
    assert written["uar_low"] < written["uar"] < written["uar_high"]
    assert written["uar"] > 2 * scores.CHANCE
    run(evaluate_huggingface)
    assert Path("metrics/huggingface.json").read_bytes() == before
    for stage, arguments in ((train_baselines, ("huggingface",)), (evaluate_huggingface, ())):
        check_full_disk(stage, *arguments)


@pytest.mark.usefixtures("project")
def test_predictions_that_are_not_whole_are_not_scored() -> None:
    with pytest.raises(SystemExit, match=r"baselines_huggingface\.parquet: no such file"):
        run(evaluate_huggingface)
    run(train_baselines, "huggingface")
    path = "data/predictions/baselines_huggingface.parquet"
    write_parquet(path, pd.read_parquet(path).iloc[1:])
    with pytest.raises(SystemExit, match="not tested where the split has them: 1"):
        run(evaluate_huggingface)
    assert not Path("metrics/huggingface.json").exists()
