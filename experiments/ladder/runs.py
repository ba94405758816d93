"""All runs of a CNN in the leakage ablation, in worker processes, and the table that they leave."""

from collections.abc import Callable, Sequence

import pandas as pd

from experiments.ladder.scores import Run
from ser.files import write_parquet
from ser.parallel import run_all
from ser.params import ArticleCnn, LogMelCnn, Workers


def train_all(
    run_one: Callable[..., pd.DataFrame],
    runs: Sequence[Run],
    settings: ArticleCnn | LogMelCnn,
    *,
    test_size: float,
    validation_clips: int,
    workers: Workers,
    path: str,
) -> None:
    """Make every run of one network and write what all of them predict.

    Parameters
    ----------
    run_one
        A module-level function of a run, `settings`, `test_size`, `validation_clips` and the progress bar's
        line, which returns a `experiments.ladder.scores.candidate_table`.
    runs
        Of one model.
    settings
        How it is trained.
    test_size, validation_clips
        As for `experiments.ladder.recipes.sides`.
    workers
        As for `ser.parallel.run_all`.
    path
        Of the parquet file: the runs' tables, one below the other.
    """
    calls = [
        (about, settings, test_size, validation_clips, 1 + place % workers.jobs)
        for place, about in enumerate(runs)
    ]
    tables = run_all(run_one, calls, workers=workers, what=f"ladder {runs[0].model}", unit="run")
    write_parquet(path, pd.concat(tables, ignore_index=True))
