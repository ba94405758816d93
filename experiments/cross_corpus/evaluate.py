"""Choose how a second corpus trains, and score the chosen model on a corpus that took no part.

chosen   the best of all settings on held-out clips of RAVDESS and nEMO (`experiments.cross_corpus.protocol`)
others   the best of the settings that score_corpora.compared in params.yaml restricts each to

EMO-DB is read after all this is settled, and scored by these models alone. A model without nEMO in training
is scored on nEMO as well; its shrinkage was chosen with nEMO's clips among those that judged it. Speakers of
RAVDESS and nEMO are scored by models that were trained without them; as these scores chose the settings, they
are, if anything, too good.

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/{clean,corrupted}/layers.npy,
        data/cross_corpus/nemo/{clips.parquet,layers.npy,copies.npy,draws.parquet},
        data/cross_corpus/emodb/{clips.parquet,layers.npy}
Writes  metrics/cross_corpus.json          what was chosen, and scores by corpus and model
        metrics/search/cross_corpus.csv    every setting on all held-out clips
        data/cross_corpus/predictions.parquet, a row a prediction: held_out (corpus or speakers), model,
        corpus, copy (its kind, empty for a recording), clip, actor, emotion, and the eight probabilities
        models/cross_corpus: the models, fitted to all clips of RAVDESS and nEMO
"""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from threadpoolctl import threadpool_limits

from experiments.cross_corpus.clips import Clips
from experiments.cross_corpus.inputs import FIRST, SECOND, TEST, read_corpus, read_development
from experiments.cross_corpus.params import CrossCorpusParams, ScoreCorpora
from experiments.cross_corpus.protocol import (
    choose,
    grid,
    predict,
    predict_left_out_speakers,
    try_settings,
)
from experiments.cross_corpus.scores import difference, score
from experiments.cross_corpus.training import CorpusStatistics, Group, Setting, Training, gather
from ser.errors import InputError
from ser.files import replacing, write_csv, write_json, write_parquet
from ser.models.layers.linear import LinearLayers, write_linear
from ser.params import Evaluate, load, load_params
from stages import command

CHOSEN = "chosen"


def choose_all(trials: pd.DataFrame, settings: list[Setting], own: ScoreCorpora) -> dict[str, Setting]:
    """Choose the setting of each model.

    Raises
    ------
    InputError
        Where none of the settings has the values that a compared model is restricted to.
    """
    chosen = {CHOSEN: choose(trials, settings)}
    for name, values in own.compared.items():
        try:
            chosen[name] = choose(trials, settings, values.model_dump(exclude_none=True))
        except ValueError as error:
            raise InputError(
                f"experiments/cross_corpus/params.yaml: score_corpora.compared.{name}: {error}"
            ) from error
    return chosen


def predict_all(
    development: Clips,
    groups: Mapping[Group, CorpusStatistics],
    settings: Mapping[str, Setting],
    models: Mapping[str, LinearLayers],
) -> pd.DataFrame:
    """Predict left-out speakers of both development corpora, and corpora that took no part in training."""
    tables = []
    for name, setting in settings.items():
        left_out = predict_left_out_speakers(development, setting, first=FIRST, groups=groups)
        tables.append(left_out.assign(held_out="speakers", model=name))
        unseen = [read_corpus(TEST)]
        if not setting.weight:
            unseen.append(development.take((development.corpus == SECOND) & ~development.corrupted))
        predicted = predict(models[name], Clips.join(unseen))
        tables.append(predicted.assign(held_out="corpus", model=name))
    table = pd.concat(tables, ignore_index=True)
    return table[["held_out", "model", *table.columns.drop(["held_out", "model"])]]


