"""The final models on other folds: whom each training sees, what is tested, and what is made of it."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from dvc.repo import Repo
from full_disk import check_full_disk
from params_files import read_params, write_params

from experiments.protocols import evaluate as evaluate_protocol
from experiments.protocols import train_baselines as train_protocol_baselines
from experiments.protocols import train_cnn as train_protocol_cnn
from experiments.protocols.params import ProtocolsParams
from ser.data.fold import Array, folds
from ser.data.predictions import COLUMNS, PROBABILITIES, SPLIT, check_predictions
from ser.data.protocols import EMOBOX6, LOSO, SPEAKER_INDEPENDENT, split_at_random, split_by_actor
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.data.scaling import Scaler
from ser.files import read_table, write_array, write_parquet
from ser.models.cnn_runs import training_data
from ser.models.logmel_cnn import NETWORKS
from ser.models.network_inputs import INPUTS
from stages import command
from stages.inputs import read_features, read_split
from tools.result_tables.protocols import EMOBOX_UAR, TITLES, by_protocol

PROJECT = Path(__file__).parents[3]
# Two clips an emotion of every actor.
FEW = [name for name in all_clips() if name[12:17] in ("01-01", "02-01") and name[9:11] == "01"]
SPEEDS = 2
FEATURES = {"functionals": (12,), "encoder": (3, 12), "logmel": (24, 16)}
TRAINING_STAGES = {"baselines": train_protocol_baselines, "cnn": train_protocol_cnn}
Mask = npt.NDArray[np.bool_]
MODELS = {"lda_augmented", "encoder_lda_augmented", "logmel_cnn", "fused_scratch", "fused_transfer"}


def small_params() -> dict[str, Any]:
    params = read_params()
    params["workers"]["jobs"] = 1
    params["train_cnn"]["logmel"] |= {"batch_size": 64, "epochs": 1, "warmup_epochs": 0}
    params["train_cnn"]["logmel"] |= {"time_mask_frames": 2, "frequency_mask_bands": 2}
    params["train_baselines"]["luna5"]["lda_shrinkage"] = [0.2, 0.8]
    params["train_baselines"]["transfer"] |= {"lda_shrinkage": [0.5], "layer": [1, 3]}
    params["experiments/protocols"] = {
        "emobox6": {"seeds": [0], "inner_folds": 2},
        "loso": {"seeds": [0], "inner_folds": 3},
        "article": {"seeds": [0, 4], "inner_folds": 2},
    }
    params["evaluate"]["bootstrap_samples"] = 100
    return params


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What split, extract, resample and encode leave, the features telling a little of the emotion.

    Of the protocols by actors only the first fold or two is there.
    """
    monkeypatch.chdir(tmp_path)
    write_params(small_params())
    clips = pd.DataFrame([vars(parse_clip(name)) for name in FEW])
    write_parquet("data/clips.parquet", clips)
    write_parquet("data/splits/emobox6.parquet", split_by_actor(clips, EMOBOX6[:1]))
    write_parquet("data/splits/loso.parquet", split_by_actor(clips, LOSO[:2]))
    write_parquet("data/splits/article.parquet", split_at_random(clips, test_size=0.5, random_state=0))
    draw = np.random.default_rng(0)
    place = clips["emotion"].map(EMOTIONS.index).to_numpy()
    for name, shape in FEATURES.items():
        trace = draw.normal(0, 4, (len(EMOTIONS), *shape))[place]
        clean, *copies = (noisy(trace, draw) for _ in range(1 + SPEEDS))
        write_array(f"data/features/clean/{name}.npy", clean)
        write_array(f"data/features/resampled/{name}.npy", np.stack(copies))
    return tmp_path


def noisy(trace: Array, draw: np.random.Generator) -> Array:
    return np.asarray(trace + draw.normal(-40, 5, trace.shape), dtype=np.float32)


def run(stage: ModuleType, *arguments: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)


def predicted(protocol: str, models: str) -> pd.DataFrame:
    run(TRAINING_STAGES[models], protocol)
    return read_table(f"data/protocols/{protocol}/{models}.parquet", COLUMNS)


