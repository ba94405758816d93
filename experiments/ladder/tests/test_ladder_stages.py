"""The stages of the leakage ablation on a tiny corpus: from features to tables, metrics and figures."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import cnn_runs  # isort: split

import json
import shutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from full_disk import check_full_disk
from params_files import read_params, write_params
from sklearn.metrics import recall_score

import experiments.ladder.recipes
from experiments.ladder import draw, evaluate, fit_classical, pad_with_silence, train_contour, train_logmel
from experiments.ladder.classical import FEATURES, model_and_grid
from experiments.ladder.networks import NetworkByEpoch
from experiments.ladder.params import LadderParams
from experiments.ladder.recipes import BY_ACTORS, CLIPS, RECIPES, STEPS, VARIANTS, Sizes, make_fold
from experiments.ladder.runs import CANDIDATES, Run
from experiments.ladder.scores import LEAKS, LONG_STEPS, with_labels
from ser.data.fold import Array
from ser.data.protocols import LUNA5
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.features.logmel import CONTOUR_PADDING_DB
from ser.files import write_array, write_parquet
from ser.models.article_cnn import NETWORKS
from ser.params import load
from stages import command

PROJECT = Path(__file__).parents[3]
FEW = [name for name in all_clips() if name[12:17] in ("01-01", "02-01") and name[9:11] == "01"]
LENGTH, FOLDS = 90, 2


def small_params() -> dict[str, Any]:
    params = read_params()
    params["workers"] = {"backend": "loky", "jobs": 1}
    params["split"] = {"article": {"test_size": 0.5, "random_state": 0}}
    network: dict[str, Any] = {
        "kernel_size": 3,
        "dropout": 0.2,
        "output": "softmax",
        "learning_rate": 0.003,
        "decay": 0,
    }
    params["experiments/ladder"] = {
        "validation_clips": 16,
        "contour": {
            "network": {"seeds": [0, 3], "batch_size": 96, "epochs": 2, **network},
            "seeds_beside": [3],
            "folds_beside": [1],
        },
        "contour_long": {"epochs": 3, "splits": [0], "seeds": [0], "folds": [0, 1]},
        "logmel": {"epochs": 2, "splits": [1], "seeds": [0], "folds": [1]},
        "classical": {
            "splits": [0, 1],
            "inner_folds": 2,
            "encoder_layer": 2,
            "lda_shrinkage": [0.2, 0.8],
            "svm_c": [1],
            "svm_gamma": [0.001, 0.1],
        },
        "copies": {"splits": [1], "lda_shrinkage": 0.5, "svm_c": 3, "svm_gamma": 0.01},
        "neighbour": {"splits": [1]},
    }
    return params


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What extract, resample and encode leave, of 384 clips; their features tell a little of the emotion."""
    folder = tmp_path_factory.mktemp("ladder")
    write_params(small_params(), folder)
    clips = pd.DataFrame([vars(parse_clip(name)) for name in FEW])
    sums = [str(max(place, 1)) for place in range(len(clips))]
    write_parquet(folder / "data/clips.parquet", clips.assign(sha256=sums))
    draw = np.random.default_rng(0)
    place = clips["emotion"].map(EMOTIONS.index).to_numpy()

    def features(*shape: int) -> Array:
        trace = np.random.default_rng(1).normal(0, 4, (8, *shape))[place]
        return np.asarray(trace + draw.normal(-40, 5, (len(clips), *shape)), dtype=np.float32)

    for variant in VARIANTS:
        logmel = features(6, LENGTH)
        logmel[::5, :, -12:] = CONTOUR_PADDING_DB
        write_array(folder / f"data/features/{variant}/article_logmel.npy", logmel)
        write_array(folder / f"data/features/{variant}/contour.npy", logmel.mean(axis=1))
    write_array(folder / "data/features/clean/logmel.npy", features(24, 16))
    write_array(folder / "data/features/resampled/logmel.npy", np.stack([features(24, 16)] * 2))
    write_array(folder / "data/features/clean/functionals.npy", features(12))
    write_array(folder / "data/features/clean/encoder.npy", features(3, 12))
    write_array(folder / "data/features/resampled/functionals.npy", np.stack([features(12)] * 2))
    write_array(folder / "data/features/resampled/encoder.npy", np.stack([features(3, 12)] * 2))
    return folder


