"""Fit and apply LDAs with and without DTW-aligned segments, under one speaker-independent protocol.

plain_lda    on functionals of the log-mel
pitch_lda    on functionals of F0 as well
aligned_lda  on MFCC and durations of DTW-aligned segments, too: the differences are what F0 and alignment add

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/features/aligned
Writes  data/aligned/PROTOCOL.parquet: a row a test clip and model
        metrics/search/aligned_PROTOCOL.csv: every shrinkage with its inner UAR, and which was selected

In each fold the shrinkage is selected on inner folds of its own training actors; all copies of a clip train,
validation actors too. The sentence of a test clip is found, not given.
"""

import pandas as pd

from experiments.dtw.lda import (
    ALIGNED,
    LABELS,
    LDAS,
    PLAIN,
    PROTOCOLS,
    AlignedFeatures,
    choose_and_recognise,
    choose_templates,
    first_columns,
    sides_of,
)
from experiments.dtw.params import AlignedLda, DtwParams
from ser.data.predictions import prediction_table
from ser.files import read_table, write_csv, write_parquet
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command
from stages.inputs import read_split


def run_fold(
    protocol: str, model: str, fold: int, template_actors: list[int], settings: AlignedLda
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tune, fit and apply one model on one fold; return its predictions and its trials."""
    features = AlignedFeatures.read()
    clips = read_table("data/clips.parquet", LABELS)
    _, split = read_split(protocol)
    templates = choose_templates(clips, split, fold=fold, actors=template_actors, count=settings.templates)
    training, test = sides_of(features, clips, split, fold=fold, templates=templates)
    if model != ALIGNED:
        n = features.n_functionals if model == PLAIN else features.n_before
        training, test = (first_columns(side, n) for side in (training, test))
    found, trials = choose_and_recognise(
        training,
        test,
        copies=len(features.functionals),
        n_before=min(features.n_before, training.x.shape[1] - 1),
        settings=settings,
    )
    return (
        prediction_table(test, found, protocol=protocol, model=model, seed=0, fold=fold),
        trials.assign(model=model, fold=fold)[["model", "fold", *trials.columns]],
    )


def main() -> None:
    """Run the models on every fold of one protocol."""
    parser = command.parser(__doc__)
    parser.add_argument("protocol", choices=PROTOCOLS, help="who is tested, and when")
    protocol: str = parser.parse_args().protocol
    params = load_params()
    dtw = load("experiments/dtw/params.yaml", DtwParams)
    _, split = read_split(protocol)
    calls = [
        (protocol, model, fold, dtw.alignment.template_actors, dtw.lda)
        for model in LDAS
        for fold in sorted(split["fold"].unique().tolist())
    ]
    results = run_all(run_fold, calls, workers=params.workers, what=f"{protocol} LDA", unit="fold")
    predictions, trials = (pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))
    write_csv(f"metrics/search/aligned_{protocol}.csv", trials)
    write_parquet(f"data/aligned/{protocol}.parquet", predictions)


if __name__ == "__main__":
    command.run(main)
