"""A case: a command whose time and memory are measured, and the rounds in which all cases take turns."""

import json
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
    figures : Path or None
        A JSON object that the command writes, with figures of its own: what it took once started, for one.
    variables : dict
        Environment variables that it is given besides those of this process.
    """

    name: str
    command: tuple[str, ...]
    recordings: int = 0
    audio_s: float = 0.0
    rounds: int | None = None
    check: Callable[[], None] | None = None
    figures: Path | None = None
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Run:
    """What one run took: seconds of wall and CPU time, and the peak of memory in bytes.

    CPU time is that of all its processes; the memory that of the largest of them.
    """

    wall_s: float
    cpu_s: float
    peak_bytes: int


def measure(command: Sequence[str], *, variables: Mapping[str, str] | None = None) -> Run:
    """Run a command from start to end.

    Parameters
    ----------
    command
        The program and its arguments; this Python finds the modules of the project.
    variables
        See `Case`.

    Raises
    ------
    InputError
        Where it fails, with what it said.
    """
    environment = {name: value for name, value in os.environ.items() if name not in _UNSET}
    if command[0] == sys.executable:
        environment["PYTHONPATH"] = str(PROJECT)
    environment |= variables or {}
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
    cases: Sequence[Case], *, rounds: int, tell: Callable[[str], None], warm_up: bool = True
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
    warm_up
        Whether to begin with that round; cases of minutes, which leave their start out, need none.

    Returns
    -------
    dict
        By name: ``recordings``, ``audio_s`` and ``runs``, a list of `Run` as dicts, with the case's own
        figures.
    """
    results: dict[str, dict[str, Any]] = {
        case.name: {"recordings": case.recordings, "audio_s": case.audio_s, "runs": []} for case in cases
    }
    order = random.Random(0)
    for number in range(0 if warm_up else 1, rounds + 1):
        for case in order.sample(cases, len(cases)):
            if case.rounds is not None and number > case.rounds:
                continue
            tell(f"{f'round {number} of {rounds}' if number else 'warm-up'}: {case.name}")
            run = asdict(measure(case.command, variables=case.variables))
            if case.check is not None:
                case.check()
            if case.figures is not None:
                run |= json.loads(case.figures.read_text(encoding="utf-8"))
            if number:
                results[case.name]["runs"].append(run)
    return results
