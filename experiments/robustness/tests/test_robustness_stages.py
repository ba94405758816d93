"""The stages of experiments/robustness on a tiny corpus: what they write, and that no test actor babbles."""

import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from full_disk import check_full_disk
from params_files import read_params, write_params

from experiments.robustness import degrade, draw, train_unaugmented
from experiments.robustness import evaluate as evaluate_robustness
from experiments.robustness.models import CLASSICAL
from experiments.robustness.models import NETWORKS as TRAINED
from experiments.robustness.params import Clean, RobustnessParams
from experiments.robustness.train_unaugmented import OFF
from ser.audio import clip_io as audio
from ser.data.fold import take
from ser.data.predictions import COLUMNS, PROBABILITIES
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import SAMPLE_RATE, all_clips, clip_path, parse_clip
from ser.data.scaling import Scaler, read_scaler
from ser.data.synthetic import synthesize
from ser.features.speaker_encoder import SAMPLE_RATE as RATE
from ser.files import write_array, write_csv, write_parquet
from ser.models.logmel_cnn import NETWORKS
from ser.params import load, load_params
from stages import command
from stages.inputs import read_features, read_split

PROJECT = Path(__file__).parents[3]
FOLDS = LUNA5[:2]
# One clip an emotion of every actor; some emotions have no strong intensity.
FEW = [name for name in all_clips() if name[9:17] == "01-01-01"]


def small_params() -> dict[str, Any]:
    params = read_params()
    params["workers"]["jobs"] = 1
    params["train_cnn"]["logmel"] |= {"batch_size": 64, "epochs": 1, "seeds": [0], "warmup_epochs": 0}
    params["experiments/robustness"]["white"]["snr_db"] = [10]
    params["experiments/robustness"]["babble"] |= {"snr_db": [0], "talkers": 3}
    params["experiments/robustness"]["unaugmented"] = {"seed": 0}
    return params


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings, split, features of the clean clips and search tables, as the main pipeline leaves them."""
    root = tmp_path_factory.mktemp("robustness")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_params(small_params())
        params = load_params()
        clips = pd.DataFrame([vars(parse_clip(name)) for name in FEW])
        clips = clips.assign(path=[clip_path("data/raw", name).as_posix() for name in FEW])
        write_parquet("data/clips.parquet", clips)
        write_parquet("data/splits/luna5.parquet", split_by_actor(clips, FOLDS))
        settings = degrade.Settings(params.extract.logmel, params.extract.functionals, params.encode, 1)
        rows = []
        for name, path in zip(clips["clip"], clips["path"], strict=True):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            audio.write_pcm16(path, synthesize(name), sample_rate=SAMPLE_RATE)
            rows.append(degrade.features_of(audio.load(path, sample_rate=RATE), settings))
        for features in rows[0]:
            clean = np.stack([row[features] for row in rows])
            write_array(f"data/features/clean/{features}.npy", clean)
            write_array(f"data/features/resampled/{features}.npy", np.stack([1.1 * clean]))
        for group, model, point in (
            ("transfer", "encoder_lda", "layer=1 shrinkage=0.5"),
            ("luna5", "lda", "shrinkage=0.5"),
        ):
            trials = [
                pd.DataFrame({"model": name, "fold": range(len(FOLDS)), "parameters": point, "chosen": True})
                for name in (model, f"{model}_augmented")
            ]
            write_csv(f"metrics/search/baselines_{group}.csv", pd.concat(trials))
    return root


@pytest.fixture(scope="module")
def trained(corpus: Path) -> Path:
    """The corpus with the unaugmented network, which also stands for the augmented one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(corpus)
        run(train_unaugmented)
        shutil.copytree("models/cnn_logmel_unaugmented", "models/cnn_logmel")
        Path("data/normalized").mkdir()
        shutil.copy("models/cnn_logmel/scaler.npz", "data/normalized/logmel.npz")
    return corpus