def rows_that_are_tested(protocol: str) -> Mask:
    """Whether each clip of the table is tested in fold 0."""
    clips, split = read_split(protocol)
    tested = split.loc[(split["fold"] == 0) & (split["role"] == "test"), "clip"]
    return clips["clip"].isin(tested).to_numpy(dtype=bool)


def overwrite(name: str, rows: npt.NDArray[Any], value: float, *, variants: tuple[str, ...]) -> None:
    for variant in variants:
        path = f"data/features/{variant}/{name}.npy"
        array = np.load(path)
        array[..., rows, *(slice(None) for _ in FEATURES[name])] = value
        write_array(path, array)


@pytest.mark.parametrize("models", ["baselines", "cnn"])
@pytest.mark.parametrize("protocol", ["emobox6", "article"])
def test_no_tested_clip_takes_part_in_training(project: Path, protocol: str, models: str) -> None:
    """Copies of tested clips are NaN, half of the tested clips far off: the others' predictions stay."""
    before = predicted(protocol, models)
    tested = rows_that_are_tested(protocol)
    far_off = np.flatnonzero(tested)[::2]
    for name in FEATURES:
        overwrite(name, tested, np.nan, variants=("resampled",))
        overwrite(name, far_off, 900.0, variants=("clean",))
    after = predicted(protocol, models)
    changed = before["clip"].isin(np.array(FEW)[far_off])
    assert 0 < changed.sum() < len(before)
    pd.testing.assert_frame_equal(after[~changed], before[~changed], check_exact=True)
    columns = list(PROBABILITIES)
    assert np.isfinite(after[columns].to_numpy()).all()
    assert not np.allclose(after.loc[changed, columns], before.loc[changed, columns])


def test_a_training_clip_does_take_part(project: Path) -> None:
    """Without this, the test above could be of features that nobody reads."""
    before = predicted("emobox6", "baselines")
    clips = pd.read_parquet("data/clips.parquet")
    one = ~rows_that_are_tested("emobox6") & (clips["emotion"] == "sad").to_numpy()
    for name in ("functionals", "encoder"):
        overwrite(name, one, -20.0, variants=("resampled",))
    after = predicted("emobox6", "baselines")
    for model in ("lda_augmented", "encoder_lda_augmented"):
        rows = before["model"] == model
        columns = list(PROBABILITIES)
        assert not np.allclose(after.loc[rows, columns], before.loc[rows, columns])


@pytest.mark.parametrize("protocol", list(ProtocolsParams.model_fields))
def test_the_network_is_trained_on_training_clips_alone_and_monitored_by_them(
    project: Path, protocol: str
) -> None:
    clips, split = read_split(protocol)
    wanted = INPUTS["logmel"]
    tested = rows_that_are_tested(protocol)
    overwrite("logmel", tested, np.nan, variants=("clean", "resampled"))
    copies = read_features("logmel", list(wanted.copies))
    sides = training_data(next(folds(clips, split, copies)), NETWORKS["logmel"])
    assert sides.copies == len(copies) == 1 + SPEEDS
    untested = set(np.array(FEW)[~tested])
    assert sorted(sides.training.clips) == sorted([*untested] * sides.copies)
    assert set(sides.monitored.clips) <= untested
    assert len(sides.monitored.clips) == len(set(sides.monitored.clips)) == 64
    for array in (sides.training.x, sides.monitored.x, sides.scaler.mean, sides.scaler.deviation):
        assert np.isfinite(array).all()
    expected = Scaler.fit(np.concatenate([copy[~tested] for copy in copies]), axes=(0, 1))
    np.testing.assert_array_equal(sides.scaler.mean, expected.mean)
    # The monitored clips are as they were recorded.
    row = FEW.index(sides.monitored.clips[0])
    np.testing.assert_array_equal(sides.monitored.x[0], copies[0][row])


def test_few_training_clips_are_monitored_once_each(project: Path) -> None:
    clips, split = read_split("emobox6")
    split.loc[~split["clip"].isin(FEW[:30]) & (split["role"] == "train"), "role"] = "validation"
    fold = next(folds(clips, split, read_features("logmel", ["clean", "resampled"])))
    sides = training_data(replace(fold, validation=fold.validation[:0]), NETWORKS["logmel"])
    assert len(set(sides.monitored.clips)) == len(sides.monitored.clips) == len(sides.training.x) / 3 < 64


