"""Evaluate per-layer LDA ensembles on two encoders under four protocols.

One LDA a layer, their logits summed with weights; shrinkage and weight of each are selected on inner folds of
training actors.

whisper_lda   on Whisper's layers alone
encoders_lda  on the layers of both encoders

Speakers are unseen in all protocols but the article's random split, which has every actor in both splits.

Reads   data/clips.parquet, data/splits/{luna5,emobox6,loso,article}.parquet,
        data/features/clean/{whisper,whisper_speaker}.npy
Writes  data/predictions/whisper.parquet
        metrics/whisper.json        scores by protocol and model
        metrics/search/whisper.csv  every trial of the inner folds
"""

from typing import Any

import numpy as np
import pandas as pd

from experiments.speaker_adaptation.params import AdaptationParams
from ser.data.fold import folds
from ser.data.predictions import check_predictions
from ser.evaluation import scores
from ser.files import read_table, write_csv, write_json, write_parquet
from ser.models.encoder_views import BOTH, WHISPER
from ser.models.lda_ensemble import LdaEnsemble
from ser.models.recipe import CrossValidation, cross_validate
from ser.params import Workers, load, load_params
from stages import command
from stages.inputs import read_encoder_views, read_split

PROTOCOLS = ("luna5", "emobox6", "loso", "article")


def evaluate(protocol: str, settings: AdaptationParams, workers: Workers) -> CrossValidation:
    """Fit both ensembles to each fold of a protocol, and predict its test clips."""
    both = read_encoder_views()
    whisper = {name: x for name, x in both.items() if name.startswith("whisper")}
    by_model = []
    for model, views in {WHISPER: whisper, BOTH: both}.items():
        recipe, features = LdaEnsemble.of(model, views, settings), np.hstack([*views.values()])
        of_protocol = folds(*read_split(protocol), [features])
        by_model.append([(recipe, [fold.merge_validation()]) for fold in of_protocol])
    by_fold = [candidate for of_fold in zip(*by_model, strict=True) for candidate in of_fold]
    return cross_validate(by_fold, protocol=protocol, workers=workers, what=protocol)


def score(predictions: pd.DataFrame, *, samples: int, seed: int) -> dict[str, dict[str, Any]]:
    """Score by protocol and model."""
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender", "intensity", "statement"))
    tallies = scores.tally_all(predictions, clips)
    summary = scores.summarize(tallies, samples=samples, seed=seed)
    details = scores.describe(tallies, predictions, clips)
    more = ("n", "per_emotion", "per_gender")
    return {
        protocol: {
            model: {**it, **{key: details[protocol][model][key] for key in more}}
            for model, it in summary[protocol].items()
        }
        for protocol in PROTOCOLS
    }


def main() -> None:
    """Recognise and score."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    results = {protocol: evaluate(protocol, settings, params.workers) for protocol in PROTOCOLS}
    predictions = pd.concat([it.predictions for it in results.values()], ignore_index=True)
    check_predictions(predictions, {protocol: read_split(protocol)[1] for protocol in PROTOCOLS})
    trials = pd.concat([it.log.assign(protocol=name) for name, it in results.items()], ignore_index=True)
    # Nothing is drawn, so that there is one seed alone.
    trials = trials[["protocol", *trials.columns.drop(["protocol", "seed"])]]
    scored = score(
        predictions, samples=params.evaluate.bootstrap_samples, seed=params.evaluate.bootstrap_seed
    )

    write_parquet("data/predictions/whisper.parquet", predictions)
    write_csv("metrics/search/whisper.csv", trials)
    write_json("metrics/whisper.json", scored)
    for protocol, by_model in scored.items():
        for model, it in by_model.items():
            interval = f"{100 * it['uar_low']:.1f} to {100 * it['uar_high']:.1f}"
            print(f"{protocol:8} {model:12} UAR {100 * it['uar']:.1f} ({interval})")


if __name__ == "__main__":
    command.run(main)
