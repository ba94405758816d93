"""Adaptation in the experiment: what is drawn and scored, and what each method takes for an offset."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.cross_corpus.adaptation_draws import draw, mixes
from experiments.cross_corpus.adaptation_methods import METHODS
from experiments.cross_corpus.adaptation_scores import Pool, Tested, summarize, try_mix, unless_below
from ser.data.ravdess import EMOTIONS
from ser.models.layers.linear import LinearLayers
from ser.recognizer.bundle_format import ExportedModel
from ser.recognizer.certainty import Thresholds
from tools.result_tables import TABLES

CENTRES = np.repeat(6.0 * np.eye(8)[:, None], 3, axis=1)  # (8, layers, 8)
LINEAR = LinearLayers(np.zeros((3, 4, 8)), np.zeros((3, 8)), np.full(3, 1 / 3))
MODEL = ExportedModel(LINEAR, 1.0, Thresholds(0.0, 0.0, 0.0), about={}, centres=CENTRES)
Y = np.tile(np.arange(8), 40)
ALL = np.arange(len(Y))


@given(st.sampled_from([*mixes(EMOTIONS)]), st.sampled_from([4, 8, 16, 32]), st.integers(0, 99))
def test_a_draw_has_its_mix_and_scores_the_rest(mix: str, n_clips: int, seed: int) -> None:
    for shares in mixes(EMOTIONS)[mix]:
        drawn = draw(Y, ALL, shares, n_clips=n_clips, seed=(seed,))
        assert drawn is not None
        assert sorted([*drawn.adapted_with, *drawn.scored]) == ALL.tolist()
        assert len(drawn.adapted_with) == n_clips
        counts = np.bincount(Y[drawn.adapted_with], minlength=8)
        assert np.abs(counts - n_clips * shares).max() < 1


def test_what_a_set_up_lacks_is_not_drawn() -> None:
    alone = np.eye(8)[3]
    assert draw(Y, ALL, alone, n_clips=40, seed=(0,)) is not None
    assert draw(Y, ALL, alone, n_clips=41, seed=(0,)) is None


def test_the_mixes_are_of_the_corpus_alone() -> None:
    found = mixes(("neutral", "sad", "angry"))
    assert {name: len(it) for name, it in found.items()} == {
        "balanced": 1,
        "neutral_70": 1,
        "neutral": 1,
        "one_emotion": 2,
    }
    np.testing.assert_allclose(found["neutral_70"][0], [0.7, 0, 0, 0.15, 0.15, 0, 0, 0])


def moved(offset: float) -> Tested:
    noise = np.random.default_rng(0).normal(0, 1, (len(Y), 3, 8))
    logits = CENTRES[Y] + noise + offset * np.eye(8)[0]
    actor = np.repeat(["a", "b"], len(Y) // 2)
    return Tested(logits, Y, actor, EMOTIONS, [Pool(ALL[:160], MODEL), Pool(ALL[160:], MODEL)])


@pytest.mark.parametrize("name", METHODS)
def test_every_method_finds_an_offset(name: str) -> None:
    it = moved(offset=3.0)
    found = METHODS[name](MODEL, it.logits)
    np.testing.assert_allclose(found, np.tile(3 * np.eye(8)[0], (3, 1)), atol=0.7)
    assert not METHODS[name](MODEL, it.logits[:0]).any()


def test_more_steps_come_nearer() -> None:
    logits = moved(offset=5.0).logits
    one, many = (METHODS[name](MODEL, logits)[0, 0] for name in ("one_step", "many_steps"))
    assert one < many < 5.2


def test_scores_are_differences_to_the_model_without() -> None:
    it = moved(offset=6.0)
    balanced = mixes(EMOTIONS)["balanced"][0]
    outcome = try_mix(it, balanced, n_clips=32, seeds=[0, 1], thresholds=[1.0, 8.1])
    found = summarize([outcome], emotions=EMOTIONS, thresholds=[1.0, 8.1], samples=50, seed=0)
    assert found["draws"] == 4
    assert found["looks_one_sided"] == {"1": 0, "8.1": 1}
    assert found["uar"] < 0.9
    assert found["mean"]["uar"] > 0.05
    assert found["mean"]["low"] <= found["mean"]["uar"] <= found["mean"]["high"]
    assert found[unless_below(1.0)]["uar"] == found["one_step"]["uar"]
    assert found[unless_below(8.1)]["uar"] == 0
    alone = summarize(
        [try_mix(it, np.eye(8)[3], n_clips=20, seeds=[0], thresholds=[])],
        emotions=EMOTIONS,
        thresholds=[],
        samples=50,
        seed=0,
    )
    # All twenty sad clips of a set-up were adapted with.
    assert alone["accuracy"] is None
    assert summarize([], emotions=EMOTIONS, thresholds=[], samples=50, seed=0) is None


def test_tables_have_a_row_a_mix(tmp_path: Path) -> None:
    names = ("adaptation_set_up", "adaptation_speaker", "adaptation_by_number", "adaptation_thresholds")
    assert all("not measured yet" in TABLES[name](tmp_path) for name in names)
    change = {"uar": 0.02, "accuracy": None, "low": -0.01, "high": 0.05}
    it = {
        "draws": 20,
        "uar": 0.7,
        "accuracy": None,
        "looks_one_sided": {"5": 0.25},
        **dict.fromkeys(METHODS, change),
    }
    by_kind = {kind: {"nemo": {"balanced": {"16": it}}} for kind in ("set_up", "speaker")}
    threshold = {"accuracy": -0.017, "accuracy_of_copies": None, "false_alarms": 0.1, "caught": 0.8}
    content = {"one_sided_below": 5.0, "thresholds": {"5": threshold}, **by_kind}
    (tmp_path / "adaptation_of_layers.json").write_text(json.dumps(content))
    *_, row = TABLES["adaptation_set_up"](tmp_path).splitlines()
    assert row == "| nEMO, unseen | balanced | 70.0 / - | +2.0 / - | +2.0 / - | +2.0 / - | 25 % |"
    *_, row = TABLES["adaptation_by_number"](tmp_path).splitlines()
    assert row == "| nEMO, unseen, by speaker |  |  | +2.0 (-1.0 to +5.0) |  |  |"
    *_, row = TABLES["adaptation_thresholds"](tmp_path).splitlines()
    assert row == "| 5 emotions | -1.7 | - | at most 10.0 % | 80.0 % |"
