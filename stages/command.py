"""How every stage starts and ends: its ``--help``, its exit code, and errors a user can act on."""

import argparse
import errno
import os
import re
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from joblib.externals.loky.process_executor import TerminatedWorkerError

from ser.audio.paths import printable
from ser.errors import NO_ROOM, InputError
from ser.params import load_params
from ser.worker_watchdog import bind_workers

_NO_ROOM_OR_ACCESS = (*NO_ROOM, errno.EACCES, errno.EROFS)
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")
"""What NumPy says, without an error number, where an array does not fit on the disk."""
_TEMPORARY = re.compile(r"(?<![^/])\.([^/]+)\.partial(?![^/.])")
"""How `ser.files.replacing` names what is not yet finished."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """Make a stage's argument parser; `description` is the stage module's docstring."""
    return argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def run(main: Callable[[], None]) -> None:
    """Run a stage's `main`; turn errors that a user can repair into a message on stderr and exit code 1.

    Where params.yaml says ``workers.backend: dask`` and the environment names a Dask scheduler
    (``DASK_SCHEDULER_ADDRESS``), the stage is connected to it meanwhile, so that joblib finds its workers.
    """
    bind_workers()
    try:
        with _cluster():
            main()
    except InputError as error:
        # A name in it may come from a zip of somebody else's, and may hold what steers a terminal.
        sys.exit(f"error: {printable(str(error), lines=True)}")
    except TerminatedWorkerError:
        sys.exit(
            "error: a worker was killed, most likely because memory ran out; set workers.jobs in params.yaml "
            "to a smaller number, then run again"
        )
    except OSError as error:
        if error.errno in _NO_ROOM_OR_ACCESS:
            # Libraries' own words for it are many, and some of them take several lines.
            reason = os.strerror(error.errno)
        elif error.errno is None and _SHORT_WRITE.fullmatch(str(error)):
            reason = os.strerror(errno.ENOSPC)
        else:
            raise
        sys.exit(f"error: {_file_of(error)}: {reason}; make room or access, then run again")
    except KeyboardInterrupt:
        print("interrupted; run again to go on", file=sys.stderr)
        sys.exit(128 + signal.SIGINT)


def _file_of(error: OSError) -> str:
    """Name the file or folder that an error is about, or else the output that was being written."""
    if error.filename is not None:
        return _final(str(error.filename))
    # A failure in the middle of a file names none. But the writer has its temporary name in a variable.
    at_hand = [
        str(value)
        for frame, _ in traceback.walk_tb(error.__traceback__)
        for value in frame.f_locals.values()
        if isinstance(value, Path)
    ]
    return next((_final(name) for name in reversed(at_hand) if _final(name) != name), "output")


def _final(name: str) -> str:
    return _TEMPORARY.sub(r"\1", name)


def _cluster() -> AbstractContextManager[Any]:
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if not address or not Path("params.yaml").exists() or load_params().workers.backend != "dask":
        return nullcontext()
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError(
            "DASK_SCHEDULER_ADDRESS is set, but distributed is not installed; pip install it, or unset that"
        ) from error
    try:
        client: AbstractContextManager[Any] = Client(address)  # type: ignore[no-untyped-call]
    except (OSError, TypeError, ValueError) as error:
        raise InputError(f"DASK_SCHEDULER_ADDRESS: cannot connect to {address} ({error})") from error
    return client
