"""Recognise speakers who were first heard in a few unlabelled clips: the protocol ``enrolled``.

Under the folds of luna5 each test actor enrols some clips, drawn with a seed; the recognizer adapts to their
voice and is scored on the actor's other clips. It sums up one LDA a layer of the pretrained speaker encoder
and one on functionals; all there is to choose is chosen by inner folds of training actors, who enrol as many.

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/clean/{encoder,functionals}.npy
Writes  data/predictions/enrolled.parquet  as those of other models, but the protocol is enrolled_N after the
                                           number of clips, and the clips that a seed enrols are missing
        metrics/enrolled.json              scores by the number of clips
        metrics/search/enrolled.csv        every trial of the inner folds
        figures/enrolled/uar_by_clips.png

No emotion of a test actor is read before scoring, but clips of theirs are heard: these figures are not those
of luna5.
"""

from typing import Any

import pandas as pd

from ser import scores
from ser.datasets import Array, prediction_table, read_features, read_split, take
from ser.enrolment import Speech, draw_enrolled, fit_voices, recognise
from ser.enrolment_figure import uar_by_clips
from ser.enrolment_search import choose, inner_folds
from ser.figure_style import save
from ser.files import read_table, replacing, write_csv, write_json, write_parquet
from ser.parallel import run_all
from ser.params import Enrolled, load_params
from stages import command

MODEL = "voice_lda"


def read_views() -> dict[str, Array]:
    """Read what each clip is recognised by."""
    (encoder,) = read_features("encoder", ["clean"])
    (functionals,) = read_features("functionals", ["clean"])
    layers = {f"encoder_{layer + 1}": encoder[:, layer] for layer in range(encoder.shape[1])}
    return {**layers, "functionals": functionals}


def run_fold(
    fold: int, training: Speech, test: Speech, settings: Enrolled
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Choose, fit and apply on one fold; return the predictions of every draw, and the trials."""
    inner = inner_folds(training, n_folds=settings.inner_folds)
    voices = fit_voices(training)
    tables, trials = [], []
    for n_clips in settings.clips:
        choices, tried = choose(inner, n_clips=n_clips, settings=settings)
        tried.insert(0, "clips", n_clips)
        trials.append(tried)
        for seed in settings.seeds:
            enrolled = draw_enrolled(test.actors, n_clips=n_clips, seed=seed)
            probabilities = recognise(voices, choices, test, enrolled=enrolled, n_clips=n_clips)
            tables.append(
                prediction_table(
                    test.at(~enrolled).part("functionals"),
                    probabilities,
                    protocol=f"enrolled_{n_clips}",
                    model=MODEL,
                    seed=seed,
                    fold=fold,
                )
            )
    searched = pd.concat(trials, ignore_index=True)
    searched.insert(0, "fold", fold)
    return pd.concat(tables, ignore_index=True), searched


def score(predictions: pd.DataFrame, *, samples: int, seed: int) -> dict[int, dict[str, Any]]:
    """Score by the number of clips: the headline, and how far it varies with the draw of the clips."""
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender", "intensity", "statement"))
    tallies = scores.tally_all(predictions, clips)
    summary = scores.summarize(tallies, samples=samples, seed=seed)
    details = scores.describe(tallies, predictions, clips)
    by_clips = {}
    for protocol, models in summary.items():
        detail = details[protocol][MODEL]
        draws = {name: it["uar"] for name, it in detail["per_seed"].items()}
        by_clips[int(protocol.removeprefix("enrolled_"))] = {
            **models[MODEL],
            "n": detail["n"],
            "uar_sd": detail["uar_sd"],
            "uar_per_seed": draws,
        }
    return dict(sorted(by_clips.items()))


def main() -> None:
    """Recognise, score and draw."""
    command.parser(__doc__).parse_args()
    params = load_params()
    clips, split = read_split("luna5")
    training_split = split.replace({"role": {"validation": "train"}})
    views = read_views()

    calls = []
    for fold in sorted(split["fold"].unique()):
        training, test = (
            Speech.join({name: take(clips, it, [x], fold=fold, role=role) for name, x in views.items()})
            for it, role in ((training_split, "train"), (split, "test"))
        )
        calls.append((int(fold), training, test, params.enrolled))
    results = run_all(run_fold, calls, workers=params.workers, what="enroll", unit="fold")
    predictions, trials = (pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))
    by_clips = score(
        predictions, samples=params.evaluate.bootstrap_samples, seed=params.evaluate.bootstrap_seed
    )

    write_parquet("data/predictions/enrolled.parquet", predictions)
    write_csv("metrics/search/enrolled.csv", trials)
    with replacing("figures/enrolled") as folder:
        folder.mkdir()
        save(uar_by_clips(by_clips), folder / "uar_by_clips.png")
    write_json("metrics/enrolled.json", by_clips)
    for n_clips, it in by_clips.items():
        interval = f"{100 * it['uar_low']:.1f} to {100 * it['uar_high']:.1f}"
        print(f"{n_clips:2} clips: UAR {100 * it['uar']:.1f} ({interval})")


if __name__ == "__main__":
    command.run(main)
