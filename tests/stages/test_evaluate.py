"""The stage turns files of predictions into tables, metrics and figures, or stops before it writes any."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
from full_disk import check_full_disk
from stage_runs import run_in

from ser.data.protocols import LUNA5, split_at_random, split_by_actor
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.errors import InputError
from ser.evaluation import article_results
from ser.files import write_csv, write_parquet
from stages import evaluate, fuse

PARAMS = Path(__file__).parents[2] / "params.yaml"

MODELS = {
    "baselines_article": {"dummy": 0.0, "decision_tree": 0.2},
    "cnn_article": {"cnn": 0.4},
    "cnn_article_augmented": {"cnn_augmented": 0.5},
    "baselines_luna5": {"lda": 0.5, "lda_augmented": 0.7, "logistic_regression": 0.6, "svm_rbf": 0.4},
    "baselines_transfer": {"encoder_lda": 0.9, "encoder_lda_augmented": 0.85},
    "cnn_logmel": {"logmel_cnn": 0.3},
    "fused": {"fused_scratch": 0.75, "fused_transfer": 0.8},
    "layers": {"layers_lda": 0.65, "layers_lda_clean": 0.55},
}
SPEAKER_INDEPENDENT = [model for name, models in MODELS.items() for model in models if "article" not in name]

WRITTEN = {
    "data/evaluation/predictions.parquet",
    "metrics/summary.json",
    "metrics/details.json",
    "metrics/examples.csv",
    "metrics/human_comparison.json",
    "metrics/article_comparison.json",
    "metrics/luna5_folds.csv",
    *(f"metrics/plots/learning_curve_{name}.csv" for name in evaluate.NETWORKS),
    *(f"metrics/luna5/{model}.json" for model in SPEAKER_INDEPENDENT),
    *(f"metrics/article/{model}.json" for model in ("dummy", "decision_tree", "cnn", "cnn_augmented")),
    "metrics/plots/article_comparison.csv",
    *(
        file
        for name in (
            *(f"luna5_{model}" for model in SPEAKER_INDEPENDENT),
            "article_cnn",
            "article_cnn_augmented",
        )
        for file in (f"metrics/plots/confusion_{name}.csv", f"figures/results/confusion_{name}.png")
    ),
    *(
        f"figures/results/{name}.png"
        for name in (
            "overview",
            "learning_curves",
            "article_comparison",
            "human_comparison",
            "per_actor",
            "per_emotion",
        )
    ),
}


def predict(test: pd.DataFrame, *, protocol: str, model: str, seed: int, share: float) -> pd.DataFrame:
    """Predictions of which about `share` is right and the rest drawn at random."""
    rng = np.random.default_rng([seed, len(model)])
    actual = test["emotion"].map(EMOTIONS.index).to_numpy()
    predicted = np.where(rng.random(len(test)) < share, actual, rng.integers(0, 8, len(test)))
    probabilities = np.full((len(test), 8), 0.05)
    probabilities[np.arange(len(test)), predicted] = 0.65
    keys = {"protocol": protocol, "model": model, "seed": seed, "fold": test["fold"], "clip": test["clip"]}
    return pd.DataFrame(keys).assign(
        **dict(zip([f"p_{name}" for name in EMOTIONS], probabilities.T, strict=True))
    )


def fill(project: Path) -> None:
    """Write all that the stage reads."""
    shutil.copy(PARAMS, project / "params.yaml")
    clips = pd.DataFrame([vars(parse_clip(clip)) for clip in all_clips()])
    write_parquet(project / "data/clips.parquet", clips)
    splits = {
        "article": split_at_random(clips, test_size=0.2, random_state=0),
        "luna5": split_by_actor(clips, LUNA5),
    }
    for protocol, split in splits.items():
        write_parquet(project / f"data/splits/{protocol}.parquet", split)
    for name, models in MODELS.items():
        protocol = "article" if "article" in name else "luna5"
        test = splits[protocol].query("role == 'test'").merge(clips, on="clip")
        runs = [
            predict(test, protocol=protocol, model=model, seed=seed, share=share)
            for model, share in models.items()
            for seed in range(3 if protocol == "article" else 1)
        ]
        write_parquet(project / f"data/predictions/{name}.parquet", pd.concat(runs[::-1]))
    epochs = pd.DataFrame(
        {"epoch": [1, 2, 3], "loss": 2.0, "val_loss": 3.0, "accuracy": 0.2, "val_accuracy": 0.1}
    )
    for name, model in {
        "cnn_article": "cnn",
        "cnn_article_augmented": "cnn_augmented",
        "cnn_logmel": "logmel_cnn",
    }.items():
        write_csv(project / f"data/curves/{name}.csv", epochs.assign(model=model, seed=0, fold=0))


def files(project: Path) -> dict[str, str]:
    """Name and hash of every file."""
    return {
        path.relative_to(project).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in project.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("project")
    fill(project)
    run_in(project, evaluate)
    return project


def load(project: Path, name: str) -> Any:
    return json.loads((project / name).read_text())


def test_a_second_run_writes_the_same_files_and_prints_the_table(
    evaluated: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(tmp_path)
    before = files(tmp_path)
    stray = tmp_path / "figures/results/confusion_luna5_gone.png"
    stray.parent.mkdir(parents=True)
    stray.touch()
    run_in(tmp_path, evaluate)
    after = files(tmp_path)
    assert set(after) - set(before) == WRITTEN
    assert after == files(evaluated)

    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:3] == ["protocol", "model", "UAR"]
    assert lines[1][:2] == ["luna5", "encoder_lda"]
    assert len(lines) == 1 + len(SPEAKER_INDEPENDENT) + 4


def test_predictions_are_all_there_in_order(evaluated: Path) -> None:
    table = pd.read_parquet(evaluated / "data/evaluation/predictions.parquet")
    assert len(table) == 4 * 3 * 288 + len(SPEAKER_INDEPENDENT) * 1440
    keys = ["protocol", "model", "seed", "fold", "clip"]
    assert list(table.columns) == [*keys, *(f"p_{name}" for name in EMOTIONS)]
    pd.testing.assert_frame_equal(table, table.sort_values(keys, ignore_index=True))


def test_summary_and_the_files_for_dvc_agree(evaluated: Path) -> None:
    summary = load(evaluated, "metrics/summary.json")
    assert list(summary) == ["luna5", "article"]
    assert list(summary["luna5"]) == [
        *("encoder_lda", "encoder_lda_augmented", "fused_transfer", "fused_scratch", "lda_augmented"),
        *("layers_lda", "logistic_regression", "layers_lda_clean", "lda", "svm_rbf", "logmel_cnn"),
    ]
    for protocol, models in summary.items():
        for model, headline in models.items():
            assert list(headline) == ["uar", "uar_low", "uar_high", "accuracy", "macro_f1"]
            assert headline["uar_low"] < headline["uar"] < headline["uar_high"]
            assert headline == load(evaluated, f"metrics/{protocol}/{model}.json")
    details = load(evaluated, "metrics/details.json")
    assert details["article"]["cnn"]["seeds"] == [0, 1, 2]
    assert details["article"]["cnn"]["n"] == 288


def test_confusion_plot_data_give_the_accuracy_of_the_first_seed(evaluated: Path) -> None:
    details = load(evaluated, "metrics/details.json")
    for protocol, model, n in (("article", "cnn", 288), ("luna5", "lda", 1440)):
        pairs = pd.read_csv(evaluated / f"metrics/plots/confusion_{protocol}_{model}.csv")
        assert list(pairs.columns) == ["actual", "predicted"]
        assert len(pairs) == n
        accuracy = (pairs["actual"] == pairs["predicted"]).mean()
        assert accuracy == pytest.approx(details[protocol][model]["per_seed"]["0"]["accuracy"], abs=1e-4)


def test_the_article_is_compared_in_json_and_csv(evaluated: Path) -> None:
    compared = load(evaluated, "metrics/article_comparison.json")
    table = pd.read_csv(evaluated / "metrics/plots/article_comparison.csv", index_col="model")["accuracy"]
    assert list(compared) == ["dummy", "decision_tree", "cnn", "cnn_augmented"]
    assert list(table.index[4:6]) == ["first CNN, article", "first CNN, measured"]
    assert compared["cnn"]["article"] == table["first CNN, article"] == 0.4792
    assert compared["cnn"]["measured"] == table["first CNN, measured"]
    summary = load(evaluated, "metrics/summary.json")
    assert compared["cnn"]["measured"] == summary["article"]["cnn"]["accuracy"]
    assert compared["cnn"]["seeds"] == 3


def test_people_stand_beside_every_speaker_independent_model(evaluated: Path) -> None:
    compared = load(evaluated, "metrics/human_comparison.json")
    summary = load(evaluated, "metrics/summary.json")["luna5"]
    assert list(compared["models"]) == list(summary)
    assert compared["human"]["accuracy"] == 0.624
    for model, it in compared["models"].items():
        # Calm for neutral is forgiven, so nothing can be lost.
        assert it["accuracy"] >= summary[model]["accuracy"]
        assert it["accuracy_low"] < it["accuracy"] < it["accuracy_high"]


def test_examples_are_clips_of_the_best_model(evaluated: Path) -> None:
    table = pd.read_csv(evaluated / "metrics/examples.csv")
    predictions = pd.read_parquet(evaluated / "data/evaluation/predictions.parquet")
    best = predictions.query("model == 'encoder_lda'").set_index("clip")
    assert list(table["emotion"]) == [emotion for emotion in EMOTIONS for _ in range(2)]
    for row in table.to_dict("records"):
        assert best[f"p_{row['predicted']}"][row["clip"]] == row["confidence"]
        assert (row["emotion"] == row["predicted"]) == row["right"]


def drop_a_clip(project: Path) -> None:
    path = project / "data/predictions/cnn_logmel.parquet"
    write_parquet(path, pd.read_parquet(path).iloc[1:])


def drop_a_model(project: Path) -> None:
    path = project / "data/predictions/baselines_article.parquet"
    write_parquet(path, pd.read_parquet(path).query("model != 'dummy'"))


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (drop_a_clip, "luna5/logmel_cnn, seed 0: clips not tested"),
        (drop_a_model, "no predictions of dummy"),
        (
            lambda project: (project / "data/predictions/cnn_article.parquet").unlink(),
            "cnn_article.parquet: no such",
        ),
        (
            lambda project: (project / "data/clips.parquet").write_text("?"),
            "data/clips.parquet: cannot be read",
        ),
        (lambda project: (project / "data/splits/luna5.parquet").unlink(), "luna5.parquet: no such file"),
        (
            lambda project: (project / "data/curves/cnn_logmel.csv").write_text("epoch\n1\n"),
            "lacks the columns",
        ),
        (
            lambda project: (project / "data/curves/cnn_logmel.csv").write_text(""),
            "cnn_logmel.csv: cannot be read",
        ),
    ],
)
def test_bad_input_stops_the_stage_before_it_writes(
    harm: Callable[[Path], object], message: str, evaluated: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(evaluated, project)
    harm(project)
    before = files(project)
    with pytest.raises(InputError, match=message):
        run_in(project, evaluate)
    assert files(project) == before


@pytest.mark.parametrize("stage", [evaluate, fuse], ids=["evaluate", "fuse"])
def test_a_full_disk_is_named(
    stage: ModuleType, evaluated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(shutil.copytree(evaluated, tmp_path / "project"))
    check_full_disk(stage)


def test_published_accuracies_and_their_intervals() -> None:
    compared = article_results.compare({model: [0.5] for model in article_results.CORRECT})
    assert [100 * it.article for it in compared.values()] == pytest.approx([11.81, 29.17, 47.92, 58.33])
    # By Wilson's formula with z = 1.959964: centre (p + z2/2n) / (1 + z2/n), and so on.
    p, n, z = 138 / 288, 288, 1.959964
    centre = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    cnn = compared["cnn"]
    assert (cnn.article_low, cnn.article_high) == pytest.approx((centre - half, centre + half), abs=1e-4)


@pytest.mark.parametrize(
    ("measured", "inside"), [(0.421, False), (0.423, True), (0.536, True), (0.538, False)]
)
def test_inside_is_judged_by_the_mean(measured: float, inside: bool) -> None:
    runs = {model: [measured - 0.1, measured + 0.1] for model in article_results.CORRECT}
    cnn = article_results.compare(runs)["cnn"]
    assert cnn.inside is inside
    assert (cnn.measured, cnn.measured_low, cnn.measured_high) == pytest.approx(
        (measured, measured - 0.1, measured + 0.1), abs=1e-4
    )
    assert cnn.measured_sd == pytest.approx(0.1 * np.sqrt(2), abs=1e-4)


def test_one_run_has_no_spread() -> None:
    compared = article_results.compare({model: [0.4] for model in article_results.CORRECT})
    assert compared["cnn"].measured_sd is None
