"""Train and apply the 2-D CNN beside the DTW LDA, under one speaker-independent protocol.

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/features/aligned/logmel.npy
Writes  data/aligned/PROTOCOL_cnn.parquet: a row a test clip and seed

The CNN is that of the main pipeline, with the settings of train_cnn.logmel and the experiment's
network_seeds. As for the LDA every clip that is not tested trains, validation actors too; it is trained for
all its epochs, and nothing is selected. A killed training goes on from its last epoch when the stage runs
again.
"""

from pathlib import Path

import pandas as pd

from experiments.dtw.params import DtwParams, NetworkSeeds
from ser.files import remove, write_parquet
from ser.parallel import run_all
from ser.params import LogMelCnn, load, load_params
from stages import command
from stages.inputs import read_split


def run_one(
    protocol: str, settings: LogMelCnn, seed: int, fold: int, checkpoints: Path, bar: int
) -> pd.DataFrame:
    """Make one run; the form in which workers are called. Only here is TensorFlow loaded."""
    from experiments.dtw.cnn import train_and_predict

    return train_and_predict(
        protocol, settings, seed=seed, fold=fold, checkpoints=checkpoints, bar_position=bar
    )


def main() -> None:
    """Train every seed on every fold of one protocol."""
    parser = command.parser(__doc__)
    parser.add_argument("protocol", choices=list(NetworkSeeds.model_fields), help="whose folds")
    protocol: str = parser.parse_args().protocol
    params = load_params()
    dtw = load("experiments/dtw/params.yaml", DtwParams)
    seeds: list[int] = getattr(dtw.network_seeds, protocol)
    _, split = read_split(protocol)
    checkpoints = Path(f"data/checkpoints/cnn_aligned_{protocol}")
    folds = sorted(split["fold"].unique().tolist())
    pairs = [(seed, fold) for seed in seeds for fold in folds]
    calls = [
        (protocol, params.train_cnn.logmel, seed, fold, checkpoints, 1 + place % params.workers.jobs)
        for place, (seed, fold) in enumerate(pairs)
    ]
    tables = run_all(run_one, calls, workers=params.workers, what=f"{protocol} CNN", unit="run")
    write_parquet(f"data/aligned/{protocol}_cnn.parquet", pd.concat(tables, ignore_index=True))
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
