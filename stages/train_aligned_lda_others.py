"""Recognise, for each fold, the clips of all others by LDAs in step that know neither these nor its own.

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/features/aligned
Writes  data/aligned/PROTOCOL_lda_others.parquet: for each fold, that of the column fold, a row a clip that
        another fold tests

With the networks of train_aligned_pairs they choose the weights of the sum for that fold. As in train_aligned
the shrinkage is chosen by inner folds, and the sentence of a clip that is recognised is found, not told. Two
folds are taken in both orders, for the templates are those of the fold; clips of their actors are left out.
"""

from itertools import permutations

import pandas as pd

from ser.aligned_fusion import recognise_other_fold
from ser.aligned_lda import LABELS, AlignedFeatures
from ser.datasets import read_split
from ser.files import read_table, write_parquet
from ser.parallel import run_all
from ser.params import Aligned, NetworkSeeds, load_params
from stages import command


def run_pair(protocol: str, fold: int, other: int, settings: Aligned) -> pd.DataFrame:
    """Tune, fit and apply once; the form in which workers are called."""
    clips = read_table("data/clips.parquet", LABELS)
    _, split = read_split(protocol)
    return recognise_other_fold(
        AlignedFeatures.read(), clips, split, protocol=protocol, fold=fold, other=other, settings=settings
    )


def main() -> None:
    """Run every fold with every other one of one protocol."""
    parser = command.parser(__doc__)
    parser.add_argument("protocol", choices=list(NetworkSeeds.model_fields), help="whose folds")
    protocol: str = parser.parse_args().protocol
    params = load_params()
    _, split = read_split(protocol)
    folds = sorted(split["fold"].unique().tolist())
    calls = [(protocol, fold, other, params.aligned) for fold, other in permutations(folds, 2)]
    tables = run_all(
        run_pair, calls, workers=params.workers, what=f"{protocol} LDA of other folds", unit="pair"
    )
    write_parquet(f"data/aligned/{protocol}_lda_others.parquet", pd.concat(tables, ignore_index=True))


if __name__ == "__main__":
    command.run(main)
