"""The exported model's fitted parts beside the network's weights: a scaler, and the LDA as arrays."""

from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from ser.data.fold import Array
from ser.data.scaling import Scaler
from ser.errors import InputError
from ser.files import write_arrays

Values = npt.NDArray[np.float64]

_ARRAYS = "arrays.npz"
_LDA_ARRAYS = ("mean", "scale", "coef", "intercept")


@dataclass(frozen=True)
class LinearDiscriminant:
    """A fitted LDA on the statistics of one layer of the speaker encoder, and the scaler before it.

    Attributes
    ----------
    layer : int
        Number of the encoder's layer, 1 being the lowest.
    mean, scale : numpy.ndarray [shape=(columns,), dtype=float64]
        Subtracted from each column, and then its divisor.
    coef : numpy.ndarray [shape=(8, columns), dtype=float64]
        Weights of the standardised columns, a row an emotion.
    intercept : numpy.ndarray [shape=(8,), dtype=float64]
        Added to the score of each emotion.
    """

    layer: int
    mean: Values
    scale: Values
    coef: Values
    intercept: Values


def apply_lda(lda: LinearDiscriminant, x: Array) -> Values:
    """Apply a fitted LDA to the encoder's statistics.

    Parameters
    ----------
    lda
        The fitted LDA, with the scaler before it.
    x
        [shape=(n, layers, columns)] Statistics over time of the encoder's hidden states.

    Returns
    -------
    numpy.ndarray [shape=(n, 8), dtype=float64]
        Probabilities, which sum to 1 in each row.
    """
    scores = (x[:, lda.layer - 1] - lda.mean) / lda.scale @ lda.coef.T + lda.intercept  # (n, 8)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    probabilities: Values = powers / powers.sum(axis=1, keepdims=True)
    return probabilities


def write_parts(folder: Path, scaler: Scaler, lda: LinearDiscriminant) -> None:
    """Write all that was fitted, but for the network's weights."""
    arrays = {f"lda_{name}": getattr(lda, name) for name in _LDA_ARRAYS}
    layer = np.array(lda.layer)
    write_arrays(folder / _ARRAYS, mean=scaler.mean, deviation=scaler.deviation, lda_layer=layer, **arrays)


def read_parts(folder: Path) -> tuple[Scaler, LinearDiscriminant]:
    """Read the scaler and the LDA that `write_parts` wrote.

    Raises
    ------
    InputError
        Where it is missing or damaged.
    """
    path = folder / _ARRAYS
    try:
        with np.load(path, allow_pickle=False) as arrays:
            fitted = {name: arrays[f"lda_{name}"] for name in _LDA_ARRAYS}
            scaler = Scaler(mean=arrays["mean"], deviation=arrays["deviation"])
            return scaler, LinearDiscriminant(layer=int(arrays["lda_layer"]), **fitted)
    except (OSError, ValueError, EOFError, LookupError, BadZipFile) as error:
        raise InputError(f"{path}: cannot be read ({error}); run the stage train_final") from error
