"""Robustness to corruptions: UAR by corruption and model, and the gain by augmentation."""

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from ser.evaluation.bootstrap import uar_interval
from ser.evaluation.differences import uar_difference
from ser.evaluation.fusion import mean_of
from ser.evaluation.metrics import uar
from ser.evaluation.scores import Tally, tally

MODELS = (
    "fused_transfer",
    "encoder_lda_augmented",
    "encoder_lda",
    "fused_scratch",
    "logmel_cnn",
    "logmel_cnn_unaugmented",
    "lda_augmented",
    "lda",
)
FUSED: Mapping[str, str] = MappingProxyType(
    {"fused_scratch": "lda_augmented", "fused_transfer": "encoder_lda_augmented"}
)
"""The LDA with which the 2-D network is averaged, by the name of the fused model, as in stages/fuse.py."""
PAIRS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "encoder_lda": ("encoder_lda_augmented", "encoder_lda"),
        "logmel_cnn": ("logmel_cnn", "logmel_cnn_unaugmented"),
        "lda": ("lda_augmented", "lda"),
    }
)
"""A kind of model, with and without augmented copies in training."""
Tallies = Mapping[str, Mapping[str, Tally]]
"""``{condition: {model: tally}}``."""
Scores = dict[str, dict[str, dict[str, float]]]
Gains = Mapping[str, Mapping[str, Mapping[str, float]]]
"""``{kind: {condition: {gain, low, high}}}``, the kinds being those of `PAIRS`."""


def add_fused(predictions: pd.DataFrame) -> pd.DataFrame:
    """Add the models of `FUSED` under each corruption, once a seed of the network.

    Parameters
    ----------
    predictions
        A row a clip, model, seed and corruption: ``condition`` and `ser.data.predictions.COLUMNS`.

    Returns
    -------
    pandas.DataFrame
        The same rows, and below them those of the fused models.

    Raises
    ------
    InputError
        Where the models do not predict the same clips under a corruption.
    """
    tables = [predictions]
    for _, rows in predictions.groupby("condition", sort=False):
        network = rows[rows["model"] == "logmel_cnn"]
        tables += [
            mean_of(network, rows[rows["model"] == partner], model=model) for model, partner in FUSED.items()
        ]
    return pd.concat(tables, ignore_index=True)


def tally_conditions(predictions: pd.DataFrame, clips: pd.DataFrame) -> dict[str, dict[str, Tally]]:
    """Count the predictions of each of `MODELS` under each corruption, in the order of the rows."""
    return {
        condition: {
            model: tally(
                predictions[(predictions["condition"] == condition) & (predictions["model"] == model)], clips
            )
            for model in MODELS
        }
        for condition in predictions["condition"].unique()
    }


def score(tallies: Tallies, *, samples: int, seed: int) -> Scores:
    """Score each model under each corruption, as proportions rounded to 4 decimals.

    Parameters
    ----------
    tallies
        Counts by corruption and model, from `tally_conditions`.
    samples, seed
        Number of samples of the bootstrap over actors, and its seed.

    Returns
    -------
    dict
        ``{condition: {model: {uar, uar_low, uar_high}}}``, the last two being the 95 % interval.
    """

    def figures(counted: Tally) -> dict[str, float]:
        low, high = uar_interval(counted.counts, samples=samples, seed=seed)
        mean = float(uar(counted.pooled).mean())
        return {"uar": round(mean, 4), "uar_low": round(low, 4), "uar_high": round(high, 4)}

    return {name: {model: figures(it) for model, it in models.items()} for name, models in tallies.items()}


def gains(
    tallies: Tallies, *, better: str, than: str, samples: int, seed: int
) -> dict[str, dict[str, float]]:
    """Compare two models under each corruption: by how much the UAR of one exceeds the other's.

    Parameters
    ----------
    tallies
        Counts by corruption and model, from `tally_conditions`.
    better, than
        Names of the two models; the UAR of the second is subtracted.
    samples, seed
        Number of samples of the bootstrap over actors, and its seed; the same actors are drawn for both
        models, so that what is hard about an actor cancels out.

    Returns
    -------
    dict
        ``{condition: {gain, low, high}}``, proportions rounded to 4 decimals, with a 95 % interval.
    """
    differences = {
        condition: uar_difference(models[better], models[than], samples=samples, seed=seed)
        for condition, models in tallies.items()
    }
    return {
        condition: {"gain": it["uar"], "low": it["low"], "high": it["high"]}
        for condition, it in differences.items()
    }
