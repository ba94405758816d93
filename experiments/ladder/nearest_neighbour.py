"""Predict each test clip's emotion as its nearest training clip's, where its copies train and where not.

A nearest neighbour generalises nothing but memorises everything: its score shows what a split lets through.
The features are the article's frame-mean log-mels, the copies those of its loops: the clip, its noisy and
its stretched copy, all three of which are equal there, and but for the first step the one of another speed
and pitch.

Reads   data/clips.parquet, data/raw, data/augmented/speed_pitch. The features are computed from recordings
        again, so that this stage needs no features of another: its results are those of any machine.
Writes  metrics/ladder_neighbour.json: each step's UAR with its interval, its accuracy, and the proportion of
        test rows that have an equal in training
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

from experiments.ladder.params import LadderParams
from experiments.ladder.recipes import CLIPS, RECIPES, n_folds, sides
from experiments.ladder.scores import LABELS, Run, candidate_table, count, with_labels
from ser.audio import clip_io as audio
from ser.data.ravdess import clip_path
from ser.evaluation.bootstrap import uar_interval
from ser.evaluation.metrics import accuracy, uar
from ser.features import logmel
from ser.files import read_table, write_json
from ser.parallel import run_all
from ser.params import ArticleMel, Window, load, load_params
from stages import command

Array = npt.NDArray[np.float32]
_FIRST = RECIPES["augment_first"]
RUNGS = {
    "equal_copies": replace(_FIRST, copies=_FIRST.copies[:-1]),
    "augment_first": _FIRST,
    "split_first": RECIPES["split_first"],
    "speakers": replace(RECIPES["speakers"], copies=_FIRST.copies, padding=_FIRST.padding),
}
"""The same copies on all but the first. Where rows are split, copies are tested as well."""


def contour_of(path: str, window: Window, settings: ArticleMel) -> Array:
    """Compute one recording's frame-mean log-mel, as the stage extract does."""
    samples = audio.load(
        path, sample_rate=settings.sample_rate, offset_s=window.offset_s, duration_s=window.duration_s
    )
    contour = logmel.contour(logmel.article_logmel(samples, settings=settings))
    frames = logmel.article_frames(window, settings=settings)
    return logmel.fit_length(contour, frames, padding=logmel.CONTOUR_PADDING_DB)


def run(
    about: Run, clips: pd.DataFrame, contours: dict[str, Array], *, test_size: float
) -> tuple[pd.DataFrame, float]:
    """Split by the recipe and predict; there is one candidate, so nothing is selected.

    Returns
    -------
    predictions : pandas.DataFrame
        As of `experiments.ladder.scores.candidate_table`.
    share : float
        Of the tested rows that have an equal in training.
    """
    recipe = RUNGS[about.recipe]
    divided = sides(
        recipe,
        clips,
        [contours[name] for name in recipe.copies],
        axes=(0,),
        seed=about.seed,
        fold=about.fold,
        test_size=test_size,
        validation_clips=0,
    )
    train, test = (divided.scaler.transform(part.x) for part in (divided.training, divided.tested))
    nearest = KNeighborsClassifier(n_neighbors=1).fit(train, divided.training.y)
    predicted = nearest.predict(test)[None]
    table = candidate_table(
        about, names=["nearest"], watched_uar=[0.0], clips=divided.tested.clips, predicted=predicted
    )
    known = {row.tobytes() for row in train}
    return table, float(np.mean([row.tobytes() in known for row in test]))


def score(predictions: pd.DataFrame, *, samples: int, seed: int) -> dict[str, Any]:
    """Score one step: means over seeds, the interval of the UAR by bootstrap over actors."""
    counts = count(predictions, actors=np.unique(predictions["actor"]).tolist())
    pooled = counts.sum(axis=1)
    low, high = uar_interval(counts, samples=samples, seed=seed)
    found = {"uar": uar(pooled).mean(), "uar_low": low, "uar_high": high, "accuracy": accuracy(pooled).mean()}
    rounded = {name: round(float(value), 4) for name, value in found.items()}
    return {**rounded, "per_seed": [round(float(value), 4) for value in uar(pooled)]}


def main() -> None:
    """Try all splits, score and write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    ladder = load("experiments/ladder/params.yaml", LadderParams)
    window, settings = params.article_window, params.extract.article
    clips = read_table("data/clips.parquet", tuple(dict.fromkeys((*CLIPS, *LABELS, "path"))))
    # A copy was made of the article's window, and so begins where the window does.
    of_copy = Window(offset_s=0.0, duration_s=window.duration_s)
    copied = [
        str(clip_path(Path("data/augmented/speed_pitch"), clip, suffix=".flac")) for clip in clips["clip"]
    ]
    calls = [(path, window, settings) for path in clips["path"]] + [
        (path, of_copy, settings) for path in copied
    ]
    computed = np.stack(run_all(contour_of, calls, workers=params.workers, what="contours"))
    contours = dict(zip(("clean", "speed_pitch"), np.split(computed, 2), strict=True))

    runs = []
    for name, recipe in RUNGS.items():
        seeds = [0] if recipe.divided == "actors" else ladder.neighbour.splits
        runs += [Run("nearest", name, seed, fold) for seed in seeds for fold in range(n_folds(recipe))]
    test_size = params.split.article.test_size
    tables, shares = zip(*[run(about, clips, contours, test_size=test_size) for about in runs], strict=True)
    predictions = with_labels(pd.concat(tables, ignore_index=True), clips)
    samples, seed = params.evaluate.bootstrap_samples, params.evaluate.bootstrap_seed
    scores = {}
    for name in RUNGS:
        equal = [share for about, share in zip(runs, shares, strict=True) if about.recipe == name]
        scored = score(predictions[predictions["recipe"] == name], samples=samples, seed=seed)
        scores[name] = {**scored, "equal_in_training": round(float(np.mean(equal)), 4)}
    write_json("metrics/ladder_neighbour.json", scores)
    for name, it in scores.items():
        print(f"{name:13} UAR {100 * it['uar']:5.1f}, accuracy {100 * it['accuracy']:5.1f}")


if __name__ == "__main__":
    command.run(main)