@pytest.fixture
def with_results(project: Path) -> Iterator[Path]:
    """Predictions under every protocol that are drawn rather than made by a model."""
    draw = np.random.default_rng(1)
    params = small_params()
    for protocol in ProtocolsParams.model_fields:
        split = pd.read_parquet(f"data/splits/{protocol}.parquet")
        tested = split[split["role"] == "test"]
        seeds = params["experiments/protocols"][protocol]["seeds"]
        runs = [("lda_augmented", 0, "baselines"), ("encoder_lda_augmented", 0, "baselines")]
        runs += [("logmel_cnn", seed, "cnn") for seed in seeds]
        tables: dict[str, list[pd.DataFrame]] = {"baselines": [], "cnn": []}
        for model, seed, file in runs:
            table = tested[["fold", "clip"]].assign(protocol=protocol, model=model, seed=seed)
            table[list(PROBABILITIES)] = draw.dirichlet(np.ones(len(EMOTIONS)), len(table))
            tables[file].append(table[list(COLUMNS)])
        for file, parts in tables.items():
            write_parquet(f"data/protocols/{protocol}/{file}.parquet", pd.concat(parts, ignore_index=True))
    yield project


def test_every_model_is_scored_under_its_own_protocol(with_results: Path) -> None:
    for protocol in ProtocolsParams.model_fields:
        run(evaluate_protocol, protocol)
        content = json.loads(Path(f"metrics/protocols/{protocol}.json").read_text())
        assert set(content) == MODELS
        tested = pd.read_parquet(f"data/splits/{protocol}.parquet").query("role == 'test'")
        for model, scores in content.items():
            seeds = small_params()["experiments/protocols"][protocol]["seeds"] if "lda" not in model else [0]
            assert scores["n"] == len(tested)
            assert scores["seeds"] == seeds
            assert (scores["uar_sd"] is None) == (len(seeds) == 1)
            assert scores["uar_low"] <= scores["uar"] <= scores["uar_high"]
            assert {"accuracy", "macro_f1"} < set(scores)
    assert len(list(Path("metrics/protocols").iterdir())) == len(ProtocolsParams.model_fields)


def test_fusion_is_of_the_network_and_the_right_lda(with_results: Path) -> None:
    """Where an LDA is sure of the truth and the network knows nothing, their mean is right."""
    path = "data/protocols/emobox6/baselines.parquet"
    table = pd.read_parquet(path)
    right = table["model"] == "encoder_lda_augmented"
    truth = [EMOTIONS.index(parse_clip(clip).emotion) for clip in table.loc[right, "clip"]]
    table.loc[right, list(PROBABILITIES)] = np.eye(len(EMOTIONS))[truth]
    write_parquet(path, table)
    network = pd.read_parquet("data/protocols/emobox6/cnn.parquet")
    network[list(PROBABILITIES)] = 1 / len(EMOTIONS)
    write_parquet("data/protocols/emobox6/cnn.parquet", network)
    run(evaluate_protocol, "emobox6")
    content = json.loads(Path("metrics/protocols/emobox6.json").read_text())
    assert content["fused_transfer"]["uar"] == content["encoder_lda_augmented"]["uar"] == 1
    assert content["fused_scratch"]["uar"] == content["lda_augmented"]["uar"] < 0.5


@pytest.mark.usefixtures("with_results")
@pytest.mark.parametrize(
    "stage", [train_protocol_baselines, evaluate_protocol], ids=["baselines", "evaluate"]
)
def test_a_full_disk_is_named(stage: ModuleType) -> None:
    check_full_disk(stage, "loso")


def test_a_clip_that_was_not_tested_stops_the_evaluation(with_results: Path) -> None:
    for models in TRAINING_STAGES:
        path = f"data/protocols/loso/{models}.parquet"
        table = pd.read_parquet(path)
        write_parquet(path, table[table["clip"] != FEW[0]])
    with pytest.raises(SystemExit, match="not tested where the split has them"):
        run(evaluate_protocol, "loso")
    assert not Path("metrics/protocols").exists()


