"""Suspect the model on both encoders of a leak: shuffled labels, a canary, tested clips that are not there.

permuted  the emotions of the training clips are shuffled; the result must come out at chance
canary    columns of every view tell actor and emotion together; they must not help with actors never heard.
          That they help where actors are on both sides is tried as well, on the article's random split
unseen    training reads views in which the tested clips of the first fold are missing; the predictions must
          be equal

Each time all that there is to choose is chosen again, for speakers of whom nothing was heard before.

Reads   data/clips.parquet, data/splits/{luna5,article}.parquet,
        data/features/clean/{whisper,whisper_speaker}.npy, data/predictions/whisper.parquet
Writes  metrics/whisper_leaks.json
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import recall_score

from ser.datasets import read_split, rows_of
from ser.encoder_views import read_encoder_views, recognise_new, sides_of
from ser.enrolment import Speech
from ser.errors import InputError
from ser.files import read_table, write_json
from ser.leak_checks import permuted, with_canary, without
from ser.parallel import run_all
from ser.params import Enrolled, load_params
from ser.scores import COLUMNS, PROBABILITIES
from ser.speaker_lda import Matrix
from stages import command

MODEL = "encoders_lda"


def shuffled(training: Speech, *, seed: int) -> Speech:
    """Shuffle the emotions among the training clips."""
    return replace(training, y=permuted(training.part(next(iter(training.views))), copies=1, seed=seed).y)


def told(speech: Speech) -> Speech:
    """Add the canary's columns to every view."""
    actors = np.arange(1, 25)
    return replace(
        speech, views={name: with_canary(speech.part(name), actors=actors).x for name in speech.views}
    )


def uar(labels: list[Any], probabilities: list[Matrix]) -> float:
    """Score the clips of several folds."""
    predicted = np.concatenate(probabilities).argmax(axis=1)
    return round(float(recall_score(np.concatenate(labels), predicted, average="macro")), 4)


def largest_difference(unseen: Matrix, test: Speech) -> float:
    """Compare the first fold's probabilities with what was predicted."""
    former = read_table("data/predictions/whisper.parquet", COLUMNS)
    former = former[(former["protocol"] == "luna5") & (former["model"] == MODEL)].set_index("clip")
    columns = list(PROBABILITIES)
    return float(np.abs(former.reindex(test.clips)[columns].to_numpy() - unseen).max())


def main() -> None:
    """Try everything, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    clips, split = read_split("luna5")
    _, random = read_split("article")
    views = read_encoder_views()
    folds = [sides_of(views, clips, split, fold=fold) for fold in sorted(split["fold"].unique())]
    lacking = {name: without([x], rows_of(clips, split, fold=0, role="test"))[0] for name, x in views.items()}
    unseen, _ = sides_of(lacking, clips, split, fold=0)
    if not all(np.isfinite(x).all() for x in unseen.views.values()):
        raise InputError("a tested clip is among the training clips of fold 0")
    known = sides_of(views, clips, random, fold=0)

    pairs = [(told(training), told(test)) for training, test in [*folds, known]]
    for seed in params.whisper.shuffles:
        pairs += [(shuffled(training, seed=seed), test) for training, test in folds]
    calls = [(*pair, params.enrolled) for pair in [*pairs, (unseen, folds[0][1])]]
    found = run_all(recognise_by_all, calls, workers=params.workers, what="leaks", unit="fold")

    labels, n = [test.y for _, test in folds], len(folds)
    by_seed = {
        str(seed): uar(labels, found[n * place + n + 1 : n * place + 2 * n + 1])
        for place, seed in enumerate(params.whisper.shuffles)
    }
    result: dict[str, Any] = {
        "model": MODEL,
        "canary_uar": uar(labels, found[:n]),
        "canary_of_known_actors_uar": uar([known[1].y], found[n : n + 1]),
        "permuted_uar": round(float(np.mean(list(by_seed.values()))), 4),
        "permuted_uar_by_seed": by_seed,
        "unseen_largest_difference": largest_difference(found[-1], folds[0][1]),
    }
    write_json("metrics/whisper_leaks.json", result)
    print(pd.Series(result).to_string())


def recognise_by_all(training: Speech, test: Speech, settings: Enrolled) -> Matrix:
    """Recognise the tested clips; the form in which workers are called."""
    return recognise_new(training, test, settings=settings)


if __name__ == "__main__":
    command.run(main)
