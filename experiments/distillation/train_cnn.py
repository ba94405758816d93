"""Train and apply the 2-D CNN beside the DTW LDA, on soft labels.

taught_cnn  the student: soft labels have the weight that the parameter share says
logmel_cnn  the hard-label baseline, trained where the argument is `untaught`

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/features/aligned/logmel.npy,
        data/taught/PROTOCOL_opinions.parquet
Writes  data/taught/PROTOCOL_cnn.parquet, or luna5_untaught_cnn.parquet: a row a test clip and seed

The CNN has the settings of train_cnn.logmel, but epochs and seeds of its own (experiments/distillation).
Every clip that is not tested trains, validation actors too; it is trained for all its epochs, and nothing is
selected. A killed training goes on from its last epoch when the stage runs again.
"""

from pathlib import Path

import pandas as pd

from experiments.distillation.params import DistillationParams, StudentSeeds
from ser.data.predictions import COLUMNS
from ser.files import read_table, remove, write_parquet
from ser.parallel import run_all
from ser.params import LogMelCnn, load, load_params
from stages import command
from stages.inputs import read_split

UNTAUGHT = "untaught"


def run_one(
    protocol: str, settings: LogMelCnn, share: float, seed: int, fold: int, checkpoints: Path, bar: int
) -> pd.DataFrame:
    """Make one run; the form in which workers are called. Only here is TensorFlow loaded."""
    from experiments.distillation.cnn import train_and_predict

    told = read_table(f"data/taught/{protocol}_opinions.parquet", COLUMNS)
    return train_and_predict(
        protocol,
        settings,
        seed=seed,
        fold=fold,
        told=told[told["fold"] == fold],
        share=share,
        checkpoints=checkpoints,
        bar_position=bar,
    )


def main() -> None:
    """Train every seed on every fold of one protocol."""
    parser = command.parser(__doc__)
    choices = list(StudentSeeds.model_fields)
    parser.add_argument("what", choices=choices, help="whose folds; or untaught, under LUNA5")
    what: str = parser.parse_args().what
    params = load_params()
    distillation = load("experiments/distillation/params.yaml", DistillationParams)
    settings = params.train_cnn.logmel.model_copy(update={"epochs": distillation.epochs})
    seeds: list[int] = getattr(distillation.network_seeds, what)
    protocol, name, share = what, what, distillation.share
    if what == UNTAUGHT:
        protocol, name, share = "luna5", f"luna5_{UNTAUGHT}", 0.0
    _, split = read_split(protocol)
    checkpoints = Path(f"data/checkpoints/cnn_taught_{name}")
    folds = sorted(split["fold"].unique().tolist())
    pairs = [(seed, fold) for seed in seeds for fold in folds]
    calls = [
        (protocol, settings, share, *pair, checkpoints, 1 + place % params.workers.jobs)
        for place, pair in enumerate(pairs)
    ]
    tables = run_all(run_one, calls, workers=params.workers, what=f"{name} CNN", unit="run")
    write_parquet(f"data/taught/{name}_cnn.parquet", pd.concat(tables, ignore_index=True))
    remove(checkpoints)


if __name__ == "__main__":
    command.run(main)
