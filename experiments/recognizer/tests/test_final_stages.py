"""The stages of experiments/recognizer on a tiny corpus: what is trained, exported and refused."""

import json
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bad_recordings import BAD
from full_disk import check_full_disk
from params_files import read_params, write_params
from threadpoolctl import threadpool_info, threadpool_limits
from voices import spoken

from experiments.recognizer import export, train_final
from ser.audio import clip_io as audio
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.features import logmel, speaker_encoder
from ser.files import write_array, write_json, write_parquet
from ser.params import load_params
from ser.recognizer.bundle_format import ABOUT, ENCODER_LICENCE, MODEL, WEIGHTS_LICENCE
from ser.recognizer.recognizer import Recognizer
from stages import command

PROJECT = Path(__file__).parents[3]
RATE = 16_000
ACTORS = 4


def run(stage: ModuleType) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__])
        command.run(stage.main)


def small_params() -> dict[str, Any]:
    params = read_params()
    params["train_cnn"]["logmel"] |= {"batch_size": 32, "epochs": 1, "warmup_epochs": 0}
    params["train_baselines"]["transfer"] |= {"inner_folds": 2, "layer": [2], "lda_shrinkage": [0.5]}
    return params


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the main pipeline leaves of 32 buzzes, eight emotions of four actors, and what was trained."""
    root = tmp_path_factory.mktemp("final")
    draw = np.random.default_rng(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_params(small_params())
        params = load_params()
        rows, logmels, states = [], [], []
        for actor in range(1, ACTORS + 1):
            for place, emotion in enumerate(EMOTIONS):
                path = root / f"data/raw/{actor}_{emotion}.wav"
                path.parent.mkdir(parents=True, exist_ok=True)
                t = np.arange(RATE) / RATE
                buzz = sum(np.sin(2 * np.pi * k * (100 + 20 * actor) * t) / k for k in range(1, 6))
                loud = 0.02 * (place + 1) * (1.2 + np.sin((3 + place) * t))
                audio.write_pcm16(path, loud * buzz + draw.normal(0, 0.003, RATE), sample_rate=RATE)
                samples = audio.load(path, sample_rate=RATE)
                speech = logmel.speech_logmel(samples, settings=params.extract.logmel)
                logmels.append(logmel.fit_middle(speech, settings=params.extract.logmel))
                trimmed = speaker_encoder.speech_of(samples, trim_db=params.encode.trim_db)
                encoder = speaker_encoder.pretrained_encoder()
                states.append(speaker_encoder.speech_functionals(trimmed, encoder=encoder))
                rows.append({"clip": path.stem, "path": str(path), "emotion": emotion, "actor": actor})
        write_parquet("data/clips.parquet", pd.DataFrame(rows))
        for name, features in (("logmel", np.stack(logmels)), ("encoder", np.stack(states))):
            write_array(f"data/features/clean/{name}.npy", features)
            write_array(f"data/features/resampled/{name}.npy", features[None] * np.float32(1.01))
        write_json("metrics/final_calibration.json", {"model": "fused_transfer", "temperature": 0.8, "a": 1})
        write_json("metrics/luna5/fused_transfer.json", {"uar": 0.7})
        run(train_final)
    return root


def test_everything_that_was_learned_is_kept(trained: Path) -> None:
    names = {file.name for file in (trained / "models/final").iterdir()}
    assert names == {"architecture.json", "network.weights.h5", "arrays.npz"}
    trials = pd.read_csv(trained / "metrics/search/final.csv")
    assert list(trials["parameters"]) == ["layer=2 shrinkage=0.5"]
    assert not (trained / "data/checkpoints/final").exists()


def test_the_lda_does_not_depend_on_the_number_of_cores(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def fit_lda(*_: Any, **__: Any) -> None:
        threads.extend(it["num_threads"] for it in threadpool_info() if it["user_api"] == "blas")
        raise InputError("enough was seen")

    monkeypatch.chdir(trained)
    monkeypatch.setattr(train_final, "fit_lda", fit_lda)
    with threadpool_limits(2), pytest.raises(SystemExit):
        run(train_final)
    assert set(threads) == {1}


def test_the_bundle_is_written_and_says_what_it_is(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    run(export)
    assert {it.name for it in Path("ser/bundle").iterdir()} == {
        *(MODEL, ABOUT, WEIGHTS_LICENCE, ENCODER_LICENCE)
    }
    content = json.loads(Path("ser/bundle", ABOUT).read_text())
    assert content["temperature"] == pytest.approx(0.8)
    assert content["about"]["calibration"]["a"] == 1
    assert content["about"]["expected"]["uar"] == 0.7
    licence = Path("ser/bundle", WEIGHTS_LICENCE).read_text()
    assert "by-nc-sa/4.0" in licence
    assert "10.1371/journal.pone.0196391" in licence
    assert content["about"]["training"]["recordings"] == f"RAVDESS speech, {8 * ACTORS} clips of 4 actors"
    first = Path("ser/bundle", MODEL).read_bytes()
    run(export)
    assert Path("ser/bundle", MODEL).read_bytes() == first
    result = Recognizer.load("ser/bundle").predict(spoken(2), RATE)
    assert sum(result.probabilities.values()) == pytest.approx(1)


def test_a_bundle_that_computes_something_else_is_not_kept(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained)
    # As if the recordings, or the front end, were others than those of the features.
    monkeypatch.setattr(export, "TOLERANCE", 0.0)
    Path("ser/bundle").mkdir(parents=True, exist_ok=True)
    (Path("ser/bundle") / MODEL).write_bytes(b"of an earlier export")
    before = {it.name: it.read_bytes() for it in Path("ser/bundle").iterdir()}
    monkeypatch.setattr(sys, "argv", ["export"])
    with pytest.raises(InputError, match="differ from the original's"):
        export.main()
    assert {it.name: it.read_bytes() for it in Path("ser/bundle").iterdir()} == before


@pytest.mark.parametrize("stage", [train_final, export], ids=["train_final", "export"])
def test_a_full_disk_is_named(stage: ModuleType, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    check_full_disk(stage)


@pytest.mark.parametrize("kind", ["empty", "truncated FLAC", "NaN"])
def test_export_names_the_recording_that_it_cannot_read(
    trained: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A few kinds: it reads as `ser predict` does, which is tried with all. Others' probabilities differ."""
    monkeypatch.chdir(trained)
    monkeypatch.setattr(sys, "argv", ["export"])
    path = Path(pd.read_parquet("data/clips.parquet")["path"].iloc[0])
    kept = path.read_bytes()
    before = {it.name: it.read_bytes() for it in Path("ser/bundle").glob("*")}
    BAD[kind].write(path)
    with pytest.raises(SystemExit, match=f"^error: {path}: .*({BAD[kind].heard})"):
        command.run(export.main)
    assert {it.name: it.read_bytes() for it in Path("ser/bundle").glob("*")} == before
    path.write_bytes(kept)


@pytest.mark.parametrize("found", [{"model": "lda", "temperature": 1.0}, {"model": "fused_transfer"}])
def test_the_temperature_of_another_model_is_not_exported(
    trained: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]
) -> None:
    monkeypatch.chdir(trained)
    kept = Path("metrics/final_calibration.json").read_bytes()
    write_json("metrics/final_calibration.json", found)
    monkeypatch.setattr(sys, "argv", ["export"])
    with pytest.raises(InputError, match="run the stage calibrate_final"):
        export.main()
    Path("metrics/final_calibration.json").write_bytes(kept)
