"""Leakage tests of the ensemble on both encoders: label permutation, canary features, held-out removal.

permuted  the labels of the training clips are permuted; the result must come out at chance level
canary    columns of every feature set encode actor and emotion together; they must not help with unseen
          speakers. That they help where actors are in both splits is tried as well, on the article's split
unseen    trained on features from which the test clips of the first fold were removed, and applied without
          every other one of them; the predictions for the others must be equal

Each time all settings are selected again.

Reads   data/clips.parquet, data/splits/{luna5,article}.parquet,
        data/features/clean/{whisper,whisper_speaker}.npy, data/predictions/whisper.parquet
Writes  metrics/whisper_leaks.json
"""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from experiments.speaker_adaptation.params import AdaptationParams
from experiments.whisper.params import WhisperParams
from ser.data.fold import Fold, folds
from ser.data.predictions import COLUMNS, PROBABILITIES
from ser.evaluation.leakage_tests import add_canary, largest_difference, permute_labels, remove_test_clips
from ser.evaluation.metrics import uar
from ser.evaluation.scores import tally
from ser.files import read_table, write_json
from ser.models.encoder_views import BOTH
from ser.models.lda_ensemble import LdaEnsemble
from ser.models.recipe import Change, cross_validate
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command
from stages.inputs import read_encoder_views, read_split


def predict_without_test_clips(recipe: LdaEnsemble, fold: Fold) -> pd.DataFrame:
    """Fit where a fold's test clips are missing, then predict half of them where the others are missing."""
    fitted = recipe.fit(remove_test_clips(fold))
    test = fold.recordings(fold.test)
    test.x[::2] = np.nan
    found = pd.DataFrame(fitted.predict(test), columns=list(PROBABILITIES))
    return found.assign(fold=fold.number, clip=test.clips)[1::2]


def main() -> None:
    """Try everything, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    shuffles = load("experiments/whisper/params.yaml", WhisperParams).shuffles
    views = read_encoder_views()
    recipe, features = LdaEnsemble.of(BOTH, views, settings), [np.hstack([*views.values()])]
    luna5, article = (
        [fold.merge_validation() for fold in folds(*read_split(protocol), features)]
        for protocol in ("luna5", "article")
    )
    labels = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender"))

    def uar_of(test: str, tested: list[Fold], change: Change) -> float:
        candidates = [(recipe, tested)]
        results = cross_validate(candidates, protocol=test, change=change, workers=params.workers, what=test)
        return round(float(uar(tally(results.predictions, labels).pooled)[0]), 4)

    canary = uar_of("canary", luna5, add_canary)
    known = uar_of("canary of known actors", article, add_canary)
    by_seed = {
        str(seed): uar_of(f"permuted {seed}", luna5, partial(permute_labels, seed=seed)) for seed in shuffles
    }
    # By run_all as well, though it is one call: with more BLAS threads the last digits would differ.
    calls = [(recipe, luna5[0])]
    [again] = run_all(predict_without_test_clips, calls, workers=params.workers, what="unseen", unit="fold")
    former = read_table("data/predictions/whisper.parquet", COLUMNS)
    former = former[(former["model"] == BOTH) & (former["protocol"] == "luna5")]

    found: dict[str, Any] = {
        "model": BOTH,
        "canary_uar": canary,
        "canary_of_known_actors_uar": known,
        "permuted_uar_by_seed": by_seed,
        "unseen_largest_difference": largest_difference(again, former),
    }
    write_json("metrics/whisper_leaks.json", found)
    print(pd.Series(found).to_string())


if __name__ == "__main__":
    command.run(main)
