"""A case: a command whose time and memory are measured, and the rounds in which all cases take turns."""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ser.errors import InputError

PROJECT = Path(__file__).resolve().parent.parent
_LAUNCHER = Path(__file__).with_name("launcher.py")
_ERROR_CHARACTERS = 600


@dataclass(frozen=True)
class Case:
    """A command to measure.

    Attributes
    ----------
    name : str
        Its key in the results.
    command : tuple of str
    recordings : int
        How many it listens to.
    audio_s : float
        Their length in all, in seconds.
    rounds : int or None
        In how many of the rounds it takes part, if not in all: the long ones need fewer.
    check : callable or None
        Called after each run; raises where the command did not do what it should.
    """

    name: str
    command: tuple[str, ...]
    recordings: int = 0
    audio_s: float = 0.0
    rounds: int | None = None
    check: Callable[[], None] | None = None


@dataclass(frozen=True)
class Run:
    """What one run took: seconds of wall and CPU time, and the peak of memory in bytes.

    CPU time is that of all its processes; the memory that of the largest of them.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int


def measure(command: Sequence[str]) -> Run:
    """Run a command from start to end.

    Raises
    ------
    InputError
        Where it fails, with what it said.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _UNSET}
    if command[0] == sys.executable:
        environment["PYTHONPATH"] = str(PROJECT)
    with tempfile.TemporaryDirectory() as folder, Path(folder, "said").open("w+") as said:
        result = Path(folder, "result.json")
        launcher = [sys.executable, "-I", "-S", str(_LAUNCHER), str(result), *command]
        subprocess.run(launcher, env=environment, cwd=folder, stdout=said, stderr=said, check=True)
        taken = json.loads(result.read_text(encoding="utf-8"))
        if taken.pop("exit_code"):
            said.seek(0)
            complaint = said.read()[-_ERROR_CHARACTERS:].strip()
            raise InputError(f"failed: {' '.join(command)}\n{complaint}")
    return Run(**taken)


# Every program finds its own packages and keeps its compiled modules, as for a user.
_UNSET = ("PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED")


def run_rounds(
    cases: Sequence[Case], *, rounds: int, tell: Callable[[str], None]
) -> dict[str, dict[str, Any]]:
    """Measure all cases, in rounds, so that whatever else slows the machine hits all of them alike.

    One round before them is not counted: it compiles modules and fills the disk cache.

    Parameters
    ----------
    cases
        In each round in another order, which is the same in every run.
    rounds
        That count.
    tell
        Called with a line before each measurement.

    Returns
    -------
    dict
        By name: ``recordings``, ``audio_s`` and ``runs``, a list of `Run` as dicts.
    """
    results: dict[str, dict[str, Any]] = {
        case.name: {"recordings": case.recordings, "audio_s": case.audio_s, "runs": []} for case in cases
    }
    order = random.Random(0)
    for number in range(rounds + 1):
        for case in order.sample(cases, len(cases)):
            if case.rounds is not None and number > case.rounds:
                continue
            tell(f"{f'round {number} of {rounds}' if number else 'warm-up'}: {case.name}")
            run = measure(case.command)
            if case.check is not None:
                case.check()
            if number:
                results[case.name]["runs"].append(asdict(run))
    return results
