"""The stages of robustness on a tiny corpus: what they write, what they draw, and whose voices babble."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

import sys
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from full_disk import check_full_disk
from params_files import read_params, write_params

from ser.audio import clip_io as audio
from ser.audio.corruptions.mixture import Mixture
from ser.data.fold import Fold, folds
from ser.data.predictions import COLUMNS, PROBABILITIES
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import SAMPLE_RATE, all_clips, clip_path, parse_clip
from ser.data.scaling import Scaler, write_scalers
from ser.data.synthetic import synthesize
from ser.features.speaker_encoder import SAMPLE_RATE as RATE
from ser.files import write_array, write_csv, write_parquet
from ser.models.layers.linear import LinearLayers, write_linear
from ser.models.logmel_cnn import NETWORKS
from ser.params import load_params
from stages import command
from stages.inputs import read_split
from stages.robustness import degrade, draw
from stages.robustness import evaluate as evaluate_robustness
from stages.robustness.features import Settings, features_of
from stages.robustness.models import CLASSICAL

FOLDS = LUNA5[:2]
# One clip an emotion of every actor; some emotions have no strong intensity.
FEW = [name for name in all_clips() if name[9:17] == "01-01-01"]
SEED = 3
CONDITIONS: dict[str, dict[str, Any]] = {
    "noise": {
        "white_10": {"colored_noise": {"colors": ["white"], "snr_db": [10, 10]}},
        "white_0": {"colored_noise": {"colors": ["white"], "snr_db": [0, 0]}},
    },
    "babble": {"babble_0": {"babble": {"talkers": [3, 3], "snr_db": [0, 0]}}},
    "channel": {"gsm": {"codec": {"codes": ["gsm"], "opus_kbit_s": [12, 12]}}},
    "recording": {"clean": {}, "start_1": {"cut": {"place": [0, 0], "duration_s": [1, 1]}}},
}
LAYERS = ("layers_lda", "layers_lda_clean", "layers_lda_without_noise")


def small_params() -> dict[str, Any]:
    params = read_params()
    params["workers"]["jobs"] = 1
    params["train_cnn"]["logmel"] |= {"batch_size": 64, "epochs": 1, "seeds": [0], "warmup_epochs": 0}
    params["robustness"] = {"seed": SEED, **deepcopy(CONDITIONS)}
    params["evaluate"]["bootstrap_samples"] = 100
    return params


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


def settings(*, n_layers: int) -> Settings:
    params = load_params()
    return Settings(params.extract.logmel, params.extract.functionals, params.encode, n_layers)


def write_models(logmel: np.ndarray) -> None:
    """Leave models that nobody trained, and what was selected for those that are fitted again."""
    rng = np.random.default_rng(0)
    numbers = range(len(FOLDS))
    for group, model, point in (
        ("transfer", "encoder_lda", "layer=1 shrinkage=0.5"),
        ("luna5", "lda", "shrinkage=0.5"),
    ):
        trials = [
            pd.DataFrame({"model": name, "fold": numbers, "parameters": point, "chosen": True})
            for name in (model, f"{model}_augmented")
        ]
        write_csv(f"metrics/search/baselines_{group}.csv", pd.concat(trials))
    folder = Path("models/layers")
    folder.mkdir(parents=True)
    for model in LAYERS:
        for number in numbers:
            linear = LinearLayers(rng.normal(size=(3, 1024, 8)), rng.normal(size=(3, 8)), np.ones(3) / 3)
            write_linear(folder, linear, model=model, fold=number)
    folder = Path("models/cnn_logmel")
    folder.mkdir()
    deterministic_tensorflow.start(0)
    network = NETWORKS["logmel"].build(logmel.shape[1:], load_params().train_cnn.logmel, 1)
    (folder / "architecture.json").write_text(network.to_json(), encoding="utf-8")
    for number in numbers:
        network.save_weights(folder / f"seed0_fold{number}.weights.h5")
    write_scalers("data/normalized/logmel.npz", [Scaler.fit(logmel, axes=(0, 1))] * len(FOLDS))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recordings, split, features of the clean clips and models, as the stages before leave them."""
    root = tmp_path_factory.mktemp("robustness")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        write_params(small_params())
        clips = pd.DataFrame([vars(parse_clip(name)) for name in FEW])
        clips = clips.assign(path=[clip_path("data/raw", name).as_posix() for name in FEW])
        write_parquet("data/clips.parquet", clips)
        write_parquet("data/splits/luna5.parquet", split_by_actor(clips, FOLDS))
        rows = []
        for name, path in zip(clips["clip"], clips["path"], strict=True):
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            audio.write_pcm16(path, synthesize(name), sample_rate=SAMPLE_RATE)
            rows.append(features_of(audio.load(path, sample_rate=RATE), settings(n_layers=1)))
        clean = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
        for name in ("functionals", "encoder"):
            write_array(f"data/features/clean/{name}.npy", clean[name])
            write_array(f"data/features/resampled/{name}.npy", np.stack([1.1 * clean[name]]))
        write_models(clean["logmel"])
    return root


