"""By how much one model is better than another, with an interval by bootstrap over actors."""

import numpy as np

from ser.errors import InputError
from ser.evaluation.scores import Counts, Scores, Tally, interval, uar


def uar_difference(more: Tally, less: Tally, *, samples: int, seed: int) -> dict[str, float]:
    """Compare two models that were tested on the same clips, each by its mean over seeds.

    Parameters
    ----------
    more, less
        The models; the second's UAR is subtracted.
    samples, seed
        Of the bootstrap. In each sample both models have the same actors.

    Returns
    -------
    dict
        ``uar``, and ``low`` and ``high`` of the 95 % interval: shares, rounded to 4 decimals.

    Raises
    ------
    InputError
        Where they were tested on different actors.
    """
    if more.actors != less.actors:
        raise InputError(f"models cannot be compared that were tested on {more.actors} and {less.actors}")
    both = np.concatenate([more.counts, less.counts])
    seeds = len(more.counts)

    def gain(counts: Counts) -> Scores:
        found = uar(counts)
        points = found[..., :seeds].mean(axis=-1) - found[..., seeds:].mean(axis=-1)
        return np.asarray(points)[..., np.newaxis]

    low, high = interval(gain, both, samples=samples, seed=seed)
    difference = float(gain(both.sum(axis=1))[0])
    return {"uar": round(difference, 4), "low": round(low, 4), "high": round(high, 4)}
