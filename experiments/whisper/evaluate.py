"""Evaluate per-layer LDA ensembles on two encoders under four protocols, and with speaker adaptation.

One LDA a layer, their logits summed with weights; shrinkage, weights and the strength of adaptation of each
feature set are selected on inner folds of training actors, who are adapted to in the same way.

whisper_lda   on Whisper's layers alone
encoders_lda  on the layers of both encoders, and under the folds of luna5 also adapted to each test speaker
              by some clips without labels (protocol enrolled_N), drawn with a seed; the others are scored

Speakers are unseen in all protocols but the article's random split, which has every actor in both splits.

Reads   data/clips.parquet, data/splits/{luna5,emobox6,loso,article}.parquet,
        data/features/clean/{whisper,whisper_speaker}.npy
Writes  data/predictions/whisper.parquet
        metrics/whisper.json        by protocol scores by model; `enrolled`: scores by the number of clips
        metrics/search/whisper.csv  every trial of the inner folds
"""

from typing import Any

import pandas as pd

from experiments.speaker_adaptation.params import AdaptationParams
from ser.data.predictions import check_predictions, prediction_table
from ser.evaluation import scores
from ser.files import read_table, write_csv, write_json, write_parquet
from ser.models.encoder_views import BOTH, WHISPER, Learned, sides_of
from ser.models.speaker_adaptation import draw_enrolled
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command
from stages.inputs import read_encoder_views, read_split

PROTOCOLS = ("luna5", "emobox6", "loso", "article")
"""Those without speaker adaptation."""
ABOUT = ["protocol", "model", "fold", "clips"]


def run_fold(protocol: str, fold: int, settings: AdaptationParams) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choose, fit and apply on one fold; return the predictions of every draw, and the trials."""
    training, test = sides_of(read_encoder_views(), *read_split(protocol), fold=fold)
    learned = Learned.of(training, settings)
    numbers = [n_clips for n_clips in settings.clips if n_clips and protocol == "luna5"]
    tables, trials = [], []
    for model, n_clips in [(WHISPER, 0), (BOTH, 0), *((BOTH, n_clips) for n_clips in numbers)]:
        choices, tried = learned.choose(model, n_clips=n_clips)
        trials.append(tried.assign(protocol=protocol, model=model, fold=fold, clips=n_clips))
        # Without adaptation there is no draw.
        for seed in settings.seeds if n_clips else settings.seeds[:1]:
            enrolled = draw_enrolled(test.actors, n_clips=n_clips, seed=seed)
            found = learned.recognise(choices, test, enrolled=enrolled, n_clips=n_clips)
            part = test.at(~enrolled).part(next(iter(test.views)))
            about: dict[str, Any] = {"model": model, "seed": seed, "fold": fold}
            scored_as = f"enrolled_{n_clips}" if n_clips else protocol
            tables.append(prediction_table(part, found, protocol=scored_as, **about))
    searched = pd.concat(trials, ignore_index=True)
    ordered = searched[[*ABOUT, *searched.columns.drop(ABOUT)]]
    return pd.concat(tables, ignore_index=True), ordered


def score(predictions: pd.DataFrame, *, samples: int, seed: int) -> dict[str, dict[str, Any]]:
    """Score by protocol and model, and with adaptation by the number of clips."""
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender", "intensity", "statement"))
    tallies = scores.tally_all(predictions, clips)
    summary = scores.summarize(tallies, samples=samples, seed=seed)
    details = scores.describe(tallies, predictions, clips)

    def found(protocol: str, model: str, *more: str) -> dict[str, Any]:
        return {**summary[protocol][model], **{key: details[protocol][model][key] for key in ("n", *more)}}

    numbers = sorted(int(it.removeprefix("enrolled_")) for it in summary if it not in PROTOCOLS)
    return {
        **{
            name: {it: found(name, it, "per_emotion", "per_gender") for it in summary[name]}
            for name in PROTOCOLS
        },
        "enrolled": {str(n_clips): found(f"enrolled_{n_clips}", BOTH, "uar_sd") for n_clips in numbers},
    }


def main() -> None:
    """Recognise and score."""
    command.parser(__doc__).parse_args()
    params = load_params()
    adaptation = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    splits = {protocol: read_split(protocol)[1] for protocol in PROTOCOLS}
    calls = [
        (protocol, fold, adaptation)
        for protocol, split in splits.items()
        for fold in sorted(split["fold"].unique().tolist())
    ]
    results = run_all(run_fold, calls, workers=params.workers, what="evaluate", unit="fold")
    predictions, trials = (pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))
    check_predictions(predictions[predictions["protocol"].isin(PROTOCOLS)], splits)
    scored = score(
        predictions, samples=params.evaluate.bootstrap_samples, seed=params.evaluate.bootstrap_seed
    )

    write_parquet("data/predictions/whisper.parquet", predictions)
    write_csv("metrics/search/whisper.csv", trials)
    write_json("metrics/whisper.json", scored)
    for protocol, by_name in scored.items():
        for name, it in by_name.items():
            interval = f"{100 * it['uar_low']:.1f} to {100 * it['uar_high']:.1f}"
            print(f"{protocol:8} {name:12} UAR {100 * it['uar']:.1f} ({interval})")


if __name__ == "__main__":
    command.run(main)
