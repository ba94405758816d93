"""How far answers can be relied on: thresholds of sure and likely ones, and what these words are worth.

As the recognizer decides: by `ser.recognizer.certainty.Thresholds`, with all eight emotions as answers, so
that one that the tested corpus lacks is wrong. That less than a second of speech is never sure is left aside.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from experiments.cross_corpus.clips import Clips
from ser.models.layers.linear import LinearLayers, softmax
from ser.recognizer.certainty import LIKELY, NOT_SURE, SURE, WORDS, Thresholds

CANDIDATES = tuple(round(0.005 * step, 3) for step in range(1, 200))
"""Confidence that is tried as a threshold, in ascending order."""
COLUMNS = ("confidence", "agreement", "right")
"""Of answers: the first two from 0 to 1, and whether the emotion is that of the clip."""


@dataclass(frozen=True)
class Rule:
    """What a threshold must reach on answers for development clips, of which there are several tests.

    Attributes
    ----------
    mean_accuracy, least_accuracy : float
        Accuracy of the answers that get the word: its mean over the tests, and in each of them.
    mean_coverage : float
        Mean over the tests of the share of answers that get it.
    """

    mean_accuracy: float
    least_accuracy: float
    mean_coverage: float


def answer(linear: LinearLayers, clips: Clips, *, temperature: float) -> pd.DataFrame:
    """Answer for clips as the recognizer does.

    Parameters
    ----------
    linear
        The model.
    clips
        n recordings or copies.
    temperature
        Divides the weighted sum of the layers' logits.

    Returns
    -------
    pandas.DataFrame
        A row a clip with `COLUMNS`.
    """
    layers = linear.layer_logits(clips.x.astype(np.float64))  # (n, layers, 8)
    ensemble = softmax(np.einsum("l,nle->ne", linear.weights, layers) / temperature)  # (n, 8)
    answers = ensemble.argmax(axis=1)
    rows = np.arange(len(answers))
    return pd.DataFrame(
        {
            "confidence": ensemble[rows, answers],
            "agreement": softmax(layers)[rows, :, answers].min(axis=1),
            "right": answers == clips.y,
        }
    )


def words_of(answers: pd.DataFrame, thresholds: Thresholds) -> "pd.Series[str]":
    """Give each answer its word, as `Thresholds.word` does; index as that of `answers`."""
    sure = (answers["confidence"] >= thresholds.sure_from) & (
        answers["agreement"] >= thresholds.agreement_from
    )
    words = np.where(sure, SURE, np.where(answers["confidence"] >= thresholds.likely_from, LIKELY, NOT_SURE))
    return pd.Series(words.tolist(), index=answers.index, dtype=str)


def choose_thresholds(
    tests: Sequence[pd.DataFrame], *, sure: Rule, likely: Rule, agreement_from: float
) -> Thresholds:
    """Choose the least threshold of each word at which its rule holds; where none does, the greatest.

    Parameters
    ----------
    tests
        Answers of each test, as of `answer`.
    sure, likely
        What the answers must reach that are sure, and those that are likely and not sure.
    agreement_from
        Least agreement of a sure answer.
    """

    def first(word: str, rule: Rule, tried: Mapping[float, Thresholds]) -> float:
        return next((it for it, given in tried.items() if _holds(rule, tests, word, given)), max(tried))

    sure_from = first(SURE, sure, {it: Thresholds(it, it, agreement_from) for it in CANDIDATES})
    tried = {it: Thresholds(sure_from, it, agreement_from) for it in CANDIDATES if it <= sure_from}
    return tried[first(LIKELY, likely, tried)]


def _holds(rule: Rule, tests: Sequence[pd.DataFrame], word: str, thresholds: Thresholds) -> bool:
    """Whether a rule holds for the answers that get a word."""
    accuracies, coverages = [], []
    for answers in tests:
        said = words_of(answers, thresholds) == word
        if not said.any():
            return False
        accuracies.append(float(answers["right"][said].mean()))
        coverages.append(float(said.mean()))
    return (
        float(np.mean(accuracies)) >= rule.mean_accuracy
        and min(accuracies) >= rule.least_accuracy
        and float(np.mean(coverages)) >= rule.mean_coverage
    )


def worth(answers: pd.DataFrame, thresholds: Thresholds, *, answered_from: float) -> dict[str, Any]:
    """Measure what each word is worth, beside the two words of a single threshold.

    Parameters
    ----------
    answers
        At least one, as of `answer`.
    thresholds
        What is sure and what likely.
    answered_from
        Confidence from which, of the two words, an answer is not "not sure".

    Returns
    -------
    dict
        Ready for JSON, proportions to 4 decimals: ``n``; ``accuracy`` of all; by word ``share`` and
        ``accuracy``, None of no answers; ``before``, the same of ``answered`` and ``not sure``; ``aurc``, the
        area under the risk-coverage curve, by confidence and by agreement.
    """
    words = words_of(answers, thresholds)
    answered = answers["confidence"] >= answered_from
    return {
        "n": len(answers),
        "accuracy": round(float(answers["right"].mean()), 4),
        **{word: _share_and_accuracy(answers, words == word) for word in WORDS},
        "before": {
            "answered": _share_and_accuracy(answers, answered),
            NOT_SURE: _share_and_accuracy(answers, ~answered),
        },
        "aurc": {
            measure: round(float(1 - curve(answers, measure)["accuracy"].mean()), 4)
            for measure in ("confidence", "agreement")
        },
    }


def _share_and_accuracy(answers: pd.DataFrame, said: "pd.Series[bool]") -> dict[str, float | None]:
    accuracy = round(float(answers["right"][said].mean()), 4) if said.any() else None
    return {"share": round(float(said.mean()), 4), "accuracy": accuracy}


def curve(answers: pd.DataFrame, measure: str = "confidence") -> pd.DataFrame:
    """Tabulate accuracy by coverage, the answers with the highest `measure` first.

    Returns
    -------
    pandas.DataFrame
        A row an answer: ``coverage`` and ``accuracy``, from 0 to 1, of it and all before it. Equal ones keep
        their order.
    """
    order = np.argsort(-answers[measure].to_numpy(), kind="stable")
    right = answers["right"].to_numpy(dtype=np.float64)[order]
    number = np.arange(1, len(right) + 1)
    return pd.DataFrame({"coverage": number / len(right), "accuracy": np.cumsum(right) / number})
