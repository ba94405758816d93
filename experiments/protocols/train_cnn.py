"""Train and apply the 2-D CNN under another protocol than the main pipeline's.

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/features/{clean,resampled}/logmel.npy
Writes  data/protocols/PROTOCOL/cnn.parquet: a row a test clip and seed

Its settings are those of train_cnn.logmel, but for the seeds. It is trained on every clip that is not tested,
for all its epochs; there are no validation clips. A killed training goes on from its last epoch when the
stage runs again.
"""

from pathlib import Path

import pandas as pd

from experiments.protocols.params import ProtocolsParams
from ser.data.datasets import read_split
from ser.files import remove, write_parquet
from ser.parallel import run_all
from ser.params import LogMelCnn, load, load_params
from stages import command


def run_one(
    protocol: str, settings: LogMelCnn, seed: int, fold: int, checkpoints: Path, bar: int
) -> pd.DataFrame:
    """Make one run; the form in which workers are called. Only here is TensorFlow loaded."""
    from ser.models.protocol_cnn import train_and_predict

    return train_and_predict(
        protocol, settings, seed=seed, fold=fold, checkpoints=checkpoints, bar_position=bar
    )


def main() -> None:
    """Train every seed on every fold of one protocol."""
    parser = command.parser(__doc__)
    parser.add_argument(
        "protocol", choices=list(ProtocolsParams.model_fields), help="who is tested, and when"
    )
    protocol: str = parser.parse_args().protocol
    params = load_params()
    protocols = load("experiments/protocols/params.yaml", ProtocolsParams)
    seeds: list[int] = getattr(protocols, protocol).seeds
    settings = params.train_cnn.logmel

    _, split = read_split(protocol)
    checkpoints = Path(f"data/checkpoints/cnn_logmel_{protocol}")
    pairs = [(seed, fold) for seed in seeds for fold in sorted(split["fold"].unique().tolist())]
    calls = [
        (protocol, settings, seed, fold, checkpoints, 1 + place % params.workers.jobs)
        for place, (seed, fold) in enumerate(pairs)
    ]
    tables = run_all(run_one, calls, workers=params.workers, what=f"{protocol} CNN", unit="run")
    write_parquet(f"data/protocols/{protocol}/cnn.parquet", pd.concat(tables, ignore_index=True))
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
