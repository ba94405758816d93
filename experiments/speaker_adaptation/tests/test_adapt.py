"""Speaker adaptation on made-up features: what is written, who is scored, and the same bytes twice."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from full_disk import check_full_disk
from matplotlib.container import ErrorbarContainer
from params_files import read_params, write_params
from scipy.special import softmax
from stage_runs import run_in

from experiments.speaker_adaptation import adapt, draw
from experiments.speaker_adaptation.figure import uar_by_clips
from ser.data.fold import Fold, Part
from ser.data.predictions import prediction_table
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.errors import InputError
from ser.files import write_array, write_json, write_parquet
from ser.models.lda_ensemble import FittedEnsemble
from ser.models.speaker_adaptation import draw_enrolled
from stages import command

WRITTEN = (
    "data/predictions/enrolled.parquet",
    "metrics/enrolled.json",
    "metrics/search/enrolled.csv",
)
PROBABILITIES = [f"p_{emotion}" for emotion in EMOTIONS]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What split, extract and encode leave of 720 clips, and small parameters."""
    monkeypatch.chdir(tmp_path)
    params = read_params()
    params["workers"] = {"backend": "loky", "jobs": 1}
    params["experiments/speaker_adaptation"] = {
        "clips": [0, 8],
        "seeds": [0, 3],
        "inner_folds": 2,
        "lda_shrinkage": [0.5],
        "prior_clips": [1],
    }
    params["evaluate"]["bootstrap_samples"] = 100
    write_params(params, tmp_path)

    names = [name for name in all_clips() if parse_clip(name).repetition == 1]
    clips = pd.DataFrame([vars(parse_clip(name)) for name in names])
    write_parquet("data/clips.parquet", clips)
    write_parquet("data/splits/luna5.parquet", split_by_actor(clips, LUNA5[:2]))
    draw = np.random.default_rng(0)
    emotions, voices = draw.normal(0, 1, (8, 9)), draw.normal(0, 3, (25, 9))
    place = clips["emotion"].map(EMOTIONS.index).to_numpy()
    trace = emotions[place] + voices[clips["actor"].to_numpy()]
    layers = [trace + draw.normal(0, noise, trace.shape) for noise in (3.0, 1.0)]
    write_array("data/features/clean/encoder.npy", np.stack(layers, axis=1).astype(np.float32))
    functionals = trace[:, :5] + draw.normal(0, 1, (len(clips), 5))
    write_array("data/features/clean/functionals.npy", functionals.astype(np.float32))
    for side, role in (("", "test"), ("_validation", "validation")):
        predictions = []
        for fold, actors in enumerate(LUNA5[:2]):
            own = clips["actor"].isin(getattr(actors, role)).to_numpy()
            noise = draw.normal(0, 1.0, (2, own.sum(), 8))
            part = Part(
                clips["clip"].to_numpy(str)[own], clips["actor"].to_numpy()[own], trace[own], place[own]
            )
            leaning = voices[part.actors, :8] / 3
            predictions += [
                prediction_table(
                    part,
                    softmax(2 * np.eye(8)[part.y] + leaning + of_seed, axis=1),
                    protocol="luna5",
                    model="logmel_cnn",
                    seed=seed,
                    fold=fold,
                )
                for seed, of_seed in enumerate(noise)
            ]
        write_parquet(f"data/predictions/cnn_logmel{side}.parquet", pd.concat(predictions, ignore_index=True))
    return tmp_path


def run() -> dict[str, bytes]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["adapt"])
        command.run(adapt.main)
    return {name: Path(name).read_bytes() for name in WRITTEN}


def test_the_stage_scores_each_clip_that_was_not_enrolled_once(project: Path) -> None:
    once = run()
    both = pd.read_parquet(project / WRITTEN[0])
    assert set(both["model"]) == {"voice_lda", "voice_fused"}
    predictions, alone = (
        both[both["model"] == model].reset_index(drop=True) for model in ("voice_fused", "voice_lda")
    )
    assert not alone[PROBABILITIES].equals(predictions[PROBABILITIES])
    keys = ["protocol", "seed", "fold", "clip"]
    pd.testing.assert_frame_equal(alone[keys], predictions[keys])
    np.testing.assert_allclose(predictions[PROBABILITIES].sum(axis=1), 1)
    clips = pd.read_parquet("data/clips.parquet")
    for (protocol, seed), tested in predictions.groupby(["protocol", "seed"]):
        n_clips = int(str(protocol).removeprefix("enrolled_"))
        expected = set()
        for fold, actors in enumerate(LUNA5[:2]):
            test = clips[clips["actor"].isin(actors.test)]
            enrolled = draw_enrolled(test["actor"].to_numpy(), n_clips=n_clips, seed=int(str(seed)))
            expected |= {(fold, clip) for clip in test["clip"][~enrolled]}
        assert sorted(zip(tested["fold"], tested["clip"], strict=True)) == sorted(expected)

    scores = json.loads(once["metrics/enrolled.json"])
    assert list(scores) == ["0", "8"]
    actual = predictions["clip"].map(clips.set_index("clip")["emotion"].map(EMOTIONS.index)).to_numpy()
    right = predictions[PROBABILITIES].to_numpy().argmax(axis=1) == actual
    for count, score in scores.items():
        assert score["n"] == 10 * (30 - int(count))
        for seed, uar in score["uar_per_seed"].items():
            of_seed = (predictions["protocol"] == f"enrolled_{count}") & (predictions["seed"] == int(seed))
            recalls = [right[of_seed & (actual == emotion)].mean() for emotion in range(8)]
            assert uar == pytest.approx(np.mean(recalls), abs=1e-4)
        assert score["uar"] == pytest.approx(np.mean(list(score["uar_per_seed"].values())), abs=1e-4)
        assert score["uar_low"] <= score["uar"] <= score["uar_high"]
    assert scores["8"]["uar"] > scores["0"]["uar"]
    # Two folds and two numbers of clips, each with one point of three views, their sum, and with the network.
    assert len(pd.read_csv(project / "metrics/search/enrolled.csv")) == 2 * 2 * 5
    assert run() == once
    check_full_disk(adapt)


