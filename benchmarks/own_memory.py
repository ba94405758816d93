"""The peak of a work's own memory: what it allocates, without what it maps of files.

The system counts a page that is mapped from a file as a process's memory for as long as nobody else needs the
room, so that the peak of a process which maps its data grows with the room that there is. What stays without
these pages, and without memory that processes share, is what the work cannot do without. The system tells it
for now and not as a peak, so that a thread asks again and again.
"""

import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_EVERY_S = 0.02
_KIB = 1024


class OwnMemory:
    """Watches this process and those that it started, as a context; `peak_bytes` is that of the largest.

    It needs Linux's ``/proc``; elsewhere the peak is 0.
    """

    def __init__(self) -> None:
        self.peak_bytes = 0
        self._ends = threading.Event()
        self._watch = threading.Thread(target=self._look_until_the_end, daemon=True)

    def __enter__(self) -> "OwnMemory":
        """Begin to watch."""
        self._watch.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Look for the last time."""
        self._ends.set()
        self._watch.join()

    def _look_until_the_end(self) -> None:
        over = False
        while not over:
            over = self._ends.wait(_EVERY_S)
            self.peak_bytes = max(self.peak_bytes, *map(_own_bytes, _with_children("self")))


def _with_children(pid: str) -> Iterable[str]:
    yield pid
    with suppress(OSError):
        for task in Path("/proc", pid, "task").iterdir():
            for child in (task / "children").read_text(encoding="ascii").split():
                yield from _with_children(child)


def _own_bytes(pid: str) -> int:
    """Read what a process has allocated; 0 where it has ended."""
    with suppress(OSError):
        for line in Path("/proc", pid, "status").read_text(encoding="utf-8").splitlines():
            if line.startswith("RssAnon:"):
                return int(line.split()[1]) * _KIB
    return 0
