"""The taught network on made-up features: whom teacher and network hear, and what is scored."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from voices import spoken

from ser.errors import InputError
from ser.files import write_array, write_parquet
from ser.params import load_params
from ser.protocols import EMOBOX6, LUNA5, split_by_actor
from ser.ravdess import EMOTIONS, all_clips, parse_clip
from ser.scores import PROBABILITIES
from stages import (
    check_distilled,
    command,
    evaluate_distilled,
    extract_quantized,
    teach,
    train_distilled,
    train_quantized_lda,
)

PARAMS = Path(__file__).parents[1] / "params.yaml"
# Two clips an emotion of every actor.
FEW = [name for name in all_clips() if name[12:17] in ("01-01", "02-01") and name[9:11] == "01"]
SHAPES = {"logmel": (24, 16), "functionals": (12,)}
TAUGHT, UNTAUGHT = train_distilled.TAUGHT, train_distilled.UNTAUGHT


def small_params() -> dict[str, Any]:
    params: dict[str, Any] = yaml.safe_load(PARAMS.read_text())
    params["workers"]["jobs"] = 1
    params["resample"]["speeds"] = [0.9, 1.1]
    params["train_cnn"]["logmel"] |= {"batch_size": 32, "epochs": 2, "warmup_epochs": 0}
    params["train_cnn"]["logmel"] |= {"time_mask_frames": 2, "frequency_mask_bands": 2}
    params["train_baselines"]["luna5"] |= {"lda_shrinkage": [0.2, 0.8], "inner_folds": 2}
    params["distilled"] |= {"seeds": {"luna5": [0, 1], "emobox6": [0]}, "untaught_seeds": [1]}
    params["distilled"] |= {"shuffled_folds": [0], "listening_speeds": [1.0, 1.1], "crop_frames": 20}
    params["distilled"]["teacher"]["inner_folds"] = 2
    params["evaluate"]["bootstrap_samples"] = 100
    return params


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What split, extract_quantized and encode_whisper leave; one fold of each protocol."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(small_params()))
    clips = pd.DataFrame([vars(parse_clip(name)) for name in FEW])
    write_parquet("data/clips.parquet", clips)
    write_parquet("data/splits/luna5.parquet", split_by_actor(clips, LUNA5[:1]))
    write_parquet("data/splits/emobox6.parquet", split_by_actor(clips, EMOBOX6[:1]))
    draw = np.random.default_rng(0)
    place = clips["emotion"].map(EMOTIONS.index).to_numpy()
    for name, shape in SHAPES.items():
        trace = draw.normal(-40, 4, (len(EMOTIONS), *shape))[place]
        copies = np.stack([trace + draw.normal(0, 5, trace.shape) for _ in range(3)])
        write_array(f"data/features/quantized/{name}.npy", copies.astype(np.float32))
    for name in ("whisper", "whisper_speaker"):
        states = draw.normal(0, 1, (len(EMOTIONS), 2, 6))[place] + draw.normal(0, 1, (len(clips), 2, 6))
        write_array(f"data/features/clean/{name}.npy", states.astype(np.float32))
    return tmp_path


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


def rows_tested(protocol: str) -> pd.Series:
    split = pd.read_parquet(f"data/splits/{protocol}.parquet")
    return split["role"] == "test"


def overwrite(path: str, rows: Any, value: float, *, axis: int) -> None:
    array = np.load(path)
    array[(slice(None),) * axis + (np.flatnonzero(rows),)] = value
    write_array(path, array)


@pytest.mark.usefixtures("project")
def test_the_teacher_is_asked_about_all_but_the_tested_clips_and_does_not_hear_those() -> None:
    run(teach)
    found = pd.read_parquet("data/distilled/opinions.parquet")
    clips = pd.read_parquet("data/clips.parquet")
    for protocol in ("luna5", "emobox6"):
        asked = set(found.loc[found["protocol"] == protocol, "clip"])
        assert asked == set(clips.loc[~rows_tested(protocol), "clip"])
    for name in ("whisper", "whisper_speaker"):
        overwrite(f"data/features/clean/{name}.npy", rows_tested("luna5"), 1e3, axis=0)
    run(teach)
    again = pd.read_parquet("data/distilled/opinions.parquet")
    of_luna5, of_emobox6 = (again["protocol"] == protocol for protocol in ("luna5", "emobox6"))
    assert again[of_luna5].equals(found[of_luna5])
    assert not again[of_emobox6].equals(found[of_emobox6])


@pytest.mark.usefixtures("project")
def test_the_network_hears_no_tested_clip_before_it_is_tested(monkeypatch: pytest.MonkeyPatch) -> None:
    from ser import distilled_cnn

    run(teach)
    lessons = []
    fit = distilled_cnn.fit

    def watched(lesson: distilled_cnn.Lesson, *arguments: Any, **options: Any) -> Any:
        lessons.append(lesson)
        return fit(lesson, *arguments, **options)

    monkeypatch.setattr(distilled_cnn, "fit", watched)
    overwrite("data/features/quantized/logmel.npy", rows_tested("luna5"), 12345.0, axis=1)
    run(train_distilled, "luna5")
    clips = pd.read_parquet("data/clips.parquet")
    training = clips.loc[~rows_tested("luna5"), "clip"]
    for lesson in lessons:
        assert lesson.copies == 3
        assert list(lesson.part.clips) == 3 * list(training)
        assert lesson.part.x.max() < 100
        assert lesson.scaler.mean.max() < 100
    predictions = pd.read_parquet("data/distilled/luna5.parquet")
    runs = predictions.groupby(["model", "seed"])["clip"].agg(list)
    assert set(runs.index) == {(TAUGHT, 0), (TAUGHT, 1), (UNTAUGHT, 1)}
    assert all(set(run) == set(clips["clip"]) - set(training) for run in runs)
    assert not Path("data/checkpoints/distilled_luna5").exists()


@pytest.mark.usefixtures("project")
def test_labels_are_the_teachers_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    from ser import distilled_cnn

    run(teach)
    seen: dict[str, tuple[Any, Any]] = {}

    def no_training(lesson: Any, heard: Any, settings: Any, *, model: str, **about: Any) -> pd.DataFrame:
        seen[model] = lesson, settings
        raise InputError("enough was seen")

    monkeypatch.setattr(distilled_cnn, "train_and_predict", no_training)
    settings = load_params().distilled
    network = load_params().train_cnn.logmel
    for model in (TAUGHT, UNTAUGHT):
        own = train_distilled.network_settings(model, network, crop_frames=20)
        with pytest.raises(InputError, match="enough"):
            train_distilled.run_one("luna5", model, settings, own, [0], 0, 0, Path("checkpoints"), 1)
    said = pd.read_parquet("data/distilled/opinions.parquet").query("protocol == 'luna5'")
    lesson, own = seen[TAUGHT]
    hard = np.eye(8)[lesson.part.y[: len(said)]]
    ordered = said.set_index("clip").loc[list(lesson.part.clips[: len(said)])]
    assert lesson.labels == pytest.approx(0.3 * hard + 0.7 * ordered[list(PROBABILITIES)], abs=1e-6)
    assert (own.label_smoothing, own.crop_frames) == (0.0, 20)
    lesson, own = seen[UNTAUGHT]
    assert np.array_equal(lesson.labels, hard)
    assert own.label_smoothing == network.label_smoothing > 0


@pytest.mark.usefixtures("project")
def test_opinions_of_other_clips_are_a_message() -> None:
    run(teach)
    said = pd.read_parquet("data/distilled/opinions.parquet")
    write_parquet("data/distilled/opinions.parquet", said.iloc[1:])
    with pytest.raises(SystemExit, match=r"opinions\.parquet: fold 0 is of other clips; run teach"):
        run(train_distilled, "luna5")


@pytest.mark.usefixtures("project")
def test_a_speed_without_copies_is_a_message() -> None:
    params = small_params()
    params["distilled"]["listening_speeds"] = [1.0, 1.05]
    Path("params.yaml").write_text(yaml.safe_dump(params))
    with pytest.raises(SystemExit, match=r"distilled\.listening_speeds: \[1\.05\]"):
        run(train_distilled, "luna5")


@pytest.mark.usefixtures("project")
def test_from_features_to_scores_and_checks() -> None:
    run(teach)
    run(train_quantized_lda)
    for protocol in ("luna5", "emobox6"):
        run(train_distilled, protocol)
    run(evaluate_distilled)
    written = json.loads(Path("metrics/distilled.json").read_text())
    models = {TAUGHT, UNTAUGHT, "distilled_fused", "untaught_fused", "distilled_trio", "lda_augmented"}
    assert set(written["luna5"]) == models
    assert set(written["emobox6"]) == {TAUGHT, "distilled_fused", "lda_augmented"}
    assert written["luna5"][TAUGHT]["seeds"] == [0, 1]
    worth = written["worth_of_teacher"]["cnn"]
    assert worth["seeds"] == 1
    assert worth["low"] <= worth["uar"] <= worth["high"]
    labels = pd.read_parquet("data/clips.parquet").set_index("clip")["emotion"]
    lda = pd.read_parquet("data/distilled/lda.parquet").query("protocol == 'luna5'")
    right = lda[list(PROBABILITIES)].to_numpy().argmax(axis=1) == labels[lda["clip"]].map(EMOTIONS.index)
    assert written["luna5"]["lda_augmented"]["accuracy"] == pytest.approx(right.mean(), abs=1e-4)

    run(check_distilled)
    checks = json.loads(Path("metrics/distilled_leaks.json").read_text())
    assert checks["unseen_largest_difference"] == 0
    assert 0 <= checks["permuted_uar"] < 0.4


def test_shuffled_labels_leave_the_tested_ones_as_they_are() -> None:
    clips = pd.DataFrame([vars(parse_clip(name)) for name in FEW])
    tested = np.flatnonzero(clips["actor"] == 3)
    mixed = check_distilled.shuffled(clips, tested, seed=0)
    assert (mixed.loc[tested, "emotion"] == clips.loc[tested, "emotion"]).all()
    others = (clips["actor"] != 3).to_numpy()
    assert (mixed.loc[others, "emotion"] != clips.loc[others, "emotion"]).mean() > 0.7
    assert sorted(mixed["emotion"]) == sorted(clips["emotion"])


def test_clips_are_extracted_at_every_speed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(small_params()))
    names = [f"03-01-0{emotion}-01-01-01-01" for emotion in (1, 5)]
    for seed, name in enumerate(names):
        soundfile.write(f"{name}.wav", spoken(1.0, rate=48_000, seed=seed), 48_000, subtype="PCM_16")
    write_parquet("data/clips.parquet", pd.DataFrame({"clip": names, "path": [f"{it}.wav" for it in names]}))
    run(extract_quantized)
    logmel = np.load("data/features/quantized/logmel.npy")
    functionals = np.load("data/features/quantized/functionals.npy")
    assert logmel.shape == (3, 2, 160, 64)
    assert functionals.shape == (3, 2, 1135)
    assert functionals == pytest.approx(np.round(functionals.astype(np.float64), 3), abs=1e-4)
    # Played slower, it lasts longer: the number of frames is the last of the functionals.
    frames = functionals[:, :, -1]
    assert (frames[1] > frames[0]).all()
    assert (frames[0] > frames[2]).all()
