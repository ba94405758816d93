"""Train the 2-D CNN without two folds at a time, and apply it to both: for weights that no test clip chose.

Reads   data/clips.parquet, data/splits/PROTOCOL_pairs.parquet, data/features/aligned/logmel.npy
Writes  data/aligned/PROTOCOL_cnn_pairs.parquet: a row a clip of each pair

The network, its settings and its first seed are those of the stage train_aligned_cnn. A killed training goes
on from its last epoch when the stage runs again.
"""

from pathlib import Path

import pandas as pd

from ser.datasets import read_split
from ser.files import remove, write_parquet
from ser.parallel import run_all
from ser.params import LogMelCnn, NetworkSeeds, load_params
from stages import command


def run_one(
    pairs: str, settings: LogMelCnn, seed: int, pair: int, checkpoints: Path, bar: int
) -> pd.DataFrame:
    """Make one run; the form in which workers are called. Only here is TensorFlow loaded."""
    from ser.aligned_cnn import train_and_predict

    return train_and_predict(pairs, settings, seed=seed, fold=pair, checkpoints=checkpoints, bar_position=bar)


def main() -> None:
    """Train on every pair of one protocol's folds."""
    parser = command.parser(__doc__)
    parser.add_argument("protocol", choices=list(NetworkSeeds.model_fields), help="whose folds")
    protocol: str = parser.parse_args().protocol
    params = load_params()
    seed: int = getattr(params.aligned.network_seeds, protocol)[0]
    pairs = f"{protocol}_pairs"
    _, split = read_split(pairs)
    checkpoints = Path(f"data/checkpoints/cnn_aligned_{pairs}")
    calls = [
        (
            f"{protocol}_pairs",
            params.train_cnn.logmel,
            seed,
            pair,
            checkpoints,
            1 + place % params.workers.jobs,
        )
        for place, pair in enumerate(sorted(split["fold"].unique().tolist()))
    ]
    tables = run_all(run_one, calls, workers=params.workers, what=f"{protocol} CNN pairs", unit="run")
    write_parquet(f"data/aligned/{protocol}_cnn_pairs.parquet", pd.concat(tables, ignore_index=True))
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
