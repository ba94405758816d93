"""Fit and apply the DTW LDA as a student, on soft labels, and its hard-label baseline.

aligned_lda  hard labels, as in experiments/dtw
taught_lda   soft labels have the weight that the parameter share says

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/features/aligned,
        data/taught/PROTOCOL_opinions.parquet
Writes  data/taught/PROTOCOL_lda.parquet: a row a test clip and model
        metrics/search/taught_PROTOCOL.csv: every shrinkage with its inner UAR, and which was selected

In each fold the shrinkage is selected on inner folds of its own training actors; all copies of a clip train,
validation actors too. The teacher is applied to no test clip. Reference utterances are neutral clips of the
first lda.templates of alignment.template_actors whom the fold does not test. Under the article's random split
everybody is tested: there they are of the first such actors, and some of these clips are test clips.
"""

from typing import Any

import pandas as pd

from experiments.distillation.lda import TAUGHT_LDA, choose_and_recognise
from experiments.distillation.params import PROTOCOLS, DistillationParams
from experiments.distillation.teacher import taught_labels
from experiments.dtw.lda import (
    ALIGNED,
    LABELS,
    AlignedFeatures,
    choose_templates,
    sides_of,
)
from experiments.dtw.params import AlignedLda, DtwParams
from ser.data.predictions import COLUMNS, prediction_table
from ser.files import read_table, write_csv, write_parquet
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command
from stages.inputs import read_split

RANDOM = "article"
"""The protocol whose split is random, with every actor on both sides."""


def run_fold(
    protocol: str, model: str, fold: int, share: float, template_actors: list[int], settings: AlignedLda
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tune, fit and apply one model on one fold; return its predictions and its trials."""
    features = AlignedFeatures.read()
    clips = read_table("data/clips.parquet", LABELS)
    _, split = read_split(protocol)
    told = read_table(f"data/taught/{protocol}_opinions.parquet", COLUMNS)
    # There is no actor who is not tested there.
    templates = (
        list(range(settings.templates))
        if protocol == RANDOM
        else choose_templates(clips, split, fold=fold, actors=template_actors, count=settings.templates)
    )
    training, test = sides_of(features, clips, split, fold=fold, templates=templates)
    found, trials = choose_and_recognise(
        training,
        taught_labels(training, told[told["fold"] == fold], share=share),
        test,
        copies=len(features.functionals),
        n_before=features.n_before,
        settings=settings,
    )
    about: dict[str, Any] = {"model": model, "fold": fold}
    return (
        prediction_table(test, found, protocol=protocol, seed=0, **about),
        trials.assign(**about)[[*about, *trials.columns]],
    )


def main() -> None:
    """Run both models on every fold of one protocol."""
    parser = command.parser(__doc__)
    parser.add_argument("protocol", choices=PROTOCOLS, help="who is tested, and when")
    protocol: str = parser.parse_args().protocol
    params = load_params()
    dtw = load("experiments/dtw/params.yaml", DtwParams)
    distillation = load("experiments/distillation/params.yaml", DistillationParams)
    _, split = read_split(protocol)
    calls = [
        (protocol, model, fold, share, dtw.alignment.template_actors, dtw.lda)
        for model, share in ((ALIGNED, 0.0), (TAUGHT_LDA, distillation.share))
        for fold in sorted(split["fold"].unique().tolist())
    ]
    results = run_all(run_fold, calls, workers=params.workers, what=f"{protocol} LDA", unit="fold")
    predictions, trials = (pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))
    write_csv(f"metrics/search/taught_{protocol}.csv", trials)
    write_parquet(f"data/taught/{protocol}_lda.parquet", predictions)


if __name__ == "__main__":
    command.run(main)
