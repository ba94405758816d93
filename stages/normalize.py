"""Fit the scaler of a network's input, for each fold to its training rows alone.

article            the article's first CNN: the clean frame-mean log-mels
article_augmented  its second: four copies a training clip
logmel             the 2-D network under LUNA5: mean and standard deviation of each mel band, of all copies

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/features/VARIANT/FEATURES.npy
Writes  data/normalized/NETWORK.npz: mean and standard deviation, fold by fold
"""

from ser.data.scaling import stream_scaler, write_scalers
from ser.models.network_inputs import INPUTS
from stages import command
from stages.inputs import read_folds


def main() -> None:
    """Fit and write the scalers of one network's input."""
    parser = command.parser(__doc__)
    parser.add_argument("network", choices=list(INPUTS), help="whose input")
    name: str = parser.parse_args().network
    wanted = INPUTS[name]
    folds = read_folds(wanted.protocol, wanted.features, wanted.copies)
    scalers = [stream_scaler(fold, axes=wanted.axes) for fold in folds]
    write_scalers(f"data/normalized/{name}.npz", scalers)
    print(f"{name}: {len(scalers)} folds, {scalers[0].mean.size} columns")


if __name__ == "__main__":
    command.run(main)
