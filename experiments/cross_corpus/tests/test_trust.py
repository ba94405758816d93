"""What a word is worth, and how its threshold is chosen."""

import numpy as np
import pandas as pd
import pytest

from experiments.cross_corpus.clips import Clips
from experiments.cross_corpus.figures import risk_coverage
from experiments.cross_corpus.trust import (
    CANDIDATES,
    COLUMNS,
    Rule,
    answer,
    choose_thresholds,
    curve,
    words_of,
    worth,
)
from ser.models.layers.linear import LinearLayers
from ser.recognizer.bundle_format import ExportedModel
from ser.recognizer.certainty import LIKELY, NOT_SURE, SURE, Thresholds
from ser.recognizer.posteriors import posteriors

THRESHOLDS = Thresholds(sure_from=0.8, likely_from=0.6, agreement_from=0.5)
ANSWERS = pd.DataFrame(
    [
        (0.9, 0.7, True),
        (0.8, 0.5, False),
        (0.9, 0.4, True),
        (0.6, 0.9, True),
        (0.55, 0.9, False),
        (0.3, 0.1, True),
    ],
    columns=list(COLUMNS),
)
NO_RULE = Rule(mean_accuracy=0, least_accuracy=0, mean_coverage=0)


def made(accuracy_at: float, *, n: int = 4000, seed: int = 0) -> pd.DataFrame:
    """Answers whose accuracy rises evenly with confidence, from 0 to `accuracy_at` at a confidence of 1."""
    draw = np.random.default_rng(seed)
    confidence = draw.uniform(0, 1, n)
    right = draw.uniform(0, 1, n) < accuracy_at * confidence
    return pd.DataFrame({"confidence": confidence, "agreement": 1.0, "right": right})


def test_words_are_the_recognizers() -> None:
    words = words_of(ANSWERS, THRESHOLDS)
    assert words.tolist() == [SURE, SURE, LIKELY, LIKELY, NOT_SURE, NOT_SURE]
    columns = (ANSWERS[name].to_numpy(float) for name in ("confidence", "agreement"))
    for confidence, agreement, word in zip(*columns, words, strict=True):
        assert THRESHOLDS.word(confidence=confidence, agreement=agreement) == word


def test_answers_are_the_recognizers() -> None:
    draw = np.random.default_rng(0)
    linear = LinearLayers(draw.normal(size=(3, 4, 8)), draw.normal(size=(3, 8)), np.array([0.2, 0.3, 0.5]))
    x = draw.normal(size=(5, 3, 4)).astype(np.float32)
    names = np.array(["a"] * 5)
    y = np.arange(5)
    clips = Clips(x=x, y=y, clip=names, actor=names, corpus=names, fold=y, copy=names)
    found = answer(linear, clips, temperature=0.7)
    model = ExportedModel(linear, 0.7, THRESHOLDS, about={})
    for place, row in enumerate(found.itertuples()):
        ensemble, *layers = posteriors(model, x[place])
        emotion = int(ensemble.argmax())
        assert row.confidence == pytest.approx(ensemble[emotion])
        assert row.agreement == pytest.approx(min(layer[emotion] for layer in layers))
        assert row.right == (emotion == y[place])


def test_what_words_are_worth() -> None:
    found = worth(ANSWERS, THRESHOLDS, answered_from=0.5)
    assert found["n"] == 6
    assert found["accuracy"] == pytest.approx(4 / 6, abs=1e-4)
    assert found[SURE] == {"share": 0.3333, "accuracy": 0.5}
    assert found[LIKELY] == {"share": 0.3333, "accuracy": 1.0}
    assert found["before"] == {
        "answered": {"share": 0.8333, "accuracy": 0.6},
        NOT_SURE: {"share": 0.1667, "accuracy": 1.0},
    }
    # Right, right, wrong, right, wrong, right, the most confident first.
    assert found["aurc"]["confidence"] == pytest.approx(np.mean([0, 0, 1 / 3, 1 / 4, 2 / 5, 2 / 6]), abs=1e-4)
    never = worth(ANSWERS, Thresholds(1, 1, 0.5), answered_from=0.5)
    assert never[SURE] == {"share": 0, "accuracy": None}


def test_a_threshold_is_the_least_at_which_its_rule_holds() -> None:
    tests = [made(1.0), made(0.8, seed=1)]
    # From c up, the mean accuracy is (1 + c) / 2 in the first, and .8 of that in the second.
    sure = Rule(mean_accuracy=0.75, least_accuracy=0.5, mean_coverage=0.1)
    found = choose_thresholds(tests, sure=sure, likely=NO_RULE, agreement_from=0.5)
    assert found.sure_from == pytest.approx(2 * 0.75 / 0.9 - 1, abs=0.04)
    assert found.likely_from == CANDIDATES[0]
    strict = Rule(mean_accuracy=0.75, least_accuracy=0.72, mean_coverage=0.1)
    stricter = choose_thresholds(tests, sure=strict, likely=NO_RULE, agreement_from=0.5)
    assert stricter.sure_from == pytest.approx(2 * 0.72 / 0.8 - 1, abs=0.05)
    likely = Rule(mean_accuracy=0.5, least_accuracy=0, mean_coverage=0)
    found = choose_thresholds(tests, sure=sure, likely=likely, agreement_from=0.5)
    # Of the likely ones alone: the sure ones are not among them.
    assert found.likely_from == pytest.approx(2 * 0.5 / 0.9 - found.sure_from, abs=0.05)


def test_a_rule_that_never_holds_leaves_the_greatest_threshold() -> None:
    sure = Rule(mean_accuracy=1, least_accuracy=1, mean_coverage=1)
    found = choose_thresholds([made(0.5)], sure=sure, likely=sure, agreement_from=0.5)
    assert found.sure_from == found.likely_from == CANDIDATES[-1]


def test_the_curve_ends_at_the_accuracy_of_all() -> None:
    table = curve(ANSWERS)
    assert table["coverage"].tolist() == pytest.approx([place / 6 for place in range(1, 7)])
    assert table["accuracy"].iloc[-1] == pytest.approx(4 / 6)
    assert curve(ANSWERS, "agreement")["accuracy"].iloc[1] == 0.5


def test_the_figure_has_a_line_a_condition_and_marks_where_words_are() -> None:
    answers = {"general": {"one": made(1.0), "two": made(0.5)}, "ravdess": {"one": made(0.9)}}
    drawn = risk_coverage(answers, dict.fromkeys(answers, THRESHOLDS), names={"one": "One", "two": "Two"})
    # A line and two marks each.
    assert [len(axes.lines) for axes in drawn.axes] == [6, 3]
    sure = words_of(answers["general"]["one"], THRESHOLDS) == SURE
    assert np.asarray(drawn.axes[0].lines[1].get_xdata())[0] == pytest.approx(100 * sure.mean())
