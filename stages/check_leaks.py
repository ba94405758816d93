"""Test the LDA on the speaker encoder for leakage: label permutation, canary features, held-out removal.

permuted  the emotions of the training clips are permuted; UAR must come out at chance level
canary    columns of the features give actor and emotion away together; they must not help on unseen actors.
          That they help where all actors are in training is tested as well, on the article's random split
unseen    training reads features from which the test clips are removed; the predictions must be equal

Reads   data/clips.parquet, data/splits/{luna5,article}.parquet, data/features/{clean,resampled}/encoder.npy,
        metrics/search/baselines_transfer.csv, data/predictions/baselines_transfer.parquet
Writes  metrics/leak_checks.json

The model is the LDA on the speaker encoder, augmented, in each fold with the hyper-parameters that its search
selected. For `unseen` the search itself is repeated without the test clips, in the first fold.
"""

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ser.data.fold import Fold
from ser.data.predictions import COLUMNS
from ser.evaluation.leakage_runs import predict_without_test_clips, uar_after
from ser.evaluation.leakage_tests import add_canary, largest_difference, permute_labels
from ser.files import read_table, write_json
from ser.models.classical import FEATURES, MODELS, Refit, Search
from ser.models.recipe import Change
from ser.parallel import run_all
from ser.params import load_params
from stages import command
from stages.inputs import read_chosen, read_folds

MODEL = "encoder_lda_augmented"
GROUP, COPIES = MODELS[MODEL].group, MODELS[MODEL].copies


def main() -> None:
    """Try everything, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    grids = params.train_baselines.transfer
    refit = Refit(MODEL, grids, read_chosen(GROUP, MODEL))
    luna5, article = (read_folds(protocol, FEATURES[GROUP], COPIES) for protocol in ("luna5", "article"))
    labels = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender"))

    def uar_of(test: str, folds: list[Fold], change: Change | None) -> float:
        return uar_after(change, refit, folds, labels, what=test, workers=params.workers)

    plain = uar_of("plain", luna5, None)
    canary = uar_of("canary", luna5, add_canary)
    by_seed = {
        str(seed): uar_of(f"permuted {seed}", luna5, partial(permute_labels, seed=seed))
        for seed in params.check_leaks.seeds
    }
    known = uar_of("canary of known actors", article, add_canary)
    [again] = run_all(
        predict_without_test_clips,
        [(Search(MODEL, grids), luna5[0])],
        workers=params.workers,
        what="unseen",
        unit="fold",
    )
    former = read_table(f"data/predictions/baselines_{GROUP}.parquet", COLUMNS)

    found: dict[str, Any] = {
        "model": MODEL,
        "plain_uar": plain,
        "canary_uar": canary,
        "canary_of_known_actors_uar": known,
        "permuted_uar": round(float(np.mean(list(by_seed.values()))), 4),
        "permuted_uar_by_seed": by_seed,
        "unseen_largest_difference": largest_difference(again, former[former["model"] == MODEL]),
    }
    write_json("metrics/leak_checks.json", found)
    print(pd.Series(found).to_string())


if __name__ == "__main__":
    command.run(main)
