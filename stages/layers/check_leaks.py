"""Test the ensemble on the encoder's layers for leakage: permuted labels, canary features, held-out removal.

permuted  the labels of the training clips are permuted, their copies' with them; UAR must come out at chance
          level
canary    columns of every layer give actor and emotion away together; they must not help on unseen actors.
          That they help where all actors are in training is tested as well, on the article's random split
unseen    training reads features from which the test clips of the first fold are removed, in all copies; the
          predictions must be equal
heard     babble of the training copies: in no fold may it hold a voice that the fold tests

Each time shrinkages and weights are selected again.

Reads   data/clips.parquet, data/splits/{luna5,article}.parquet, data/features/{clean,corrupted}/layers.npy,
        data/features/corrupted/draws.parquet, data/predictions/layers.parquet
Writes  metrics/layers_leaks.json
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

import pandas as pd

from ser.audio.corruptions.mixture import Mixture
from ser.data.fold import Fold
from ser.data.predictions import COLUMNS
from ser.evaluation.leakage_runs import predict_without_test_clips, uar_after
from ser.evaluation.leakage_tests import add_canary, largest_difference, permute_labels
from ser.files import read_table, write_json
from ser.models.layers.lda import LayerLdas
from ser.models.recipe import Change
from ser.parallel import run_all
from ser.params import load_params
from stages import command
from stages.layers.inputs import MODEL, read_layer_folds, read_layers


def heard_test_actors(draws: pd.DataFrame, folds: Iterable[Fold]) -> int:
    """Count the training copies in which a test actor of their fold is heard, over all folds."""
    found = 0
    for fold in folds:
        # Validation clips train as well.
        own, tested = {*fold.train["clip"], *fold.validation["clip"]}, {*fold.test["clip"]}
        copies = draws.loc[draws["clip"].isin(own), "corruptions"]
        found += sum(not tested.isdisjoint(Mixture.from_json(text).voices) for text in copies)
    return found


def main() -> None:
    """Try everything, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    widths, features = read_layers(list(params.encode_layers.copies))
    recipe = LayerLdas(MODEL, widths, params.train_layers)
    luna5, article = (read_layer_folds(protocol, features) for protocol in ("luna5", "article"))
    draws = read_table("data/features/corrupted/draws.parquet", ("clip", "corruptions"))
    labels = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender"))

    def uar_of(test: str, folds: list[Fold], change: Change) -> float:
        return uar_after(change, recipe, folds, labels, what=test, workers=params.workers)

    canary = uar_of("canary", luna5, add_canary)
    known = uar_of("canary of known actors", article, add_canary)
    by_seed = {
        str(seed): uar_of(f"permuted {seed}", luna5, partial(permute_labels, seed=seed))
        for seed in params.check_leaks.seeds
    }
    [again] = run_all(
        predict_without_test_clips, [(recipe, luna5[0])], workers=params.workers, what="unseen", unit="fold"
    )
    former = read_table("data/predictions/layers.parquet", COLUMNS)

    found: dict[str, Any] = {
        "model": MODEL,
        "canary_uar": canary,
        "canary_of_known_actors_uar": known,
        "permuted_uar": round(sum(by_seed.values()) / len(by_seed), 4),
        "permuted_uar_by_seed": by_seed,
        "unseen_largest_difference": largest_difference(again, former[former["model"] == MODEL]),
        "copies_with_a_test_actor": heard_test_actors(draws, luna5),
    }
    write_json("metrics/layers_leaks.json", found)
    print(pd.Series(found).to_string())


if __name__ == "__main__":
    command.run(main)
