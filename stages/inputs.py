"""Inputs of several stages: clips, splits, features, and the hyper-parameters that a search selected."""

from pathlib import Path

import numpy as np
import pandas as pd

from ser.data.fold import Array, Fold, folds
from ser.errors import InputError
from ser.files import read_table

ENCODERS = {"whisper": "whisper", "speaker": "whisper_speaker"}
"""Names of the features of each encoder, by the beginning of its layers' names."""


def read_split(protocol: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the clips, and the split of a protocol: fold, clip, role."""
    clips = read_table("data/clips.parquet", ("clip", "emotion", "actor"))
    return clips, read_table(f"data/splits/{protocol}.parquet", ("fold", "clip", "role"))


def read_features(name: str, variants: list[str]) -> list[Array]:
    """Map ``data/features/VARIANT/NAME.npy`` of each variant into memory.

    Parameters
    ----------
    name
        Name of the features, such as ``logmel``.
    variants
        Variants of a clip, such as ``clean`` and ``resampled``.

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


def read_folds(protocol: str, features: str, variants: tuple[str, ...]) -> list[Fold]:
    """Read the folds of a protocol, with features of the named variants of each clip."""
    return list(folds(*read_split(protocol), read_features(features, list(variants))))


def read_chosen(group: str, name: str) -> dict[int, dict[str, float]]:
    """Read the hyper-parameters that were selected on inner folds.

    Parameters
    ----------
    group
        Section of ``train_baselines``, ``luna5`` or ``transfer``: its table is
        ``metrics/search/baselines_GROUP.csv``.
    name
        Name of the model in predictions.

    Returns
    -------
    dict of int to dict
        By the fold's number, the selected values by the hyper-parameters' names.

    Raises
    ------
    InputError
        Where the table is missing, lacks the model, or is malformed.
    """
    path = f"metrics/search/baselines_{group}.csv"
    trials = read_table(path, ("model", "fold", "parameters", "chosen"))
    chosen = trials[(trials["model"] == name) & trials["chosen"].astype(bool)]
    try:
        points = {
            int(fold): {key: float(value) for key, value in (pair.split("=") for pair in point.split())}
            for fold, point in zip(chosen["fold"], chosen["parameters"], strict=True)
        }
    except (ValueError, AttributeError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run the stage train_baselines") from error
    if not points:
        raise InputError(f"{path}: has no {name}; run the stage train_baselines")
    return points


def read_encoder_views() -> dict[str, Array]:
    """Read every layer of both encoders as a feature set.

    Returns
    -------
    dict of str to numpy.ndarray [shape=(clips, columns), dtype=float32]
        By the layer's name, such as ``whisper_1``, the input of Whisper's first layer.

    Raises
    ------
    InputError
        Where the stage encode_whisper left none.
    """
    views: dict[str, Array] = {}
    for encoder, name in ENCODERS.items():
        try:
            (layers,) = read_features(name, ["clean"])  # (clips, layers, columns)
        except InputError as error:
            raise InputError(f"data/features/clean/{name}.npy: cannot be read; run make whisper") from error
        views |= {f"{encoder}_{place + 1}": layers[:, place] for place in range(layers.shape[1])}
    return views
