"""Which features and training copies each network reads, and the scaler learned of them, fold by fold."""

from dataclasses import dataclass
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from ser.data.datasets import Array, Scaler, rows_of
from ser.errors import InputError
from ser.files import write_arrays


@dataclass(frozen=True)
class NetworkInput:
    """What a network reads.

    Attributes
    ----------
    features : str
        ``contour`` or ``logmel``.
    protocol : str
        Whose folds.
    copies : tuple of str
        The variants of a training clip, the clean recording first; see `ser.data.datasets.read_features`.
    axes : tuple of int
        Over what the scaler's mean and deviation are taken.
    """

    features: str
    protocol: str
    copies: tuple[str, ...]
    axes: tuple[int, ...]


INPUTS = {
    "article": NetworkInput("contour", "article", ("clean",), axes=(0,)),
    # The article's loops compute the noise and stretch copies' spectrograms of the clean signal: only speed
    # and pitch, which overwrites its input, acts. So three of the four copies are the original.
    "article_augmented": NetworkInput(
        "contour", "article", ("clean", "clean", "clean", "speed_pitch"), axes=(0,)
    ),
    "logmel": NetworkInput("logmel", "luna5", ("clean", "resampled"), axes=(0, 1)),
}
"""By the network's section of ``train_cnn``."""


def fit_scalers(
    clips: pd.DataFrame, split: pd.DataFrame, copies: list[Array], *, axes: tuple[int, ...]
) -> list[Scaler]:
    """Learn one scaler a fold, of that fold's training rows in all copies.

    Parameters
    ----------
    clips, split
        The tables of clips and of one protocol's folds.
    copies
        Features of each training copy, [shape=(clips, ...)].
    axes
        As in `NetworkInput`.
    """
    scalers = []
    for fold in sorted(split["fold"].unique()):
        rows = rows_of(clips, split, fold=fold, role="train")
        scalers.append(Scaler.fit(np.concatenate([features[rows] for features in copies]), axes=axes))
    return scalers


def write_scalers(path: str, scalers: list[Scaler]) -> None:
    """Write the scalers of all folds as ``.npz``: mean and deviation, [shape=(folds, ...)]."""
    write_arrays(
        path,
        mean=np.stack([scaler.mean for scaler in scalers]),
        deviation=np.stack([scaler.deviation for scaler in scalers]),
    )


def read_scaler(path: str, *, fold: int) -> Scaler:
    """Read one fold's scaler.

    Raises
    ------
    InputError
        Where the file is missing, damaged, or has no such fold.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Scaler(mean=arrays["mean"][fold], deviation=arrays["deviation"][fold])
    except (OSError, ValueError, EOFError, LookupError, BadZipFile) as error:
        raise InputError(f"{path}: scaler cannot be read ({error}); run the stage normalize") from error
