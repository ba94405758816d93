"""A watchdog in joblib's worker processes, so that they end with the stage that started them.

A process that is killed cannot stop its workers. They would go on with the tasks that they have, beside the
next run of the stage, and write under the names that it uses, with the parameters of before.
"""

import os
import threading
import time
from functools import partial

from joblib import register_parallel_backend
from joblib.parallel import BACKENDS

_LOOK_EVERY_S = 0.1


def bind_workers() -> None:
    """Give the workers that joblib starts from now on, by its own backend, a watchdog on this process."""
    # Where the system has no semaphores, joblib has no such backend, and works in threads.
    if "loky" in BACKENDS:
        bound = partial(BACKENDS["loky"], initializer=_watch, initargs=(os.getpid(),))
        register_parallel_backend("loky", bound)


def _watch(stage: int) -> None:
    threading.Thread(target=_end_with, args=(stage,), daemon=True).start()


def _end_with(stage: int) -> None:
    # An orphan's parent is another process. (prctl's death signal would come with the thread that started the
    # worker, which ends earlier, and on Linux alone.)
    while os.getppid() == stage:
        time.sleep(_LOOK_EVERY_S)
    os._exit(1)
