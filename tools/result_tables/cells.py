"""Cells of the result tables: how metrics are read, and how figures are written."""

import csv
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from ser.errors import InputError

Scores = dict[str, Any]
"""Scores of a model from 0 to 1: ``uar``, ``uar_low``, ``uar_high`` and others."""

SPEAKER_INDEPENDENT: Mapping[str, str] = {"luna5": "LUNA5", "emobox6": "EMOBOX6", "loso": "LOSO"}
"""Headings of the protocols that split actors."""
PROTOCOLS: Mapping[str, str] = {**SPEAKER_INDEPENDENT, "article": "random split"}


def read(path: Path) -> dict[str, Any]:
    """Read a file of metrics.

    Raises
    ------
    InputError
        Where it is missing or is no JSON.
    """
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); dvc repro writes it") from error
    return content


def trial_means(path: Path) -> dict[tuple[str, str], float]:
    """Average the trials of a search over its inner folds.

    Parameters
    ----------
    path
        CSV with ``settings``, ``model`` and ``uar``, a row an inner fold.

    Returns
    -------
    dict
        Mean UAR, 0 to 1, by settings and model.

    Raises
    ------
    InputError
        Where the file cannot be read.
    """
    by_trial = defaultdict(list)
    try:
        with path.open(encoding="utf-8", newline="") as rows:
            for row in csv.DictReader(rows):
                by_trial[row["settings"], row["model"]].append(float(row["uar"]))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: cannot be read ({error}); it is kept in git") from error
    return {trial: fmean(uars) for trial, uars in by_trial.items()}


def markdown(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Write a table."""
    lines = [f"| {' | '.join(heading)} |".replace("|  |", "| |"), "|" + "---|" * len(heading)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def percent(share: float) -> str:
    """Write a proportion as a percentage with one decimal."""
    return f"{100 * share:.1f}"


def interval_of(scores: Scores) -> str:
    """Write the interval of a UAR in percent."""
    return f"{percent(scores['uar_low'])} to {percent(scores['uar_high'])}"


def points_of(difference: float, low: float, high: float) -> str:
    """Write a difference of two proportions, and its interval, in percentage points."""
    return f"{100 * difference:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"


def with_interval(scores: Scores | None) -> str:
    """Write a UAR with its interval; nothing where a model was not run."""
    return f"{percent(scores['uar'])} ({interval_of(scores)})" if scores else ""


def with_spread(scores: Scores | None) -> str:
    """Write a UAR with its standard deviation over seeds, where it is a mean over several."""
    if not scores:
        return ""
    spread = scores["uar_sd"]
    return percent(scores["uar"]) + (f" ± {percent(spread)}" if spread is not None else "")
