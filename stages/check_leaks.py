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

from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import recall_score

from ser.data.datasets import Part, prediction_table, read_features, read_split, rows_of, take
from ser.errors import InputError
from ser.evaluation.leak_checks import permuted, with_canary, without
from ser.evaluation.scores import COLUMNS, PROBABILITIES
from ser.files import read_table, write_json
from ser.models.classical import SEARCHED_MODELS, search
from ser.models.refit import read_chosen, refit
from ser.parallel import run_all
from ser.params import CheckLeaks, TransferBaselines, load_params
from stages import command

MODEL = "encoder_lda_augmented"
Predictions = tuple[list[int], list[int]]
"""Actual and predicted emotions."""


def run_fold(fold: int, settings: CheckLeaks, grids: TransferBaselines) -> dict[str, Predictions]:
    """Predict the fold's test clips by every suspicious model, and by the plain one."""
    clips, split = read_split("luna5")
    together = split.replace({"role": {"validation": "train"}})
    copies = read_features("encoder", list(SEARCHED_MODELS["transfer"][MODEL]))
    training = take(clips, together, copies, fold=fold, role="train")
    test = take(clips, split, copies[:1], fold=fold, role="test")
    point = read_chosen("transfer", MODEL)[fold]

    def predicted(training: Part, test: Part) -> Predictions:
        model = refit(MODEL, point=point, training=training, grids=grids)
        return test.y.tolist(), model.predict(test.x).tolist()

    actors = np.unique(clips["actor"])
    results = {
        "plain": predicted(training, test),
        "canary": predicted(with_canary(training, actors=actors), with_canary(test, actors=actors)),
    }
    for seed in settings.seeds:
        shuffled = permuted(training, copies=len(copies), seed=seed)
        results[f"permuted_{seed}"] = predicted(shuffled, test)
    return results


def canary_of_known_actors(grids: TransferBaselines) -> float:
    """Let the canary sing: its UAR where the actors who are tested are in training as well."""
    clips, split = read_split("article")
    copies = read_features("encoder", list(SEARCHED_MODELS["transfer"][MODEL]))
    actors = np.unique(clips["actor"])
    training, test = (
        with_canary(take(clips, split, of_role, fold=0, role=role), actors=actors)
        for of_role, role in ((copies, "train"), (copies[:1], "test"))
    )
    model = refit(MODEL, point=read_chosen("transfer", MODEL)[0], training=training, grids=grids)
    return round(float(recall_score(test.y, model.predict(test.x), average="macro")), 4)


def largest_difference(grids: TransferBaselines) -> float:
    """Search, fit and predict the first fold without its test clips; compare with what was predicted."""
    clips, split = read_split("luna5")
    together = split.replace({"role": {"validation": "train"}})
    copies = read_features("encoder", list(SEARCHED_MODELS["transfer"][MODEL]))
    lacking = without(copies, rows_of(clips, split, fold=0, role="test"))
    training = take(clips, together, lacking, fold=0, role="train")
    if not np.isfinite(training.x).all():
        raise InputError("a tested clip is among the training clips of fold 0")
    test = take(clips, split, copies[:1], fold=0, role="test")
    result = search(MODEL, training=training, test=test, grids=grids, copies=len(copies))
    again = prediction_table(test, result.probabilities, protocol="luna5", model=MODEL, seed=0, fold=0)

    former = read_table("data/predictions/baselines_transfer.parquet", COLUMNS)
    former = former[(former["model"] == MODEL) & (former["fold"] == 0)].set_index("clip")
    columns = list(PROBABILITIES)
    return float(np.abs(again[columns].to_numpy() - former.loc[again["clip"], columns].to_numpy()).max())


def uar(results: list[dict[str, Predictions]], trial: str) -> float:
    """Score one trial over all folds."""
    actual, predicted = (np.concatenate([it[trial][side] for it in results]) for side in (0, 1))
    return round(float(recall_score(actual, predicted, average="macro")), 4)


def main() -> None:
    """Try everything, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    grids = params.train_baselines.transfer
    _, split = read_split("luna5")
    calls = [(fold, params.check_leaks, grids) for fold in sorted(split["fold"].unique().tolist())]
    results = run_all(run_fold, calls, workers=params.workers, what="leaks", unit="fold")
    # By run_all as well, though it is one call each: with more BLAS threads the last digits would differ.
    [known] = run_all(canary_of_known_actors, [(grids,)], workers=params.workers, what="canary", unit="model")
    [difference] = run_all(largest_difference, [(grids,)], workers=params.workers, what="unseen", unit="fold")

    by_seed = {str(seed): uar(results, f"permuted_{seed}") for seed in params.check_leaks.seeds}
    found: dict[str, Any] = {
        "model": MODEL,
        "plain_uar": uar(results, "plain"),
        "canary_uar": uar(results, "canary"),
        "canary_of_known_actors_uar": known,
        "permuted_uar": round(float(np.mean(list(by_seed.values()))), 4),
        "permuted_uar_by_seed": by_seed,
        "unseen_largest_difference": difference,
    }
    write_json("metrics/leak_checks.json", found)
    print(pd.Series(found).to_string())


if __name__ == "__main__":
    command.run(main)
