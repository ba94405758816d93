"""What an adaptation is worth on clips of the set-up that it was not made with."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from experiments.cross_corpus.adaptation_draws import Rows, Shares, draw, mixes
from experiments.cross_corpus.adaptation_methods import METHODS
from experiments.cross_corpus.clips import Names
from ser.data.fold import Labels
from ser.data.ravdess import EMOTIONS
from ser.evaluation.bootstrap import percentiles, resample
from ser.evaluation.metrics import Counts, recalls, uar
from ser.models.layers.linear import Matrix
from ser.recognizer.adaptation import gather
from ser.recognizer.bundle_format import ExportedModel

WITHOUT = "without"
"""Name of the answers without adaptation."""


@dataclass(frozen=True)
class Pool:
    """Clips of one set-up, or of one speaker, with the model that is adapted to it.

    Attributes
    ----------
    rows : numpy.ndarray [shape=(m,)]
        Rows of its clips, on none of which the model was trained.
    model : ExportedModel
        The model before adaptation.
    """

    rows: Rows
    model: ExportedModel


@dataclass(frozen=True)
class Tested:
    """A corpus, with what its models say of each clip.

    Attributes
    ----------
    logits : numpy.ndarray [shape=(n, layers, 8)]
        Each layer's logits.
    y, actor : numpy.ndarray [shape=(n,)]
        Labels, places in `EMOTIONS`, and speakers.
    emotions : sequence of str
        Emotions of the corpus, in the order of `EMOTIONS`: no other is an answer.
    pools : sequence of Pool
        Its set-ups, or its speakers.
    """

    logits: Matrix
    y: Labels
    actor: Names
    emotions: Sequence[str]
    pools: Sequence[Pool]


@dataclass
class Outcome:
    """Sums over all draws of one mix.

    Attributes
    ----------
    shares : numpy.ndarray [shape=(8,)]
        The mix.
    counts : dict of str to numpy.ndarray [shape=(1, actors, k, k)]
        By method, clips by speaker, actual and predicted emotion.
    emotions : list of float
        Of how many emotions the clips of each draw look, as of `ser.recognizer.adaptation.Adaptation`.
    """

    shares: Shares
    counts: dict[str, Counts] = field(default_factory=dict)
    emotions: list[float] = field(default_factory=list)


def unless_below(threshold: float) -> str:
    """Name the answers of one step where clips that look like fewer emotions are not adapted with."""
    return f"one_step_unless_below_{threshold:g}"


def try_mix(
    tested: Tested, shares: Shares, *, n_clips: int, seeds: Sequence[int], thresholds: Sequence[float]
) -> Outcome:
    """Adapt to each set-up with draws of one mix, and count the answers for its other clips.

    Parameters
    ----------
    tested
        The corpus.
    shares
        [shape=(8,)] The mix.
    n_clips
        Number of clips to adapt with.
    seeds
        Of the draws, of which each set-up has its own.
    thresholds
        Numbers of emotions below which clips may be called one-sided.
    """
    names, actor = np.unique(tested.actor, return_inverse=True)
    places = np.array([EMOTIONS.index(it) for it in tested.emotions])
    form = (1, len(names), len(places), len(places))
    actual = actor * len(places) + np.searchsorted(places, tested.y)  # (n,)
    outcome = Outcome(shares)
    for place, pool in enumerate(tested.pools):
        answers = (pool.model.linear.weights @ tested.logits[pool.rows])[:, places]  # (m, k)
        for seed in seeds:
            drawn = draw(tested.y, pool.rows, shares, n_clips=n_clips, seed=(seed, place, n_clips))
            if drawn is None:
                continue
            logits = tested.logits[drawn.adapted_with]
            found = gather(pool.model, logits)
            outcome.emotions.append(found.emotions)
            offsets = {WITHOUT: np.zeros_like(found.residuals)}
            offsets |= {name: method(pool.model, logits) for name, method in METHODS.items()}
            offsets |= {
                unless_below(it): offsets[WITHOUT] if found.emotions < it else found.offsets
                for it in thresholds
            }
            scored = np.isin(pool.rows, drawn.scored)  # (m,)
            for name, offset in offsets.items():
                moved = answers[scored] - (pool.model.linear.weights @ offset)[places]
                cells = actual[pool.rows[scored]] * len(places) + moved.argmax(axis=1)
                counts = np.bincount(cells, minlength=np.prod(form)).reshape(form)
                outcome.counts[name] = outcome.counts.get(name, 0) + counts
    return outcome


def summarize(
    outcomes: Sequence[Outcome],
    *,
    emotions: Sequence[str],
    thresholds: Sequence[float],
    samples: int,
    seed: int,
) -> Any:
    """Score all methods on the draws of some mixes together.

    Parameters
    ----------
    outcomes
        Of the mixes, those without a draw among them.
    emotions
        As of `Tested`.
    thresholds
        As of `try_mix`.
    samples, seed
        Number of bootstrap samples over speakers, and their seed.

    Returns
    -------
    dict or None
        Ready for JSON, from 0 to 1, to 4 decimals; None without a draw. ``draws``; ``looks_one_sided``, the
        share of the draws that do by each threshold; ``uar`` of the other clips and ``accuracy`` in a folder
        of the same mix, both without adaptation; by method the differences: ``uar``, ``accuracy``, and the
        ends of the 95 % interval of the first, ``low`` and ``high``. An accuracy is None where no clip of the
        mix is left to score.
    """
    drawn = [it for it in outcomes if it.emotions]
    if not drawn:
        return None
    counts = {name: np.sum([it.counts[name] for it in drawn], axis=0) for name in drawn[0].counts}
    # Speakers who are in no draw, as where they lack clips of a mix, are no speakers of the interval.
    heard = counts[WITHOUT].sum(axis=(0, 2, 3)) > 0
    counts = {name: it[:, heard] for name, it in counts.items()}
    uars = {name: float(uar(it.sum(axis=(0, 1)))) for name, it in counts.items()}
    sampled = {name: resample(uar, counts[name], samples=samples, seed=seed) for name in (WITHOUT, *METHODS)}
    accuracies = {name: _accuracy(drawn, name, emotions) for name in counts}
    emotions_of_draws = np.concatenate([it.emotions for it in drawn])
    found: dict[str, Any] = {
        "draws": len(emotions_of_draws),
        "looks_one_sided": {f"{it:g}": round(float((emotions_of_draws < it).mean()), 4) for it in thresholds},
        "uar": round(uars[WITHOUT], 4),
        "accuracy": _rounded(accuracies[WITHOUT]),
    }
    for name in [it for it in counts if it != WITHOUT]:
        found[name] = {
            "uar": round(uars[name] - uars[WITHOUT], 4),
            "accuracy": _rounded(accuracies[name] - accuracies[WITHOUT]),
        }
    for name in METHODS:
        low, high = percentiles(sampled[name] - sampled[WITHOUT])
        found[name] |= {"low": round(low, 4), "high": round(high, 4)}
    return found


def _accuracy(outcomes: Sequence[Outcome], name: str, emotions: Sequence[str]) -> float:
    """Weight recalls by the shares of each mix; of several mixes the mean, NaN where none can be told."""
    found = []
    for outcome in outcomes:
        recall = recalls(outcome.counts[name].sum(axis=(0, 1)))  # (k,)
        shares = outcome.shares[[EMOTIONS.index(it) for it in emotions]]  # (k,)
        if not np.isnan(recall[shares > 0]).any():
            found.append(float(np.nansum(recall * shares)))
    return float(np.mean(found)) if found else float("nan")


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)


def try_all(
    tested: Tested,
    *,
    clips: Sequence[int],
    seeds: Sequence[int],
    thresholds: Sequence[float],
    samples: int,
    seed: int,
) -> Iterator[tuple[str, int, Mapping[str, Any]]]:
    """Try every mix and number of clips.

    Parameters
    ----------
    tested
        The corpus.
    clips
        Numbers of clips to adapt with.
    seeds, thresholds
        As of `try_mix`.
    samples, seed
        As of `summarize`.

    Yields
    ------
    mix : str
        Name of the mix, as of `experiments.cross_corpus.adaptation_draws.mixes`.
    n_clips : int
        Number of clips.
    scores : dict
        As of `summarize`; what cannot be drawn is left out.
    """
    for mix, variants in mixes(tested.emotions).items():
        for n_clips in clips:
            outcomes = [
                try_mix(tested, shares, n_clips=n_clips, seeds=seeds, thresholds=thresholds)
                for shares in variants
            ]
            found = summarize(
                outcomes, emotions=tested.emotions, thresholds=thresholds, samples=samples, seed=seed
            )
            if found is not None:
                yield mix, n_clips, found
