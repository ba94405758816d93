"""The stages of experiments/recognizer on a tiny corpus: what is trained, exported and refused."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from bad_recordings import BAD
from full_disk import check_full_disk
from params_files import read_params, write_params
from scipy.special import softmax
from threadpoolctl import threadpool_info, threadpool_limits
from voices import spoken

from experiments.recognizer import calibrate_general, export, score_unseen, train_final
from ser.audio import clip_io as audio
from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS, SAMPLE_RATE, all_clips, clip_path, parse_clip
from ser.data.synthetic import synthesize
from ser.errors import InputError
from ser.files import write_array, write_arrays, write_json, write_parquet
from ser.models.layers.lda import LayerLdas
from ser.recognizer.bundle_format import ABOUT, GENERAL, RAVDESS, WEIGHTS_LICENCE, read_arrays, read_bundle
from ser.recognizer.certainty import Thresholds
from ser.recognizer.recognizer import Recognizer
from stages import command
from stages.layers.speech import layers_of

PROJECT = Path(__file__).parents[3]
RATE = 16_000
CLIPS = [name for name in all_clips() if name[9:17] == "01-01-01" and int(name[-2:]) <= 4]
"""A clip of each emotion of four actors."""
ARRAYS = f"{RAVDESS}.npz"
GENERAL_CALIBRATION = "metrics/general_calibration.json"
CALIBRATION = {"model": "layers_lda", "temperature": 0.8, "not_sure": {"below": 0.4}, "a": 1}
_WORTH = {word: {"share": 0.3, "accuracy": 0.8} for word in ("sure", "likely", "not sure")}
TRUST = {
    "thresholds": {"sure_from": 0.9, "likely_from": 0.6, "agreement_from": 0.5},
    "measured": {"emodb": {"n": 10, **_WORTH}},
}


def run(stage: ModuleType) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__])
        command.run(stage.main)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the main pipeline leaves of 32 synthetic voices, and what was trained."""
    root = tmp_path_factory.mktemp("final")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        params = read_params()
        params["encode_layers"]["copies"] = {"noise": params["encode_layers"]["copies"]["noise"]}
        params["train_layers"] = {"inner_folds": 2, "lda_shrinkage": [0.5, 0.9]}
        write_params(params)
        clips = pd.DataFrame([vars(parse_clip(name)) for name in CLIPS])
        clips["path"] = [clip_path("data/raw", name).as_posix() for name in CLIPS]
        layers = []
        for name, path in zip(CLIPS, clips["path"], strict=True):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            audio.write_pcm16(path, synthesize(name), sample_rate=SAMPLE_RATE)
            layers.append(layers_of(audio.load(path, sample_rate=RATE)))
        write_parquet("data/clips.parquet", clips)
        write_array("data/features/clean/layers.npy", np.stack(layers))
        noisy = np.random.default_rng(0).normal(layers, 0.01).astype(np.float32)
        write_array("data/features/corrupted/layers.npy", noisy[None])
        write_json("metrics/final_calibration.json", CALIBRATION)
        write_json("metrics/trust.json", {GENERAL: TRUST, RAVDESS: TRUST})
        write_json("metrics/luna5/layers_lda.json", {"uar": 0.7})
        run(train_final)
        write_corpora(linear=np.load(Path("models/final", ARRAYS)))
        run(calibrate_general)
    return root


def write_corpora(*, linear: Mapping[str, np.ndarray]) -> None:
    """Write what experiments/cross_corpus leaves: a model, its scores, and predictions."""
    write_parquet("data/cross_corpus/nemo/clips.parquet", pd.DataFrame({"clip": [*"abc"], "actor": [*"xxy"]}))
    Path("models/cross_corpus").mkdir(parents=True)
    write_arrays("models/cross_corpus/chosen_fold0.npz", **{**linear, "biases": -linear["biases"]})
    of_ravdess = {"clean": {"chosen": {"uar": 0.75}}, "corrupted": {"chosen": {"uar": 0.7}}}
    scores = {
        "emodb": {"chosen": {"uar": 0.8}},
        "nemo_speakers": {"chosen": {"uar": 0.6}},
        "ravdess": of_ravdess,
    }
    write_json("metrics/cross_corpus.json", {"chosen": {"weight": 0.3}, **scores})
    write_parquet(calibrate_general.PREDICTIONS, left_out_predictions())


def left_out_predictions() -> pd.DataFrame:
    """Answers for both corpora: nEMO's are twice as far from even. Rows of others, all wrong, beside."""
    rng = np.random.default_rng(0)
    tables = []
    for corpus, sharpness in (("ravdess", 2.0), ("nemo", 4.0)):
        y = rng.integers(0, len(EMOTIONS), 400)
        logits = rng.normal(np.eye(len(EMOTIONS))[y], 0.7)
        # What is most likely where emotions are as far apart and as noisy.
        table = pd.DataFrame({"corpus": corpus, "emotion": np.array(EMOTIONS)[y], "model": "chosen"})
        table[list(PROBABILITIES)] = softmax(sharpness * logits / 0.7**2, axis=1)
        tables.append(table.assign(held_out="speakers", copy=""))
    right = pd.concat(tables, ignore_index=True)
    wrong = right.assign(emotion=right["emotion"].map(lambda it: EMOTIONS[EMOTIONS.index(it) - 1]))
    others = [wrong.assign(model="ravdess"), wrong.assign(held_out="corpus"), wrong.assign(copy="noise")]
    return pd.concat([right, *others], ignore_index=True)


