"""One thread for NumPy's matrix products while recordings are processed in parallel.

BLAS threads on top of ours slow each other down, and their number changes last digits. The number is that of
the process, so the users who want one thread are counted here, and the last to finish restores it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np  # noqa: F401  (the library to be found must be loaded)
from threadpoolctl import ThreadpoolController


class BlasLimit:
    """Limits BLAS to one thread until its last user releases it."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._controller: ThreadpoolController | None = None
        self._limit: Any = None

    def hold(self) -> None:
        """Limit it until `release` was called as often, from whatever thread."""
        with self._lock:
            if not self._users:
                # Looking for the libraries takes longer than limiting them; they do not change.
                self._controller = self._controller or ThreadpoolController()
                self._be_heeded()
                self._limit = self._controller.limit(limits=1)
            self._users += 1

    def release(self) -> None:
        """End what `hold` began."""
        with self._lock:
            self._users -= 1
            if not self._users:
                self._be_heeded()
                self._limit.restore_original_limits()
                self._be_heeded()

    def _be_heeded(self) -> None:
        # Since its version 3.8, threadpoolctl ignores every thread but the one that set OpenBLAS first. Here
        # they take turns, under a lock.
        for library in self._controller.lib_controllers if self._controller else ():
            forget = getattr(library, "clear_controlling_thread", None)
            if forget is not None:
                forget(force=True)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Limit it until the end of the block; such blocks may overlap."""
        self.hold()
        try:
            yield
        finally:
            self.release()


BLAS = BlasLimit()
"""The limit of this process, which has one setting for all threads."""
