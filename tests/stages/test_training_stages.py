"""The stages augment to train_cnn on a tiny corpus: what they write, the same twice, and what stops it."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

import io
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from full_disk import check_full_disk

from ser.audio import clip_io as audio
from ser.audio.augmentation import make_transform, replay
from ser.data.protocols import LUNA5, PROTOCOLS, split_by_actor
from ser.data.ravdess import EMOTIONS, SAMPLE_RATE, all_clips, clip_path, parse_clip
from ser.data.scaling import read_scaler
from ser.data.synthetic import synthesize
from ser.files import write_array, write_parquet
from ser.models import training
from ser.models.classical import models_of
from ser.models.network_recipe import NetworkRecipe
from ser.params import load_params
from stages import augment, command, encode, extract, normalize, resample, split, train_baselines, train_cnn

PROJECT = Path(__file__).parents[2]
SPOKEN = ("03-01-01-01-01-01-24", "03-01-05-02-02-01-07", "03-01-08-01-01-02-07")
FEW = [name for name in all_clips() if name[12:17] in ("01-01", "02-01") and name[9:11] == "01"]
VARIANTS = ("clean", "noise", "stretch", "speed_pitch")
FRAMES, BANDS = 24, 16
PROBABILITIES = [f"p_{emotion}" for emotion in EMOTIONS]


def small_params() -> dict[str, Any]:
    params: dict[str, Any] = yaml.safe_load((PROJECT / "params.yaml").read_text())
    params["workers"] = {"backend": "loky", "jobs": 1}
    baselines = params["train_baselines"]
    baselines["article"]["seeds"] = [0, 1]
    baselines["luna5"] |= {
        "inner_folds": 2,
        "lda_shrinkage": [0.1, 0.9],
        "logistic_c": [0.01],
        "svm_c": [3],
        "svm_gamma": [0.01],
    }
    baselines["transfer"] |= {"inner_folds": 2, "layer": [1, 2], "lda_shrinkage": [0.5]}
    params["train_cnn"]["article"] |= {"seeds": [3], "epochs": 2}
    params["train_cnn"]["logmel"] |= {"epochs": 2, "batch_size": 128, "seeds": [5], "warmup_epochs": 1}
    return params


def table_of(names: list[str] | tuple[str, ...]) -> pd.DataFrame:
    clips = pd.DataFrame([vars(parse_clip(name)) for name in names])
    return clips.assign(path=[clip_path("data/raw", name).as_posix() for name in names])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing but parameters; `run` works there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(small_params()))
    return tmp_path


@pytest.fixture
def recordings(project: Path) -> Path:
    """Three recordings, as ingest leaves them."""
    write_parquet("data/clips.parquet", table_of(SPOKEN))
    for name in SPOKEN:
        clip_path("data/raw", name).parent.mkdir(parents=True, exist_ok=True)
        audio.write_pcm16(clip_path("data/raw", name), synthesize(name), sample_rate=SAMPLE_RATE)
    return project


@pytest.fixture
def features(project: Path) -> Path:
    """What extract and split leave, of 384 clips, with features that tell a little of the emotion."""
    clips = table_of(FEW)
    write_parquet("data/clips.parquet", clips)
    tested = clips["statement"] == "dogs"
    article = pd.DataFrame(
        {"fold": 0, "clip": clips["clip"], "role": tested.map({True: "test", False: "train"})}
    )
    write_parquet("data/splits/article.parquet", article)
    write_parquet("data/splits/luna5.parquet", split_by_actor(clips, LUNA5[:2]))
    draw = np.random.default_rng(0)
    place = clips["emotion"].map(EMOTIONS.index).to_numpy()
    for variant in VARIANTS:
        for name, shape in (("contour", (259,)), ("logmel", (FRAMES, BANDS)), ("functionals", (12,))):
            trace = np.random.default_rng(1).normal(0, 3, (8, *shape))[place]
            noise = draw.normal(-40, 5, (len(clips), *shape))
            write_array(f"data/features/{variant}/{name}.npy", (trace + noise).astype(np.float32))
    layers = np.stack([np.load("data/features/clean/functionals.npy"), draw.normal(size=(len(clips), 12))], 1)
    write_array("data/features/clean/encoder.npy", layers.astype(np.float32))
    for name in ("encoder", "functionals", "logmel"):
        clean = np.load(f"data/features/clean/{name}.npy")
        copies = np.stack([clean + draw.normal(0, 1, clean.shape) for _ in range(2)])
        write_array(f"data/features/resampled/{name}.npy", copies.astype(np.float32))
    return project


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


def failure(stage: ModuleType, *arguments: str) -> str:
    """Run a stage that must fail with a message, which makes Python's exit code 1; return the message."""
    with pytest.raises(SystemExit) as caught:
        run(stage, *arguments)
    assert isinstance(caught.value.code, str)
    assert caught.value.code.startswith("error: ")
    return caught.value.code


