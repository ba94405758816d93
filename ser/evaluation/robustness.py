"""Robustness to corruptions: UAR by condition and model, and what copies in training are worth."""

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from ser.errors import InputError
from ser.evaluation.bootstrap import uar_interval
from ser.evaluation.differences import uar_difference
from ser.evaluation.fusion import mean_of
from ser.evaluation.metrics import uar
from ser.evaluation.scores import Tally, tally

MODELS = (
    "layers_lda",
    "layers_lda_clean",
    "fused_transfer",
    "encoder_lda_augmented",
    "encoder_lda",
    "fused_scratch",
    "logmel_cnn",
    "lda_augmented",
    "lda",
)
"""Models in the order of tables; those in whose training a kind of copies was left out follow."""
FUSED: Mapping[str, str] = MappingProxyType(
    {"fused_scratch": "lda_augmented", "fused_transfer": "encoder_lda_augmented"}
)
"""The LDA with which the 2-D network is averaged, by the name of the fused model, as in stages/fuse.py."""
PAIRS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "layers_lda": ("layers_lda", "layers_lda_clean"),
        "encoder_lda": ("encoder_lda_augmented", "encoder_lda"),
        "lda": ("lda_augmented", "lda"),
    }
)
"""A kind of model, with and without augmented copies in training."""
COMPARED = ("layers_lda", "fused_transfer")
"""The models whose difference is given."""
LEFT_OUT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "noise": ("white", "far_microphone"),
        "babble": ("babble", "call_centre"),
        "line": ("telephone", "gsm", "opus", "call_centre"),
        "room": ("reverberation", "far_microphone"),
        "level": ("level", "far_microphone"),
        "cut": ("start",),
        "fault": ("hum", "click", "clipping"),
    }
)
"""By kind of corruption that no training copy has (``layers_lda_without_KIND``), how its conditions' names
begin."""
Tallies = Mapping[str, Mapping[str, Tally]]
"""``{condition: {model: tally}}``."""
Scores = dict[str, dict[str, dict[str, float]]]
Differences = dict[str, dict[str, float]]
"""``{condition: {uar, low, high}}``."""
Gains = Mapping[str, Mapping[str, Mapping[str, float]]]
"""``{kind: {condition: {gain, low, high}}}``, the kinds being those of `PAIRS`."""

_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "white": "white noise, SNR {} dB",
        "babble": "babble, SNR {} dB",
        "telephone": "telephone, 8 kHz, mu-law",
        "gsm": "GSM 6.10, 8 kHz",
        "opus": "Opus, 8 kHz, 12 kbit/s",
        "call_centre": "babble and telephone, GSM",
        "far_microphone": "far microphone: room, noise, quiet",
        "reverberation": "reverberation, RT60 {} s",
        "level": "level {} dB",
        "clipping": "clipped, {} of the samples",
        "dc": "DC offset of {} of full scale",
        "hum": "mains hum, SNR {} dB",
        "start": "truncated to the first {} s of speech",
    }
)


def condition_words(condition: str) -> str:
    """Describe a condition by its name; one that params.yaml alone knows by the name's own words."""
    if condition in _WORDS:
        return _WORDS[condition]
    kind, _, value = condition.partition("_")
    if kind not in _WORDS or not value:
        return condition.replace("_", " ")
    if kind == "level":
        number, _, clipped = value.partition("_")
        return f"level {float(number):+g} dB" + (", clipped at full scale" if clipped else "")
    if kind == "clipping":
        value = f"{100 * float(value):g} %"
    return _WORDS[kind].format(value)


