"""The nearest neighbour in the leakage ablation: it memorises training clips, and nothing else."""

import json
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
from params_files import read_params, write_params
from voices import spoken

from experiments.ladder import nearest_neighbour as ladder_neighbour
from experiments.ladder.nearest_neighbour import STEPS, contour_of, fit
from experiments.ladder.runs import Run
from experiments.ladder.scores import LABELS, count, summarize, with_labels
from ser.data.protocols import LUNA5
from ser.data.ravdess import EMOTIONS, all_clips, clip_path, parse_clip
from ser.features import logmel
from ser.files import write_parquet
from ser.params import load_params
from stages import command, extract

PARAMS = Path(__file__).parents[3] / "params.yaml"


@pytest.fixture(scope="module")
def clips() -> pd.DataFrame:
    clips = pd.DataFrame([vars(parse_clip(name)) for name in all_clips()])
    return clips.assign(sha256=clips["clip"])


def uar_of(name: str, clips: pd.DataFrame, contours: dict[str, np.ndarray]) -> tuple[float, float]:
    """The UAR of a step, and the proportion of test rows that have an equal in training."""
    predictions, share = fit(Run("nearest", name, 0, 0), clips, contours, test_size=0.2)
    labelled = with_labels(predictions, clips[list(LABELS)])
    return float(summarize(count(labelled), samples=50, seed=0)["uar"]), share


def test_by_chance_a_clip_is_recognised_by_its_equal_alone(clips: pd.DataFrame) -> None:
    draw = np.random.default_rng(0)
    contours = {name: draw.normal(size=(len(clips), 20)).astype("f4") for name in ("clean", "speed_pitch")}
    found = {name: uar_of(name, clips, contours) for name in STEPS}
    for uar, share in found.values():
        assert uar == pytest.approx(share + (1 - share) / 8, abs=0.06)
    # Drawn one by one it were 1 - 0.2 ** 2; the split keeps the copies of an emotion and actor even.
    assert found["equal_copies"][1] == pytest.approx(0.97, abs=0.015)
    assert found["augment_first"][1] == pytest.approx(0.75 * 0.97, abs=0.03)
    assert found["split_first"][1] == found["speakers"][1] == 0


def test_what_tells_the_emotion_is_found_at_every_step(clips: pd.DataFrame) -> None:
    told = np.eye(8, dtype="f4")[clips["emotion"].map(EMOTIONS.index)]
    found = {name: uar_of(name, clips, {"clean": told, "speed_pitch": told})[0] for name in STEPS}
    assert set(found.values()) == {1.0}


def test_unseen_speakers_are_never_in_training(clips: pd.DataFrame) -> None:
    """Each actor has a code of emotions of their own, which helps only where the actor is in training."""
    place = clips["emotion"].map(EMOTIONS.index).to_numpy()
    codes = np.stack([np.random.default_rng(actor).permutation(8) for actor in range(25)])
    own = np.eye(8, dtype="f4")[codes[clips["actor"], place]]
    contour = np.hstack([np.eye(25, dtype="f4")[clips["actor"]] * 100, own])
    contours = {"clean": contour, "speed_pitch": contour}
    assert uar_of("split_first", clips, contours)[0] == 1.0
    assert uar_of("speakers", clips, contours)[0] < 0.4
    predictions, _ = fit(Run("nearest", "speakers", 0, 0), clips, contours, test_size=0.2)
    assert set(predictions["clip"].str[-2:].astype(int)) == set(LUNA5[0].test)


def test_the_contours_are_those_of_extract(tmp_path: Path) -> None:
    path = str(tmp_path / "a.wav")
    soundfile.write(path, spoken(3, rate=48000), 48000, subtype="PCM_16")
    params = load_params(PARAMS)
    expected = extract.extract_clip(path, params.article_window, params.extract)["contour"]
    found = contour_of(path, params.article_window, params.extract.article)
    np.testing.assert_array_equal(found, expected)
    assert found[-1] == logmel.CONTOUR_PADDING_DB


def test_the_stage_reads_recordings_and_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All clips have the same sound, so the figures themselves mean nothing."""
    monkeypatch.chdir(tmp_path)
    params = read_params()
    params["workers"]["jobs"] = 1
    params["experiments/ladder"]["neighbour"]["splits"] = [0, 1]
    params["split"]["article"]["test_size"] = 0.5
    params["evaluate"]["bootstrap_samples"] = 100
    write_params(params)
    names = [name for name in all_clips() if name[9:11] == name[15:17] == "01"]
    clips = pd.DataFrame([vars(parse_clip(name)) for name in names])
    clips["path"] = [str(clip_path(Path("data/raw"), name)) for name in names]
    write_parquet("data/clips.parquet", clips.assign(sha256=names))
    sound = spoken(1.2, rate=48000)
    for name, path in zip(names, clips["path"], strict=True):
        for file in (Path(path), clip_path(Path("data/augmented/speed_pitch"), name, suffix=".flac")):
            file.parent.mkdir(parents=True, exist_ok=True)
            soundfile.write(file, sound, 48000, subtype="PCM_16")
    monkeypatch.setattr(sys, "argv", ["ladder_neighbour"])
    command.run(ladder_neighbour.main)
    found = json.loads(Path("metrics/ladder_neighbour.json").read_text())
    assert list(found) == list(STEPS)
    assert [len(it["per_seed"]) for it in found.values()] == [2, 2, 2, 1]
