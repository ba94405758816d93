"""Leakage tests of the DTW LDA: label permutation, canary features, held-out removal.

permuted  the labels of the training clips are permuted; the result must come out at chance level
canary    columns encode actor and emotion together; they must not help with unseen speakers. That they help
          where actors are in both splits is tried as well, on clips of one repetition against the other
unseen    trained on features from which a fold's test clips were removed, with wrong sentences for them, and
          all that is aligned to reference utterances of test actors removed, too: no prediction may change

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/aligned, data/aligned/luna5.parquet
Writes  metrics/aligned_leaks.json

Each time the shrinkage is selected again.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from experiments.dtw.lda import (
    ALIGNED,
    LABELS,
    AlignedFeatures,
    choose_and_recognise,
    choose_templates,
    sides_of,
)
from experiments.dtw.params import AlignedLda, DtwParams
from ser.data.fold import Labels, Part, rows_of
from ser.data.predictions import COLUMNS, PROBABILITIES, prediction_table
from ser.evaluation.leak_checks import permuted, with_canary
from ser.evaluation.metrics import uar
from ser.evaluation.scores import tally
from ser.files import read_table, write_json
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command
from stages.inputs import read_split

Trial = tuple[str, int, int]
"""What is tried, with which seed, on which fold."""


def recognise(
    what: str, seed: int, fold: int, template_actors: list[int], settings: AlignedLda
) -> pd.DataFrame:
    """Choose, fit and apply once more on one fold; the form in which workers are called."""
    features = AlignedFeatures.read()
    copies, n_before = len(features.functionals), features.n_before
    clips = read_table("data/clips.parquet", LABELS)
    _, split = read_split("luna5")
    templates = choose_templates(clips, split, fold=fold, actors=template_actors, count=settings.templates)
    if what == "known":
        split = by_repetition(clips, fold=fold)
    training, test = sides_of(features, clips, split, fold=fold, templates=templates)
    if what == "unseen":
        tested = rows_of(clips, split, fold=fold, role="test")
        lacking, untold = without_tested(features, clips, tested, template_actors)
        training, _ = sides_of(lacking, untold, split, fold=fold, templates=templates)
    elif what == "permuted":
        training = permuted(training, copies=copies, seed=seed)
    else:
        actors = np.unique(clips["actor"])
        columns = training.x.shape[1]
        training, test = (led_by_canary(side, actors=actors) for side in (training, test))
        n_before += training.x.shape[1] - columns
    found, _ = choose_and_recognise(training, test, copies=copies, n_before=n_before, settings=settings)
    about: dict[str, Any] = {"protocol": "luna5", "model": what, "seed": seed, "fold": fold}
    return prediction_table(test, found, **about)


def by_repetition(clips: pd.DataFrame, *, fold: int) -> pd.DataFrame:
    """Split clips so that every actor is in both parts: the first repetition trains, the other is tested."""
    role = np.where(clips["repetition"] == 1, "train", "test")
    return clips[["clip"]].assign(fold=fold, role=role)


def led_by_canary(part: Part, *, actors: Labels) -> Part:
    """Put the canary's columns before the others, of which the last must stay the last."""
    n = part.x.shape[1]
    told = with_canary(part, actors=actors).x
    return replace(part, x=np.hstack([told[:, n:], told[:, :n]]))


def without_tested(
    features: AlignedFeatures, clips: pd.DataFrame, tested: Labels, template_actors: list[int]
) -> tuple[AlignedFeatures, pd.DataFrame]:
    """Remove test clips, and what is aligned to test actors; give them another sentence and label."""
    functionals, pitch, columns, cost = (
        np.array(it) for it in (features.functionals, features.pitch, features.columns, features.cost)
    )
    for it in (functionals, pitch):
        it[:, tested] = np.nan
    of_tested = np.isin(template_actors, clips["actor"].iloc[tested])
    for it in (columns, cost):
        it[:, :, tested] = np.nan
        it[of_tested] = np.nan
    untold = clips.copy()
    untold.loc[tested, ["emotion", "statement"]] = ["neutral", "kids"]
    return AlignedFeatures(functionals, pitch, columns, cost), untold


def main() -> None:
    """Try everything, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    dtw = load("experiments/dtw/params.yaml", DtwParams)
    shuffles = dtw.shuffles
    _, split = read_split("luna5")
    folds = sorted(split["fold"].unique().tolist())
    trials: list[Trial] = [("permuted", seed, fold) for seed in shuffles for fold in folds]
    trials += [(what, 0, fold) for what in ("canary", "unseen") for fold in folds] + [("known", 0, 0)]
    calls = [(*trial, dtw.alignment.template_actors, dtw.lda) for trial in trials]
    tables = pd.concat(run_all(recognise, calls, workers=params.workers, what="leaks", unit="run"))

    labels = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender"))
    scored = {
        name: uar(tally(tables[tables["model"] == name], labels).pooled).round(4).tolist()
        for name in ("permuted", "canary", "known")
    }
    unseen = tables[tables["model"] == "unseen"]
    former = read_table("data/aligned/luna5.parquet", COLUMNS)
    own = former[former["model"] == ALIGNED].set_index("clip").reindex(unseen["clip"])
    difference = np.abs(own[list(PROBABILITIES)].to_numpy() - unseen[list(PROBABILITIES)].to_numpy()).max()
    result = {
        "model": ALIGNED,
        "permuted_uar_by_seed": dict(zip(map(str, shuffles), scored["permuted"], strict=True)),
        "canary_uar": scored["canary"][0],
        "canary_of_known_actors_uar": scored["known"][0],
        "unseen_largest_difference": float(difference),
    }
    write_json("metrics/aligned_leaks.json", result)
    print(pd.Series(result).to_string())


if __name__ == "__main__":
    command.run(main)
