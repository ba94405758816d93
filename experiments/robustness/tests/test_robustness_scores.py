"""Scores under conditions: the fusion, the gain by augmentation and its interval, the figures."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.robustness import figures as robustness_figures
from experiments.robustness import scores as robustness
from ser.data.fold import Fold
from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.files import write_csv
from ser.models.classical import Refit, model_and_grid
from ser.params import load_params
from stages.fuse import PARTNERS
from stages.inputs import read_chosen

PARAMS = load_params(Path(__file__).parents[3] / "params.yaml")
CLIPS = pd.DataFrame(
    [
        {"clip": f"{emotion}-{actor}", "emotion": emotion, "actor": actor, "gender": "male"}
        for actor in range(1, 7)
        for emotion in EMOTIONS
    ]
)
TRAINED = tuple(model for model in robustness.MODELS if model not in robustness.FUSED)
CONDITIONS = ("clean", "white_10", "white_0", "babble_10", "telephone", "level_20_clipped", "start_1")


def predictions_of(right: dict[str, float], *, seed: int = 0) -> pd.DataFrame:
    """Predictions that are right in about the given share of the clips."""
    draw = np.random.default_rng(seed)
    place = CLIPS["emotion"].map(EMOTIONS.index).to_numpy()
    tables = []
    for condition in CONDITIONS:
        for model in TRAINED:
            wrong = draw.random(len(CLIPS)) >= right[model]
            told = np.where(wrong, (place + draw.integers(1, 8, len(CLIPS))) % 8, place)
            scores = np.full((len(CLIPS), 8), 0.05)
            scores[np.arange(len(CLIPS)), told] = 0.65
            table = pd.DataFrame(scores, columns=list(PROBABILITIES))
            table = table.assign(condition=condition, protocol="luna5", model=model, seed=0, fold=0)
            tables.append(table.assign(clip=CLIPS["clip"]))
    return pd.concat(tables, ignore_index=True)


GOOD = dict.fromkeys(TRAINED, 0.7)


def test_fused_models_are_means_of_two_clip_by_clip_once_a_seed_of_the_network() -> None:
    once = predictions_of(GOOD)
    network = once[once["model"] == "logmel_cnn"]
    other = network.assign(seed=7, **dict.fromkeys(PROBABILITIES, 1 / 8))
    predictions = pd.concat([once, other]).sample(frac=1, random_state=0)
    fused = robustness.add_fused(predictions)
    assert list(fused.columns) == list(predictions.columns)
    pd.testing.assert_frame_equal(fused[: len(predictions)], predictions.reset_index(drop=True))

    def of(model: str, seed: int) -> pd.DataFrame:
        rows = fused[(fused["model"] == model) & (fused["seed"] == seed)]
        return rows.set_index(["condition", "clip"])[list(PROBABILITIES)].sort_index()

    for model, partner in robustness.FUSED.items():
        for seed in (0, 7):
            assert len(of(model, seed)) == len(CONDITIONS) * len(CLIPS)
            mean = (of("logmel_cnn", seed) + of(partner, 0)) / 2
            pd.testing.assert_frame_equal(of(model, seed), mean)


def test_what_is_fused_is_what_the_main_pipeline_fuses() -> None:
    assert {model: partner for model, (_, partner) in PARTNERS.items()} == robustness.FUSED


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 99))
def test_gains_are_differences_of_the_scores_and_turn_with_the_models(seed: int) -> None:
    predictions = robustness.add_fused(predictions_of(GOOD | {"logmel_cnn_unaugmented": 0.4}, seed=seed))
    tallies = robustness.tally_conditions(predictions, CLIPS)
    scores = robustness.score(tallies, samples=200, seed=0)
    assert list(scores) == list(CONDITIONS)
    options = {"samples": 200, "seed": 0}
    gained = robustness.gains(tallies, better="logmel_cnn", than="logmel_cnn_unaugmented", **options)
    turned = robustness.gains(tallies, better="logmel_cnn_unaugmented", than="logmel_cnn", **options)
    itself = robustness.gains(tallies, better="lda", than="lda", **options)
    for condition, models in scores.items():
        difference = models["logmel_cnn"]["uar"] - models["logmel_cnn_unaugmented"]["uar"]
        gain = gained[condition]
        assert gain["gain"] == pytest.approx(difference, abs=1.5e-4)
        assert gain["low"] <= gain["gain"] <= gain["high"]
        assert turned[condition]["gain"] == -gain["gain"]
        assert turned[condition]["low"] == pytest.approx(-gain["high"], abs=1.5e-4)
        assert itself[condition] == {"gain": 0, "low": 0, "high": 0}
        for it in models.values():
            assert it["uar_low"] <= it["uar"] <= it["uar_high"]


def test_a_pair_right_on_the_same_clips_differs_by_a_certain_amount() -> None:
    predictions = predictions_of(GOOD)
    exact = predictions["model"].eq("logmel_cnn")
    # One emotion lost by every actor: the difference is the same whichever actors are drawn.
    truth = np.eye(8)[CLIPS["emotion"].map(EMOTIONS.index)]
    lost = truth.copy()
    lost[CLIPS["emotion"] == "sad"] = np.eye(8)[1]
    predictions.loc[exact, list(PROBABILITIES)] = np.tile(truth, (len(CONDITIONS), 1))
    other = predictions["model"].eq("logmel_cnn_unaugmented")
    predictions.loc[other, list(PROBABILITIES)] = np.tile(lost, (len(CONDITIONS), 1))
    tallies = robustness.tally_conditions(robustness.add_fused(predictions), CLIPS)
    gained = robustness.gains(
        tallies, better="logmel_cnn", than="logmel_cnn_unaugmented", samples=100, seed=1
    )
    assert set(map(json.dumps, gained.values())) == {json.dumps({"gain": 0.125, "low": 0.125, "high": 0.125})}


def test_the_figures_tell_every_condition() -> None:
    tallies = robustness.tally_conditions(robustness.add_fused(predictions_of(GOOD)), CLIPS)
    scores = robustness.score(tallies, samples=100, seed=0)
    gained = {
        kind: robustness.gains(tallies, better=better, than=than, samples=100, seed=0)
        for kind, (better, than) in robustness.PAIRS.items()
    }
    white, babble = robustness_figures.noise(scores).axes
    assert [tick.get_text() for tick in white.get_xticklabels()] == ["clean", "10", "0"]
    assert [tick.get_text() for tick in babble.get_xticklabels()] == ["clean", "10"]
    drawn = dict(zip(robustness_figures.DRAWN, white.get_lines(), strict=False))
    for model, line in drawn.items():
        expected = [100 * scores[it][model]["uar"] for it in ("clean", "white_10", "white_0")]
        np.testing.assert_allclose(np.asarray(line.get_ydata()), expected)
    (axes,) = robustness_figures.conditions(scores).axes
    rows = [tick.get_text() for tick in axes.get_yticklabels()]
    assert rows == [
        "clean",
        "telephone, 8 kHz, mu-law",
        "level +20 dB, clipped at full scale",
        "truncated to the first 1 s of speech",
    ]
    (axes,) = robustness_figures.augmentation(gained).axes
    assert len(axes.get_yticklabels()) == len(CONDITIONS)
    for kind, line in zip(robustness.PAIRS, axes.get_lines(), strict=False):
        expected = [100 * gained[kind][condition]["gain"] for condition in CONDITIONS]
        np.testing.assert_allclose(np.asarray(line.get_xdata()), expected)


def test_a_model_is_fitted_again_as_its_search_fitted_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    clips = pd.DataFrame({"clip": ["a"] * 64, "actor": 0, "emotion": [*EMOTIONS] * 8})
    x = draw.normal(size=(64, 3, 5)).astype(np.float32)
    fold = Fold(0, clips, clips[:0], clips[:0], [x])
    trials = pd.DataFrame(
        {
            "model": ["encoder_lda", "encoder_lda", "other"],
            "fold": [0, 0, 0],
            "parameters": ["layer=1 shrinkage=0.5", "layer=3 shrinkage=0.25", "C=1"],
            "inner_uar": 0.5,
            "chosen": [False, True, True],
        }
    )
    write_csv("metrics/search/baselines_transfer.csv", trials)
    points = read_chosen("transfer", "encoder_lda")
    assert points == {0: {"layer": 3.0, "shrinkage": 0.25}}
    grids = PARAMS.train_baselines.transfer
    part = fold.training()
    again = Refit("encoder_lda", grids, points).fit(fold).predict(part)
    model, _ = model_and_grid("encoder_lda", grids=grids, n_layers=3)
    model.set_params(layerchoice__layer=3, shrinkagelda__shrinkage=0.25)
    np.testing.assert_array_equal(again, model.fit(part.x, part.y).predict_proba(part.x))

    with pytest.raises(InputError, match=r"has no lda; run the stage train_baselines"):
        read_chosen("transfer", "lda")
    write_csv("metrics/search/baselines_transfer.csv", trials.assign(parameters="layer 3"))
    with pytest.raises(InputError, match=r"baselines_transfer\.csv: cannot be read"):
        read_chosen("transfer", "encoder_lda")
