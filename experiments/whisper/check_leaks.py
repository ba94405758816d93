"""Leakage tests of the model on both encoders: label permutation, canary features, held-out removal.

permuted  the labels of the training clips are permuted; the result must come out at chance level
canary    columns of every feature set encode actor and emotion together; they must not help with unseen
          speakers. That they help where actors are in both splits is tried as well, on the article's split
unseen    trained on features from which the test clips of the first fold were removed, and applied without
          half of the clips that are scored; the predictions for the others must be equal

Each time all settings are selected again, without adaptation and, but for the canary, with adaptation to
the greatest number of clips, by the first draw.

Reads   data/clips.parquet, data/splits/{luna5,article}.parquet,
        data/features/clean/{whisper,whisper_speaker}.npy, data/predictions/whisper.parquet
Writes  metrics/whisper_leaks.json
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import recall_score

from experiments.speaker_adaptation.params import AdaptationParams
from experiments.whisper.params import WhisperParams
from ser.data.fold import Array, Labels, rows_of
from ser.data.predictions import COLUMNS, PROBABILITIES
from ser.errors import InputError
from ser.evaluation.leak_checks import permuted, with_canary, without
from ser.files import read_table, write_json
from ser.models.encoder_views import BOTH, Learned, sides_of
from ser.models.speaker_adaptation import Speech, draw_enrolled
from ser.models.speaker_lda import Matrix
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command
from stages.inputs import read_encoder_views, read_split

Recognised = tuple[Speech, Matrix]
"""Clips that are scored, and their probabilities."""


def recognise(
    training: Speech, test: Speech, numbers: list[int], settings: AdaptationParams
) -> dict[int, Recognised]:
    """Select, fit and apply as the stage evaluate_whisper does, by the number of clips that adapt."""
    learned = Learned.of(training, settings)
    results = {}
    for n_clips in numbers:
        choices, _ = learned.choose(BOTH, n_clips=n_clips)
        enrolled = draw_enrolled(test.actors, n_clips=n_clips, seed=settings.seeds[0])
        found = learned.recognise(choices, test, enrolled=enrolled, n_clips=n_clips)
        results[n_clips] = test.at(~enrolled), found
    return results


def shuffled(training: Speech, *, seed: int) -> Speech:
    """Permute the labels of the training clips."""
    return replace(training, y=permuted(training.part(next(iter(training.views))), copies=1, seed=seed).y)


def told(speech: Speech, *, actors: Labels) -> Speech:
    """Add the canary features to every feature set."""
    return replace(
        speech, views={name: with_canary(speech.part(name), actors=actors).x for name in speech.views}
    )


def without_tested(views: dict[str, Array], rows: Labels) -> dict[str, Array]:
    """Remove clips from every feature set."""
    return {name: without([x], rows)[0] for name, x in views.items()}


def lacking_half(test: Speech, *, n_clips: int, seed: int) -> Speech:
    """Remove every other one of the scored clips from the test clips."""
    scored = np.flatnonzero(~draw_enrolled(test.actors, n_clips=n_clips, seed=seed))
    return replace(test, views=without_tested(dict(test.views), scored[::2]))


def uar(results: list[Recognised]) -> float:
    """Score the clips of several folds."""
    labels = np.concatenate([scored.y for scored, _ in results])
    predicted = np.concatenate([found for _, found in results]).argmax(axis=1)
    return round(float(recall_score(labels, predicted, average="macro")), 4)


def largest_difference(result: Recognised, former: pd.DataFrame) -> float:
    """Compare the clips that were there with what was predicted."""
    scored, found = result
    there = np.isfinite(found).all(axis=1)
    again = former.set_index("clip").reindex(scored.clips[there])[list(PROBABILITIES)].to_numpy()
    return float(np.abs(again - found[there]).max())


def main() -> None:
    """Try everything, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings = load("experiments/speaker_adaptation/params.yaml", AdaptationParams)
    whisper = load("experiments/whisper/params.yaml", WhisperParams)
    shuffles = whisper.shuffles
    most, seed = max(settings.clips), settings.seeds[0]
    numbers = sorted({0, most})
    former = read_table("data/predictions/whisper.parquet", COLUMNS)
    former = former[(former["model"] == BOTH) & (former["seed"] == seed)]
    clips, split = read_split("luna5")
    _, random = read_split("article")
    views = read_encoder_views()
    actors = np.unique(clips["actor"])
    folds = {
        fold: sides_of(views, clips, split, fold=fold) for fold in sorted(split["fold"].unique().tolist())
    }
    lacking = without_tested(views, rows_of(clips, split, fold=0, role="test"))
    unseen, _ = sides_of(lacking, clips, split, fold=0)
    if not all(np.isfinite(x).all() for x in unseen.views.values()):
        raise InputError("a tested clip is among the training clips of fold 0")

    calls: dict[tuple[Any, ...], tuple[Speech, Speech, list[int], AdaptationParams]] = {}
    for fold, (training, test) in folds.items():
        calls["canary", fold] = (told(training, actors=actors), told(test, actors=actors), [0], settings)
        for it in shuffles:
            calls["permuted", it, fold] = (shuffled(training, seed=it), test, numbers, settings)
    calls["unseen",] = (unseen, lacking_half(folds[0][1], n_clips=most, seed=seed), numbers, settings)
    known, knowing = (told(side, actors=actors) for side in sides_of(views, clips, random, fold=0))
    calls["known",] = (known, knowing, [0], settings)
    results = run_all(recognise, list(calls.values()), workers=params.workers, what="leaks", unit="run")
    found = dict(zip(calls, results, strict=True))

    result: dict[str, Any] = {
        "model": BOTH,
        "canary_uar": uar([found["canary", fold][0] for fold in folds]),
        "canary_of_known_actors_uar": uar([found["known",][0]]),
        "by_clips": {},
    }
    for n_clips in numbers:
        protocol = f"enrolled_{n_clips}" if n_clips else "luna5"
        of_protocol = former[former["protocol"] == protocol]
        by_seed = {str(it): uar([found["permuted", it, fold][n_clips] for fold in folds]) for it in shuffles}
        result["by_clips"][str(n_clips)] = {
            "permuted_uar_by_seed": by_seed,
            "unseen_largest_difference": largest_difference(found["unseen",][n_clips], of_protocol),
        }
    write_json("metrics/whisper_leaks.json", result)
    print(pd.Series(result).to_string())


if __name__ == "__main__":
    command.run(main)
