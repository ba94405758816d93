"""Scores by condition: late fusion, differences of pairs and their intervals, the words of conditions."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.evaluation import robustness
from ser.params import ROBUSTNESS_KINDS, load_params
from stages.fuse import PARTNERS
from stages.layers import train

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")
CLIPS = pd.DataFrame(
    [
        {"clip": f"{emotion}-{actor}", "emotion": emotion, "actor": actor, "gender": "male"}
        for actor in range(1, 7)
        for emotion in EMOTIONS
    ]
)
TRAINED = (
    *(model for model in robustness.MODELS if model not in robustness.FUSED),
    "layers_lda_without_noise",
    "layers_lda_without_line",
)
CONDITIONS = ("white_10", "white_0", "clean", "babble_10", "telephone", "call_centre", "start_1")
OPTIONS = {"samples": 100, "seed": 0}
GOOD = dict.fromkeys(TRAINED, 0.7)


def predictions_of(right: dict[str, float], *, seed: int = 0) -> pd.DataFrame:
    """Predictions that are right in about the given share of the clips."""
    draw = np.random.default_rng(seed)
    place = CLIPS["emotion"].map(EMOTIONS.index).to_numpy()
    tables = []
    for condition in CONDITIONS:
        for model, share in right.items():
            wrong = draw.random(len(CLIPS)) >= share
            predicted = np.where(wrong, (place + draw.integers(1, 8, len(CLIPS))) % 8, place)
            probabilities = np.full((len(CLIPS), 8), 0.05)
            probabilities[np.arange(len(CLIPS)), predicted] = 0.65
            table = pd.DataFrame(probabilities, columns=list(PROBABILITIES))
            table = table.assign(condition=condition, protocol="luna5", model=model, seed=0, fold=0)
            tables.append(table.assign(clip=CLIPS["clip"]))
    return pd.concat(tables, ignore_index=True)


def tally(predictions: pd.DataFrame) -> robustness.Tallies:
    return robustness.tally_conditions(robustness.add_fused(predictions), CLIPS)


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


def test_clean_and_the_ensemble_on_layers_come_first() -> None:
    tallies = tally(predictions_of(GOOD))
    assert list(tallies) == ["clean", *(it for it in CONDITIONS if it != "clean")]
    for models in tallies.values():
        assert list(models) == [*robustness.MODELS, "layers_lda_without_line", "layers_lda_without_noise"]


def test_a_model_that_is_missing_in_a_condition_is_named() -> None:
    predictions = predictions_of(GOOD)
    some = (predictions["condition"] != "telephone") | (predictions["model"] != "layers_lda")
    with pytest.raises(InputError, match="telephone: no predictions of layers_lda; run the stage degrade"):
        tally(predictions[some])


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 99))
def test_differences_are_those_of_the_scores_and_turn_with_the_models(seed: int) -> None:
    tallies = tally(predictions_of(GOOD | {"layers_lda_clean": 0.4}, seed=seed))
    scores = robustness.score(tallies, **OPTIONS)
    gained = robustness.gains(tallies, **OPTIONS)["layers_lda"]
    turned = robustness.differences(tallies, more="layers_lda_clean", less="layers_lda", **OPTIONS)
    itself = robustness.differences(tallies, more="lda", less="lda", **OPTIONS)
    for condition, models in scores.items():
        gain = gained[condition]
        difference = models["layers_lda"]["uar"] - models["layers_lda_clean"]["uar"]
        assert gain["gain"] == pytest.approx(difference, abs=1.5e-4)
        assert gain["low"] <= gain["gain"] <= gain["high"]
        assert turned[condition]["uar"] == -gain["gain"]
        assert turned[condition]["low"] == pytest.approx(-gain["high"], abs=1.5e-4)
        assert itself[condition] == {"uar": 0, "low": 0, "high": 0}
        for it in models.values():
            assert it["uar_low"] <= it["uar"] <= it["uar_high"]


def test_a_pair_right_on_the_same_clips_differs_by_a_certain_amount() -> None:
    predictions = predictions_of(GOOD)
    # One emotion lost by every actor: the difference is the same whichever actors are drawn.
    truth = np.eye(8)[CLIPS["emotion"].map(EMOTIONS.index)]
    lost = truth.copy()
    lost[CLIPS["emotion"] == "sad"] = np.eye(8)[1]
    for model, probabilities in (("layers_lda", truth), ("layers_lda_without_line", lost)):
        rows = predictions["model"].eq(model)
        predictions.loc[rows, list(PROBABILITIES)] = np.tile(probabilities, (len(CONDITIONS), 1))
    costs = robustness.costs_of_leaving_out(tally(predictions), **OPTIONS)
    assert {kind: list(it) for kind, it in costs.items()} == {
        "noise": ["white_10", "white_0"],
        "line": ["telephone", "call_centre"],
    }
    expected = {"uar": 0.125, "low": 0.125, "high": 0.125}
    assert set(map(json.dumps, costs["line"].values())) == {json.dumps(expected)}


def test_what_is_left_out_of_training_is_what_its_conditions_have() -> None:
    """Each condition with such a corruption is in the comparison, and no other."""
    assert robustness.LEFT_OUT.keys() == train.LEFT_OUT.keys()
    for kind, beginnings in robustness.LEFT_OUT.items():
        for section in ROBUSTNESS_KINDS:
            for condition, ranges in getattr(PARAMS.robustness, section).items():
                has = not train.LEFT_OUT[kind].isdisjoint(ranges.model_fields_set)
                assert has == condition.startswith(beginnings), (kind, condition)


def test_every_condition_has_words() -> None:
    names = [it for kind in ROBUSTNESS_KINDS for it in getattr(PARAMS.robustness, kind)]
    words = [robustness.condition_words(it) for it in names]
    assert len(set(words)) == len(words)
    assert not [it for it in words if "_" in it or "{" in it]
    assert robustness.condition_words("level_-20") == "level -20 dB"
    assert robustness.condition_words("level_20_clipped") == "level +20 dB, clipped at full scale"
    assert robustness.condition_words("clipping_0.01") == "clipped, 1 % of the samples"
    assert robustness.condition_words("babble_5") == "babble, SNR 5 dB"
    assert robustness.condition_words("reverberation_0.3") == "reverberation, RT60 0.3 s"
    assert robustness.condition_words("start_1") == "truncated to the first 1 s of speech"
    assert robustness.condition_words("busy_street") == "busy street"
