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

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

from experiments.ladder.params import LadderParams
from experiments.ladder.recipes import CLIPS, RECIPES, Sizes, make_fold
from experiments.ladder.runs import Candidates, Run, candidate_table, runs_of
from experiments.ladder.scores import LABELS, count, summarize, with_labels
from ser.audio import clip_io as audio
from ser.data.ravdess import clip_path
from ser.features import logmel
from ser.files import read_table, write_json
from ser.parallel import run_all
from ser.params import ArticleMel, Window, Workers, load, load_params
from stages import command

Array = npt.NDArray[np.float32]
_FIRST = RECIPES["augment_first"]
STEPS = {
    "equal_copies": replace(_FIRST, copies=_FIRST.copies[:-1]),
    "augment_first": _FIRST,
    "split_first": RECIPES["split_first"],
    "speakers": replace(RECIPES["speakers"], copies=_FIRST.copies, padding=_FIRST.padding),
}
"""The same copies at all but the first. Where rows are split, copies are tested as well."""


def contour_of(path: str, window: Window, settings: ArticleMel) -> Array:
    """Compute one recording's frame-mean log-mel [shape=(t,)] in dB, as the stage extract does."""
    samples = audio.load(
        path, sample_rate=settings.sample_rate, offset_s=window.offset_s, duration_s=window.duration_s
    )
    contour = logmel.contour(logmel.article_logmel(samples, settings=settings))
    frames = logmel.article_frames(window, settings=settings)
    return logmel.fit_length(contour, frames, padding=logmel.CONTOUR_PADDING_DB)


def compute_contours(
    clips: pd.DataFrame, window: Window, settings: ArticleMel, workers: Workers
) -> dict[str, Array]:
    """Compute the frame-mean log-mels of all clips and of their copies, by variant [shape=(clips, t)]."""
    # A copy was made of the article's window, and so begins where the window does.
    of_copy = Window(offset_s=0.0, duration_s=window.duration_s)
    folder = Path("data/augmented/speed_pitch")
    calls = [(path, window, settings) for path in clips["path"]]
    calls += [(str(clip_path(folder, it, suffix=".flac")), of_copy, settings) for it in clips["clip"]]
    computed = np.stack(run_all(contour_of, calls, workers=workers, what="log-mels"))  # (2 * clips, t)
    return dict(zip(("clean", "speed_pitch"), np.split(computed, 2), strict=True))


def fit(
    run: Run, clips: pd.DataFrame, contours: dict[str, Array], *, test_size: float
) -> tuple[pd.DataFrame, float]:
    """Split by the recipe and predict; there is one candidate, so nothing is selected.

    Parameters
    ----------
    run
        Which of the runs of `STEPS`.
    clips
        A row a clip, with `experiments.ladder.recipes.CLIPS`.
    contours
        By variant, frame-mean log-mels of the same clips in dB [shape=(clips, t)].
    test_size
        The proportion of clips that a random split tests.

    Returns
    -------
    predictions : pandas.DataFrame
        As of `experiments.ladder.runs.candidate_table`.
    equal : float
        The proportion of test rows that have an equal in training.
    """
    recipe = STEPS[run.recipe]
    copies = [contours[name] for name in recipe.copies]
    fold, scaler = make_fold(
        recipe, clips, copies, axes=(0,), seed=run.seed, number=run.fold, sizes=Sizes(test_size)
    )
    training = fold.training()
    train, test = (scaler.transform(part.x) for part in (training, fold.recordings(fold.test)))  # (rows, t)
    predicted = KNeighborsClassifier(n_neighbors=1).fit(train, training.y).predict(test)  # (test rows,)
    known = {row.tobytes() for row in train}
    equal = float(np.mean([row.tobytes() in known for row in test]))
    return candidate_table(run, fold.test["clip"], Candidates(["nearest"], [0.0], predicted[None])), equal


def main() -> None:
    """Try all splits, score and write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    ladder = load("experiments/ladder/params.yaml", LadderParams)
    clips = read_table("data/clips.parquet", tuple(dict.fromkeys((*CLIPS, *LABELS, "path"))))
    contours = compute_contours(clips, params.article_window, params.extract.article, params.workers)
    scores = {}
    for name in STEPS:
        runs = runs_of("nearest", [name], splits=ladder.neighbour.splits, recipes=STEPS)
        fitted = [fit(run, clips, contours, test_size=params.split.article.test_size) for run in runs]
        tables, equal = zip(*fitted, strict=True)
        counts = count(with_labels(pd.concat(tables, ignore_index=True), clips))
        scores[name] = summarize(
            counts, samples=params.evaluate.bootstrap_samples, seed=params.evaluate.bootstrap_seed
        ) | {"equal_in_training": round(float(np.mean(equal)), 4)}
    write_json("metrics/ladder_neighbour.json", scores)
    for name, it in scores.items():
        print(f"{name:13} UAR {100 * it['uar']:5.1f} %, accuracy {100 * it['accuracy']:5.1f} %")


if __name__ == "__main__":
    command.run(main)
