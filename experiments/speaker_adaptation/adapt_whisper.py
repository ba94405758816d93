"""Adapt the ensemble on two encoders, Whisper's among them, to each test speaker by some unlabelled clips.

The model is ``encoders_lda`` of experiments/whisper: an LDA for each layer of both encoders, their logits
summed with weights. Under the folds of luna5 some clips of each test actor are drawn with a seed, without
labels; the model is adapted to the speaker by them and scored on the actor's other clips. Shrinkage, prior
and weight of each LDA are selected on inner folds of training actors, who are adapted to in the same way.

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/clean/{whisper,whisper_speaker}.npy
Writes  data/predictions/whisper_adaptation.parquet  as those of other models, but the protocol is enrolled_N
                                                     after the number of clips, and the clips that a seed
                                                     draws are left out
        metrics/whisper_adaptation.json              scores by the number of clips
        metrics/search/whisper_adaptation.csv        every trial of the inner folds

Without adaptation it is scored by experiments/whisper. No label of a test actor is read before scoring, but
clips of theirs are: these scores are not those of luna5.
"""

from typing import Any

import numpy as np
import pandas as pd

from experiments.speaker_adaptation.params import AdaptationParams
from ser.data.fold import Fold, folds
from ser.data.predictions import prediction_table
from ser.evaluation import scores
from ser.files import read_table, write_csv, write_json, write_parquet
from ser.models.encoder_views import BOTH
from ser.models.lda_ensemble import FittedEnsemble, LdaEnsemble
from ser.models.speaker_adaptation import draw_enrolled
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command
from stages.inputs import read_encoder_views, read_split


def run_fold(recipe: LdaEnsemble, fold: Fold, numbers: list[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Select, fit and apply on one fold; return the predictions of every draw, and the trials."""
    fitted = recipe.fit_for(fold, numbers)
    draws = [(n_clips, seed) for n_clips in numbers for seed in recipe.settings.seeds]
    tables = [predict_adapted(fitted, fold, n_clips=n_clips, seed=seed) for n_clips, seed in draws]
    return pd.concat(tables), fitted.log.assign(fold=fold.number)


def predict_adapted(fitted: FittedEnsemble, fold: Fold, *, n_clips: int, seed: int) -> pd.DataFrame:
    """Predict the test clips that a seed does not draw to adapt to their speaker."""
    test = fold.recordings(fold.test)
    enrolled = draw_enrolled(test.actors, n_clips=n_clips, seed=seed)
    found = fitted.predict_adapted(test, enrolled=enrolled, n_clips=n_clips)
    about: dict[str, Any] = {"protocol": f"enrolled_{n_clips}", "model": BOTH, "seed": seed}
    return prediction_table(fold.recordings(fold.test[~enrolled]), found, fold=fold.number, **about)


def score(predictions: pd.DataFrame, *, samples: int, seed: int) -> dict[str, dict[str, Any]]:
    """Score by the number of clips: the headline, and how far it varies with the draw of the clips."""
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender", "intensity", "statement"))
    tallies = scores.tally_all(predictions, clips)
    summary = scores.summarize(tallies, samples=samples, seed=seed)
    details = scores.describe(tallies, predictions, clips)
    by_clips = {
        int(protocol.removeprefix("enrolled_")): {
            **models[BOTH],
            **{key: details[protocol][BOTH][key] for key in ("n", "uar_sd")},
        }
        for protocol, models in summary.items()
    }
    return {str(n_clips): it for n_clips, it in sorted(by_clips.items())}


def main() -> None:
    """Recognise and score."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    views = read_encoder_views()
    recipe, features = LdaEnsemble.of(BOTH, views, settings), np.hstack([*views.values()])
    numbers = [n_clips for n_clips in settings.clips if n_clips]
    calls = [(recipe, fold, numbers) for fold in folds(*read_split("luna5"), [features])]
    results = run_all(run_fold, calls, workers=params.workers, what="adapt", unit="fold")
    predictions, trials = (pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))
    about = {"protocol": "luna5", "model": BOTH, "fold": trials.pop("fold")}
    trials = trials.assign(**about)[[*about, *trials.columns]]
    by_clips = score(
        predictions, samples=params.evaluate.bootstrap_samples, seed=params.evaluate.bootstrap_seed
    )

    write_parquet("data/predictions/whisper_adaptation.parquet", predictions)
    write_csv("metrics/search/whisper_adaptation.csv", trials)
    write_json("metrics/whisper_adaptation.json", by_clips)
    for n_clips, it in by_clips.items():
        interval = f"{100 * it['uar_low']:.1f} to {100 * it['uar_high']:.1f}"
        print(f"{n_clips:2} clips: UAR {100 * it['uar']:.1f} ({interval})")


if __name__ == "__main__":
    command.run(main)
