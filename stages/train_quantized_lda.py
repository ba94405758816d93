"""Tune, fit and apply an LDA on quantized functionals: the small network's partner.

Reads   data/clips.parquet, data/splits/{luna5,emobox6}.parquet, data/features/quantized/functionals.npy
Writes  data/distilled/lda.parquet: a row a tested clip and protocol
        metrics/search/distilled_lda.csv: every point of the grid with its inner UAR, and which was chosen

As lda_augmented of train_baselines, whose grid it takes; but validation actors train, as they do for the
network.
"""

import pandas as pd

from ser.baselines import Grids, search
from ser.datasets import prediction_table, read_features, read_split, take
from ser.files import write_csv, write_parquet
from ser.parallel import run_all
from ser.params import DistilledSeeds, load_params
from stages import command

MODEL = "lda_augmented"


def run_fold(protocol: str, fold: int, grids: Grids) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tune, fit and apply on one fold; return the predictions and the trials."""
    clips, split = read_split(protocol)
    (features,) = read_features("functionals", ["quantized"])
    copies = list(features)
    together = split.replace({"role": {"validation": "train"}})
    training = take(clips, together, copies, fold=fold, role="train")
    test = take(clips, split, copies[:1], fold=fold, role="test")
    result = search(MODEL, training=training, test=test, grids=grids, copies=len(copies))
    return (
        prediction_table(test, result.probabilities, protocol=protocol, model=MODEL, seed=0, fold=fold),
        result.trials.assign(protocol=protocol, fold=fold)[["protocol", "fold", *result.trials.columns]],
    )


def main() -> None:
    """Run every fold of both protocols."""
    command.parser(__doc__).parse_args()
    params = load_params()
    calls = []
    for protocol in DistilledSeeds.model_fields:
        _, split = read_split(protocol)
        calls += [
            (protocol, fold, params.train_baselines.luna5) for fold in sorted(split["fold"].unique().tolist())
        ]
    results = run_all(run_fold, calls, workers=params.workers, what="LDA", unit="fold")
    predictions, trials = (pd.concat(tables, ignore_index=True) for tables in zip(*results, strict=True))
    write_csv("metrics/search/distilled_lda.csv", trials)
    write_parquet("data/distilled/lda.parquet", predictions)


if __name__ == "__main__":
    command.run(main)
