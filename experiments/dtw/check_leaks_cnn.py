"""Leakage tests of the 2-D CNN beside the DTW LDA, on the first fold of LUNA5 with its first seed.

permuted  the labels of the training clips are permuted; the result must come out at chance level
unseen    trained on features from which the test clips were removed; no prediction may change

Reads   data/clips.parquet, data/splits/luna5.parquet, data/features/aligned/logmel.npy,
        data/aligned/luna5_cnn.parquet
Writes  metrics/aligned_cnn_leaks.json
"""

import tempfile
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from experiments.dtw.params import DtwParams
from ser.data.predictions import COLUMNS, PROBABILITIES
from ser.errors import InputError
from ser.evaluation.metrics import uar
from ser.evaluation.scores import tally
from ser.files import read_table, write_json
from ser.parallel import run_all
from ser.params import LogMelCnn, load, load_params
from stages import command

Suspicion = Literal["permuted", "unseen"]
SUSPICIONS: tuple[Suspicion, ...] = ("permuted", "unseen")
FOLD = 0


def run_one(suspect: Suspicion, settings: LogMelCnn, seed: int, checkpoints: Path, bar: int) -> pd.DataFrame:
    """Make one run; the form in which workers are called. Only here is TensorFlow loaded."""
    from experiments.dtw.cnn import train_and_predict

    about = {"seed": seed, "fold": FOLD, "bar_position": bar}
    return train_and_predict("luna5", settings, checkpoints=checkpoints / suspect, suspect=suspect, **about)


def main() -> None:
    """Train twice, compare, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    dtw = load("experiments/dtw/params.yaml", DtwParams)
    seed = dtw.network_seeds.luna5[0]
    settings = params.train_cnn.logmel
    with tempfile.TemporaryDirectory() as folder:
        calls = [(it, settings, seed, Path(folder), place) for place, it in enumerate(SUSPICIONS, start=1)]
        permuted, unseen = run_all(run_one, calls, workers=params.workers, what="leaks", unit="run")
    labels = read_table("data/clips.parquet", ("clip", "emotion", "actor", "gender"))
    former = read_table("data/aligned/luna5_cnn.parquet", COLUMNS).query(f"seed == {seed} and fold == {FOLD}")
    own, other = (
        it.set_index("clip")[list(PROBABILITIES)].sort_index().to_numpy() for it in (former, unseen)
    )
    if not np.isfinite(other).all():
        raise InputError("the 2-D network has no answer without the tested clips: it heard them")
    result = {
        "permuted_uar": round(float(uar(tally(permuted, labels).pooled)[0]), 4),
        "unseen_largest_difference": float(np.abs(own - other).max()),
    }
    write_json("metrics/aligned_cnn_leaks.json", result)
    print(pd.Series(result).to_string())


if __name__ == "__main__":
    command.run(main)