def test_what_is_fitted_to_all_actors_is_kept(trained: Path) -> None:
    assert [file.name for file in (trained / "models/final").iterdir()] == [ARRAYS]
    trials = pd.read_csv(trained / "metrics/search/final.csv")
    assert list(trials["view"].unique()) == ["layer_1", "layer_2", "layer_3", "all, weighted"]
    assert trials["chosen"].sum() == 4
    # Of clips that it was trained on, which tells that all of them, and their labels, were.
    linear = read_arrays(trained / "models/final" / ARRAYS)
    emotions = pd.read_parquet(trained / "data/clips.parquet")["emotion"].map(EMOTIONS.index)
    right = linear.logits(np.load(trained / "data/features/clean/layers.npy")).argmax(axis=1) == emotions
    assert right.mean() > 0.9


def test_every_copy_of_every_clip_is_trained_on(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []

    def fit(_: LayerLdas, fold: Any) -> None:
        found.append(fold.training())
        raise InputError("enough was seen")

    monkeypatch.chdir(trained)
    monkeypatch.setattr(LayerLdas, "fit", fit)
    with pytest.raises(SystemExit):
        run(train_final)
    assert found[0].clips.tolist() == 2 * CLIPS
    assert set(found[0].actors) == {1, 2, 3, 4}


def test_the_ldas_do_not_depend_on_the_number_of_cores(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: list[int] = []

    def fit(*_: Any) -> None:
        threads.extend(it["num_threads"] for it in threadpool_info() if it["user_api"] == "blas")
        raise InputError("enough was seen")

    monkeypatch.chdir(trained)
    monkeypatch.setattr(LayerLdas, "fit", fit)
    with threadpool_limits(2), pytest.raises(SystemExit):
        run(train_final)
    assert set(threads) == {1}


def test_the_bundle_is_written_and_says_what_it_is(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    run(export)
    first = {it.name: it.read_bytes() for it in Path("ser/bundle").iterdir()}
    assert first.keys() == {ARRAYS, f"{GENERAL}.npz", ABOUT, WEIGHTS_LICENCE}
    bundle = read_bundle("ser/bundle")
    assert list(bundle.models) == [GENERAL, RAVDESS]
    model = bundle.model(RAVDESS)
    assert model.temperature == pytest.approx(0.8)
    assert model.thresholds == Thresholds(sure_from=0.9, likely_from=0.6, agreement_from=0.5)
    np.testing.assert_array_equal(
        model.linear.coefficients, np.load(Path("models/final", ARRAYS))["coefficients"]
    )
    sad = pd.read_parquet("data/clips.parquet")["emotion"] == "sad"
    expected = model.linear.layer_logits(np.load("data/features/clean/layers.npy")[sad]).mean(axis=0)
    assert model.centres is not None
    np.testing.assert_allclose(model.centres[EMOTIONS.index("sad")], expected, rtol=1e-4)
    assert model.about["calibration"]["a"] == 1
    assert model.about["expected"]["uar"] == 0.7
    assert model.about["training"]["recordings"] == "RAVDESS speech, 32 clips of 4 actors"
    general = bundle.model()
    np.testing.assert_array_equal(
        general.linear.biases, np.load("models/cross_corpus/chosen_fold0.npz")["biases"]
    )
    assert general.temperature == json.loads(Path(GENERAL_CALIBRATION).read_text())["temperature"]
    assert general.about["expected"]["uar"] == 0.75
    assert general.about["expected"]["elsewhere"]["emodb"] == {"uar": 0.8}
    assert general.about["certainty"]["emodb"] == _WORTH
    assert general.about["training"]["setting"] == {"weight": 0.3}
    assert general.about["training"]["recordings"].endswith("; nEMO, 3 clips of 2 speakers")
    licence = Path("ser/bundle", WEIGHTS_LICENCE).read_text()
    assert "by-nc-sa/4.0" in licence
    assert "10.1371/journal.pone.0196391" in licence
    assert ARRAYS in licence
    run(export)
    assert {it.name: it.read_bytes() for it in Path("ser/bundle").iterdir()} == first
    result = Recognizer.load("ser/bundle").predict(spoken(2), RATE)
    assert sum(result.probabilities.values()) == pytest.approx(1)


def test_the_general_temperature_is_that_of_both_corpora(trained: Path) -> None:
    found = json.loads((trained / GENERAL_CALIBRATION).read_text(encoding="utf-8"))
    ravdess, nemo = (found["by_corpus"][name] for name in ("ravdess", "nemo"))
    # Each corpus's own is the other's of others.
    assert nemo["temperature_of_others"] == pytest.approx(2, rel=0.15)
    assert ravdess["temperature_of_others"] == pytest.approx(4, rel=0.15)
    assert found["temperature"] == pytest.approx(
        np.sqrt(nemo["temperature_of_others"] * ravdess["temperature_of_others"]), abs=1e-3
    )
    assert nemo["n"] == ravdess["n"] == 400
    assert nemo["after"]["ece"] < nemo["before"]["ece"]
    with pytest.raises(InputError, match="two corpora; run score_corpora"):
        calibrate_general.left_out_speakers(left_out_predictions().query("corpus == 'nemo'"))


def test_each_model_is_scored_on_what_it_was_not_trained_on(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_params(read_params())
    clips = pd.read_parquet(trained / "data/clips.parquet").rename(columns={"actor": "number"})
    clips["actor"] = clips["number"].map("A{:02}".format)
    layers = np.load(trained / "data/features/clean/layers.npy")
    for corpus, emotions in (("emodb", ["sad", "angry"]), ("nemo", ["sad", "angry", "fearful"])):
        kept = clips["emotion"].isin(emotions).to_numpy()
        write_parquet(f"data/cross_corpus/{corpus}/clips.parquet", clips[kept])
        write_array(f"data/cross_corpus/{corpus}/layers.npy", layers[kept])
    linear = dict(np.load(trained / "models/final" / ARRAYS))
    for path, sign in (("models/final/ravdess.npz", 1), ("models/cross_corpus/chosen_fold0.npz", -1)):
        Path(path).parent.mkdir(parents=True)
        write_arrays(path, **{**linear, "weights": sign * linear["weights"]})
    run(score_unseen)
    found = json.loads(Path("metrics/unseen_corpora.json").read_text(encoding="utf-8"))
    # Of two emotions, the model turned round confuses what the other, on its own training clips, tells apart.
    assert found[RAVDESS]["emodb"]["uar"] == 1
    assert found[GENERAL]["emodb"]["uar"] == 0
    assert found[RAVDESS]["nemo"]["emotions"] == ["sad", "angry", "fearful"]
    assert found[RAVDESS]["nemo"]["speakers"] == 4
    assert found[GENERAL].keys() == {"emodb"}


def test_the_stages_need_no_tensorflow() -> None:
    stages = "calibrate_general, export, score_unseen, train_final"
    code = f"import sys; from experiments.recognizer import {stages}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert "sklearn" in loaded
    assert not loaded & {"tensorflow", "keras", "librosa"}


def test_a_bundle_that_computes_something_else_is_not_kept(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained)
    Path("ser/bundle").mkdir(parents=True, exist_ok=True)
    (Path("ser/bundle") / ARRAYS).write_bytes(b"of an earlier export")
    before = {it.name: it.read_bytes() for it in Path("ser/bundle").iterdir()}
    kept = Path("data/features/clean/layers.npy").read_bytes()
    # As if the recordings were others than those of the features.
    write_array(
        "data/features/clean/layers.npy", np.roll(np.load("data/features/clean/layers.npy"), 1, axis=0)
    )
    monkeypatch.setattr(sys, "argv", ["export"])
    with pytest.raises(InputError, match="differ from those of the features of training"):
        export.main()
    Path("data/features/clean/layers.npy").write_bytes(kept)
    assert {it.name: it.read_bytes() for it in Path("ser/bundle").iterdir()} == before


def test_thresholds_that_were_not_chosen_are_named(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    kept = Path("metrics/trust.json").read_bytes()
    write_json("metrics/trust.json", {RAVDESS: TRUST})
    monkeypatch.setattr(sys, "argv", ["export"])
    with pytest.raises(InputError, match=r"trust.json: has no thresholds of general .*score_trust"):
        export.main()
    Path("metrics/trust.json").write_bytes(kept)


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


@pytest.mark.parametrize(
    "found",
    [CALIBRATION | {"model": "lda"}, {"model": "layers_lda"}, CALIBRATION | {"not_sure": {}}],
    ids=["model", "temperature", "threshold"],
)
def test_the_calibration_of_another_model_is_not_exported(
    trained: Path, monkeypatch: pytest.MonkeyPatch, found: dict[str, Any]
) -> None:
    monkeypatch.chdir(trained)
    kept = Path("metrics/final_calibration.json").read_bytes()
    write_json("metrics/final_calibration.json", found)
    monkeypatch.setattr(sys, "argv", ["export"])
    with pytest.raises(InputError, match="run the stage calibrate_final"):
        export.main()
    Path("metrics/final_calibration.json").write_bytes(kept)


def test_a_missing_model_is_named_with_what_to_run(trained: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="make it again: dvc repro"):
        read_arrays(tmp_path / ARRAYS)
    (tmp_path / ARRAYS).write_bytes(json.dumps({}).encode())
    with pytest.raises(InputError, match="make it again: dvc repro"):
        read_arrays(tmp_path / ARRAYS)