def test_an_epoch_without_augmentation_shows_each_clip_once_as_it_is(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(corpus)
    clips, split = read_split("luna5")
    part = take(clips, split, read_features("logmel", ["clean"]), fold=0, role="train")
    scaler = Scaler.fit(part.x, axes=(0, 1))
    settings = load_params().train_cnn.logmel
    plain = NETWORKS["logmel"].epochs(part, scaler, 1, settings.model_copy(update=OFF))
    x, y = plain(np.random.default_rng(0))
    clean = scaler.transform(part.x)
    nearest = [int(np.abs(clean - row).max(axis=(1, 2)).argmin()) for row in x]
    assert sorted(nearest) == list(range(len(clean)))
    np.testing.assert_allclose(x, clean[nearest], atol=1e-3)
    np.testing.assert_array_equal(y.argmax(axis=1), part.y[nearest])
    assert set(np.unique(y)) == {0, 1}
    whole = settings.model_copy(update={"crop_frames": 0})
    augmented, _ = NETWORKS["logmel"].epochs(part, scaler, 1, whole)(np.random.default_rng(0))
    assert min(np.abs(clean - row).max(axis=(1, 2)).min() for row in augmented) > 0.01


def test_train_unaugmented_leaves_networks_and_scalers_of_clean_training_clips(
    trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained)
    folder = Path("models/cnn_logmel_unaugmented")
    names = {f"seed0_fold{fold}.weights.h5" for fold in range(len(FOLDS))}
    assert {path.name for path in folder.iterdir()} == {"architecture.json", "scaler.npz", *names}
    curve = pd.read_csv("data/curves/cnn_logmel_unaugmented.csv")
    assert list(zip(curve["fold"], curve["epoch"], strict=True)) == [(0, 1), (1, 1)]
    clips, split = read_split("luna5")
    part = take(clips, split, read_features("logmel", ["clean"]), fold=1, role="train")
    expected = Scaler.fit(part.x, axes=(0, 1))
    np.testing.assert_array_equal(read_scaler(str(folder / "scaler.npz"), fold=1).mean, expected.mean)
    assert not Path("data/checkpoints/cnn_logmel_unaugmented").exists()


def test_babble_is_of_training_actors_of_the_fold(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(corpus)
    clips = pd.read_parquet("data/clips.parquet")
    split = pd.read_parquet("data/splits/luna5.parquet")
    robustness = load("experiments/robustness/params.yaml", RobustnessParams)
    tested = split[split["role"] == "test"]
    behind = degrade.talkers_behind(tested["clip"], clips, split, robustness.babble)
    for fold, paths in zip(tested["fold"], behind, strict=True):
        actors = {int(Path(path).stem[-2:]) for path in paths}
        assert len(actors) == robustness.babble.talkers
        assert not actors & {*FOLDS[fold].test, *FOLDS[fold].validation}
    assert len(set(map(tuple, behind))) > len(behind) / 2
    assert not any(degrade.talkers_behind(tested["clip"], clips, split, robustness.white))


def test_clean_features_are_those_of_the_main_pipeline(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stages.encode import encode_clip
    from stages.extract import extract_clip

    monkeypatch.chdir(corpus)
    params = load_params()
    path = clip_path("data/raw", FEW[5]).as_posix()
    settings = degrade.Settings(params.extract.logmel, params.extract.functionals, params.encode, 2)
    (computed,) = degrade.degrade_clip(FEW[5], path, [], Clean(), settings).values()
    extracted = extract_clip(path, params.article_window, params.extract)
    np.testing.assert_array_equal(computed["logmel"], extracted["logmel"])
    np.testing.assert_array_equal(computed["functionals"], extracted["functionals"])
    np.testing.assert_array_equal(computed["encoder"], encode_clip(path, [1.0], params.encode)[0, :2])


def test_from_recordings_to_scores_and_figures(trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained)
    split = pd.read_parquet("data/splits/luna5.parquet")
    tested = set(map(tuple, split.loc[split["role"] == "test", ["fold", "clip"]].to_numpy()))
    for kind in ("clean", "babble"):
        run(degrade, kind)
    for kind, condition in (("clean", "clean"), ("babble", "babble_0")):
        predictions = pd.read_parquet(f"data/robustness/{kind}.parquet")
        assert list(predictions.columns) == ["condition", *COLUMNS]
        assert set(predictions["condition"]) == {condition}
        for model in (*CLASSICAL, *TRAINED):
            rows = predictions[predictions["model"] == model]
            assert len(rows) == len(tested)
            assert set(map(tuple, rows[["fold", "clip"]].to_numpy())) == tested
    clean = pd.read_parquet("data/robustness/clean.parquet")
    for model in ("encoder_lda", "lda"):
        plain, augmented = (
            clean.loc[clean["model"] == name, list(PROBABILITIES)].to_numpy()
            for name in (model, f"{model}_augmented")
        )
        assert np.abs(plain - augmented).max() > 1e-6
    # Both networks have the same weights here, so that they must agree.
    one, other = (clean[clean["model"] == model].drop(columns="model") for model in TRAINED)
    np.testing.assert_array_equal(one.drop(columns="condition"), other.drop(columns="condition"))

    before = Path("data/robustness/babble.parquet").read_bytes()
    run(degrade, "babble")
    assert Path("data/robustness/babble.parquet").read_bytes() == before

    others = ("white_10", "telephone", "reverberation_0.3", "level_20", "clipping_0.1", "start_1")
    for name in others:
        write_parquet(f"data/robustness/{name.partition('_')[0]}.parquet", clean.assign(condition=name))
    check_full_disk(evaluate_robustness)
    run(evaluate_robustness)
    scores = yaml.safe_load(Path("metrics/robustness.json").read_text())
    assert list(scores["uar"]) == ["clean", "white_10", "babble_0", *others[1:]]
    gained = scores["gain_by_augmentation"]
    assert set(gained) == {"encoder_lda", "logmel_cnn", "lda"}
    assert gained["logmel_cnn"]["clean"] == {"gain": 0, "low": 0, "high": 0}
    assert scores["uar"]["white_10"] == scores["uar"]["clean"]
    run(draw)
    drawn = {path.name: path.read_bytes() for path in Path("figures/robustness").iterdir()}
    assert sorted(drawn) == ["augmentation.png", "conditions.png", "noise.png"]
    run(draw)
    assert {path.name: path.read_bytes() for path in Path("figures/robustness").iterdir()} == drawn
    check_full_disk(draw)

    write_parquet("data/robustness/start.parquet", clean.assign(condition="start_1").iloc[1:])
    with pytest.raises(SystemExit, match="not tested where the split has them"):
        run(evaluate_robustness)


@pytest.mark.parametrize("wrong", [(), ("rain",), ("clean", "white")])
def test_wrong_usage_is_exit_code_2(wrong: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(degrade, *wrong)
    assert caught.value.code == 2
