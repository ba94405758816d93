"""Standard error for this program's own words: what libraries in C write there is not for its users."""

import faulthandler
import os
import sys


def keep_libraries_quiet() -> None:
    """Send what is written to the file descriptor of standard error nowhere, but not what Python writes.

    libmpg123, for one, reports whatever is odd in an MP3 file, and nothing turns it off. It is done once
    for the process, before there are threads: to do it around each call would swallow what others write.
    A crash still shows where it was; ``python -X dev -m ser.cli`` shows all lines.
    """
    if sys.flags.dev_mode or sys.stderr is None:
        return
    try:
        own = os.dup(2)
    except OSError:
        # It is closed.
        return
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
    except OSError:
        # As in a container without devices: what libraries write is seen then.
        os.close(own)
        return
    sys.stderr = open(own, "w", buffering=1, encoding=sys.stderr.encoding, errors="backslashreplace")  # noqa: PTH123, SIM115
    faulthandler.enable(sys.stderr)
    os.dup2(nowhere, 2)
    os.close(nowhere)