@pytest.fixture(autouse=True)
def here(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setattr(experiments.ladder.recipes, "LUNA5", LUNA5[:FOLDS])


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


@pytest.fixture(scope="module")
def done() -> set[tuple[str, ...]]:
    return set()


def once(done: set[tuple[str, ...]], stage: ModuleType, *arguments: str) -> None:
    if (stage.__name__, *arguments) not in done:
        run(stage, *arguments)
        done.add((stage.__name__, *arguments))


def recalls(rows: pd.DataFrame) -> float:
    return float(recall_score(rows["emotion"], rows["predicted"], average="macro"))


def test_silence_replaces_padding_alone(done: set[tuple[str, ...]]) -> None:
    once(done, pad_with_silence)
    silent = np.load("data/ladder/contour_silence.npy")
    for variant, copy in zip(VARIANTS, silent, strict=True):
        contour = np.load(f"data/features/{variant}/contour.npy")
        logmel = np.load(f"data/features/{variant}/article_logmel.npy")
        changed = copy != contour
        assert changed[::5, -12:].all()
        assert changed.sum() == changed[::5, -12:].sum()
        floor = np.where(logmel == 0, -np.inf, logmel).max(axis=(1, 2)) - 80
        np.testing.assert_allclose(copy[::5, -1], floor[::5])


def test_the_articles_network_is_trained_at_every_step(done: set[tuple[str, ...]]) -> None:
    once(done, pad_with_silence)
    once(done, train_contour, "contour")
    table = pd.read_parquet("data/ladder/contour_cnn.parquet")
    assert list(table.columns) == list(CANDIDATES)
    runs = set(table[["recipe", "seed", "fold"]].drop_duplicates().itertuples(index=False, name=None))
    at_random = {(name, seed, 0) for name in list(STEPS)[:5] for seed in (0, 3)}
    by_actors = {("speakers", seed, fold) for seed in (0, 3) for fold in range(FOLDS)}
    beside = {(name, 3, 1) for name in ("permuted", "scaled_on_all", "scaled_by_speaker")}
    assert runs == at_random | by_actors | beside
    assert set(table["candidate"]) == {0, 1}
    clips = pd.read_parquet("data/clips.parquet")
    rows = with_labels(table, clips)
    for (recipe, *_), tested in rows.groupby(["recipe", "seed", "fold", "candidate"]):
        if RECIPES[str(recipe)].monitored == "test":
            # The curve and the kept predictions are of the same epoch, else one of them is late.
            assert tested["watched_uar"].iloc[0] == pytest.approx(recalls(tested))
    assert (table[table["recipe"] == "augment_first"]["clip"].value_counts() > 4).any()


def test_predicting_the_test_clips_after_every_epoch_does_not_change_what_is_learned(tmp_path: Path) -> None:
    settings = load("experiments/ladder/params.yaml", LadderParams).contour.network
    recipe = STEPS["split_first"]
    clips = pd.read_parquet("data/clips.parquet", columns=list(CLIPS))
    copies = train_contour.read(recipe)
    fold, scaler = make_fold(recipe, clips, copies, axes=(0,), seed=2, number=0, sizes=Sizes(0.5))
    model = NetworkByEpoch(train_contour.network, train_contour.read, settings)
    by_epoch = model.fit(Run("contour_cnn", "split_first", 2, 0), fold, scaler)
    fitted = cnn_runs.fit(
        NETWORKS["article"],
        settings,
        cnn_runs.training_data(fold, NETWORKS["article"]),
        seed=2,
        name="plain",
        checkpoint=tmp_path / "checkpoint.npz",
    )
    assert by_epoch.monitored_uar == fitted.log["val_uar"].tolist()
    assert by_epoch.predicted.shape == (2, len(fold.test))
    last = fitted.predict(fold.recordings(fold.test)).argmax(axis=1)
    np.testing.assert_array_equal(by_epoch.predicted[-1], last)


def test_the_logmel_network_runs_what_it_has_time_for(done: set[tuple[str, ...]]) -> None:
    once(done, train_logmel)
    table = pd.read_parquet("data/ladder/logmel_cnn.parquet")
    runs = set(table[["recipe", "seed", "fold"]].drop_duplicates().itertuples(index=False, name=None))
    assert runs == {("own_validation", 1, 0), *((name, 0, 1) for name in BY_ACTORS)}
    assert set(table["name"]) == {"epoch=1", "epoch=2"}


def test_the_classical_models_run_every_recipe(done: set[tuple[str, ...]]) -> None:
    once(done, fit_classical, "classical")
    table = pd.read_parquet("data/ladder/classical.parquet")
    assert set(table["model"]) == set(FEATURES)
    runs = set(table[["recipe", "seed", "fold"]].drop_duplicates().itertuples(index=False, name=None))
    at_random = {(name, seed, 0) for name in ("own_validation", "without_twins") for seed in (0, 1)}
    assert runs == at_random | {(name, 0, fold) for name in BY_ACTORS for fold in range(FOLDS)}
    points = table.groupby("model")["name"].unique()
    assert points["encoder_lda"].tolist() == ["shrinkage=0.2", "shrinkage=0.8"]
    assert points["svm_rbf"].tolist() == ["C=1 gamma=0.001", "C=1 gamma=0.1"]
    honest = with_labels(table, pd.read_parquet("data/clips.parquet"))
    honest = honest[(honest["recipe"] == "speakers") & (honest["name"] == "shrinkage=0.8")]
    permuted = table[(table["recipe"] == "permuted") & (table["name"] == "shrinkage=0.8")]
    assert recalls(honest) > 0.5 > recalls(with_labels(permuted, pd.read_parquet("data/clips.parquet")))


def test_an_unknown_classical_model_is_refused() -> None:
    with pytest.raises(ValueError, match="name must be one of"):
        model_and_grid("tree", load("experiments/ladder/params.yaml", LadderParams).classical)


def test_the_results_hold_every_step_and_leak_and_are_the_same_twice(done: set[tuple[str, ...]]) -> None:
    once(done, pad_with_silence)
    once(done, train_contour, "contour")
    once(done, train_logmel)
    once(done, fit_classical, "classical")
    written = []
    for _ in range(2):
        run(evaluate, "ladder")
        written.append(Path("metrics/ladder.json").read_bytes())
    assert written[0] == written[1]
    check_full_disk(pad_with_silence)
    check_full_disk(evaluate, "ladder")
    results = json.loads(written[0])
    assert [step["recipe"] for step in results["rungs"]] == list(STEPS)
    found = {(leak["model"], leak["leak"]) for leak in results["leaks"]}
    of_all = {"random_split", "chosen_on_test", "scaling_by_speaker", "permuted_labels"}
    assert {("logmel_cnn", leak) for leak in of_all} <= found
    assert {("contour_cnn", leak) for leak in of_all | {"scaling_on_all"}} <= found
    assert {(model, leak) for model in FEATURES for leak in LEAKS} <= found
    assert {pair["model"] for pair in results["byte_identical_pair"]} == {
        "contour_cnn",
        "logmel_cnn",
        *FEATURES,
    }


def test_three_steps_are_trained_for_longer_and_scored_after_every_epoch(done: set[tuple[str, ...]]) -> None:
    once(done, pad_with_silence)
    once(done, train_contour, "contour_long")
    once(done, fit_classical, "copies")
    check_full_disk(evaluate, "ladder_long")
    run(evaluate, "ladder_long")
    results = json.loads(Path("metrics/ladder_long.json").read_text())
    assert {model: len(steps[0]["by_epoch"]) for model, steps in results.items()} == {
        "contour_cnn": 3,
        "encoder_lda": 1,
        "svm_rbf": 1,
    }
    tables = [pd.read_parquet(f"data/ladder/{name}.parquet") for name in ("contour_long", "copies")]
    rows = with_labels(pd.concat(tables), pd.read_parquet("data/clips.parquet"))
    for model, steps in results.items():
        assert [step["recipe"] for step in steps] == list(LONG_STEPS)
        for step in steps:
            tested = rows[(rows["model"] == model) & (rows["recipe"] == step["recipe"])]
            uars = [recalls(epoch) for _, epoch in tested.groupby("candidate")]
            np.testing.assert_allclose(step["by_epoch"], uars, atol=1e-4)
            assert step["uar"] == step["by_epoch"][-1]
            assert step["tested_clips"] == len(tested) / len(uars)
    copies = rows[(rows["model"] == "svm_rbf") & (rows["recipe"] == "augment_first")]
    assert copies["clip"].value_counts().max() > 1


@pytest.mark.parametrize("missing", ["ladder", "ladder_long"])
def test_figures_without_metrics_say_what_is_missing(
    missing: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(PROJECT / "metrics", "metrics")
    Path(f"metrics/{missing}.json").unlink()
    with pytest.raises(SystemExit, match=rf"metrics/{missing}\.json: cannot be read \(No such file"):
        run(draw)


def test_figures_are_drawn_from_metrics_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(PROJECT / "metrics", "metrics")
    shutil.copy(PROJECT / "params.yaml", "params.yaml")
    check_full_disk(draw)
    drawn = []
    for _ in range(2):
        run(draw)
        drawn.append({path.as_posix(): path.read_bytes() for path in sorted(Path("figures").rglob("*.png"))})
    assert drawn[0] == drawn[1]
    names = ["ladder/ladder", "ladder/leaks", "ladder_long/by_epoch"]
    assert list(drawn[0]) == [f"figures/{name}.png" for name in names]
