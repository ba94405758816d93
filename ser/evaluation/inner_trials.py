"""Trials on the training actors of one fold: how these are split, scored, and kept in a table."""

from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold

from ser.data.fold import Labels, emotion_index, rows_of
from ser.data.predictions import predicted_emotions
from ser.files import write_csv

FOLD, INNER_FOLDS = 0, 4
"""The fold of LUNA5. In no other have all four inner folds two reference speakers for DTW who train."""
COLUMNS = ["settings", "model", "seed", "fold", "inner_fold", "uar"]


def inner_split(clips: pd.DataFrame, split: pd.DataFrame, *, fold: int = FOLD) -> pd.DataFrame:
    """Divide the actors whom a fold does not test: each is held out once, in the role ``test``.

    Parameters
    ----------
    clips, split
        The table of clips and a protocol's split, as of `stages.inputs.read_split`.
    fold
        Number of the fold, 0-based, whose training and validation actors are divided.

    Returns
    -------
    pandas.DataFrame
        A row a clip and inner fold: ``clip``, ``fold`` (the inner one), ``role``. The clips that the fold
        tests have the role ``away``.
    """
    is_away = np.zeros(len(clips), dtype=np.bool_)  # (clips,)
    is_away[rows_of(clips, split, fold=fold, role="test")] = True
    known = np.flatnonzero(~is_away)  # (m,), row numbers
    inner_folds = GroupKFold(INNER_FOLDS).split(known, groups=clips["actor"].iloc[known])
    tables = []
    for inner, (_, held_out) in enumerate(inner_folds):
        role = np.where(is_away, "away", "train")
        role[known[held_out]] = "test"
        tables.append(clips[["clip"]].assign(fold=inner, role=role))
    return pd.concat(tables, ignore_index=True)


def known_rows(clips: pd.DataFrame, split: pd.DataFrame) -> Labels:
    """Row numbers in `clips` [shape=(m,)], ascending, of those with a role in `inner_split` but ``away``."""
    away = split.loc[split["role"] == "away", "clip"]
    rows: Labels = np.flatnonzero(~clips["clip"].isin(away))
    return rows


def score(found: pd.DataFrame, clips: pd.DataFrame) -> pd.DataFrame:
    """Tabulate the UAR of each model on each inner fold.

    Parameters
    ----------
    found
        Predictions of the inner folds' test clips, with `ser.data.predictions.COLUMNS`.
    clips
        The labels: ``clip`` and ``emotion``.

    Returns
    -------
    pandas.DataFrame
        Columns model, seed, inner_fold, uar (0 to 1, rounded to 4 decimals).
    """
    labels = emotion_index(clips.set_index("clip").loc[found["clip"]])
    table = found[["model", "seed", "fold"]].assign(label=labels, predicted=predicted_emotions(found))
    rows = [
        (model, seed, inner, round(balanced_accuracy_score(it["label"], it["predicted"]), 4))
        for (model, seed, inner), it in table.groupby(["model", "seed", "fold"])
    ]
    return pd.DataFrame(rows, columns=["model", "seed", "inner_fold", "uar"])


def keep(trial: pd.DataFrame, log: Path) -> None:
    """Append a trial's rows to a CSV file, and print them and each model's mean UAR."""
    trial = trial.assign(fold=FOLD)[COLUMNS]
    former = [pd.read_csv(log)] if log.exists() else []
    write_csv(log, pd.concat([*former, trial], ignore_index=True))
    print(trial.to_string(index=False))
    print(trial.groupby(["settings", "model"], sort=False)["uar"].mean().round(3).to_string())