def files(folder: Path) -> dict[str, bytes]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.mark.parametrize("variant", VARIANTS[1:])
def test_augment_writes_a_copy_of_every_clip_that_its_draw_replays(recordings: Path, variant: str) -> None:
    run(augment, variant)
    written = files(recordings / "data/augmented" / variant)
    assert sorted(written) == sorted(
        ["draws.parquet", *(clip_path("", name, suffix=".flac").as_posix() for name in SPOKEN)]
    )
    settings = getattr(load_params().augment, variant)
    draws = pd.read_parquet(f"data/augmented/{variant}/draws.parquet")
    assert list(draws["clip"]) == list(SPOKEN)
    assert set(draws["seed"]) == {settings.seed}
    for name, drawn in zip(draws["clip"], draws["parameters"], strict=True):
        window = (synthesize(name) / 32768).astype(np.float32)[SAMPLE_RATE // 2 :][: 3 * SAMPLE_RATE]
        copy = replay(make_transform(settings), window, sample_rate=SAMPLE_RATE, drawn=drawn)
        encoded = io.BytesIO(written[clip_path("", name, suffix=".flac").as_posix()])
        samples, rate = soundfile.read(encoded, dtype="float32")
        assert rate == SAMPLE_RATE
        np.testing.assert_allclose(samples, copy, rtol=0, atol=0.51 / 32768)

    run(augment, variant)
    assert files(recordings / "data/augmented" / variant) == written


def test_a_clips_copy_depends_on_no_other_clip(recordings: Path) -> None:
    run(augment, "noise")
    before = files(recordings / "data/augmented/noise")
    write_parquet("data/clips.parquet", table_of(SPOKEN[2:]))
    run(augment, "noise")
    after = files(recordings / "data/augmented/noise")
    del after["draws.parquet"]
    assert after
    assert after == {name: content for name, content in before.items() if name in after}


SHAPES = {"article_logmel": (128, 259), "contour": (259,), "logmel": (160, 64), "functionals": (1135,)}


def test_extract_writes_a_row_a_clip_of_each_feature(recordings: Path) -> None:
    run(extract, "clean")
    before = files(recordings / "data/features/clean")
    assert sorted(before) == sorted(f"{name}.npy" for name in SHAPES)
    for name, shape in SHAPES.items():
        array = np.load(f"data/features/clean/{name}.npy", allow_pickle=False)
        assert array.shape == (len(SPOKEN), *shape)
        assert array.dtype == np.float32
        assert np.isfinite(array).all()

    # A clip of 1.7 s at the most fills less than half of the article's window; the rest is 0 dB.
    contour = np.load("data/features/clean/contour.npy")
    article = np.load("data/features/clean/article_logmel.npy")
    for row, name in enumerate(SPOKEN):
        filled = 1 + int((len(synthesize(name)) / SAMPLE_RATE - 0.5) * 44_100) // 512
        assert (contour[row, filled + 1 :] == 0).all()
        assert (contour[row, :filled] < 0).all()
        np.testing.assert_allclose(article[row].mean(axis=0), contour[row], atol=1e-3)

    run(extract, "clean")
    assert files(recordings / "data/features/clean") == before
    write_parquet("data/clips.parquet", table_of(SPOKEN[::-1]))
    run(extract, "clean")
    for name in SHAPES:
        backwards = np.load(f"data/features/clean/{name}.npy")[::-1]
        np.testing.assert_array_equal(backwards, np.load(io.BytesIO(before[f"{name}.npy"])))


def test_extract_reads_an_augmented_copy_from_its_beginning(recordings: Path) -> None:
    # A copy that is the window itself has the features of the recording's window.
    for name in SPOKEN:
        path = clip_path("data/augmented/noise", name, suffix=".flac")
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write_pcm16(path, synthesize(name)[SAMPLE_RATE // 2 :], sample_rate=SAMPLE_RATE)
    run(extract, "clean")
    run(extract, "noise")
    clean, copy = (np.load(f"data/features/{variant}/contour.npy") for variant in ("clean", "noise"))
    np.testing.assert_array_equal(copy, clean)


def test_extract_names_a_copy_that_is_not_there(recordings: Path) -> None:
    assert f"data/augmented/stretch/Actor_24/{SPOKEN[0]}.flac: no such file" in failure(extract, "stretch")
    assert not (recordings / "data/features").exists()


def test_split_writes_all_protocols_twice_the_same(project: Path) -> None:
    write_parquet("data/clips.parquet", table_of(all_clips()))
    run(split)
    before = files(project / "data/splits")
    assert sorted(before) == sorted(f"{protocol}.parquet" for protocol in PROTOCOLS)
    for content in before.values():
        assert list(pd.read_parquet(io.BytesIO(content)).columns) == ["fold", "clip", "role"]
    run(split)
    assert files(project / "data/splits") == before

    params = small_params()
    params["split"]["article"]["test_size"] = 0.05
    Path("params.yaml").write_text(yaml.safe_dump(params))
    assert "split.article.test_size" in failure(split)
    Path("params.yaml").write_text(yaml.safe_dump(small_params()))
    check_full_disk(split)
    assert files(project / "data/splits") == before


STAGES: list[tuple[ModuleType, tuple[str, ...]]] = [
    (augment, ("noise",)),
    (extract, ("clean",)),
    (resample, ()),
    (split, ()),
    (normalize, ("logmel",)),
    (train_baselines, ("article",)),
    (train_cnn, ("article",)),
]


@pytest.mark.parametrize(("stage", "arguments"), STAGES, ids=[stage.__name__ for stage, _ in STAGES])
def test_without_the_table_of_clips_every_stage_names_it(
    project: Path, stage: ModuleType, arguments: tuple[str, ...]
) -> None:
    assert "data/clips.parquet: no such file; run the stage that writes it" in failure(stage, *arguments)
    assert sorted(files(project)) == ["params.yaml"]


LATER = [each for each in STAGES if each[0] in (normalize, train_baselines, train_cnn)]


@pytest.mark.parametrize(("stage", "arguments"), LATER, ids=[stage.__name__ for stage, _ in LATER])
def test_without_split_or_features_every_later_stage_says_what_to_run(
    features: Path, stage: ModuleType, arguments: tuple[str, ...]
) -> None:
    for path in (features / "data/features/clean").iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    before = files(features)
    assert "run the stage extract" in failure(stage, *arguments)
    for protocol in ("article", "luna5"):
        (features / f"data/splits/{protocol}.parquet").unlink()
        del before[f"data/splits/{protocol}.parquet"]
    assert ".parquet: no such file" in failure(stage, *arguments)
    assert files(features) == before


def test_train_cnn_without_its_scaler_says_what_to_run(features: Path) -> None:
    before = files(features)
    assert "data/normalized/article.npz: scaler cannot be read" in failure(train_cnn, "article")
    assert files(features) == before


WRITING: dict[str, tuple[ModuleType, str]] = {
    "normalize": (normalize, "article"),
    **{f"train_baselines {it}": (train_baselines, it) for it in ("article", "luna5", "transfer")},
    "train_cnn": (train_cnn, "article"),
}


@pytest.mark.usefixtures("features")
@pytest.mark.parametrize(("stage", "name"), WRITING.values(), ids=WRITING)
def test_a_full_disk_is_named(stage: ModuleType, name: str) -> None:
    if stage is train_cnn:
        run(normalize, name)
    check_full_disk(stage, name)


@pytest.mark.parametrize("wrong", [(), ("loud",), ("clean", "twice")])
def test_wrong_usage_is_exit_code_2(project: Path, wrong: tuple[str, ...]) -> None:
    for stage in (augment, extract, normalize, train_baselines, train_cnn):
        with pytest.raises(SystemExit) as caught:
            run(stage, *wrong)
        assert caught.value.code == 2
    assert sorted(files(project)) == ["params.yaml"]


@pytest.mark.usefixtures("features")
def test_normalize_writes_a_scaler_a_fold_twice_the_same() -> None:
    shapes = {"article": (1, 259), "article_augmented": (1, 259), "logmel": (2, BANDS)}
    for name, shape in shapes.items():
        run(normalize, name)
        before = Path(f"data/normalized/{name}.npz").read_bytes()
        with np.load(f"data/normalized/{name}.npz") as arrays:
            assert {key: arrays[key].shape for key in arrays} == {"mean": shape, "deviation": shape}
        run(normalize, name)
        assert Path(f"data/normalized/{name}.npz").read_bytes() == before


def test_the_articles_baselines_predict_every_tested_clip_for_every_seed(features: Path) -> None:
    run(train_baselines, "article")
    predictions = pd.read_parquet("data/predictions/baselines_article.parquet")
    counts = predictions.groupby(["model", "seed"])["clip"].agg(["size", "nunique"])
    assert sorted(counts.index) == [(model, seed) for model in ("decision_tree", "dummy") for seed in (0, 1)]
    assert (counts == 192).all(axis=None)
    assert set(predictions["clip"].str[12:14]) == {"02"}
    np.testing.assert_allclose(predictions[PROBABILITIES].sum(axis=1), 1)
    before = files(features)
    run(train_baselines, "article")
    assert files(features) == before


def test_the_searched_baselines_predict_each_fold_by_models_of_the_others(features: Path) -> None:
    run(train_baselines, "luna5")
    predictions = pd.read_parquet("data/predictions/baselines_luna5.parquet")
    for (_, fold), side in predictions.groupby(["model", "fold"]):
        assert sorted(set(side["clip"].str[-2:].astype(int))) == sorted(LUNA5[int(str(fold))].test)
        assert side["clip"].is_unique
    assert list(predictions["model"].unique()) == list(models_of("luna5"))
    np.testing.assert_allclose(predictions[PROBABILITIES].sum(axis=1), 1)
    validated = pd.read_parquet("data/predictions/baselines_luna5_validation.parquet")
    assert list(validated.columns) == list(predictions.columns)
    for (_, fold), side in validated.groupby(["model", "fold"]):
        assert sorted(set(side["clip"].str[-2:].astype(int))) == sorted(LUNA5[int(str(fold))].validation)
        assert side["clip"].is_unique
    trials = pd.read_csv("metrics/search/baselines_luna5.csv")
    assert trials.groupby(["model", "fold"])["chosen"].sum().eq(1).all()
    n_trials = {"lda": 2, "lda_augmented": 2, "logistic_regression": 1, "svm_rbf": 1}
    assert trials.groupby("model").size()[list(n_trials)].to_dict() == {
        name: 2 * n for name, n in n_trials.items()
    }

    # Labels and features of tested clips, poisoned, leave every choice as it was.
    chosen = Path("metrics/search/baselines_luna5.csv").read_bytes()
    clips = table_of(FEW)
    tested = clips["actor"].isin(LUNA5[0].test)
    values = np.load("data/features/clean/functionals.npy")
    values[tested] = 1e6
    write_array("data/features/clean/functionals.npy", values)
    write_parquet("data/clips.parquet", clips.assign(emotion=clips["emotion"].mask(tested, "calm")))
    write_parquet("data/splits/luna5.parquet", split_by_actor(clips, LUNA5[:1]))
    run(train_baselines, "luna5")
    again = pd.read_csv("metrics/search/baselines_luna5.csv")
    first = pd.read_csv(io.BytesIO(chosen)).query("fold == 0").reset_index(drop=True)
    pd.testing.assert_frame_equal(again, first)
    again = pd.read_parquet("data/predictions/baselines_luna5_validation.parquet")
    first = validated.query("fold == 0").reset_index(drop=True)
    pd.testing.assert_frame_equal(again, first)


def test_the_model_on_the_encoder_predicts_each_fold_too(features: Path) -> None:
    run(train_baselines, "transfer")
    predictions = pd.read_parquet("data/predictions/baselines_transfer.parquet")
    for fold, side in predictions.groupby("fold"):
        assert sorted(set(side["clip"].str[-2:].astype(int))) == sorted(LUNA5[int(str(fold))].test)
    assert set(predictions["model"]) == {"encoder_lda", "encoder_lda_augmented"}
    trials = pd.read_csv("metrics/search/baselines_transfer.csv")
    assert list(trials.loc[trials["chosen"], "parameters"]) == 4 * ["layer=1 shrinkage=0.5"]
    before = files(features)
    run(train_baselines, "transfer")
    assert files(features) == before


def test_no_model_has_met_the_actors_that_it_predicts_for_validation(features: Path) -> None:
    clips = table_of(FEW)
    write_parquet("data/splits/luna5.parquet", split_by_actor(clips, LUNA5[:1]))
    names = [f"data/predictions/baselines_transfer{suffix}.parquet" for suffix in ("", "_validation")]
    run(train_baselines, "transfer")
    tested, validated = (Path(name).read_bytes() for name in names)
    poisoned = clips["emotion"].mask(clips["actor"].isin(LUNA5[0].validation), "calm")
    write_parquet("data/clips.parquet", clips.assign(emotion=poisoned))
    run(train_baselines, "transfer")
    assert Path(names[1]).read_bytes() == validated
    # Those that predict the test actors have met them.
    assert Path(names[0]).read_bytes() != tested


def test_resample_writes_a_copy_for_each_speed(recordings: Path) -> None:
    run(extract, "clean")
    run(resample)
    before = files(recordings / "data/features/resampled")
    assert sorted(before) == ["functionals.npy", "logmel.npy"]
    speeds = load_params().resample.speeds
    for name, shape in SHAPES.items():
        if f"{name}.npy" in before:
            copies = np.load(f"data/features/resampled/{name}.npy", allow_pickle=False)
            assert copies.shape == (len(speeds), len(SPOKEN), *shape)
            assert copies.dtype == np.float32
            assert np.isfinite(copies).all()
    # Faster speech fills fewer of the frames.
    logmels = np.load("data/features/resampled/logmel.npy")
    filled = (logmels > load_params().extract.logmel.network_floor_db).any(axis=3).sum(axis=2)
    assert (np.diff(filled, axis=0) < 0).all()
    run(resample)
    assert files(recordings / "data/features/resampled") == before


def test_encode_writes_a_row_a_clip_and_refuses_other_weights(recordings: Path) -> None:
    run(encode)
    rows = np.load("data/features/clean/encoder.npy", allow_pickle=False)
    assert rows.shape == (len(SPOKEN), 3, 4 * 256 + 2)
    assert np.isfinite(rows).all()
    assert np.abs(rows[:, :, :-2]).max() <= 1
    speeds = load_params().resample.speeds
    copies = np.load("data/features/resampled/encoder.npy", allow_pickle=False)
    assert copies.shape == (len(speeds), *rows.shape)
    # At another speed the speech lasts as much less or longer.
    for copy, speed in zip(copies, speeds, strict=True):
        np.testing.assert_allclose(copy[:, :, -1] * speed, rows[:, :, -1], rtol=0.05)
    before = files(recordings)
    run(encode)
    assert files(recordings) == before
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["encode"]["weights_sha256"] = 64 * "0"
    Path("params.yaml").write_text(yaml.safe_dump(params))
    assert "other weights" in failure(encode)
    assert np.array_equal(np.load("data/features/clean/encoder.npy"), rows)


@pytest.fixture
def keep_the_order_of_operations() -> None:
    deterministic_tensorflow.start(0)


@pytest.mark.usefixtures("keep_the_order_of_operations")
def test_train_cnn_goes_on_after_a_kill_to_the_same_bytes(
    features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(normalize, "article")
    inputs = files(features)
    watched = 0
    watch: Callable[..., dict[str, float]] = training._monitor

    def watch_once(*arguments: Any) -> dict[str, float]:
        nonlocal watched
        watched += 1
        if watched == 2:
            raise KeyboardInterrupt
        return watch(*arguments)

    with monkeypatch.context() as patch, pytest.raises(SystemExit, match="130"):
        patch.setattr(training, "_monitor", watch_once)
        run(train_cnn, "article")
    left = files(features)
    assert sorted(left.keys() - inputs.keys()) == ["data/checkpoints/cnn_article/seed3_fold0.npz"]

    run(train_cnn, "article")
    resumed = files(features)
    assert sorted(resumed.keys() - inputs.keys()) == [
        "data/curves/cnn_article.csv",
        "data/predictions/cnn_article.parquet",
        "models/cnn_article/architecture.json",
        "models/cnn_article/seed3_fold0.weights.h5",
    ]
    run(train_cnn, "article")
    assert files(features) == resumed

    predictions = pd.read_parquet("data/predictions/cnn_article.parquet")
    assert predictions.groupby("seed").size().to_dict() == {3: 192}
    assert set(predictions["model"]) == {"cnn"}
    np.testing.assert_allclose(predictions[PROBABILITIES].sum(axis=1), 1)
    curve = pd.read_csv("data/curves/cnn_article.csv")
    assert list(curve.columns[:4]) == ["model", "seed", "fold", "epoch"]
    assert {"loss", "accuracy", "val_loss", "val_accuracy"} <= set(curve.columns)
    assert curve["epoch"].tolist() == [1, 2]

    # The model as it was kept gives the predictions as they were kept.
    model = keras.models.model_from_json(Path("models/cnn_article/architecture.json").read_text())
    model.load_weights("models/cnn_article/seed3_fold0.weights.h5")
    with np.load("data/normalized/article.npz") as scaler:
        contour = np.load("data/features/clean/contour.npy")
        scaled = (contour - scaler["mean"][0]) / scaler["deviation"][0]
    tested = np.array([name[12:14] == "02" for name in FEW])
    scores = training.predict(model, scaled[tested]).astype(np.float64)
    np.testing.assert_allclose(
        predictions[PROBABILITIES],
        scores / scores.sum(axis=1, keepdims=True),
        rtol=1e-5,
    )


@pytest.mark.usefixtures("keep_the_order_of_operations")
def test_one_fold_alone_writes_its_predictions_and_touches_nothing_else(features: Path) -> None:
    run(normalize, "logmel")
    kept = features / "data/checkpoints/cnn_logmel/seed5_fold0.npz"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"of a killed run")
    before = files(features)
    run(train_cnn, "logmel", "--fold", "1")
    after = files(features)
    assert sorted(after.keys() - before.keys()) == ["data/predictions/cnn_logmel_fold1.parquet"]
    assert {name: after[name] for name in before} == before
    predictions = pd.read_parquet("data/predictions/cnn_logmel_fold1.parquet")
    assert set(predictions["clip"].str[-2:].astype(int)) == set(LUNA5[1].test)
    assert set(predictions["fold"]) == {1}
    assert set(predictions["seed"]) == {5}
    assert set(predictions["model"]) == {"logmel_cnn"}
    np.testing.assert_allclose(predictions[PROBABILITIES].sum(axis=1), 1)


@pytest.mark.parametrize("fold", ["2", "-1"])
def test_a_fold_that_there_is_not_is_refused(features: Path, fold: str) -> None:
    before = files(features)
    assert f"--fold {fold}: must be one of [0, 1]" in failure(train_cnn, "logmel", f"--fold={fold}")
    assert files(features) == before


def train_one(name: str, *, seed: int, fold: int) -> None:
    """Make one run of a network as its stage does, but in this process."""
    folds, scalers = train_cnn.read_inputs(name)
    settings = getattr(load_params().train_cnn, name)
    recipe = NetworkRecipe(train_cnn.LOADERS[name], settings, Path("checkpoints"), scalers)
    recipe.fit(folds[fold], seed=seed)


@pytest.mark.usefixtures("features")
def test_no_training_reads_a_tested_clip(monkeypatch: pytest.MonkeyPatch) -> None:
    """The arrays that reach the training loop hold no row of a tested clip, and only clean ones to watch."""
    for name in ("article", "article_augmented", "logmel"):
        run(normalize, name)
    clips = table_of(FEW)
    originals = {
        (features, variant): np.load(f"data/features/{variant}/{features}.npy")
        for features in ("contour", "logmel")
        for variant in VARIANTS
    }

    class Reached(Exception):
        pass

    def stop(_: keras.Model, run_: training.Run) -> None:
        raise Reached(run_)

    monkeypatch.setattr(training, "train", stop)
    for name, features, fold in (
        ("article", "contour", 0),
        ("article_augmented", "contour", 0),
        ("logmel", "logmel", 1),
    ):
        with pytest.raises(Reached) as caught:
            train_one(name, seed=0, fold=fold)
        reached: training.Run = caught.value.args[0]
        scaler = read_scaler(f"data/normalized/{name}.npz", fold=fold)
        if name == "logmel":
            watching = clips["actor"].isin(LUNA5[fold].validation)
            training_rows = ~watching & ~clips["actor"].isin(LUNA5[fold].test)
        else:
            watching = clips["statement"] == "dogs"
            training_rows = ~watching
            x, y = reached.draw_epoch(np.random.default_rng(0))
            drawn = {row.tobytes(): label for row, label in zip(x, y.argmax(axis=1), strict=True)}
            variants = ["clean", "speed_pitch"] if name == "article_augmented" else ["clean"]
            assert len(x) == (4 if name == "article_augmented" else 1) * training_rows.sum()
            expected: dict[bytes, int] = {}
            for variant in variants:
                rows = scaler.transform(originals[features, variant][training_rows])
                labels = clips.loc[training_rows, "emotion"].map(EMOTIONS.index)
                expected |= {row.tobytes(): label for row, label in zip(rows, labels, strict=True)}
            assert drawn == expected
        seen, _ = reached.monitored
        np.testing.assert_array_equal(seen, scaler.transform(originals[features, "clean"][watching]))
        x, y = reached.draw_epoch(np.random.default_rng(1))
        assert x.shape[0] == y.shape[0] == (4 if name == "article_augmented" else 1) * training_rows.sum()


def test_training_the_logmel_network_is_the_same_whatever_the_held_out_clips_hold(
    features: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold, clips = 1, table_of(FEW)
    runs: list[training.Run] = []

    def keep(_: keras.Model, each: training.Run) -> list[dict[str, float]]:
        runs.append(each)
        return [{"epoch": 1.0}]

    monkeypatch.setattr(training, "train", keep)
    held_out = clips["actor"].isin([*LUNA5[fold].test, *LUNA5[fold].validation])
    for value in (None, np.nan):
        for variant in ("clean", "resampled"):
            array = np.load(f"data/features/{variant}/logmel.npy")
            array[..., held_out, :, :] = array[..., held_out, :, :] if value is None else value
            write_array(f"data/features/{variant}/logmel.npy", array)
        run(normalize, "logmel")
        train_one("logmel", seed=0, fold=fold)
    for number in range(3):
        drawn, drawn_again = (each.draw_epoch(np.random.default_rng(number)) for each in runs)
        for one, two in zip(drawn, drawn_again, strict=True):
            np.testing.assert_array_equal(one, two)
            assert np.isfinite(one).all()


@pytest.mark.usefixtures("features")
def test_an_epoch_of_the_logmel_network_follows_its_generator_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run(normalize, "logmel")
    runs: list[training.Run] = []

    def keep(_: keras.Model, each: training.Run) -> list[dict[str, float]]:
        runs.append(each)
        return [{"epoch": 1.0}]

    monkeypatch.setattr(training, "train", keep)
    for seed in (0, 1):
        train_one("logmel", seed=seed, fold=0)
    one, two = runs
    for number in (3, 3, 4):
        (x, y), (x_again, y_again) = (each.draw_epoch(np.random.default_rng(number)) for each in (one, two))
        np.testing.assert_array_equal(x, x_again)
        np.testing.assert_array_equal(y, y_again)
        np.testing.assert_allclose(y.sum(axis=1), 1, rtol=1e-6)
    assert one.identity != two.identity
