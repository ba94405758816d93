"""Temperatures are learned of validation actors alone; scores agree with their definitions."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from full_disk import check_full_disk
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.collections import PathCollection
from sklearn.metrics import log_loss
from stage_runs import run_in

from experiments.recognizer import calibrate_final
from ser.data.predictions import COLUMNS, PROBABILITIES
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.errors import InputError
from ser.evaluation import calibration
from ser.export import temperature as final_calibration
from ser.figures import calibration as calibration_figures
from ser.files import write_parquet
from stages import calibrate, draw_calibration

PROJECT = Path(__file__).parents[2]
PARAMS = ("params.yaml", "experiments/recognizer/params.yaml")
CLIPS = pd.DataFrame([vars(parse_clip(clip)) for clip in all_clips()])
SPLIT = split_by_actor(CLIPS, LUNA5)
FILES = {
    "baselines_luna5": ["lda", "logistic_regression", "svm_rbf"],
    "baselines_transfer": ["encoder_lda"],
    "cnn_logmel": ["logmel_cnn"],
    "fused": ["fused_transfer"],
    "layers": ["layers_lda"],
}
TEMPERATURES = {
    **{"lda": 4.0, "logistic_regression": 1.0, "svm_rbf": 0.5},
    **{"encoder_lda": 2.0, "logmel_cnn": 0.7, "fused_transfer": 1.5},
    "layers_lda": 1.2,
}


def honest(n: int, *, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and emotions that are drawn by them."""
    draw = np.random.default_rng(seed)
    probabilities = draw.dirichlet(np.full(8, 0.4), n)
    return probabilities, (draw.random((n, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
def test_the_temperature_that_spoiled_honest_probabilities_is_found(temperature: float) -> None:
    probabilities, y = honest(20_000)
    spoiled = calibration.scale(probabilities, 1 / temperature)
    assert calibration.fit_temperature(spoiled, y) == pytest.approx(temperature, rel=0.05)
    mended = calibration.scale(spoiled, temperature)
    np.testing.assert_allclose(mended, probabilities, atol=1e-6)


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 20))
def test_scaling_keeps_every_answer_and_sums_to_1(state: int, temperature: float) -> None:
    probabilities, _ = honest(50, seed=state)
    scaled = calibration.scale(probabilities, temperature)
    np.testing.assert_allclose(scaled.sum(axis=1), 1)
    np.testing.assert_array_equal(scaled.argmax(axis=1), probabilities.argmax(axis=1))


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_other_temperature_has_less_loss(state: int) -> None:
    probabilities, y = honest(60, seed=state)
    y = np.roll(y, state % 3)
    best = calibration.fit_temperature(probabilities, y)

    def loss(temperature: float) -> float:
        return calibration.quality(calibration.scale(probabilities, temperature), y, bins=15).nll

    others = [best * factor for factor in (0.5, 0.9, 1.1, 2)]
    allowed = [it for it in others if calibration.LEAST <= it <= calibration.GREATEST]
    assert all(loss(best) <= loss(it) + 1e-6 for it in allowed)


def test_a_probability_of_0_is_a_great_loss_but_a_number() -> None:
    certain, y = np.eye(8)[[0, 1]], np.array([0, 2])
    assert 300 < calibration.quality(certain, y, bins=15).nll < 400
    assert np.isfinite(calibration.fit_temperature(certain, y))
    assert np.isfinite(calibration.scale(certain, 2.0)).all()


def test_scores_follow_their_definitions() -> None:
    probabilities, y = honest(700)
    found = calibration.quality(probabilities, y, bins=15)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == y
    gaps = [
        abs(confidence[inside].mean() - right[inside].mean()) * inside.mean()
        for low in np.arange(15) / 15
        if (inside := (confidence > low) & (confidence <= low + 1 / 15)).any()
    ]
    assert found.ece == pytest.approx(sum(gaps))
    assert found.nll == pytest.approx(log_loss(y, probabilities, labels=range(8)))
    assert found.brier == pytest.approx(((probabilities - np.eye(8)[y]) ** 2).sum(axis=1).mean())
    surest = right[np.argsort(-confidence)]
    risks = [1 - surest[:n].mean() for n in range(1, 701)]
    assert found.aurc == pytest.approx(np.mean(risks))


def test_bins_have_their_upper_end_and_all_clips() -> None:
    probabilities = np.zeros((4, 8))
    probabilities[:, 0], probabilities[:, 1] = [0.5, 0.6, 0.75, 1.0], [0.5, 0.4, 0.25, 0.0]
    table = calibration.reliability(probabilities, np.array([0, 1, 0, 0]), bins=4)
    assert table["clips"].tolist() == [1, 2, 1]
    assert table["low"].tolist() == [0.25, 0.5, 0.75]
    assert table["accuracy"].tolist() == [1, 0.5, 1]
    assert table["confidence"].tolist() == [0.5, pytest.approx(0.675), 1]


def test_clips_of_the_same_confidence_count_alike_in_any_order() -> None:
    probabilities = np.tile(np.eye(8)[0] * 0.86 + 0.02, (4, 1))
    for y in ([0, 0, 1, 1], [1, 0, 1, 0]):
        np.testing.assert_allclose(calibration.selective_accuracy(probabilities, np.array(y)), 0.5)


def predict(role: str, model: str, *, seed: int) -> pd.DataFrame:
    """Predictions of a role's clips that are right by their probability, then made too sure or too unsure."""
    rows = SPLIT[SPLIT["role"] == role].merge(CLIPS, on="clip")
    draw = np.random.default_rng([seed, len(model), len(role)])
    probabilities = draw.dirichlet(np.full(8, 0.4), len(rows))
    drawn = (draw.random((len(rows), 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    actual = rows["emotion"].map(EMOTIONS.index).to_numpy()
    # The label is given, so what is turned is the probabilities.
    turned = np.take_along_axis(probabilities, (np.arange(8) - (actual - drawn)[:, None]) % 8, axis=1)
    table = pd.DataFrame(calibration.scale(turned, 1 / TEMPERATURES[model]), columns=list(PROBABILITIES))
    table = table.assign(protocol="luna5", model=model, seed=seed, fold=rows["fold"], clip=rows["clip"])
    return table[list(COLUMNS)]


def fill(project: Path) -> None:
    for name in PARAMS:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(PROJECT / name, project / name)
    write_parquet(project / "data/clips.parquet", CLIPS)
    write_parquet(project / "data/splits/luna5.parquet", SPLIT)
    for name, models in FILES.items():
        for role, suffix in (("test", ""), ("validation", "_validation")):
            tables = [predict(role, model, seed=seed) for model in models for seed in (0, 1)]
            write_parquet(project / f"data/predictions/{name}{suffix}.parquet", pd.concat(tables))


def results(project: Path) -> dict[str, bytes]:
    paths = [
        path for name in ("metrics", "figures") for path in (project / name).rglob("*") if path.is_file()
    ]
    return {path.relative_to(project).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("project")
    fill(project)
    run_in(project, calibrate)
    run_in(project, draw_calibration)
    return project


def test_the_stage_mends_every_model_and_says_so(calibrated: Path) -> None:
    described = json.loads((calibrated / "metrics/calibration.json").read_text())
    assert set(described) == set(TEMPERATURES)
    for model, it in described.items():
        # 120 clips a fold tell a temperature to about a tenth.
        assert it["temperature"]["mean"] == pytest.approx(TEMPERATURES[model], rel=0.15)
        assert it["temperature"]["least"] < it["temperature"]["mean"] < it["temperature"]["greatest"]
        assert it["after"]["ece"] < 0.06
        if TEMPERATURES[model] != 1:
            assert it["after"]["ece"] < it["before"]["ece"]
            assert it["after"]["nll"] < it["before"]["nll"]
        accuracies = list(it["accuracy_at_coverage"].values())
        assert accuracies == sorted(accuracies)
    temperatures = pd.read_csv(calibrated / "metrics/temperatures.csv")
    assert len(temperatures) == len(TEMPERATURES) * 2 * 5
    bins = pd.read_csv(calibrated / "metrics/plots/reliability.csv")
    assert list(bins.columns) == list(calibration.RELIABILITY)
    assert bins.groupby(["model", "scaled"])["clips"].sum().eq(2 * 1440).all()
    curves = pd.read_csv(calibrated / "metrics/plots/risk_coverage.csv", index_col="coverage")
    for model, it in described.items():
        assert curves.loc[0.5, model] == pytest.approx(it["accuracy_at_coverage"]["0.5"], abs=1e-4)


def test_a_second_run_writes_the_same_bytes(calibrated: Path) -> None:
    before = results(calibrated)
    assert {name for name in before if name.endswith(".png")} == {
        "figures/calibration/reliability.png",
        "figures/calibration/risk_coverage.png",
    }
    run_in(calibrated, calibrate)
    run_in(calibrated, draw_calibration)
    assert results(calibrated) == before


def test_what_is_tested_has_no_part_in_a_temperature(calibrated: Path, tmp_path: Path) -> None:
    project = shutil.copytree(calibrated, tmp_path / "project")
    path = project / "data/predictions/baselines_transfer.parquet"
    tested = pd.read_parquet(path)
    write_parquet(path, tested.assign(**dict.fromkeys(PROBABILITIES, 0.125)))
    run_in(project, calibrate)
    name = "metrics/temperatures.csv"
    assert (project / name).read_bytes() == (calibrated / name).read_bytes()
    assert results(project) != results(calibrated)


def test_each_fold_has_a_temperature_of_its_own() -> None:
    tested, validated = (predict(role, "lda", seed=0) for role in ("test", "validation"))
    of_fold = validated["fold"] == 3
    others = calibration.fit_temperatures(validated, CLIPS).set_index("fold")["temperature"]
    probabilities = validated[list(PROBABILITIES)].to_numpy(copy=True)
    probabilities[of_fold] = calibration.scale(probabilities[of_fold], 0.5)
    changed = validated.assign(**dict(zip(PROBABILITIES, probabilities.T, strict=True)))
    temperatures = calibration.fit_temperatures(changed, CLIPS)
    ratio = temperatures.set_index("fold")["temperature"] / others
    assert ratio.tolist() == pytest.approx([1, 1, 1, 2, 1], rel=1e-3)
    after = calibration.apply_temperatures(tested, temperatures)
    expected = calibration.scale(
        tested.loc[tested["fold"] == 3, list(PROBABILITIES)].to_numpy(), 2 * others[3]
    )
    got = after.loc[after["fold"] == 3, list(PROBABILITIES)].to_numpy()
    np.testing.assert_allclose(got, expected, rtol=0.01)


def without(path: str, query: str) -> Callable[[Path], None]:
    def harm(project: Path) -> None:
        write_parquet(project / path, pd.read_parquet(project / path).query(query))

    return harm


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (
            without("data/predictions/baselines_transfer_validation.parquet", "fold != 2"),
            "luna5/encoder_lda, seed 0: clips not validated",
        ),
        (
            without("data/predictions/baselines_luna5_validation.parquet", "model != 'lda'"),
            "lda, seed 0, fold 0: no validation predictions",
        ),
        (
            without("data/predictions/baselines_luna5.parquet", "model != 'lda'"),
            "lda, seed 1, fold 4: no test predictions",
        ),
        (
            lambda project: (project / "data/predictions/baselines_luna5_validation.parquet").unlink(),
            "baselines_luna5_validation.parquet: no such file",
        ),
    ],
)
def test_bad_input_stops_the_stage_before_it_writes(
    harm: Callable[[Path], object], message: str, calibrated: Path, tmp_path: Path
) -> None:
    project = shutil.copytree(calibrated, tmp_path / "project")
    harm(project)
    before = results(project)
    with pytest.raises(InputError, match=message):
        run_in(project, calibrate)
    assert results(project) == before


@pytest.mark.parametrize("models", [1, 2, 5])
def test_figures_hold_all_models_and_nothing_sticks_out(models: int) -> None:
    names = [f"model_{number}" for number in range(models)]
    described = {name: {when: {"ece": 0.1, "aurc": 0.2} for when in ("before", "after")} for name in names}
    bins = pd.DataFrame({"low": [0.5, 0.75], "high": [0.75, 1], "clips": [9, 90], "confidence": [0.6, 0.9]})
    tables = [
        bins.assign(model=name, scaled=when, accuracy=0.7) for name in names for when in ("before", "after")
    ]
    curves = pd.DataFrame({"coverage": [0.5, 1.0], **{name: [0.9, 0.43] for name in names}})
    reliability = calibration_figures.reliability(pd.concat(tables), described)
    drawn = [axes for axes in reliability.axes if axes.get_visible()]
    assert len(drawn) == models
    # Nine clips are too few to be drawn.
    points = [it for axes in drawn for it in axes.collections if isinstance(it, PathCollection)]
    assert [len(np.asarray(it.get_offsets())) for it in points] == 2 * models * [1]
    risk = calibration_figures.risk_coverage(curves, described)
    assert len(risk.axes[0].lines) == models
    assert risk.axes[0].get_ylim()[0] == 40
    for figure in (reliability, risk):
        figure.draw_without_rendering()
        tight, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
        assert min(tight.x0, tight.y0) >= 0
        assert tight.x1 <= width
        assert tight.y1 <= height


# --- The exported model's


def test_the_exported_temperature_is_of_all_folds_and_what_it_is_worth_of_the_others(tmp_path: Path) -> None:
    fill(tmp_path)
    run_in(tmp_path, calibrate_final)
    found = json.loads((tmp_path / "metrics/final_calibration.json").read_text())
    assert found["model"] == "layers_lda"
    assert found["temperature"] == pytest.approx(TEMPERATURES["layers_lda"], rel=0.05)
    assert found["after"]["nll"] < found["before"]["nll"]
    assert found["after"]["ece"] < found["before"]["ece"]
    not_sure = found["not_sure"]
    assert not_sure["below"] == 0.5
    assert 0 < not_sure["share"] < 1
    assert not_sure["accuracy_of_the_rest"] > not_sure["accuracy_if_answered"]
    before = results(tmp_path)
    run_in(tmp_path, calibrate_final)
    assert results(tmp_path) == before


def test_a_fold_has_no_part_in_the_temperature_that_it_is_measured_with() -> None:
    tested = pd.concat([predict("test", "lda", seed=seed) for seed in (0, 1)], ignore_index=True)
    before = final_calibration.left_out_temperatures(tested, CLIPS)
    assert before.groupby("fold")["temperature"].nunique().eq(1).all(), "one for all seeds"
    of_fold = (tested["fold"] == 3).to_numpy()
    probabilities = tested[list(PROBABILITIES)].to_numpy(copy=True)
    probabilities[of_fold] = 0.125
    changed = tested.assign(**dict(zip(PROBABILITIES, probabilities.T, strict=True)))
    after = final_calibration.left_out_temperatures(changed, CLIPS)
    same = (before["temperature"] == after["temperature"]).groupby(before["fold"]).all()
    assert same.tolist() == [False, False, False, True, False]


def test_not_sure_is_below_the_threshold_and_the_rest_is_scored_without_it() -> None:
    probabilities = np.full((4, 8), 0.05)
    probabilities[range(4), [0, 1, 2, 3]] = [0.65, 0.5, 0.4, 0.3]
    found = final_calibration.unsure(probabilities, np.array([0, 2, 2, 0]), below=0.5)
    assert found == {"below": 0.5, "share": 0.5, "accuracy_of_the_rest": 0.5, "accuracy_if_answered": 0.5}
    assert np.isnan(
        final_calibration.unsure(probabilities, np.zeros(4, int), below=0.1)["accuracy_if_answered"]
    )


@pytest.mark.parametrize("stage", [calibrate, calibrate_final], ids=["calibrate", "calibrate_final"])
def test_a_full_disk_is_named(stage: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path)
    monkeypatch.chdir(tmp_path)
    check_full_disk(stage)


def test_figures_are_drawn_from_metrics_alone(calibrated: Path, tmp_path: Path) -> None:
    shutil.copytree(calibrated / "metrics", tmp_path / "metrics")
    run_in(tmp_path, draw_calibration)
    assert results(tmp_path) == results(calibrated)
    (tmp_path / "metrics/calibration.json").write_text("{}")
    with pytest.raises(
        InputError, match=r"metrics/calibration\.json: Dictionary should have at least 1 item"
    ):
        run_in(tmp_path, draw_calibration)


def test_predictions_without_the_exported_model_are_refused(tmp_path: Path) -> None:
    fill(tmp_path)
    write_parquet(tmp_path / calibrate_final.PREDICTIONS, predict("test", "lda", seed=0))
    with pytest.raises(InputError, match="has no layers_lda; run the stage train_layers"):
        run_in(tmp_path, calibrate_final)
