"""A run of DVC with all the processes that it starts, to be hit together and counted (Linux)."""

import os
import re
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

_MARK = "MONITORED_RUN"
"""In the environment of all processes of a run, also of those whose parent has gone."""
_STAGE = re.compile(r"\S*python\S* -m stages\.")
_DVC = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from dvc.cli import main
sys.exit(main(sys.argv[1:]))
"""
"""Ctrl-C works even where this process was started in the background, without it."""


class MonitoredRun:
    """A DVC command in a process group of its own.

    Parameters
    ----------
    folder
        Working folder of the command.
    *arguments
        Arguments of ``dvc``, such as ``repro``.
    environment
        Environment variables of all its processes.
    """

    def __init__(self, folder: Path, *arguments: str, environment: Mapping[str, str]) -> None:
        self._mark = f"{_MARK}={uuid.uuid4()}"
        name, value = self._mark.split("=")
        self._log = folder.with_name(f"{folder.name}.log")
        with self._log.open("wb") as stream:
            self._process = subprocess.Popen(
                [sys.executable, "-c", _DVC, *arguments],
                cwd=folder,
                env={**environment, name: value},
                stdout=stream,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        """All that was printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def stages(self) -> list[str]:
        """The stages that were started so far."""
        return re.findall(r"^Running stage '(.+)':$", self.output, re.MULTILINE)

    @property
    def is_over(self) -> bool:
        """Whether DVC has ended."""
        return self._process.poll() is not None

    def processes(self) -> dict[int, str]:
        """All that run or hang: number and command."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            # Where it ends meanwhile, or is another user's, or is dead already and only not yet counted.
            try:
                if self._mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                    command = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(folder.name)] = command.decode(errors="replace").strip()
            except OSError:
                continue
        return found

    def is_in_stage(self) -> bool:
        """Whether the stage's command runs, rather than DVC before or after it."""
        return bool(self.processes().keys() - {self._process.pid})

    def stage_process(self) -> int | None:
        """Find the stage's own process, which runs its script; None before and after."""
        found = (number for number, command in self.processes().items() if _STAGE.match(command))
        return next(found, None)

    def wait_until(self, condition: Callable[[], bool], *, seconds: float = 600.0) -> bool:
        """Wait for a condition; return whether it was met before the run's end."""
        return _wait(lambda: condition() or self.is_over, seconds=seconds) and condition()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to all processes of the group at once, as a terminal does."""
        os.killpg(self._process.pid, number)

    def send_to_stage(self, number: signal.Signals) -> bool:
        """Send a signal to the stage's own process; return whether it was still there."""
        stage = self.stage_process()
        if stage is None:
            return False
        try:
            os.kill(stage, number)
        except ProcessLookupError:
            return False
        return True

    def end(self, *, seconds: float = 600.0) -> int:
        """Wait for DVC's end; return its exit code.

        Raises
        ------
        subprocess.TimeoutExpired
        """
        return self._process.wait(timeout=seconds)

    def left_processes(self, *, seconds: float = 10.0) -> list[str]:
        """Name the commands that outlive DVC by more than `seconds`."""
        _wait(lambda: not self.processes(), seconds=seconds)
        return sorted(self.processes().values())

    def stop(self) -> None:
        """Kill whatever is left."""
        for number in self.processes():
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self._process.wait()


@contextmanager
def monitored(folder: Path, *arguments: str, environment: Mapping[str, str]) -> Iterator[MonitoredRun]:
    """Start a run of DVC; whatever is left of it in the end is killed."""
    run = MonitoredRun(folder, *arguments, environment=environment)
    try:
        yield run
    finally:
        run.stop()


def _wait(condition: Callable[[], bool], *, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
