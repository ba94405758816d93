"""Score the exported model on a corpus that it was not trained on, over the emotions that both have.

The model always gives eight probabilities. Where a corpus does not have an emotion, such as ``calm``, its
probability is left out and the others are divided by their sum, so that the model predicts one of the
corpus's emotions. Nothing of ``calm`` is added to ``neutral``.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ser.data.corpus_folder import Recordings
from ser.data.filename_grammar import Utterance
from ser.data.other_corpora import Corpus
from ser.data.ravdess import EMOTIONS
from ser.evaluation.bootstrap import interval
from ser.evaluation.metrics import Counts, accuracy, recalls, uar

BOOTSTRAP_SAMPLES = 10_000
BOOTSTRAP_SEED = 0
FEWEST_SPEAKERS = 5
"""With fewer of them, a bootstrap over speakers gives no reliable interval."""

Scored = Sequence[tuple[Utterance, Mapping[str, float]]]
"""Recordings of shared emotions, each with the model's eight probabilities."""


def restrict(probabilities: Mapping[str, float], emotions: Sequence[str]) -> dict[str, float]:
    """Keep the probabilities of some emotions, scaled to sum to 1; equal ones where they are all 0."""
    total = sum(probabilities[emotion] for emotion in emotions)
    if total <= 0:
        return dict.fromkeys(emotions, 1 / len(emotions))
    return {emotion: probabilities[emotion] / total for emotion in emotions}


def count(scored: Scored, emotions: Sequence[str]) -> tuple[tuple[str, ...], Counts]:
    """Count recordings by speaker, actual and predicted emotion.

    Parameters
    ----------
    scored
        Recordings of shared emotions, each with the model's eight probabilities.
    emotions
        The k emotions that the corpus shares, in the order of `EMOTIONS`.

    Returns
    -------
    speakers : tuple of str
        Names of the speakers, sorted: those of axis 1 of `counts`.
    counts : numpy.ndarray [shape=(1, speakers, k, k), dtype=int64]
        Recordings by actual (axis 2) and predicted (axis 3) emotion, in the order of `emotions`, in the form
        that `ser.evaluation.scores` reads; of equal probabilities, the first emotion's counts.
    """
    speakers = sorted({utterance.speaker for utterance, _ in scored})
    counts = np.zeros((1, len(speakers), len(emotions), len(emotions)), dtype=np.int64)
    for utterance, probabilities in scored:
        kept = restrict(probabilities, emotions)
        predicted = max(emotions, key=lambda emotion: kept[emotion])
        place = emotions.index(str(utterance.emotion)), emotions.index(predicted)
        counts[0, speakers.index(utterance.speaker), *place] += 1
    return tuple(speakers), counts


def score(corpus: Corpus, scored: Scored) -> dict[str, Any]:
    """Score a model on a corpus.

    Parameters
    ----------
    corpus
        The corpus, whose emotions are those that the model may predict.
    scored
        At least one recording, each with the model's eight probabilities.

    Returns
    -------
    dict
        Ready for JSON, scores from 0 to 1, to 4 decimals: ``n``, ``speakers`` (their number), ``emotions``,
        ``chance``, ``uar``, ``uar_low`` and ``uar_high`` (None with too few speakers), ``accuracy``,
        ``mean_confidence`` (of the restricted probabilities), ``mean_left_out`` (the probability on emotions
        that the corpus does not have), ``per_emotion`` and ``per_speaker`` (``n`` and ``recall`` or
        ``accuracy``), ``confusion`` (recordings by actual and predicted emotion). An emotion without a
        recording has the recall None and no part in the UAR.
    """
    emotions = corpus.emotions
    speakers, counts = count(scored, emotions)
    pooled = counts.sum(axis=1)[0]  # (1, speakers, k, k) to (k, k)
    low: float | None = None
    high: float | None = None
    if len(speakers) >= FEWEST_SPEAKERS:
        low, high = interval(uar, counts, samples=BOOTSTRAP_SAMPLES, seed=BOOTSTRAP_SEED)
    confidences = [max(restrict(probabilities, emotions).values()) for _, probabilities in scored]
    kept = [sum(probabilities[emotion] for emotion in emotions) for _, probabilities in scored]
    per_emotion = zip(emotions, pooled.sum(axis=1), recalls(pooled), strict=True)
    per_speaker = zip(speakers, counts[0], strict=True)
    return {
        "n": len(scored),
        "speakers": len(speakers),
        "emotions": list(emotions),
        "chance": _share(1 / len(emotions)),
        "uar": _share(uar(pooled)),
        "uar_low": None if low is None else _share(low),
        "uar_high": None if high is None else _share(high),
        "accuracy": _share(accuracy(pooled)),
        "mean_confidence": _share(np.mean(confidences)),
        # A sum of floats may exceed 1 in its last digit.
        "mean_left_out": _share(max(0.0, 1 - float(np.mean(kept)))),
        "per_emotion": {
            name: {"n": int(n), "recall": None if np.isnan(recall) else _share(recall)}
            for name, n, recall in per_emotion
        },
        "per_speaker": {
            name: {"n": int(it.sum()), "accuracy": _share(accuracy(it))} for name, it in per_speaker
        },
        "confusion": {
            actual: dict(zip(emotions, row, strict=True))
            for actual, row in zip(emotions, pooled.tolist(), strict=True)
        },
    }