def add_fused(predictions: pd.DataFrame) -> pd.DataFrame:
    """Add the models of `FUSED` in each condition, once a seed of the network.

    Parameters
    ----------
    predictions
        A row a clip, model, seed and condition: ``condition`` and `ser.data.predictions.COLUMNS`.

    Returns
    -------
    pandas.DataFrame
        The same rows, and below them those of the fused models.

    Raises
    ------
    InputError
        Where the models do not predict the same clips in a condition.
    """
    tables = [predictions]
    for _, rows in predictions.groupby("condition", sort=False):
        network = rows[rows["model"] == "logmel_cnn"]
        tables += [
            mean_of(network, rows[rows["model"] == partner], model=model) for model, partner in FUSED.items()
        ]
    return pd.concat(tables, ignore_index=True)


def tally_conditions(predictions: pd.DataFrame, clips: pd.DataFrame) -> dict[str, dict[str, Tally]]:
    """Count the predictions of each model in each condition.

    Parameters
    ----------
    predictions
        As `add_fused` returns them.
    clips
        The labels: ``clip``, ``emotion``, ``actor``, ``gender``.

    Returns
    -------
    dict
        ``{condition: {model: tally}}``: the condition ``clean`` first, then the order of the rows; models in
        the order of `MODELS`.

    Raises
    ------
    InputError
        Where a model is missing in a condition.
    """
    conditions = sorted(predictions["condition"].unique(), key=lambda name: name != "clean")
    found = predictions["model"].unique()
    models = [*(it for it in MODELS if it in found), *sorted({*found} - {*MODELS})]
    by_cell = dict(iter(predictions.groupby(["condition", "model"])))
    for name in conditions:
        missing = [model for model in models if (name, model) not in by_cell]
        if missing:
            raise InputError(f"{name}: no predictions of {missing[0]}; run the stage degrade")
    return {name: {model: tally(by_cell[name, model], clips) for model in models} for name in conditions}


def score(tallies: Tallies, *, samples: int, seed: int) -> Scores:
    """Score each model in each condition, as proportions rounded to 4 decimals.

    Parameters
    ----------
    tallies
        Counts by condition and model, from `tally_conditions`.
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


def differences(tallies: Tallies, *, more: str, less: str, samples: int, seed: int) -> Differences:
    """Compare two models in each condition: by how much the UAR of one exceeds the other's.

    Parameters
    ----------
    tallies
        Counts by condition and model, from `tally_conditions`.
    more, less
        Names of the two models; the UAR of the second is subtracted.
    samples, seed
        Number of samples of the bootstrap over actors, and its seed; the same actors are drawn for both
        models, so that what is hard about an actor cancels out.

    Returns
    -------
    dict
        ``{condition: {uar, low, high}}``, proportions rounded to 4 decimals, with a 95 % interval.
    """
    return {
        condition: uar_difference(models[more], models[less], samples=samples, seed=seed)
        for condition, models in tallies.items()
    }


def gains(tallies: Tallies, *, samples: int, seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Compare each of `PAIRS` with `differences`: ``{kind: {condition: {gain, low, high}}}``."""
    return {
        kind: {
            condition: {"gain": it["uar"], "low": it["low"], "high": it["high"]}
            for condition, it in differences(
                tallies, more=augmented, less=plain, samples=samples, seed=seed
            ).items()
        }
        for kind, (augmented, plain) in PAIRS.items()
    }


def costs_of_leaving_out(tallies: Tallies, *, samples: int, seed: int) -> dict[str, Differences]:
    """Compare the ensemble with itself, trained without one kind of copies, in that kind's conditions.

    Parameters
    ----------
    tallies, samples, seed
        As of `differences`; kinds of which there is no model are left out.

    Returns
    -------
    dict
        ``{kind: {condition: {uar, low, high}}}``: UAR lost where copies of the kind are left out.
    """
    costs = {}
    for kind, beginnings in LEFT_OUT.items():
        own = {name: it for name, it in tallies.items() if name.startswith(beginnings)}
        without = f"layers_lda_without_{kind}"
        if own and all(without in models for models in own.values()):
            costs[kind] = differences(own, more="layers_lda", less=without, samples=samples, seed=seed)
    return costs
