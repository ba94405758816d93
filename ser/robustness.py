"""How well degraded recordings are recognised: UAR by condition and model, and what augmentation is worth."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ser.condition_names import condition_words
from ser.scores import PROBABILITIES, Counts, Tally, tally, uar, uar_interval

MODELS = ("fusion", "encoder_lda", "logmel_cnn", "logmel_cnn_unaugmented", "lda")
FUSED = ("encoder_lda", "logmel_cnn")
"""Whose mean probabilities are the model ``fusion``."""
MODEL_WORDS: Mapping[str, str] = {
    "fusion": "mean of encoder LDA and CNN",
    "encoder_lda": "LDA on the speaker encoder",
    "logmel_cnn": "log-mel CNN",
    "logmel_cnn_unaugmented": "log-mel CNN, no augmentation",
    "lda": "LDA on functionals",
}

Tallies = Mapping[str, Mapping[str, Tally]]
"""``{condition: {model: tally}}``."""
Scores = dict[str, dict[str, dict[str, float]]]


def add_fusion(predictions: pd.DataFrame) -> pd.DataFrame:
    """Add the model ``fusion``, the mean of the probabilities of `FUSED`, under each condition.

    Parameters
    ----------
    predictions
        ``condition`` and `ser.scores.COLUMNS`, one seed a model.

    Returns
    -------
    pandas.DataFrame
        The same rows and those of the fusion, with seed 0.
    """
    fused = predictions[predictions["model"].isin(FUSED)]
    keys = ["condition", "protocol", "fold", "clip"]
    means = fused.groupby(keys, sort=False)[list(PROBABILITIES)].mean().reset_index()
    return pd.concat([predictions, means.assign(model="fusion", seed=0)], ignore_index=True)[
        list(predictions.columns)
    ]


def tally_conditions(predictions: pd.DataFrame, clips: pd.DataFrame) -> dict[str, dict[str, Tally]]:
    """Count the predictions of each of `MODELS` under each condition, in the order of the rows."""
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
    """Score each model under each condition, as shares rounded to 4 decimals.

    Parameters
    ----------
    tallies
        Of `tally_conditions`.
    samples, seed
        Of the bootstrap over actors, as in `ser.scores.uar_interval`.

    Returns
    -------
    dict
        ``{condition: {model: {uar, uar_low, uar_high}}}``
    """

    def figures(counted: Tally) -> dict[str, float]:
        low, high = uar_interval(counted.counts, samples=samples, seed=seed)
        mean = float(uar(counted.pooled).mean())
        return {"uar": round(mean, 4), "uar_low": round(low, 4), "uar_high": round(high, 4)}

    return {name: {model: figures(it) for model, it in models.items()} for name, models in tallies.items()}


def gains(
    tallies: Tallies, *, better: str, than: str, samples: int, seed: int
) -> dict[str, dict[str, float]]:
    """Compare two models under each condition: by how much the UAR of one exceeds the other's.

    Parameters
    ----------
    tallies
        Of `tally_conditions`.
    better, than
        The models.
    samples, seed
        Of the bootstrap over actors; the same actors are drawn for both models, so that what is hard about
        an actor cancels out.

    Returns
    -------
    dict
        ``{condition: {gain, low, high}}``, shares rounded to 4 decimals, with a 95 % interval.
    """

    def figures(models: Mapping[str, Tally]) -> dict[str, float]:
        first, second = models[better], models[than]
        difference = uar(first.pooled).mean() - uar(second.pooled).mean()
        drawn = _resampled_uar(first.counts, samples=samples, seed=seed)
        drawn = drawn - _resampled_uar(second.counts, samples=samples, seed=seed)
        low, high = np.quantile(drawn, [0.025, 0.975])
        return {
            "gain": round(float(difference), 4),
            "low": round(float(low), 4),
            "high": round(float(high), 4),
        }

    return {condition: figures(models) for condition, models in tallies.items()}


def _resampled_uar(counts: Counts, *, samples: int, seed: int) -> np.ndarray:
    n_actors = counts.shape[1]
    times = np.random.default_rng(seed).multinomial(n_actors, np.full(n_actors, 1 / n_actors), size=samples)
    resampled: np.ndarray = uar(np.tensordot(times, counts, axes=(1, 1))).mean(axis=1)
    return resampled


def markdown_table(scores: Scores, gained: Mapping[str, Mapping[str, float]]) -> str:
    """Tabulate UAR in percent, a row a condition, with the gain by augmentation and its interval."""
    heads = ["condition", *(MODEL_WORDS[model] for model in MODELS), "gain by augmentation"]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for condition, models in scores.items():
        figures = [f"{100 * models[model]['uar']:.1f}" for model in MODELS]
        gain, low, high = (100 * gained[condition][name] for name in ("gain", "low", "high"))
        cells = [condition_words(condition), *figures, f"{gain:+.1f} ({low:+.1f} to {high:+.1f})"]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)
