"""Whisper's pipeline on made-up layers: whom it scores, what it selects by, and what would show a leak."""

import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import soundfile
from ctranslate2_files import HEADS, UNITS, model_file, random_weights
from ctranslate2_files import LAYERS as N_LAYERS
from encoder_layers import LAYERS, configure, spoil_test_clips, train_on_test_clips, write_layers
from full_disk import check_full_disk
from voices import spoken

from experiments.whisper import check_leaks as check_whisper
from experiments.whisper import encode as encode_whisper
from experiments.whisper import evaluate as evaluate_whisper
from experiments.whisper import search as search_whisper
from experiments.whisper.whisper_encoder import VARIABLE
from ser.data.predictions import predicted_emotions
from ser.data.protocols import EMOBOX6, LOSO, LUNA5
from ser.data.ravdess import EMOTIONS
from ser.evaluation import metrics
from ser.files import write_parquet
from ser.models.adaptation_search import WEIGHTED_SUM
from stages import command


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_layers()


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


@pytest.mark.usefixtures("project")
def test_unseen_speakers_are_scored_on_every_clip() -> None:
    run(evaluate_whisper)
    predictions = pd.read_parquet("data/predictions/whisper.parquet")
    luna5 = predictions[predictions["protocol"] == "luna5"]
    assert set(luna5["model"]) == {"whisper_lda", "encoders_lda"}
    for (_, fold), tested in luna5.groupby(["model", "fold"]):
        assert set(tested["clip"].str[-2:].astype(int)) == set(LUNA5[int(str(fold))].test)
        assert len(tested) == tested["clip"].nunique() == 30 * len(LUNA5[int(str(fold))].test)

    written = json.loads(Path("metrics/whisper.json").read_text())
    labels = pd.read_parquet("data/clips.parquet").set_index("clip")["emotion"]
    for model, it in written["luna5"].items():
        own = luna5[luna5["model"] == model]
        right = labels.loc[own["clip"].to_numpy()].map(EMOTIONS.index).to_numpy() == predicted_emotions(own)
        assert it["accuracy"] == pytest.approx(right.mean(), abs=1e-4)
        assert it["uar_low"] < it["uar"] < it["uar_high"]
    assert written["luna5"]["encoders_lda"]["uar"] > 2 * metrics.CHANCE
    tested_by = {"emobox6": {*EMOBOX6[0].test}, "loso": {*LOSO[4].test}, "article": {*range(1, 25)}}
    assert written.keys() == {"luna5", *tested_by}
    for protocol, actors in tested_by.items():
        assert set(written[protocol]) == {"whisper_lda", "encoders_lda"}
        other = predictions[predictions["protocol"] == protocol]
        assert set(other["clip"].str[-2:].astype(int)) == actors


@pytest.mark.usefixtures("project")
def test_the_same_bytes_twice_and_no_choice_by_test_clips() -> None:
    run(evaluate_whisper)
    written = ("data/predictions/whisper.parquet", "metrics/whisper.json", "metrics/search/whisper.csv")
    before = {name: Path(name).read_bytes() for name in written}
    run(evaluate_whisper)
    assert {name: Path(name).read_bytes() for name in written} == before
    check_full_disk(evaluate_whisper)

    trials = pd.read_csv("metrics/search/whisper.csv").query("fold == 0")
    spoil_test_clips()
    run(evaluate_whisper)
    again = pd.read_csv("metrics/search/whisper.csv").query("fold == 0")
    # Of the other protocols' folds these actors may train.
    own = trials["protocol"] == "luna5"
    pd.testing.assert_frame_equal(again[own], trials[own])
    assert not again[~own].equals(trials[~own])


@pytest.mark.usefixtures("project")
def test_each_model_has_its_own_feature_sets() -> None:
    run(evaluate_whisper)
    trials = pd.read_csv("metrics/search/whisper.csv")
    assert (trials["clips"] == 0).all()
    sets = {str(model): set(it["view"]) - {WEIGHTED_SUM} for model, it in trials.groupby("model")}
    assert sets == {"whisper_lda": {"whisper_1", "whisper_2"}, "encoders_lda": {*LAYERS}}


