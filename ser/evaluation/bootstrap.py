"""How far a score varies with the actors: a percentile bootstrap over them, of a model or of a difference.

Clips of one actor are alike, so a bootstrap over clips would promise too much: what is drawn, with
replacement, is actors, each with all of its clips and the same for all seeds. All models with the same number
of actors get the same draws, so that what is hard about an actor cancels out in a difference.

References
----------
Percentile bootstrap over clusters: Davison AC, Hinkley DV (1997). Bootstrap Methods and their Application.
"""

from collections.abc import Callable

import numpy as np

from ser.evaluation.metrics import Counts, Scores, uar

Score = Callable[[Counts], Scores]
"""From counts [shape=(..., k, k)] to scores [shape=(...)], such as `ser.evaluation.metrics.uar`."""


def resample(score: Score, counts: Counts, *, samples: int, seed: int) -> Scores:
    """Score a model on samples of its actors.

    Parameters
    ----------
    score
        From counts [shape=(..., k, k)] to scores [shape=(...)].
    counts
        [shape=(seeds, actors, k, k)] Clips by actual and predicted emotion, as in
        `ser.evaluation.scores.Tally`.
    samples
        Number of bootstrap samples, in each of which as many actors are drawn as there are.
    seed
        Seed of the draws: the same for models that are compared.

    Returns
    -------
    numpy.ndarray [shape=(samples,), dtype=float64]
        Score of each sample, the mean over the model's seeds.
    """
    n_actors = counts.shape[1]
    # How often each actor is in a sample is all that matters.
    # (samples, actors)
    times = np.random.default_rng(seed).multinomial(n_actors, np.full(n_actors, 1 / n_actors), size=samples)
    resampled = np.tensordot(times, counts, axes=(1, 1))  # (samples, seeds, k, k)
    return np.asarray(score(resampled).mean(axis=1))  # (samples, seeds) to (samples,)


def percentiles(drawn: Scores, *, level: float = 0.95) -> tuple[float, float]:
    """Give the ends of the interval with the proportion `level` of the samples [shape=(samples,)] inside."""
    tail = (1 - level) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def interval(
    score: Score, counts: Counts, *, samples: int, seed: int, level: float = 0.95
) -> tuple[float, float]:
    """Give the low and the high end of the interval of a model's score; see `resample` and `percentiles`."""
    return percentiles(resample(score, counts, samples=samples, seed=seed), level=level)


def uar_interval(counts: Counts, *, samples: int, seed: int, level: float = 0.95) -> tuple[float, float]:
    """`interval` of the UAR."""
    return interval(uar, counts, samples=samples, seed=seed, level=level)
