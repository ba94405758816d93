"""Process many items in parallel threads, with the results in the order of the items."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Event
from typing import Generic, TypeVar

from ser.recognizer.blas_threads import BLAS

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 8
"""Items that are read ahead for each thread: they are processed while a long one holds back the results."""


class OrderedThreads(Generic[Item, Result]):
    """Processes items, each in one thread.

    Parameters
    ----------
    work
        From an item to its result. It should call `check` now and then.
    jobs
        Number of parallel threads, at least 1; with 1 all work is done by the caller's.
    """

    def __init__(self, work: Callable[[Item], Result], *, jobs: int) -> None:
        self._work = work
        self._jobs = jobs
        self._pool = ThreadPoolExecutor(jobs) if jobs > 1 else None
        self._stopped = Event()

    def check(self) -> None:
        """End the work where nobody waits for its result any more.

        Raises
        ------
        CancelledError
            Where `results` was closed; it is caught here, and the work must not catch it.
        """
        if self._stopped.is_set():
            raise CancelledError

    def results(self, items: Iterable[Item]) -> Generator[Result]:
        """Work through all items.

        Parameters
        ----------
        items
            Items, read only as far as needed: `AHEAD` for each thread, with one thread only the next.

        Yields
        ------
        Result
            Results in the order of the items.
        """
        if self._pool is None:
            yield from map(self._work, items)
            return
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                # Held for what waits as well: to limit and to free BLAS again and again costs as much as it
                # saves. With the last item, not only with this generator, it is free.
                BLAS.hold()
                waiting.append(self._pool.submit(self._work, item))
                waiting[-1].add_done_callback(lambda _: BLAS.release())
                while waiting and (waiting[0].done() or len(waiting) >= AHEAD * self._jobs):
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            # Who stops early waits neither for items that nobody has begun with nor for long ones.
            self._stopped.set()
            self._pool.shutdown(cancel_futures=True)
