"""Join clips, features and a split into training, validation and test sets, and scale them.

Everything that is learned of data is learned of rows with the role ``train``.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.files import read_table

Array = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Part:
    """One side of a fold.

    Attributes
    ----------
    clips : numpy.ndarray [shape=(n,)]
        Clip ids.
    actors : numpy.ndarray [shape=(n,), dtype=int64]
    x : numpy.ndarray [shape=(n, ...), dtype=float32]
        Features.
    y : numpy.ndarray [shape=(n,), dtype=int64]
        Places in `EMOTIONS`.
    """

    clips: npt.NDArray[np.str_]
    actors: Labels
    x: Array
    y: Labels


@dataclass(frozen=True)
class Scaler:
    """Standardisation learned of training rows.

    Attributes
    ----------
    mean, deviation : numpy.ndarray [dtype=float32]
        Over rows, and over frames too where there is a scaler a mel band; a column without spread has
        deviation 1.
    """

    mean: Array
    deviation: Array

    @classmethod
    def fit(cls, x: Array, *, axes: tuple[int, ...]) -> Self:
        """Learn mean and standard deviation over `axes` of training features."""
        mean = x.mean(axis=axes, dtype=np.float64)
        deviation = x.std(axis=axes, dtype=np.float64)
        deviation = np.where(deviation > 0, deviation, 1.0)
        return cls(mean=mean.astype(np.float32), deviation=deviation.astype(np.float32))

    def transform(self, x: Array) -> Array:
        """Standardise features of any role."""
        return (x - self.mean) / self.deviation


def emotion_index(clips: pd.DataFrame) -> Labels:
    """Each clip's emotion as its place in `EMOTIONS`."""
    places: Labels = clips["emotion"].map(EMOTIONS.index).to_numpy(dtype=np.int64)
    return places


def rows_of(clips: pd.DataFrame, split: pd.DataFrame, *, fold: int, role: str) -> Labels:
    """Row numbers in `clips`, ascending, of the clips that have `role` in `fold`."""
    chosen = split.loc[(split["fold"] == fold) & (split["role"] == role), "clip"]
    rows: Labels = np.flatnonzero(clips["clip"].isin(set(chosen)))
    return rows


def take(clips: pd.DataFrame, split: pd.DataFrame, copies: list[Array], *, fold: int, role: str) -> Part:
    """Join one side of a fold with its features.

    Parameters
    ----------
    clips
        The table of clips.
    split
        One protocol's table: fold, clip, role.
    copies
        Features of the same clips, each [shape=(clips, ...)]: the clean recordings first, then augmented
        copies. Rows follow one another copy by copy. Give the clean ones alone for validation and test.
    fold, role
        Which side.
    """
    rows = rows_of(clips, split, fold=fold, role=role)
    chosen = clips.iloc[rows]
    repeated = len(copies)
    return Part(
        clips=np.tile(chosen["clip"].to_numpy(dtype=np.str_), repeated),
        actors=np.tile(chosen["actor"].to_numpy(dtype=np.int64), repeated),
        x=np.concatenate([features[rows] for features in copies]),
        y=np.tile(emotion_index(chosen), repeated),
    )


def read_split(protocol: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the clips, and the split of a protocol: fold, clip, role."""
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor"))
    return clips, read_table(f"data/splits/{protocol}.parquet", ("fold", "clip", "role"))


def read_features(name: str, variants: list[str]) -> list[Array]:
    """Map ``data/features/VARIANT/NAME.npy`` of each variant into memory.

    Returns
    -------
    list of numpy.ndarray [shape=(clips, ...)]
        One for each variant; of the variant ``resampled`` one for each of its speeds.

    Raises
    ------
    InputError
        Where a file is missing or no array.
    """
    copies: list[Array] = []
    for variant in variants:
        path = Path("data/features") / variant / f"{name}.npy"
        try:
            array = np.load(path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"features cannot be read ({error}); run the stage extract") from error
        copies += list(array) if variant == "resampled" else [array]
    return copies


def prediction_table(
    part: Part, probabilities: npt.ArrayLike, *, protocol: str, model: str, seed: int, fold: int
) -> pd.DataFrame:
    """Tabulate predictions in the form that `evaluate` reads.

    Parameters
    ----------
    part
        The test side.
    probabilities
        [shape=(n, 8)], each row in the order of `EMOTIONS`; rescaled to sum to 1.
    """
    scores = np.asarray(probabilities, dtype=np.float64)
    scores = scores / scores.sum(axis=1, keepdims=True)
    table = pd.DataFrame(scores, columns=[f"p_{emotion}" for emotion in EMOTIONS])
    about: dict[str, Any] = {
        "protocol": protocol,
        "model": model,
        "seed": seed,
        "fold": fold,
        "clip": part.clips,
    }
    return table.assign(**about)[[*about, *table.columns]]
