"""Whisper's pipeline on made-up states: whom it scores, what it may choose by, and what would show a leak."""

import hashlib
import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from ctranslate2_files import HEADS, LAYERS, model_file, random_weights
from ctranslate2_files import UNITS as STATES
from full_disk import check_full_disk
from params_files import read_params, write_params
from voices import spoken

from experiments.whisper import check_leaks as check_whisper
from experiments.whisper import encode as encode_whisper
from experiments.whisper import evaluate as evaluate_whisper
from experiments.whisper import search as search_whisper
from experiments.whisper.whisper_encoder import VARIABLE
from ser.data.predictions import predicted_emotions
from ser.data.protocols import EMOBOX6, LOSO, LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.evaluation import metrics
from ser.files import write_array, write_parquet
from ser.models.adaptation_search import ALL_VIEWS
from ser.models.encoder_views import sides_of
from ser.models.speaker_adaptation import Speech
from stages import command

UNITS = 9
VIEWS = ("speaker_1", "whisper_1", "whisper_2")


def configure(**whisper: object) -> None:
    params = read_params()
    params["workers"]["jobs"] = 1
    params["experiments/whisper"] |= {"shuffles": [0, 1]} | whisper
    params["experiments/speaker_adaptation"] |= {
        "clips": [0, 8],
        "seeds": [0, 3],
        "inner_folds": 2,
        "lda_shrinkage": [0.5],
        "prior_clips": [1],
    }
    params["evaluate"]["bootstrap_samples"] = 100
    write_params(params)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What split and encode_whisper leave of 720 clips; two folds by actor, and the statements at random."""
    monkeypatch.chdir(tmp_path)
    configure()
    clips = pd.DataFrame([vars(parse_clip(name)) for name in all_clips() if parse_clip(name).repetition == 1])
    write_parquet("data/clips.parquet", clips)
    write_parquet("data/splits/luna5.parquet", split_by_actor(clips, LUNA5[:2]))
    write_parquet("data/splits/emobox6.parquet", split_by_actor(clips, EMOBOX6[:1]))
    write_parquet("data/splits/loso.parquet", split_by_actor(clips, LOSO[4:5]))
    known = np.where(clips["statement"] == clips["statement"].iloc[0], "train", "test")
    write_parquet("data/splits/article.parquet", clips[["clip"]].assign(fold=0, role=known))
    draw = np.random.default_rng(0)
    emotions, voices = draw.normal(0, 1, (8, UNITS)), draw.normal(0, 3, (25, UNITS))
    place = clips["emotion"].map(EMOTIONS.index).to_numpy()
    trace = emotions[place] + voices[clips["actor"].to_numpy()]
    for name, noises in (("whisper", (3.0, 1.0)), ("whisper_speaker", (2.0,))):
        layers = [trace + draw.normal(0, noise, trace.shape) for noise in noises]
        write_array(f"data/features/clean/{name}.npy", np.stack(layers, axis=1).astype(np.float32))
    return tmp_path


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


@pytest.mark.usefixtures("project")
def test_new_speakers_are_scored_on_every_clip_and_enrolled_ones_on_the_others() -> None:
    run(evaluate_whisper)
    predictions = pd.read_parquet("data/predictions/whisper.parquet")
    new = predictions[predictions["protocol"] == "luna5"]
    assert set(new["model"]) == {"whisper_lda", "encoders_lda"}
    for (_, fold), tested in new.groupby(["model", "fold"]):
        assert set(tested["clip"].str[-2:].astype(int)) == set(LUNA5[int(str(fold))].test)
        assert len(tested) == tested["clip"].nunique() == 30 * len(LUNA5[int(str(fold))].test)
    enrolled = predictions[predictions["protocol"] == "enrolled_8"]
    assert set(enrolled["model"]) == {"encoders_lda"}
    for (_, seed), tested in enrolled.groupby(["fold", "seed"]):
        assert seed in (0, 3)
        assert (tested["clip"].str[-2:].value_counts() == 22).all()

    written = json.loads(Path("metrics/whisper.json").read_text())
    labels = pd.read_parquet("data/clips.parquet").set_index("clip")["emotion"]
    for model, it in written["luna5"].items():
        own = new[new["model"] == model]
        right = labels.loc[own["clip"].to_numpy()].map(EMOTIONS.index).to_numpy() == predicted_emotions(own)
        assert it["accuracy"] == pytest.approx(right.mean(), abs=1e-4)
        assert it["uar_low"] < it["uar"] < it["uar_high"]
    tested_by = {"emobox6": {*EMOBOX6[0].test}, "loso": {*LOSO[4].test}, "article": {*range(1, 25)}}
    for protocol, actors in tested_by.items():
        assert set(written[protocol]) == {"whisper_lda", "encoders_lda"}
        other = predictions[predictions["protocol"] == protocol]
        assert set(other["clip"].str[-2:].astype(int)) == actors
    assert written["enrolled"]["8"]["uar"] > written["luna5"]["encoders_lda"]["uar"] > 2 * metrics.CHANCE


@pytest.mark.usefixtures("project")
def test_the_same_bytes_twice_and_no_choice_by_tested_actors() -> None:
    run(evaluate_whisper)
    written = ("data/predictions/whisper.parquet", "metrics/whisper.json", "metrics/search/whisper.csv")
    before = {name: Path(name).read_bytes() for name in written}
    run(evaluate_whisper)
    assert {name: Path(name).read_bytes() for name in written} == before
    check_full_disk(evaluate_whisper)

    trials = pd.read_csv("metrics/search/whisper.csv").query("fold == 0")
    tested = pd.read_parquet("data/clips.parquet")["actor"].isin(LUNA5[0].test).to_numpy()
    for name in ("whisper", "whisper_speaker"):
        states = np.load(f"data/features/clean/{name}.npy")
        states[tested] = 1e3
        write_array(f"data/features/clean/{name}.npy", states)
    run(evaluate_whisper)
    again = pd.read_csv("metrics/search/whisper.csv").query("fold == 0")
    # Of the other protocol's fold these actors may train.
    own = trials["protocol"] == "luna5"
    pd.testing.assert_frame_equal(again[own], trials[own])


@pytest.mark.usefixtures("project")
def test_each_model_has_its_own_views() -> None:
    run(evaluate_whisper)
    trials = pd.read_csv("metrics/search/whisper.csv")
    views = {str(model): set(it["view"]) - {ALL_VIEWS} for model, it in trials.groupby("model")}
    assert views == {"whisper_lda": {"whisper_1", "whisper_2"}, "encoders_lda": {*VIEWS}}


@pytest.mark.usefixtures("project")
def test_the_checks_find_no_leak_and_the_canary_sings_where_actors_are_known() -> None:
    run(evaluate_whisper)
    run(check_whisper)
    found = json.loads(Path("metrics/whisper_leaks.json").read_text())
    plain = json.loads(Path("metrics/whisper.json").read_text())["luna5"]["encoders_lda"]["uar"]
    assert found["canary_uar"] < plain + 0.05
    assert found["canary_of_known_actors_uar"] > 0.99
    assert list(found["by_clips"]) == ["0", "8"]
    for it in found["by_clips"].values():
        assert list(it["permuted_uar_by_seed"]) == ["0", "1"]
        assert len(set(it["permuted_uar_by_seed"].values())) == 2
        assert max(it["permuted_uar_by_seed"].values()) < 0.25 < plain
        assert it["unseen_largest_difference"] < 1e-9


@pytest.mark.usefixtures("project")
def test_a_model_that_knew_the_tested_clips_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where evaluate_whisper trains on both sides, its predictions are not those without the tested clips."""

    def leaking(*arguments: Any, **options: Any) -> tuple[Speech, Speech]:
        training, test = sides_of(*arguments, **options)
        views = {name: np.concatenate([x, test.views[name]]) for name, x in training.views.items()}
        clips = np.concatenate([training.clips, test.clips])
        actors = np.concatenate([training.actors, test.actors])
        return Speech(clips, actors, np.concatenate([training.y, test.y]), views), test

    monkeypatch.setattr(evaluate_whisper, "sides_of", leaking)
    run(evaluate_whisper)
    run(check_whisper)
    found = json.loads(Path("metrics/whisper_leaks.json").read_text())["by_clips"]
    assert all(it["unseen_largest_difference"] > 0.01 for it in found.values())


@pytest.mark.usefixtures("project")
def test_a_split_with_an_actor_on_both_sides_is_refused() -> None:
    run(evaluate_whisper)
    path = "data/splits/luna5.parquet"
    split = pd.read_parquet(path)
    tested = split[(split["fold"] == 0) & (split["role"] == "test")].head(1)
    write_parquet(path, pd.concat([split, tested.assign(role="train")], ignore_index=True))
    with pytest.raises(SystemExit, match="a tested clip is among the training clips of fold 0"):
        run(check_whisper)


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
    assert of_whisper.shape == (2, LAYERS + 1, 2 * STATES)
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

    tested = pd.read_parquet("data/clips.parquet")["actor"].isin(LUNA5[0].test).to_numpy()
    for name in ("whisper", "whisper_speaker"):
        states = np.load(f"data/features/clean/{name}.npy")
        states[tested] = 1e3
        write_array(f"data/features/clean/{name}.npy", states)
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
