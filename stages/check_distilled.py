"""Suspect the taught network of a leak: shuffled labels, and tested clips that are not there.

permuted  the emotions of the training clips are shuffled before the teacher learns; the network that learns
          of its opinions must come out at chance
unseen    teacher and network are taught again on features in which the tested clips of the first fold are
          missing; the predictions must be equal

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/quantized/logmel.npy,
        data/features/clean/{whisper,whisper_speaker}.npy, data/distilled/luna5.parquet
Writes  metrics/distilled_leaks.json

Each is a training in full, with the first seed.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ser.datasets import prediction_table, read_features, read_split, rows_of, take
from ser.encoder_views import read_encoder_views, sides_of
from ser.files import read_table, remove, write_json
from ser.leak_checks import without
from ser.parallel import run_all
from ser.params import Distilled, LogMelCnn, load_params
from ser.scores import COLUMNS, PROBABILITIES, tally, uar
from ser.teacher import opinions
from stages import command
from stages.train_distilled import TAUGHT, network_settings, places_of


def run_one(
    what: str,
    settings: Distilled,
    network: LogMelCnn,
    listened: list[int],
    fold: int,
    checkpoints: Path,
    bar: int,
) -> pd.DataFrame:
    """Teach and train once more on one fold; the form in which workers are called."""
    from ser.distilled_cnn import Lesson, train_and_predict

    clips, split = read_split("luna5")
    (features,) = read_features("logmel", ["quantized"])
    heard = [take(clips, split, [features[place]], fold=fold, role="test") for place in listened]
    copies, views = list(features), read_encoder_views()
    tested = rows_of(clips, split, fold=fold, role="test")
    if what == "permuted":
        clips = shuffled(clips, tested, seed=fold)
    else:
        copies = without(copies, tested)
        views = {name: without([x], tested)[0] for name, x in views.items()}
    training, _ = sides_of(views, clips, split, fold=fold)
    said = opinions(training.views, training.y, training.actors, settings=settings.teacher)
    about: dict[str, Any] = {"protocol": "luna5", "seed": settings.seeds.luna5[0], "fold": fold}
    table = prediction_table(training.part(next(iter(training.views))), said, model="teacher", **about)
    share = settings.teacher_share
    lesson = Lesson.of(clips, split, copies, fold=fold, opinions=table, teacher_share=share)
    return train_and_predict(
        lesson, heard, network, model=TAUGHT, checkpoints=checkpoints / what, bar_position=bar, **about
    )


def shuffled(clips: pd.DataFrame, tested: Any, *, seed: int) -> pd.DataFrame:
    """Shuffle the emotions of all clips but the tested ones."""
    emotions = clips["emotion"].to_numpy().copy()
    others = np.setdiff1d(np.arange(len(clips)), tested)
    emotions[others] = np.random.default_rng(seed).permutation(emotions[others])
    return clips.assign(emotion=emotions)


def main() -> None:
    """Try both, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings = params.distilled
    network = network_settings(TAUGHT, params.train_cnn.logmel, crop_frames=settings.crop_frames)
    listened = places_of(settings.listening_speeds, params.resample.speeds)
    checkpoints = Path("data/checkpoints/distilled_checks")
    tried = [("unseen", 0), *(("permuted", fold) for fold in settings.shuffled_folds)]
    calls = [
        (what, settings, network, listened, fold, checkpoints, 1 + place % params.workers.jobs)
        for place, (what, fold) in enumerate(tried)
    ]
    unseen, *permuted = run_all(run_one, calls, workers=params.workers, what="leaks", unit="run")

    former = read_table("data/distilled/luna5.parquet", COLUMNS)
    same = (former["model"] == TAUGHT) & (former["seed"] == unseen["seed"].iloc[0])
    again = former[same].set_index("clip").reindex(unseen["clip"])[list(PROBABILITIES)].to_numpy()
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender"))
    guessed = tally(pd.concat(permuted, ignore_index=True), clips)
    result = {
        "model": TAUGHT,
        "permuted_uar": round(float(uar(guessed.pooled).mean()), 4),
        "permuted_folds": settings.shuffled_folds,
        "unseen_largest_difference": float(np.abs(again - unseen[list(PROBABILITIES)].to_numpy()).max()),
    }
    write_json("metrics/distilled_leaks.json", result)
    print(pd.Series(result).to_string())
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
