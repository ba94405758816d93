"""Train and apply the ensemble on the encoder's layers under EMOBOX6 or LOSO.

layers_lda        trained on the recordings and on all corrupted copies
layers_lda_clean  trained on the recordings alone

Reads   data/clips.parquet, data/splits/PROTOCOL.parquet, data/features/{clean,corrupted}/layers.npy,
        data/protocols/babble.npy
Writes  data/protocols/PROTOCOL/layers.parquet: a row a test clip and model
        metrics/search/protocol_PROTOCOL_layers.csv: every shrinkage of every layer with its inner UAR, and
                                                     the weights

Recipe and settings are those of train_layers: for each fold shrinkages and weights are selected anew on inner
folds of its own training actors. Copies are those of the main pipeline, but for those with babble, in which
voices of the fold's test actors could be: they are those of encode_protocol_babble.
"""

import numpy as np

from experiments.protocols.babble import HALVES, PROTOCOLS, places_of_babble, with_babble
from ser.data.fold import Array
from ser.errors import InputError
from ser.files import write_csv, write_parquet
from ser.models.layers.lda import LayerLdas
from ser.models.recipe import cross_validate
from ser.params import load_params
from stages import command
from stages.layers.inputs import MODEL, read_layer_folds, read_layers, with_copies

_BABBLE = "data/protocols/babble.npy"


def read_babble(n_copies: int, recordings: Array) -> list[list[Array]]:
    """Read the features of the copies with babble.

    Parameters
    ----------
    n_copies
        Number of copies with babble in ``encode_layers.copies``.
    recordings
        [shape=(clips, columns)] Features of the recordings, whose shape each copy must have.

    Returns
    -------
    list of list of numpy.ndarray [shape=(clips, columns), dtype=float32]
        For each half of the actors, whose voices are heard, an array a copy.

    Raises
    ------
    InputError
        Where the file is missing, no array, or of other copies.
    """
    try:
        layers = np.load(_BABBLE, mmap_mode="r", allow_pickle=False)  # (halves, copies, clips, 3, 1024)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(
            f"{_BABBLE}: cannot be read ({error}); run the stage encode_protocol_babble"
        ) from error
    babble = layers.reshape(*layers.shape[:3], -1)
    if babble.shape != (len(HALVES), n_copies, *recordings.shape):
        raise InputError(
            f"{_BABBLE}: is not of the copies in params.yaml; run the stage encode_protocol_babble"
        )
    return [list(half) for half in babble]


def main() -> None:
    """Train both models on every fold of one protocol."""
    parser = command.parser(__doc__)
    parser.add_argument("protocol", choices=PROTOCOLS, help="who is tested, and when")
    protocol: str = parser.parse_args().protocol
    params = load_params()
    copies = params.encode_layers.copies
    widths, features = read_layers([*copies])
    places = places_of_babble(copies)
    babble = read_babble(len(places), features[0])
    folds = [with_babble(fold, babble, places) for fold in read_layer_folds(protocol, features)]
    candidates = [
        (LayerLdas(MODEL, widths, params.train_layers), folds),
        (LayerLdas(f"{MODEL}_clean", widths, params.train_layers), [with_copies(it, [0]) for it in folds]),
    ]
    results = cross_validate(
        candidates, protocol=protocol, workers=params.workers, what=f"{protocol} layers", unit="fold"
    )
    write_csv(f"metrics/search/protocol_{protocol}_layers.csv", results.log.drop(columns="seed"))
    write_parquet(f"data/protocols/{protocol}/layers.parquet", results.predictions)


if __name__ == "__main__":
    command.run(main)
