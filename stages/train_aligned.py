"""Recognise clips in step with templates of their sentence, under one speaker-independent protocol.

aligned_lda  on functionals and on MFCC and durations in step
plain_lda    on functionals alone: the difference is what hearing in step adds

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/features/aligned
Writes  data/aligned/PROTOCOL.parquet: a row a tested clip and model
        metrics/search/aligned_PROTOCOL.csv: every shrinkage with its inner UAR, and which was chosen

In each fold the shrinkage is chosen by inner folds of its own training actors; all copies of a clip train,
validation actors too. The sentence of a tested clip is found, not told.
"""

import pandas as pd

from ser.aligned_lda import (
    ALIGNED,
    LABELS,
    PLAIN,
    PROTOCOLS,
    AlignedFeatures,
    choose_and_recognise,
    choose_templates,
    sides_of,
    without_alignment,
)
from ser.datasets import prediction_table, read_split
from ser.files import read_table, write_csv, write_parquet
from ser.parallel import run_all
from ser.params import Aligned, load_params
from stages import command


def run_fold(protocol: str, model: str, fold: int, settings: Aligned) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tune, fit and apply one model on one fold; return its predictions and its trials."""
    features = AlignedFeatures.read()
    copies, _, n_functionals = features.functionals.shape
    clips = read_table("data/clips.parquet", LABELS)
    _, split = read_split(protocol)
    templates = choose_templates(clips, split, fold=fold, settings=settings)
    sides = sides_of(features, clips, split, fold=fold, templates=templates)
    if model == PLAIN:
        training, test = (without_alignment(side, n_functionals=n_functionals) for side in sides)
    else:
        training, test = sides
    found, trials = choose_and_recognise(
        training, test, copies=copies, n_functionals=n_functionals, settings=settings
    )
    return (
        prediction_table(test, found, protocol=protocol, model=model, seed=0, fold=fold),
        trials.assign(model=model, fold=fold)[["model", "fold", *trials.columns]],
    )


def main() -> None:
    """Run both models on every fold of one protocol."""
    parser = command.parser(__doc__)
    parser.add_argument("protocol", choices=PROTOCOLS, help="who is tested, and when")
    protocol: str = parser.parse_args().protocol
    params = load_params()
    _, split = read_split(protocol)
    calls = [
        (protocol, model, fold, params.aligned)
        for model in (ALIGNED, PLAIN)
        for fold in sorted(split["fold"].unique().tolist())
    ]
    results = run_all(run_fold, calls, workers=params.workers, what=f"{protocol} LDA", unit="fold")
    predictions, trials = (pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))
    write_csv(f"metrics/search/aligned_{protocol}.csv", trials)
    write_parquet(f"data/aligned/{protocol}.parquet", predictions)


if __name__ == "__main__":
    command.run(main)
