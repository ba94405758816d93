"""Recognise by Whisper's encoder and the speaker encoder: new speakers, and such as were heard in some clips.

One LDA a layer, summed up with weights; shrinkage, weights and how readily a view adapts are chosen by inner
folds of training actors, who enrol as many clips.

whisper_lda   by Whisper's layers alone, of new speakers
encoders_lda  by the layers of both encoders, of new speakers (protocol luna5) and of such as enrol some clips
              without labels, drawn with a seed, and are scored on their other clips (protocol enrolled_N)

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/clean/{whisper,whisper_speaker}.npy
Writes  data/predictions/whisper.parquet
        metrics/whisper.json        luna5: scores by model; enrolled: scores by the number of clips
        metrics/search/whisper.csv  every trial of the inner folds
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from ser import scores
from ser.datasets import prediction_table, read_split
from ser.encoder_views import read_encoder_views, sides_of
from ser.enrolment import Speech, draw_enrolled, fit_voices, recognise
from ser.enrolment_search import InnerFold, choose, inner_folds
from ser.files import read_table, write_csv, write_json, write_parquet
from ser.parallel import run_all
from ser.params import Enrolled, load_params
from stages import command

WHISPER, BOTH = "whisper_lda", "encoders_lda"


def of_whisper(folds: list[InnerFold]) -> list[InnerFold]:
    """Leave inner folds the views of Whisper alone."""

    def kept(views: Any) -> dict[str, Any]:
        return {name: it for name, it in views.items() if name.startswith("whisper")}

    return [replace(it, voices=kept(it.voices), projected=kept(it.projected)) for it in folds]


def run_fold(
    fold: int, training: Speech, test: Speech, settings: Enrolled
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choose, fit and apply on one fold; return the predictions of every draw, and the trials."""
    inner = inner_folds(training, n_folds=settings.inner_folds)
    voices = fit_voices(training)
    tables, trials = [], []
    runs = [(WHISPER, of_whisper(inner), 0), *((BOTH, inner, n_clips) for n_clips in settings.clips)]
    for model, folds, n_clips in runs:
        choices, tried = choose(folds, n_clips=n_clips, settings=settings)
        trials.append(tried.assign(fold=fold, model=model, clips=n_clips))
        # Of new speakers there is no draw.
        for seed in settings.seeds if n_clips else settings.seeds[:1]:
            enrolled = draw_enrolled(test.actors, n_clips=n_clips, seed=seed)
            found = recognise(voices, choices, test, enrolled=enrolled, n_clips=n_clips)
            part = test.at(~enrolled).part(next(iter(test.views)))
            protocol = f"enrolled_{n_clips}" if n_clips else "luna5"
            about: dict[str, Any] = {"protocol": protocol, "model": model, "seed": seed, "fold": fold}
            tables.append(prediction_table(part, found, **about))
    searched = pd.concat(trials, ignore_index=True)
    about_first = ["fold", "model", "clips"]
    ordered = searched[[*about_first, *searched.columns.drop(about_first)]]
    return pd.concat(tables, ignore_index=True), ordered


def score(predictions: pd.DataFrame, *, samples: int, seed: int) -> dict[str, dict[str, Any]]:
    """Score new speakers by model, and enrolled ones by the number of clips."""
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender", "intensity", "statement"))
    tallies = scores.tally_all(predictions, clips)
    summary = scores.summarize(tallies, samples=samples, seed=seed)
    details = scores.describe(tallies, predictions, clips)
    enrolled = {}
    for n_clips in sorted(int(it.removeprefix("enrolled_")) for it in summary if it != "luna5"):
        detail = details[f"enrolled_{n_clips}"][BOTH]
        enrolled[str(n_clips)] = {
            **summary[f"enrolled_{n_clips}"][BOTH],
            "n": detail["n"],
            "uar_sd": detail["uar_sd"],
        }
    new = {
        model: {**it, **{key: details["luna5"][model][key] for key in ("n", "per_emotion", "per_gender")}}
        for model, it in summary["luna5"].items()
    }
    return {"luna5": new, "enrolled": enrolled}


def main() -> None:
    """Recognise and score."""
    command.parser(__doc__).parse_args()
    params = load_params()
    clips, split = read_split("luna5")
    views = read_encoder_views()
    calls = [
        (int(fold), *sides_of(views, clips, split, fold=fold), params.enrolled)
        for fold in np.unique(split["fold"])
    ]
    results = run_all(run_fold, calls, workers=params.workers, what="enroll", unit="fold")
    predictions, trials = (pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))
    scores.check_predictions(predictions[predictions["protocol"] == "luna5"], {"luna5": split})
    found = score(predictions, samples=params.evaluate.bootstrap_samples, seed=params.evaluate.bootstrap_seed)

    write_parquet("data/predictions/whisper.parquet", predictions)
    write_csv("metrics/search/whisper.csv", trials)
    write_json("metrics/whisper.json", found)
    for name, it in [*found["luna5"].items(), *((f"{n} clips", it) for n, it in found["enrolled"].items())]:
        interval = f"{100 * it['uar_low']:.1f} to {100 * it['uar_high']:.1f}"
        print(f"{name:12} UAR {100 * it['uar']:.1f} ({interval})")


if __name__ == "__main__":
    command.run(main)