def format_score(corpus: Corpus, result: Mapping[str, Any], found: Recordings) -> str:
    """Lay out a result of `score` as tables for people, in percent, with the remarks that belong to it."""
    emotions = result["emotions"]
    missing = [name for name, it in result["per_emotion"].items() if it["recall"] is None]
    lines = [
        f"{corpus.title}: {_counted(result['n'], 'recording')}, {_counted(result['speakers'], 'speaker')}, "
        f"{_counted(len(emotions), 'emotion')}",
        corpus.note,
        "",
        f"UAR             {_percent(result['uar'])} %   {_interval_words(result)}",
        f"chance          {_percent(result['chance'])} %",
        f"accuracy        {_percent(result['accuracy'])} %",
        f"confidence      {_percent(result['mean_confidence'])} %   on average",
        "",
        f"{'':23}recognised as",
        f"{'actual':10} {'n':>5} {'recall':>6} {' '.join(f'{name:>9}' for name in emotions)}",
    ]
    for name in emotions:
        it, row = result["per_emotion"][name], result["confusion"][name]
        recall = "-" if it["recall"] is None else _percent(it["recall"])
        cells = " ".join(f"{row[other]:9}" for other in emotions)
        lines.append(f"{name:10} {it['n']:5} {recall:>6} {cells}")
    remarks = [_restriction_words(corpus, result)]
    if missing:
        remarks.append(f"There is no recording of {', '.join(missing)} here: no part of the UAR.")
    remarks += [
        f"Left out: {number} of {label}, which RAVDESS does not have."
        for label, number in found.left_out.items()
    ]
    if found.doubled:
        number, first = len(found.doubled), found.doubled[0]
        repeating = f"{_counted(number, 'file')} that {'repeats' if number == 1 else 'repeat'} a clip"
        remarks.append(f"Not used: {repeating}, such as {first}.")
    return "\n".join([*lines, "", *(remark for remark in remarks if remark)]).rstrip()


def _counted(number: int, thing: str) -> str:
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def _interval_words(result: Mapping[str, Any]) -> str:
    if result["uar_low"] is None:
        return f"no interval: with fewer than {FEWEST_SPEAKERS} speakers it would mean little"
    low, high = _percent(result["uar_low"]).strip(), _percent(result["uar_high"]).strip()
    return f"95 % interval {low} to {high}, by bootstrap over speakers"


def _restriction_words(corpus: Corpus, result: Mapping[str, Any]) -> str:
    others = [emotion for emotion in EMOTIONS if emotion not in result["emotions"]]
    if not others:
        return ""
    share = _percent(result["mean_left_out"]).strip()
    return (
        f"{corpus.title} has no {' or '.join(others)}: {share} % of the model's probability, on average, "
        "is left out, and the rest scaled to sum to 1."
    )


def _share(value: Any) -> float:
    return round(float(value), 4)


def _percent(share: float) -> str:
    return f"{100 * share:5.1f}"
