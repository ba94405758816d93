"""Try settings of the DTW alignment on training actors, and keep every trial.

    python -m experiments.dtw.search --parts 12

splits the training actors of LUNA5's first fold (validation actors train, too) into inner folds. In each,
the LDA of experiments/dtw is trained on the other actors and scored on the held-out ones; its shrinkage is
selected within. The test clips of the fold are not used. Without options the design is that of
experiments/dtw/params.yaml. A row an inner fold is added to metrics/search/aligned_trials.csv.

The trials were made after the design had been settled, to show what each choice adds, and nothing was
changed because of them; those that settled it were not kept. The sentence of a clip is given here; in the
pipeline it is found.

Reads   data/clips.parquet, data/raw, data/splits/luna5.parquet, data/features/aligned
Writes  metrics/search/aligned_trials.csv, to which it adds rows

What it reads is made by: dvc repro split experiments/dtw/dvc.yaml:extract_aligned
A trial takes some 40 seconds on two new cores.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.dtw.dtw import Matrix, in_step, mfcc
from experiments.dtw.extract import rounded, speech_of, templates_of
from experiments.dtw.lda import LABELS, AlignedFeatures, choose_and_recognise, choose_templates, sides_of
from experiments.dtw.params import AlignedLda, Alignment, DtwParams
from ser.data.fold import Part
from ser.data.predictions import prediction_table
from ser.data.ravdess import STATEMENTS
from ser.evaluation.inner_trials import INNER_FOLDS, inner_split, keep, known_rows, score
from ser.files import read_table
from ser.parallel import run_all
from ser.params import LogMelParams, Params, load, load_params
from stages import command
from stages.inputs import read_split

LOG = Path("metrics/search/aligned_trials.csv")


def columns_of(
    path: str,
    speeds: list[float],
    templates: list[list[Matrix]],
    evenly: bool,
    settings: LogMelParams,
    aligned: Alignment,
) -> Matrix:
    """Cut one clip's sentence into parts: [shape=(actors, speeds, columns)].

    Parameters
    ----------
    path, speeds
        The recording, and how fast it is played.
    templates
        Reference utterances of the clip's sentence, by actor.
    evenly
        Into segments of the same length, whatever the reference utterances are.
    settings, aligned
        The section ``extract.logmel``, and the experiment's section ``alignment``.
    """
    rows = []
    for speed in speeds:
        coefficients = mfcc(speech_of(path, speed, settings))
        if evenly:
            rows.append([even_parts(coefficients, settings=aligned)] * len(templates))
        else:
            rows.append([in_step(coefficients, own, settings=aligned).columns for own in templates])
    return np.swapaxes(np.array(rows), 0, 1)


def even_parts(coefficients: Matrix, *, settings: Alignment) -> Matrix:
    """Average the frames of each part, as `experiments.dtw.dtw.in_step` does, but without references."""
    parts = np.array_split(coefficients[:, : settings.n_mfcc], settings.parts)
    return np.concatenate([*(it.mean(axis=0) for it in parts), np.log([len(it) for it in parts])])


def features_of(split: pd.DataFrame, aligned: Alignment, params: Params, *, evenly: bool) -> AlignedFeatures:
    """Extract the columns anew, as of the sentence that is told; all else is as the pipeline has it.

    Of clips that are away the columns are 0. Parts of the same length have no template: they stand there
    once, as of one template actor.
    """
    settings = params.extract.logmel
    clips = read_table("data/clips.parquet", (*LABELS, "path"))
    templates = templates_of(clips, settings, aligned)
    sentences = clips["statement"].map(STATEMENTS.index).to_numpy()
    speeds = [1.0, *params.resample.speeds]
    known = known_rows(clips, split)
    calls = [
        (path, speeds, [actor[sentence] for actor in templates], evenly, settings, aligned)
        for path, sentence in zip(clips["path"][known], sentences[known], strict=True)
    ]
    rows = np.array(run_all(columns_of, calls, workers=params.workers, what="align"))
    columns = np.zeros((*rows.shape[1:3], len(clips), 1, rows.shape[3]), dtype=np.float32)
    columns[:, :, known, 0] = rounded(np.moveaxis(rows, 0, 2))
    # The sentence that is told is the nearer one, and has the same columns as the other.
    cost = np.broadcast_to(np.eye(2, dtype=np.float32)[1 - sentences], (*columns.shape[:3], 2))
    columns = np.broadcast_to(columns, (*columns.shape[:3], 2, columns.shape[4]))
    return replace(AlignedFeatures.read(), columns=columns, cost=cost)


def inner_sides(
    features: AlignedFeatures, split: pd.DataFrame, inner: int, *, actors: list[int], count: int
) -> tuple[Part, Part]:
    """Give both sides of an inner fold, as `experiments.dtw.lda.sides_of` does of a fold.

    Parameters
    ----------
    features
        Of all clips.
    split
        Of `inner_split`.
    inner
        Which inner fold.
    actors, count
        The template actors, and of how many who train in it the clips are templates.
    """
    clips = read_table("data/clips.parquet", LABELS)
    untrained = split.replace({"role": {"away": "test"}})
    templates = choose_templates(clips, untrained, fold=inner, actors=actors, count=count)
    return sides_of(features, clips, split, fold=inner, templates=templates)


def try_lda(
    features: AlignedFeatures,
    split: pd.DataFrame,
    inner: int,
    subtract: bool,
    actors: list[int],
    settings: AlignedLda,
) -> pd.DataFrame:
    """Recognise the actors who are held out."""
    training, test = inner_sides(features, split, inner, actors=actors, count=settings.templates)
    # What is in step begins after the last column: then no sentence's mean is subtracted.
    n_before = features.n_before if subtract else training.x.shape[1] - 1
    copies = len(features.functionals)
    found, _ = choose_and_recognise(training, test, copies=copies, n_before=n_before, settings=settings)
    return prediction_table(test, found, protocol="luna5", model="lda", seed=0, fold=inner)


def main() -> None:
    """Extract, recognise, log, and print."""
    arguments = _arguments()
    params = load_params()
    dtw = load("experiments/dtw/params.yaml", DtwParams)
    aligned = dtw.alignment
    parts, n_mfcc = arguments.parts or aligned.parts, arguments.n_mfcc or aligned.n_mfcc
    tried = aligned.model_copy(update={"parts": parts, "n_mfcc": n_mfcc})
    count = 1 if arguments.evenly else arguments.templates or dtw.lda.templates
    settings = dtw.lda.model_copy(update={"templates": count})
    clips, split = read_split("luna5")
    inner = inner_split(clips, split)

    features = features_of(inner, tried, params, evenly=arguments.evenly)
    if arguments.leave_out == "step":
        features = replace(features, columns=features.columns[..., :0])
    if arguments.leave_out == "pitch":
        features = replace(features, pitch=features.pitch[..., :0])
    calls = [
        (features, inner, it, not arguments.keep_sentence, tried.template_actors, settings)
        for it in range(INNER_FOLDS)
    ]
    found = pd.concat(run_all(try_lda, calls, workers=params.workers, what="LDA", unit="inner fold"))
    about = f"parts={parts} n_mfcc={n_mfcc} " + ("evenly" if arguments.evenly else f"templates={count}")
    about += " sentence kept" if arguments.keep_sentence else ""
    about += f" without {arguments.leave_out}" if arguments.leave_out else ""
    keep(score(found, clips).assign(settings=about), LOG)


def _arguments() -> argparse.Namespace:
    parser = command.parser(__doc__)
    # More parts than the shortest clip has frames could be empty; a mel band gives a coefficient at most.
    parser.add_argument(
        "--parts",
        type=int,
        choices=range(2, 49),
        metavar="N",
        help="into how many a sentence is cut, 2 to 48; else alignment.parts of params.yaml",
    )
    parser.add_argument(
        "--n-mfcc",
        type=int,
        choices=range(1, 65),
        metavar="N",
        help="coefficients of each part, 1 to 64; else alignment.n_mfcc",
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--templates",
        type=int,
        choices=[1, 2],
        help="actors with whose clips a clip is brought in step; else lda.templates",
    )
    how.add_argument(
        "--evenly", action="store_true", help="parts of the same length: no template, no warping"
    )
    parser.add_argument(
        "--keep-sentence", action="store_true", help="subtract no sentence's mean from what is in step"
    )
    parser.add_argument(
        "--leave-out",
        choices=["step", "pitch"],
        help="what the LDA does not read: the columns in step, or those of the pitch",
    )
    return parser.parse_args()


if __name__ == "__main__":
    command.run(main)