def score_all(predictions: pd.DataFrame, settings: Evaluate) -> dict[str, Any]:
    """Score every model on every corpus, and subtract the others' scores from the chosen one's.

    Returns
    -------
    dict
        ``emodb`` and ``nemo``, which took no part in training, ``nemo_speakers`` and ``ravdess``, of left-out
        speakers, the last by ``clean`` and ``corrupted``: by model, what `score` gives. ``differences`` has
        the same keys, and by the model that is subtracted what `difference` gives.
    """
    how = {"samples": settings.bootstrap_samples, "seed": settings.bootstrap_seed}

    def by_model(held_out: str, corpus: str, *, corrupted: bool = False) -> dict[str, pd.DataFrame]:
        same = (predictions["held_out"] == held_out) & (predictions["corpus"] == corpus)
        rows = predictions[same & ((predictions["copy"] != "") == corrupted)]
        return {str(name): of_model for name, of_model in rows.groupby("model", sort=False)}

    def scores(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
        return {name: score(table, **how) for name, table in tables.items()}

    def differences(tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
        others = {name: table for name, table in tables.items() if name != CHOSEN}
        return {name: difference(tables[CHOSEN], table, **how) for name, table in others.items()}

    test, speakers = by_model("corpus", TEST), by_model("speakers", SECOND)
    first = {
        "clean": by_model("speakers", FIRST),
        "corrupted": by_model("speakers", FIRST, corrupted=True),
    }
    return {
        TEST: scores(test),
        SECOND: scores(by_model("corpus", SECOND)),
        f"{SECOND}_speakers": scores(speakers),
        FIRST: {condition: scores(tables) for condition, tables in first.items()},
        "differences": {
            TEST: differences(test),
            f"{SECOND}_speakers": differences(speakers),
            FIRST: {condition: differences(tables) for condition, tables in first.items()},
        },
    }


def describe_development(trials: pd.DataFrame, settings: list[Setting], chosen: Mapping[str, Setting]) -> Any:
    """Say how many settings were tried, and what each model's had on held-out development clips."""
    by_model = {}
    for name, setting in chosen.items():
        of_setting = trials[trials["setting"] == settings.index(setting)]
        keys = zip(of_setting["kind"], of_setting["corpus"], of_setting["condition"], strict=True)
        uars = dict(zip(keys, of_setting["uar"], strict=True))
        by_model[name] = {
            "mean": round(float(of_setting["uar"].mean()), 4),
            **{" ".join(key): round(float(uar), 4) for key, uar in uars.items()},
        }
    return {"settings": len(settings), "uar": by_model}


def main() -> None:
    """Choose, fit, and only then read and score the test corpus."""
    command.parser(__doc__).parse_args()
    params = load_params()
    own = load("experiments/cross_corpus/params.yaml", CrossCorpusParams).score_corpora
    # With more threads the last digits would depend on their number.
    with threadpool_limits(1):
        development = read_development(
            list(params.encode_layers.copies),
            n_folds=own.speaker_folds,
            with_copies=True in own.settings.copies,
        )
        groups = gather(development)
        settings = grid(own.settings.model_dump())
        trials = try_settings(development, settings, first=FIRST, groups=groups)
        chosen = choose_all(trials, settings, own)
        training = Training.of(groups, first=FIRST)
        models = {name: training.model(setting) for name, setting in chosen.items()}
        predictions = predict_all(development, groups, chosen, models)
    found = {
        "development": describe_development(trials, settings, chosen),
        "chosen": asdict(chosen[CHOSEN]),
        "compared": {name: asdict(setting) for name, setting in chosen.items() if name != CHOSEN},
        "settings_scored_on_emodb": len(set(chosen.values())),
        **score_all(predictions, params.evaluate),
    }

    with replacing(Path("models/cross_corpus")) as folder:
        folder.mkdir(parents=True, exist_ok=True)
        for name, linear in models.items():
            write_linear(folder, linear, model=name, fold=0)
        write_parquet("data/cross_corpus/predictions.parquet", predictions)
        write_csv("metrics/search/cross_corpus.csv", trials)
        write_json("metrics/cross_corpus.json", found)
    shown = {TEST: found[TEST], SECOND: found[SECOND]}
    shown |= {f"{FIRST}, {condition}": by_model for condition, by_model in found[FIRST].items()}
    for corpus, by_model in shown.items():
        for name, it in by_model.items():
            interval = f"{100 * it['uar_low']:.1f} to {100 * it['uar_high']:.1f}"
            print(f"{corpus:18} {name:10} UAR {100 * it['uar']:.1f} ({interval})")


if __name__ == "__main__":
    command.run(main)