@pytest.mark.usefixtures("project")
def test_no_leak_is_found_and_the_canary_helps_where_actors_are_known() -> None:
    run(evaluate_whisper)
    run(check_whisper)
    found = json.loads(Path("metrics/whisper_leaks.json").read_text())
    plain = json.loads(Path("metrics/whisper.json").read_text())["luna5"]["encoders_lda"]["uar"]
    assert found["canary_uar"] < plain + 0.05
    assert found["canary_of_known_actors_uar"] > 0.99
    assert list(found["permuted_uar_by_seed"]) == ["0", "1"]
    assert len(set(found["permuted_uar_by_seed"].values())) == 2
    assert max(found["permuted_uar_by_seed"].values()) < 0.25 < plain
    assert found["unseen_largest_difference"] < 1e-9


@pytest.mark.usefixtures("project")
def test_a_model_that_trained_on_test_clips_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where evaluate_whisper does so, its predictions are not those made without the test clips."""
    train_on_test_clips(monkeypatch, evaluate_whisper)
    run(evaluate_whisper)
    run(check_whisper)
    assert json.loads(Path("metrics/whisper_leaks.json").read_text())["unseen_largest_difference"] > 0.01


@pytest.mark.usefixtures("project")
def test_missing_states_are_a_message() -> None:
    Path("data/features/clean/whisper.npy").unlink()
    with pytest.raises(SystemExit, match=r"clean/whisper\.npy: cannot be read; run make whisper"):
        run(evaluate_whisper)


def test_clips_are_encoded_in_the_order_of_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By Whisper with random weights from a file, and by the speaker encoder of the package."""
    monkeypatch.chdir(tmp_path)
    own = {f"encoder/{name}": x.astype("<f2") for name, x in random_weights().items()}
    weights = model_file({**own, "encoder/num_heads": np.array(HEADS, "<i2")})
    Path("model.bin").write_bytes(weights)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "model.bin"))
    paths = [f"{name}.wav" for name in "ab"]
    for path, length in zip(paths, (1, 2), strict=True):
        soundfile.write(path, spoken(length, rate=48000), 48000, subtype="PCM_16")

    configure()
    write_parquet("data/clips.parquet", pd.DataFrame({"clip": ["a", "b"], "path": paths}))
    with pytest.raises(SystemExit, match="other weights"):
        run(encode_whisper)
    configure(weights_sha256=hashlib.sha256(weights).hexdigest())
    run(encode_whisper)
    of_whisper = np.load("data/features/clean/whisper.npy")
    of_speaker = np.load("data/features/clean/whisper_speaker.npy")
    assert of_whisper.shape == (2, N_LAYERS + 1, 2 * UNITS)
    assert of_speaker.shape == (2, 3, 1026)
    assert of_speaker[0, 0, -1] < of_speaker[1, 0, -1], "lengths in s"

    write_parquet("data/clips.parquet", pd.DataFrame({"clip": ["b", "a"], "path": paths[::-1]}))
    run(encode_whisper)
    np.testing.assert_array_equal(np.load("data/features/clean/whisper.npy"), of_whisper[::-1])


@pytest.mark.usefixtures("project")
def test_trials_of_what_to_read_are_kept() -> None:
    run(search_whisper)
    kept = pd.read_csv("metrics/search/whisper_trials.csv")
    assert kept["settings"].unique().tolist() == [
        *("whisper_1 alone", "whisper_2 alone", "speaker_1 alone", "whisper, all layers"),
        *("speaker, all layers", "both, all layers", "both, all layers, means alone"),
    ]
    assert kept["inner_fold"].tolist() == [0, 1, 2, 3] * 7
    uar = kept.groupby("settings")["uar"].mean()
    # The second layer has less noise.
    assert metrics.CHANCE < uar["whisper_1 alone"] < uar["whisper_2 alone"]
    assert uar["speaker_1 alone"] < uar["both, all layers"]

    spoil_test_clips()
    run(search_whisper)
    both = pd.read_csv("metrics/search/whisper_trials.csv")
    assert both[: len(kept)].equals(kept)
    assert both[len(kept) :].reset_index(drop=True).equals(kept), "tested clips are not used"


def test_the_mean_comes_first_in_a_view() -> None:
    draw = np.random.default_rng(0)
    views = {
        "whisper_1": draw.normal(0, 1, (3, 1024)).astype(np.float32),
        "speaker_1": draw.normal(0, 1, (3, 1026)).astype(np.float32),
    }
    means = search_whisper.designs(views)["both, all layers, means alone"]
    assert np.array_equal(means["whisper_1"], views["whisper_1"][:, :512])
    assert np.array_equal(means["speaker_1"][:, :256], views["speaker_1"][:, :256])
    assert np.array_equal(means["speaker_1"][:, 256:], views["speaker_1"][:, 1024:]), "level and length"