def test_the_prior_of_the_network_is_selected_with_ldas_that_know_no_validation_actor(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network does not know them either, so that both are as sure of them as of test actors."""
    speakers: list[tuple[int, int]] = []

    def select(fitted: FittedEnsemble, fold: Fold, *arguments: Any, **options: Any) -> Any:
        speakers.extend((fold.number, len(lda.speakers)) for lda in fitted.ldas.values())
        return original(fitted, fold, *arguments, **options)

    original = adapt.select_prior
    monkeypatch.setattr(adapt, "select_prior", select)
    run()
    training = {number: 24 - len(fold.test) - len(fold.validation) for number, fold in enumerate(LUNA5[:2])}
    assert len(speakers) == 2 * 2 * 3  # folds, numbers of clips, LDAs
    assert set(speakers) == set(training.items())


def test_the_figure_is_drawn_from_the_scores_alone(tmp_path: Path) -> None:
    score = {"uar": 0.6, "uar_low": 0.5, "uar_high": 0.65, "uar_per_seed": {"0": 0.6}, "lda_uar": 0.6}
    scores = {"0": score, "16": score | {"uar": 0.65}}
    figure = tmp_path / "figures/enrolled/uar_by_clips.png"
    figures = []
    for of_stage in (scores, scores, scores | {"16": score}):
        write_json(tmp_path / "metrics/enrolled.json", of_stage)
        run_in(tmp_path, draw)
        figures.append(figure.read_bytes())
    assert figures[0] == figures[1] != figures[2]

    write_json(tmp_path / "metrics/enrolled.json", {})
    with pytest.raises(
        InputError, match=r"run the stage adapt again \(1 problem\):\n  metrics/enrolled\.json: "
    ):
        run_in(tmp_path, draw)
    assert figure.read_bytes() == figures[2]


def test_labels_of_test_actors_change_no_prediction(project: Path) -> None:
    run()
    before = pd.read_parquet(WRITTEN[0])
    clips = pd.read_parquet("data/clips.parquet")
    # Those of one fold: in the other they train.
    own = clips["actor"].isin(LUNA5[0].test)
    clips.loc[own, "emotion"] = np.random.default_rng(0).permutation(clips.loc[own, "emotion"])
    write_parquet("data/clips.parquet", clips)
    run()
    after = pd.read_parquet(WRITTEN[0])
    same, other = before["fold"] == 0, before["fold"] == 1
    pd.testing.assert_frame_equal(after[same], before[same])
    assert not after[other].equals(before[other])


def test_the_figure_shows_the_scores_their_intervals_and_each_draw() -> None:
    scores: dict[int, dict[str, Any]] = {
        0: {"uar": 0.6, "uar_low": 0.5, "uar_high": 0.65, "uar_per_seed": {"0": 0.6, "1": 0.6}},
        16: {"uar": 0.7, "uar_low": 0.68, "uar_high": 0.75, "uar_per_seed": {"0": 0.66, "1": 0.74}},
    }
    for score, lda_uar in zip(scores.values(), (0.55, 0.65), strict=True):
        score["lda_uar"] = lda_uar
    (axes,) = uar_by_clips(scores).axes
    (curve,) = axes.containers
    assert isinstance(curve, ErrorbarContainer)
    np.testing.assert_allclose(curve[0].get_xydata(), [[0, 60], [16, 70]])
    intervals = [segment[:, 1] for segment in curve[2][0].get_segments()]
    np.testing.assert_allclose(intervals, [[50, 65], [68, 75]])
    marked = [np.asarray(line.get_ydata()) for line in axes.lines if line.get_marker() == "_"]
    for draws in ([60, 60], [66, 74]):
        assert any(np.allclose(found, draws) for found in marked)
    assert any(np.allclose(line.get_ydata(), [55, 65]) for line in axes.lines)
    assert {text.get_text() for text in axes.texts} == {"60.0", "70.0"}
