"""What every fuzzer checks of every example, and how many it draws.

``make test`` draws the same hundred or so each time; ``make fuzz`` draws 10,000, others each time, until it
finds a fault. Found cases become an ``@example``.
"""

import faulthandler
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from ser.errors import InputError

HANGS_S = 300.0
"""An example that takes longer hangs: all stacks are printed, and the run ends."""
MOST_MEMORY = 256 * 2**20
"""By which one example may raise the memory of the process, in bytes; each brings some 100 kB at most."""
LONGEST_LINE = 500
"""Of a message, without the name or key that it is about: some lines of a terminal."""

_CAN_FORGET_PEAK = Path("/proc/self/clear_refs").exists()
"""Linux; elsewhere the peak would be that of all tests before."""

Bounded = Callable[[], AbstractContextManager[None]]


@pytest.fixture(scope="module")
def bounded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bounded]:
    """Give a context that fails on a hang, on memory without bound, and on a file left behind."""
    folder = tmp_path_factory.mktemp("temporary")

    @contextmanager
    def watched() -> Iterator[None]:
        faulthandler.dump_traceback_later(HANGS_S, exit=True)
        _forget_peak()
        before = _memory("VmRSS")
        try:
            yield
        finally:
            faulthandler.cancel_dump_traceback_later()
            # After a refusal as well.
            if _CAN_FORGET_PEAK:
                assert _memory("VmHWM") - before < MOST_MEMORY
            assert list(folder.iterdir()) == []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(folder))
        yield watched


def check_message(error: InputError, *, names: str) -> None:
    """Hold a message to its promise: it names what it is about, and fits a line."""
    text = str(error)
    assert names in text
    assert text.isprintable(), text
    assert len(text) < len(names) + LONGEST_LINE, text


def _forget_peak() -> None:
    if _CAN_FORGET_PEAK:
        Path("/proc/self/clear_refs").write_text("5")


def _memory(field: str) -> int:
    """Resident memory in bytes, now (VmRSS) or at its peak (VmHWM); 0 where the system does not tell."""
    if not _CAN_FORGET_PEAK:
        return 0
    (line,) = (it for it in Path("/proc/self/status").read_text().splitlines() if it.startswith(f"{field}:"))
    return int(line.split()[1]) * 1024
