"""Leakage tests of the adapted ensemble on Whisper's encoder: label permutation and held-out removal.

permuted  the labels of the training clips are permuted; the result must come out at chance level
unseen    trained on features from which the test clips of the first fold were removed, and applied without
          every other one of the clips that are scored; the predictions for the others must be equal

Each time all settings are selected again, for the greatest number of clips, and the model is adapted by the
first draw. Canary features are tried without adaptation, by experiments/whisper.

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/clean/{whisper,whisper_speaker}.npy,
        data/predictions/whisper_adaptation.parquet
Writes  metrics/whisper_adaptation_leaks.json
"""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from experiments.speaker_adaptation.adapt_whisper import predict_adapted
from experiments.speaker_adaptation.params import AdaptationParams
from experiments.whisper.params import WhisperParams
from ser.data.fold import Fold, folds
from ser.data.predictions import COLUMNS, PROBABILITIES
from ser.evaluation.leakage_tests import largest_difference, permute_labels, remove_test_clips
from ser.evaluation.metrics import uar
from ser.evaluation.scores import tally
from ser.files import read_table, write_json
from ser.models.encoder_views import BOTH
from ser.models.lda_ensemble import LdaEnsemble
from ser.models.recipe import Change
from ser.models.speaker_adaptation import draw_enrolled
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command
from stages.inputs import read_encoder_views, read_split


def predict_changed(recipe: LdaEnsemble, fold: Fold, change: Change, n_clips: int) -> pd.DataFrame:
    """Fit to a fold after a leakage test changed it, then adapt to its test speakers and predict them."""
    fold = change(fold)
    return predict_adapted(
        recipe.fit_for(fold, [n_clips]), fold, n_clips=n_clips, seed=recipe.settings.seeds[0]
    )


def predict_without_test_clips(recipe: LdaEnsemble, fold: Fold, n_clips: int) -> pd.DataFrame:
    """Fit where a fold's test clips are missing, then predict half of those scored without the other half."""
    fitted = recipe.fit_for(remove_test_clips(fold), [n_clips])
    test = fold.recordings(fold.test)
    enrolled = draw_enrolled(test.actors, n_clips=n_clips, seed=recipe.settings.seeds[0])
    test.x[np.flatnonzero(~enrolled)[::2]] = np.nan
    predicted = fitted.predict_adapted(test, enrolled=enrolled, n_clips=n_clips)
    found = pd.DataFrame(predicted, columns=list(PROBABILITIES))
    return found.assign(fold=fold.number, clip=test.clips[~enrolled])[1::2]


def main() -> None:
    """Try everything, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    shuffles = load("experiments/whisper/params.yaml", WhisperParams).shuffles
    most, seed = max(settings.clips), settings.seeds[0]
    views = read_encoder_views()
    recipe, features = LdaEnsemble.of(BOTH, views, settings), np.hstack([*views.values()])
    luna5 = list(folds(*read_split("luna5"), [features]))
    labels = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender"))

    by_seed = {}
    for shuffle in shuffles:
        # Validation clips train here, and are permuted together with the others.
        change = partial(permute_labels, seed=shuffle)
        calls = [(recipe, fold.merge_validation(), change, most) for fold in luna5]
        tables = run_all(
            predict_changed, calls, workers=params.workers, what=f"permuted {shuffle}", unit="fold"
        )
        permuted = uar(tally(pd.concat(tables, ignore_index=True), labels).pooled)[0]
        by_seed[str(shuffle)] = round(float(permuted), 4)
    # By run_all as well, though it is one call: with more BLAS threads the last digits would differ.
    removed = [(recipe, luna5[0].merge_validation(), most)]
    [again] = run_all(predict_without_test_clips, removed, workers=params.workers, what="unseen", unit="fold")
    former = read_table("data/predictions/whisper_adaptation.parquet", COLUMNS)
    former = former[(former["protocol"] == f"enrolled_{most}") & (former["seed"] == seed)]

    found: dict[str, Any] = {
        "model": BOTH,
        "n_clips": most,
        "permuted_uar_by_seed": by_seed,
        "unseen_largest_difference": largest_difference(again, former),
    }
    write_json("metrics/whisper_adaptation_leaks.json", found)
    print(pd.Series(found).to_string())


if __name__ == "__main__":
    command.run(main)