def test_from_features_to_scores(project: Path) -> None:
    for stage in (*TRAINING_STAGES.values(), evaluate_protocol):
        run(stage, "loso")
    split = read_table("data/splits/loso.parquet", SPLIT)
    for models in TRAINING_STAGES:
        table = read_table(f"data/protocols/loso/{models}.parquet", COLUMNS)
        check_predictions(table, {"loso": split})
        assert set(table["fold"]) == {0, 1}
    trials = pd.read_csv("metrics/search/protocol_loso.csv")
    assert (trials.groupby(["model", "fold"])["chosen"].sum() == 1).all()
    assert trials.groupby(["model", "fold"]).size().to_list() == [2] * 4
    assert not Path("data/checkpoints/cnn_logmel_loso").exists()
    content = json.loads(Path("metrics/protocols/loso.json").read_text())
    # The features tell the emotion, so that a mix-up of clips or labels would show.
    assert content["lda_augmented"]["uar"] > 0.8


def test_the_protocols_have_nobody_who_validates() -> None:
    """Such clips would neither train nor be tested, though the stages promise that all others train."""
    clips = pd.DataFrame([vars(parse_clip(name)) for name in FEW])
    for protocol in set(ProtocolsParams.model_fields) - {"article"}:
        split = split_by_actor(clips, SPEAKER_INDEPENDENT[protocol])
        assert set(split["role"]) == {"train", "test"}
        assert (split[split["role"] == "test"].groupby("clip").size() == 1).all()


@pytest.mark.parametrize("stage", [*TRAINING_STAGES.values(), evaluate_protocol])
@pytest.mark.parametrize("wrong", [(), ("luna5",), ("loso", "article")])
def test_wrong_usage_is_exit_code_2(stage: ModuleType, wrong: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as caught:
        run(stage, *wrong)
    assert caught.value.code == 2


def test_the_readme_table_shows_what_was_run(with_results: Path) -> None:
    with pytest.raises(SystemExit, match="experiments/protocols"):
        command.run(lambda: print(by_protocol(Path("metrics"))))
    run(evaluate_protocol, "article")
    alone = by_protocol(Path("metrics"))
    assert TITLES["article"] in alone
    assert len(alone.splitlines()) == 2 + len(MODELS)
    assert not any(encoder in alone for encoder in EMOBOX_UAR)
    run(evaluate_protocol, "emobox6")
    both = by_protocol(Path("metrics")).splitlines()
    assert both[0].split(" | ")[1:] == [TITLES["emobox6"], f"{TITLES['article']} |"]
    assert {line.count("|") for line in both} == {4}
    assert len(both) == 2 + len(MODELS) + len(EMOBOX_UAR)
    content = json.loads(Path("metrics/protocols/article.json").read_text())["logmel_cnn"]
    (row,) = [line for line in both if "`logmel_cnn`" in line]
    assert f"{100 * content['uar']:.1f} ± {100 * content['uar_sd']:.1f}, 2 seeds (" in row
    assert list(EMOBOX_UAR.values()) == sorted(EMOBOX_UAR.values(), reverse=True)


@pytest.mark.parametrize(
    ("pipeline", "wanted"),
    [
        (
            "protocols",
            {
                f"{stage}@{protocol}"
                for stage in ("train_protocol_baselines", "train_protocol_cnn", "evaluate_protocol")
                for protocol in ("emobox6", "article")
            },
        ),
        ("protocols/loso", {"train_loso_baselines", "train_loso_cnn", "evaluate_loso"}),
        (
            "protocols/layers",
            {
                "encode_protocol_babble",
                "train_protocol_layers@emobox6",
                "train_protocol_layers@loso",
                "evaluate_protocol_layers",
            },
        ),
    ],
)
def test_dvc_would_run_each_protocol_without_the_other_pipeline(
    tmp_path: Path, pipeline: str, wanted: set[str]
) -> None:
    for name in ("dvc.yaml", "params.yaml"):
        shutil.copy(PROJECT / name, tmp_path / name)
    for name in ("ser", "stages", "experiments"):
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    Repo.init(str(tmp_path), no_scm=True).close()
    asked = ["--dry", "--allow-missing", "--force", "--single-item", f"experiments/{pipeline}/dvc.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "repro", *asked],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert set(re.findall(r"^Running stage '[^:]*dvc.yaml:([^']+)'", done.stdout, re.MULTILINE)) == wanted
