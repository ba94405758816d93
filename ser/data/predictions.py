"""The table of predictions: its form, how it is read, and how it is checked against the split.

A row holds the probabilities that one model gave the eight emotions of one clip.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_float_dtype, is_integer_dtype

from ser.data.fold import Part
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError, list_problems
from ser.files import read_table

PROBABILITIES = tuple(f"p_{emotion}" for emotion in EMOTIONS)
COLUMNS = ("protocol", "model", "seed", "fold", "clip", *PROBABILITIES)
SPLIT = ("fold", "clip", "role")


def prediction_table(
    part: Part, probabilities: npt.ArrayLike, *, protocol: str, model: str, seed: int, fold: int
) -> pd.DataFrame:
    """Tabulate predictions in the form that `evaluate` reads.

    Parameters
    ----------
    part
        The n clips that were predicted, in the order of `probabilities`.
    probabilities
        [shape=(n, 8)] Scores of each clip, not negative, in the order of `EMOTIONS`; rescaled to sum to 1.
    protocol, model
        Names of the protocol and of the model.
    seed, fold
        Seed of the run, and number of the fold, 0-based.

    Returns
    -------
    pandas.DataFrame
        n rows with `COLUMNS`.
    """
    scores = np.asarray(probabilities, dtype=np.float64)  # (n, 8)
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


def read_predictions(paths: Iterable[Path | str]) -> pd.DataFrame:
    """Read all files of predictions into one table.

    Parameters
    ----------
    paths
        Parquet files, each with `COLUMNS`.

    Returns
    -------
    pandas.DataFrame
        With `COLUMNS`, ordered by protocol, model, seed, fold and clip.

    Raises
    ------
    InputError
        Where files are missing or unreadable, or columns are missing or of another type; names all of them.
    """
    tables, problems = [], []
    for path in paths:
        try:
            table = read_table(path, COLUMNS)
        except InputError as error:
            problems.append(str(error))
            continue
        whole = [column for column in ("seed", "fold") if not is_integer_dtype(table[column])]
        real = [column for column in PROBABILITIES if not is_float_dtype(table[column])]
        problems += [f"{path}: {column} must hold integers" for column in whole]
        problems += [f"{path}: {column} must hold floats" for column in real]
        tables.append(table)
    if problems:
        raise list_problems("the predictions cannot be scored", problems)
    return pd.concat(tables).sort_values(list(COLUMNS[:5]), ignore_index=True)


def check_predictions(
    predictions: pd.DataFrame, splits: Mapping[str, pd.DataFrame], *, role: str = "test"
) -> None:
    """Check predictions: for each model and seed, each test clip once, in its fold, and no other clip.

    Parameters
    ----------
    predictions
        A row a predicted clip, with `COLUMNS`.
    splits
        For each protocol, the table of the split stage: ``fold``, ``clip``, ``role``.
    role
        Role of the clips that were predicted, ``test`` or ``validation``.

    Raises
    ------
    InputError
        Where a protocol has no predictions; where a clip is missing, doubled, in another fold or of another
        role; where probabilities are not finite, lie outside 0 to 1 or do not sum to 1 within 1e-6. Names all
        such models and seeds.
    """
    tested = set(predictions["protocol"])
    problems = [f"{protocol}: no predictions" for protocol in splits if protocol not in tested]
    for key, run in predictions.groupby(["protocol", "model", "seed"], dropna=False):
        protocol, model, seed = cast(tuple[Any, ...], key)
        if protocol not in splits:
            found = [f"unknown protocol; known are {', '.join(splits)}"]
        else:
            found = [*_wrong_clips(run, splits[protocol], role), *_wrong_probabilities(run)]
        problems += [f"{protocol}/{model}, seed {seed}: {problem}" for problem in found]
    if problems:
        raise list_problems("data/predictions: train these models again", problems)


def _wrong_clips(run: pd.DataFrame, split: pd.DataFrame, role: str) -> Iterator[str]:
    done = {"test": "tested", "validation": "validated"}[role]
    wanted = split[split["role"] == role]
    expected = set(zip(wanted["fold"], wanted["clip"], strict=True))
    found = list(zip(run["fold"], run["clip"], strict=True))
    doubled = {clip for clip, times in run["clip"].value_counts().items() if times > 1}
    for clips, words in (
        (doubled, f"{done} more than once"),
        ({clip for _, clip in expected - set(found)}, f"not {done} where the split has them"),
        ({clip for _, clip in set(found) - expected}, f"{done} where the split does not have them"),
    ):
        if clips:
            yield f"clips {words}: {len(clips)}, such as {min(map(str, clips))}"


def _wrong_probabilities(run: pd.DataFrame) -> Iterator[str]:
    values = run[list(PROBABILITIES)].to_numpy()  # (rows, 8)
    # Written so that NaN counts as wrong.
    inside = ((values >= 0) & (values <= 1)).all(axis=1)  # (rows,)
    whole = np.abs(values.sum(axis=1) - 1) <= 1e-6
    for right, words in (
        (inside, "outside 0 to 1"),
        (whole, "that do not sum to 1"),
    ):
        if not right.all():
            wrong = run["clip"].array[~right]
            yield f"clips with probabilities {words}: {len(wrong)}, such as {wrong[0]}"


def predicted_emotions(predictions: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Index in `EMOTIONS` of the most probable emotion [shape=(rows,)]; of equal ones, the first."""
    return np.asarray(predictions[list(PROBABILITIES)].to_numpy().argmax(axis=1))
