"""Work on many clips at once: results in the order of the inputs, whatever the number of workers."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

from joblib import Parallel, delayed, parallel_config
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from ser.errors import InputError
from ser.params import Workers

Result = TypeVar("Result")


def run_all(
    work: Callable[..., Result],
    arguments: Sequence[tuple[Any, ...]],
    *,
    workers: Workers,
    what: str,
    unit: str = "clip",
) -> list[Result]:
    """Call ``work(*arguments[i])`` for every i, in worker processes, with a progress bar.

    Parameters
    ----------
    work
        A module-level function, so that a process or cluster backend can send it.
    arguments
        A tuple of positional arguments a call.
    workers
        The joblib backend and the number of workers.
    what, unit
        Text before the progress bar, and name of what it counts.

    Returns
    -------
    list
        Results in the order of `arguments`.

    Raises
    ------
    InputError
        Where joblib does not know the backend.
    """
    try:
        config = parallel_config(backend=workers.backend, n_jobs=workers.jobs)
    except (ValueError, ImportError) as error:
        raise InputError(f"params.yaml: workers.backend: {error}") from error
    with config:
        calls = (delayed(_alone)(work, each) for each in arguments)
        results = Parallel(return_as="generator")(calls)
        return list(tqdm(results, total=len(arguments), desc=what, unit=unit, mininterval=1.0))


def _alone(work: Callable[..., Result], arguments: tuple[Any, ...]) -> Result:
    _use_one_blas_thread()
    return work(*arguments)


@cache
def _use_one_blas_thread() -> None:
    # BLAS threads on top of worker processes slow each other down, and their number changes last digits.
    # Once a process, because asking which BLAS libraries are loaded costs as much as a clip's features.
    threadpool_limits(1)
