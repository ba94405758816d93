"""Features of the encoder's layers, as the folds of a protocol."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ser.data.fold import Array, Fold, folds
from ser.errors import InputError
from stages.inputs import read_features, read_split

MODEL = "layers_lda"
"""The model on the recordings and on all copies, by its name in predictions."""
_COPIES = "data/features/corrupted/layers.npy"


def read_layers(copies: Sequence[str]) -> tuple[dict[str, int], list[Array]]:
    """Read the features of all clips and of their copies, the layers side by side.

    Parameters
    ----------
    copies
        Names of the copies, as in ``encode_layers.copies``.

    Returns
    -------
    widths : dict of str to int
        Number of columns of each layer, by the layer's name.
    features : list of numpy.ndarray [shape=(clips, columns), dtype=float32]
        Of the recordings, then of each copy.

    Raises
    ------
    InputError
        Where a file is missing, no array, or of other copies than were named.
    """
    (clean,) = read_features("layers", ["clean"])  # (clips, layers, columns)
    try:
        corrupted = np.load(_COPIES, mmap_mode="r", allow_pickle=False)  # (copies, clips, layers, columns)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{_COPIES}: cannot be read ({error}); run the stage encode_layers") from error
    if corrupted.shape != (len(copies), *clean.shape):
        raise InputError(f"{_COPIES}: is not of the copies in params.yaml; run the stage encode_layers")
    widths = {f"layer_{place + 1}": clean.shape[2] for place in range(clean.shape[1])}
    return widths, [x.reshape(len(x), -1) for x in (clean, *corrupted)]


def read_layer_folds(protocol: str, features: Sequence[Array]) -> list[Fold]:
    """Give the folds of a protocol, with features of `read_layers`."""
    return list(folds(*read_split(protocol), features))


def with_copies(fold: Fold, kept: Sequence[int]) -> Fold:
    """Leave copies out of a fold, by their places among its features; 0, the recordings, must stay."""
    return replace(fold, copies=[fold.copies[place] for place in kept])
