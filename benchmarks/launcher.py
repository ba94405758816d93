"""Run one command and write what it took: ``python launcher.py RESULT.json COMMAND [ARGUMENT ...]``.

A process of its own, of the standard library alone: what the system counts as a child's peak memory begins
with that of the process which starts it, and this one is small.
"""

import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

# ru_maxrss is in bytes on macOS, in KiB elsewhere.
_MAXRSS_BYTES = 1 if sys.platform == "darwin" else 1024


def launch(command: Sequence[str]) -> dict[str, float]:
    """Run a command to its end.

    Parameters
    ----------
    command
        The program, found on the path, and its arguments.

    Returns
    -------
    dict
        ``exit_code``; ``wall_s`` from its start to its end; ``cpu_s``, user and system, with all processes
        that it started and waited for; ``peak_bytes`` of memory of the largest of these processes.
    """
    start = time.perf_counter()
    process = os.posix_spawnp(command[0], list(command), os.environ)
    _, status, usage = os.wait4(process, 0)
    return {
        "exit_code": os.waitstatus_to_exitcode(status),
        "wall_s": time.perf_counter() - start,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * _MAXRSS_BYTES,
    }


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(launch(sys.argv[2:])), encoding="utf-8")
