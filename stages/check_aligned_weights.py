"""Suspect the weights of network and LDA in step of a leak: tested clips that are not there.

All that chooses a fold's weights is made once more where the fold's tested clips are missing, their emotions
and sentences told wrong, and all that is in step with tested actors' templates is missing, too: by LDAs for
each fold of LUNA5, by networks for one. Every probability must be equal, and so must the weights be.

Reads   data/clips.parquet, data/splits/{luna5,luna5_pairs}.parquet, data/features/aligned,
        data/aligned/{luna5_cnn_pairs,luna5_lda_others}.parquet
Writes  metrics/aligned_weights_leaks.json

Shuffled labels and a canary are tried on network and LDA themselves, in check_aligned and check_aligned_cnn.
"""

import tempfile
from itertools import permutations
from pathlib import Path

import numpy as np
import pandas as pd

from ser.aligned_fusion import recognise_other_fold
from ser.aligned_lda import LABELS, AlignedFeatures
from ser.datasets import read_split, rows_of
from ser.errors import InputError
from ser.files import read_table, write_json
from ser.fold_pairs import pairs_of, told_by_others
from ser.parallel import run_all
from ser.params import Aligned, LogMelCnn, Workers, load_params
from ser.scores import COLUMNS, PROBABILITIES
from stages import command
from stages.check_aligned import without_tested

FOLD = 1
"""Whose networks are trained again: it tests an actor of the templates."""


def recognise(fold: int, other: int, settings: Aligned) -> pd.DataFrame:
    """Recognise another fold's clips by an LDA without the fold's; the form in which workers are called."""
    features, clips = AlignedFeatures.read(), read_table("data/clips.parquet", LABELS)
    _, split = read_split("luna5")
    tested = rows_of(clips, split, fold=fold, role="test")
    lacking, untold = without_tested(features, clips, tested, settings.alignment.template_actors)
    return recognise_other_fold(
        lacking, untold, split, protocol="luna5", fold=fold, other=other, settings=settings
    )


def run_network(pair: int, settings: LogMelCnn, seed: int, checkpoints: Path, bar: int) -> pd.DataFrame:
    """Train without a pair's clips; the form in which workers are called. Only here is TensorFlow loaded."""
    from ser.aligned_cnn import train_and_predict

    return train_and_predict(
        "luna5_pairs",
        settings,
        seed=seed,
        fold=pair,
        checkpoints=checkpoints,
        bar_position=bar,
        suspect="unseen",
    )


def run_networks(pairs: list[int], settings: LogMelCnn, seed: int, workers: Workers) -> pd.DataFrame:
    """Train the networks of some pairs."""
    with tempfile.TemporaryDirectory() as folder:
        calls = [
            (pair, settings, seed, Path(folder), 1 + place % workers.jobs) for place, pair in enumerate(pairs)
        ]
        return pd.concat(run_all(run_network, calls, workers=workers, what="leaks", unit="run"))


def largest_difference(one: pd.DataFrame, other: pd.DataFrame) -> float:
    """Compare two tables of predictions of the same clips in the same folds.

    Raises
    ------
    InputError
        Where they are of different clips, or a probability is not a number: the tested clips were heard.
    """
    first, second = (it.set_index(["fold", "clip"])[list(PROBABILITIES)].sort_index() for it in (one, other))
    if not first.index.equals(second.index):
        raise InputError("the predictions are of different clips than those before; run the pipeline again")
    if not np.isfinite(second.to_numpy()).all():
        raise InputError("there is no answer without the tested clips: they were heard")
    return float(np.abs(first.to_numpy() - second.to_numpy()).max())


def main() -> None:
    """Train, compare, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    _, split = read_split("luna5")
    folds = sorted(split["fold"].unique().tolist())
    networks, ldas = (
        read_table(f"data/aligned/luna5_{name}.parquet", COLUMNS) for name in ("cnn_pairs", "lda_others")
    )
    calls = [(fold, other, params.aligned) for fold, other in permutations(folds, 2)]
    unseen = run_all(recognise, calls, workers=params.workers, what="leaks", unit="pair")
    pairs = [place for place, pair in enumerate(pairs_of(split)) if FOLD in pair]
    again = run_networks(
        pairs, params.train_cnn.logmel, params.aligned.network_seeds.luna5[0], params.workers
    )
    told = [told_by_others(it, split, fold=FOLD) for it in (networks, again)]
    result = {
        "lda_largest_difference": largest_difference(ldas, pd.concat(unseen)),
        "network_largest_difference": largest_difference(*told),
    }
    write_json("metrics/aligned_weights_leaks.json", result)
    print(pd.Series(result).to_string())


if __name__ == "__main__":
    command.run(main)
