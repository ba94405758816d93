"""Models are scored as people were: neutral and calm are one emotion, and nothing else changes."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.evaluation import human_listeners, scores
from ser.evaluation.human_listeners import MERGED, PUBLISHED, PUBLISHED_ACCURACY

CLIPS = pd.DataFrame([vars(parse_clip(clip)) for clip in all_clips()])
ACTUAL = CLIPS["emotion"].map(EMOTIONS.index).to_numpy()


def predict(predicted: np.ndarray, *, top: float = 0.65) -> pd.DataFrame:
    """One model's predictions with the given emotion on top, the rest spread evenly."""
    probabilities = np.full((len(CLIPS), 8), (1 - top) / 7)
    probabilities[np.arange(len(CLIPS)), predicted] = top
    table = pd.DataFrame(probabilities, columns=list(PROBABILITIES))
    return table.assign(protocol="luna5", model="lda", seed=0, fold=0, clip=CLIPS["clip"])


def compare(predictions: pd.DataFrame) -> dict[str, object]:
    tallies = {"lda": scores.tally(predictions, CLIPS)}
    compared = human_listeners.compare(tallies, predictions, CLIPS, samples=100, seed=0)
    models: dict[str, dict[str, object]] = compared["models"]
    return models["lda"]


def test_the_published_accuracy_is_the_mean_over_the_clips_of_the_published_recalls() -> None:
    clips = CLIPS["emotion"].map(lambda name: name if name in MERGED else "neutral or calm")
    assert clips.map(PUBLISHED).mean() == pytest.approx(PUBLISHED_ACCURACY, abs=0.0005)
    assert tuple(PUBLISHED) == MERGED


@given(st.integers(0, 2**32 - 1))
def test_merged_counts_are_those_of_merged_labels(state: int) -> None:
    draw = np.random.default_rng(state)
    actual, predicted = draw.integers(0, 8, (2, 300))
    counts = np.zeros((8, 8), dtype=np.int64)
    np.add.at(counts, (actual, predicted), 1)
    expected = np.zeros((7, 7), dtype=np.int64)
    np.add.at(expected, (np.maximum(actual - 1, 0), np.maximum(predicted - 1, 0)), 1)
    np.testing.assert_array_equal(human_listeners.merge(counts), expected)


def test_calm_for_neutral_counts_as_right_and_calm_for_sad_does_not() -> None:
    """All that is neutral, and all that is sad, is taken for calm."""
    scored = compare(predict(np.where(np.isin(ACTUAL, [0, 3]), 1, ACTUAL)))
    assert scored["per_emotion"] == {name: float(name != "sad") for name in MERGED}
    assert scored["accuracy"] == scored["accuracy_low"] == scored["accuracy_high"] == round(1248 / 1440, 4)
    assert scored["uar"] == round(6 / 7, 4)


def test_adding_the_probabilities_first_may_change_the_answer() -> None:
    """Sad is the most probable of eight, but less so than neutral and calm together."""
    probabilities = np.zeros((len(CLIPS), 8))
    probabilities[:, [0, 1, 3]] = 0.3, 0.3, 0.4
    predictions = predict(ACTUAL).assign(**dict(zip(PROBABILITIES, probabilities.T, strict=True)))
    scored = compare(predictions)
    assert scored["accuracy"] == round(192 / 1440, 4)
    assert scored["accuracy_summed"] == round(288 / 1440, 4)