@pytest.fixture
def project(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(corpus)
    return corpus


def read_predictions(kind: str) -> pd.DataFrame:
    return pd.read_parquet(f"data/robustness/{kind}.parquet")


def read_draws(kind: str) -> pd.DataFrame:
    return pd.read_parquet(f"data/robustness/{kind}_draws.parquet")


def foreign_voices(draws: Mapping[int, Sequence[Mixture]]) -> set[int]:
    """Actors whose voices are drawn in a fold, by its number, though they do not train in it."""
    found = set()
    for number, mixtures in draws.items():
        actors = {parse_clip(voice).actor for mixture in mixtures for voice in mixture.voices}
        assert actors, "nobody babbles"
        found |= actors & {*FOLDS[number].test, *FOLDS[number].validation}
    return found


def draws_of_folds() -> dict[int, list[Mixture]]:
    conditions = load_params().robustness.babble
    drawn = {it.number: degrade.draw_fold(it, conditions, seed=SEED) for it in folds(*read_split("luna5"))}
    return {number: [it["babble_0"] for it in draws.values()] for number, draws in drawn.items()}


@pytest.mark.usefixtures("project")
def test_babble_is_of_training_actors_of_the_fold() -> None:
    draws = draws_of_folds()
    assert not foreign_voices(draws)
    voices = [mixture.voices for mixtures in draws.values() for mixture in mixtures]
    assert {len(it) for it in voices} == {3}
    assert len(set(voices)) > len(voices) / 2


@pytest.mark.usefixtures("project")
def test_babble_of_test_actors_would_be_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def everyone(fold: Fold, *, actor: int) -> dict[int, list[str]]:
        clips = pd.concat([fold.train, fold.validation, fold.test])
        return {int(str(it)): list(rows["clip"]) for it, rows in clips.groupby("actor") if it != actor}

    monkeypatch.setattr(degrade, "in_fold", everyone)
    assert foreign_voices(draws_of_folds())


@pytest.mark.usefixtures("project")
def test_more_talkers_than_training_actors_are_an_error() -> None:
    params = small_params()
    params["robustness"]["babble"]["babble_0"]["babble"]["talkers"] = [3, 18]
    write_params(params)
    try:
        with pytest.raises(SystemExit, match="robustness: fold 0: babble of 18 talkers, but only 17 actors"):
            run(degrade, "babble")
    finally:
        write_params(small_params())


@pytest.mark.usefixtures("project")
def test_clean_features_are_those_of_the_main_pipeline() -> None:
    from stages.encode import encode_clip
    from stages.extract import extract_clip
    from stages.layers.copies import layers_of_copies

    params = load_params()
    path = clip_path("data/raw", FEW[5]).as_posix()
    clean = {"clean": Mixture()}
    (computed,) = degrade.degrade_clip(path, clean, {}, settings(n_layers=2)).values()
    extracted = extract_clip(path, params.article_window, params.extract)
    np.testing.assert_array_equal(computed["logmel"], extracted["logmel"])
    np.testing.assert_array_equal(computed["functionals"], extracted["functionals"])
    np.testing.assert_array_equal(computed["encoder"], encode_clip(path, [1.0], params.encode)[0, :2])
    np.testing.assert_array_equal(computed["layers"], layers_of_copies(path, [Mixture().to_json()], {})[0])


@pytest.fixture(scope="module")
def degraded(corpus: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(corpus)
        for kind in CONDITIONS:
            run(degrade, kind)
    return corpus


@pytest.fixture
def results(degraded: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(degraded)
    return degraded


@pytest.mark.usefixtures("results")
def test_every_model_predicts_every_test_clip_in_every_condition() -> None:
    split = pd.read_parquet("data/splits/luna5.parquet")
    tested = set(map(tuple, split.loc[split["role"] == "test", ["fold", "clip"]].to_numpy()))
    for kind, conditions in CONDITIONS.items():
        predictions = read_predictions(kind)
        assert list(predictions.columns) == ["condition", *COLUMNS]
        cells = dict(iter(predictions.groupby(["condition", "model"])))
        assert set(cells) == {
            (it, model) for it in conditions for model in (*CLASSICAL, "logmel_cnn", *LAYERS)
        }
        for rows in cells.values():
            assert len(rows) == len(tested)
            assert set(map(tuple, rows[["fold", "clip"]].to_numpy())) == tested
    clean = read_predictions("recording").set_index(["condition", "clip"]).loc["clean"]
    for one, other in (("lda", "lda_augmented"), ("encoder_lda", "encoder_lda_augmented"), LAYERS[:2]):
        plain, augmented = (
            clean.loc[clean["model"] == it, list(PROBABILITIES)].to_numpy() for it in (one, other)
        )
        assert np.abs(plain - augmented).max() > 1e-6


@pytest.mark.usefixtures("results")
def test_kept_draws_give_the_same_samples_and_features_again() -> None:
    clips = pd.read_parquet("data/clips.parquet").set_index("clip")["path"]
    for kind in ("noise", "babble"):
        kept = read_draws(kind)
        assert len(kept) == len(kept.drop_duplicates(["condition", "clip"]))
        assert set(kept["clip"]) == set(read_predictions(kind)["clip"])
        clip = kept["clip"].iloc[-1]
        (fold,) = (it for it in folds(*read_split("luna5")) if clip in set(it.test["clip"]))
        drawn = degrade.draw_fold(fold, getattr(load_params().robustness, kind), seed=SEED)[clip]
        replayed = {
            condition: Mixture.from_json(text)
            for condition, text in kept[kept["clip"] == clip].set_index("condition")["corruptions"].items()
        }
        assert replayed == drawn
        voices = {it: clips[it] for mixture in drawn.values() for it in mixture.voices}
        again, first = (
            degrade.degrade_clip(clips[clip], it, voices, settings(n_layers=1)) for it in (replayed, drawn)
        )
        for condition, features in first.items():
            for name, values in features.items():
                np.testing.assert_array_equal(again[condition][name], values)


@pytest.mark.usefixtures("results")
def test_the_noise_of_a_clip_is_the_same_at_every_ratio() -> None:
    kept = read_draws("noise").set_index(["clip", "condition"])["corruptions"].map(Mixture.from_json)
    seeds = {clip: [it.corruptions[0].seed for it in rows] for clip, rows in kept.groupby(level="clip")}
    assert all(one == other for one, other in seeds.values())
    assert len({one for one, _ in seeds.values()}) == len(seeds)


@pytest.mark.usefixtures("results")
def test_a_second_run_gives_the_same_bytes() -> None:
    paths = [Path(f"data/robustness/{name}.parquet") for name in ("babble", "babble_draws")]
    before = [path.read_bytes() for path in paths]
    run(degrade, "babble")
    assert [path.read_bytes() for path in paths] == before


@pytest.mark.usefixtures("results")
def test_from_predictions_to_scores_and_figures() -> None:
    check_full_disk(evaluate_robustness)
    run(evaluate_robustness)
    scores = yaml.safe_load(Path("metrics/robustness.json").read_text())
    assert set(scores["uar"]) == {it for conditions in CONDITIONS.values() for it in conditions}
    assert next(iter(scores["uar"])) == "clean"
    assert next(iter(scores["uar"]["clean"])) == "layers_lda"
    assert {"fused_transfer", "fused_scratch", *LAYERS} <= set(scores["uar"]["gsm"])
    for condition, models in scores["uar"].items():
        one, other = (models[it]["uar"] for it in ("layers_lda", "fused_transfer"))
        assert scores["difference"][condition]["uar"] == pytest.approx(one - other, abs=1.5e-4)
    assert set(scores["gain_by_augmentation"]) == {"layers_lda", "encoder_lda", "lda"}
    assert {kind: set(it) for kind, it in scores["left_out"].items()} == {"noise": {"white_10", "white_0"}}

    run(draw)
    drawn = {path.name: path.read_bytes() for path in Path("figures/robustness").iterdir()}
    assert sorted(drawn) == ["augmentation.png", "conditions.png", "left_out.png", "noise.png"]
    run(draw)
    assert {path.name: path.read_bytes() for path in Path("figures/robustness").iterdir()} == drawn
    check_full_disk(draw)


@pytest.mark.usefixtures("results")
def test_missing_predictions_are_an_error() -> None:
    whole = read_predictions("channel")
    try:
        write_parquet("data/robustness/channel.parquet", whole.iloc[1:])
        with pytest.raises(SystemExit, match="not tested where the split has them"):
            run(evaluate_robustness)
        write_parquet("data/robustness/channel.parquet", whole[whole["model"] != "layers_lda"])
        with pytest.raises(SystemExit, match="gsm: no predictions of layers_lda; run the stage degrade"):
            run(evaluate_robustness)
    finally:
        write_parquet("data/robustness/channel.parquet", whole)


@pytest.mark.usefixtures("project")
def test_without_models_on_layers_it_says_what_to_run() -> None:
    Path("models/layers").rename("models/elsewhere")
    try:
        with pytest.raises(SystemExit, match="models/layers: no models; run the stage train_layers"):
            run(degrade, "noise")
    finally:
        Path("models/elsewhere").rename("models/layers")


@pytest.mark.parametrize("wrong", [(), ("rain",), ("noise", "babble")])
def test_wrong_usage_is_exit_code_2(wrong: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(degrade, *wrong)
    assert caught.value.code == 2
