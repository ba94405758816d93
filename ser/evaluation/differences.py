"""By how much one model is better than another, with an interval by bootstrap over actors."""

from ser.errors import InputError
from ser.evaluation.bootstrap import percentiles, resample
from ser.evaluation.metrics import uar
from ser.evaluation.scores import Tally


def uar_difference(more: Tally, less: Tally, *, samples: int, seed: int) -> dict[str, float]:
    """Compare two models that were tested on the same clips, each by its mean over seeds.

    Parameters
    ----------
    more, less
        Counts of the two models; the UAR of the second is subtracted from that of the first.
    samples, seed
        Number of bootstrap samples, and the seed. In each sample both models have the same actors.

    Returns
    -------
    dict
        ``uar``, the difference, and ``low`` and ``high`` of its 95 % interval: from -1 to 1, to 4 decimals.

    Raises
    ------
    InputError
        Where they were tested on different actors.
    """
    if more.actors != less.actors:
        raise InputError(f"models cannot be compared that were tested on {more.actors} and {less.actors}")
    drawn = [resample(uar, it.counts, samples=samples, seed=seed) for it in (more, less)]  # 2 of (samples,)
    low, high = percentiles(drawn[0] - drawn[1])
    difference = float(uar(more.pooled).mean() - uar(less.pooled).mean())
    return {"uar": round(difference, 4), "low": round(low, 4), "high": round(high, 4)}
