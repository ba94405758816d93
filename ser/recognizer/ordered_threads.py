"""Process many items in parallel threads, with the results in the order of the items."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from threading import Event
from typing import Generic, TypeAlias, TypeVar

from ser.recognizer.blas_threads import BLAS

Item = TypeVar("Item")
Result = TypeVar("Result")

Later: TypeAlias = Callable[[], Result]
"""Returns a result when it is called, perhaps only after some work."""


class OrderedThreads(Generic[Item, Result]):
    """Processes groups of items, and defers what would delay the rest of a group.

    Parameters
    ----------
    work
        From a list of items to functions that return their results, in their order. It may leave an item to
        `later`, and should call `check` now and then.
    jobs
        Number of parallel threads, at least 1; with 1 all work is done by the caller's.
    """

    def __init__(self, work: Callable[[list[Item]], list[Later[Result]]], *, jobs: int) -> None:
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

    def later(self, call: Callable[[], Result]) -> Later[Result]:
        """Leave an item for later: to a thread that is free, or until its result is asked for."""
        return call if self._pool is None else self._pool.submit(call).result

    def results(self, groups: Iterable[list[Item]]) -> Generator[Result]:
        """Work through all groups.

        Parameters
        ----------
        groups
            Groups of items, read only as far as needed: one for each thread, and as many that wait.

        Yields
        ------
        Result
            Results in the order of the items.
        """
        if self._pool is None:
            for group in groups:
                for result in self._work(group):
                    yield result()
            return
        waiting: deque[Future[list[Later[Result]]]] = deque()
        try:
            for group in groups:
                # Held for what waits as well: to limit and to free BLAS again and again costs as much as it
                # saves. With the last group, not only with this generator, it is free.
                BLAS.hold()
                waiting.append(self._pool.submit(self._work, group))
                waiting[-1].add_done_callback(lambda _: BLAS.release())
                while waiting and (waiting[0].done() or len(waiting) >= 2 * self._jobs):
                    for result in waiting.popleft().result():
                        yield result()
            while waiting:
                for result in waiting.popleft().result():
                    yield result()
        finally:
            # Who stops early waits neither for items that nobody has begun with nor for long ones.
            self._stopped.set()
            self._pool.shutdown(cancel_futures=True)
