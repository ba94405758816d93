"""Inject one of five faults into a stage, let ``dvc repro`` recover, and compare with an undisturbed run."""

import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from ser.files import remove
from tools.crash_safety import limited_disk
from tools.crash_safety.monitored_run import MonitoredRun, monitored
from tools.crash_safety.workspace import Contents, State, Workspace, differences, read_contents, temporaries
from tools.repair_after_kill import repair

Way = Literal["kill", "kill_alone", "interrupt", "full_disk", "read_only"]
SIGNALS: dict[Way, signal.Signals] = {
    "kill": signal.SIGKILL,
    "kill_alone": signal.SIGKILL,
    "interrupt": signal.SIGINT,
}
"""The ways that are a signal: to all processes of a run at once, as Ctrl-C is, or to the stage's alone."""

_FILE = r"[^\s']*\b(?:data|models|metrics|figures)/[^\s']+"
_ERROR = re.compile(
    rf"^error: {_FILE}: (?:No space left on device|Read-only file system);"
    # From DVC, where it touches the outputs before it starts the stage.
    rf"|^ERROR: failed to reproduce '\S+': \[Errno 30\] Read-only file system: '{_FILE}'",
    re.MULTILINE,
)
_TRAINING = re.compile(r"(\S+ seed \d+ fold \d+): [^\r\n]*?\| (\d+)/\d+ \[")


@dataclass(frozen=True)
class Trial:
    """One fault injected into one stage.

    Attributes
    ----------
    stage : str
        Address of the stage, as in dvc.lock.
    way : str
        Kind of fault, such as ``kill``.
    state : str
        State of the workspace before the run.
    share : float
        Proportion of the stage's duration after which the signal comes, or of its largest output that fits on
        the disk.
    number : int
        Number among the trials of this stage and kind of fault.
    """

    stage: str
    way: Way
    state: State
    share: float
    number: int = 0

    @property
    def name(self) -> tuple[str, Way, int]:
        """What no other trial of a run has."""
        return self.stage, self.way, self.number


@dataclass(frozen=True)
class Outcome:
    """Outcome of a trial.

    Attributes
    ----------
    trial : Trial
        The trial, with the proportion of the duration after which the signal really came.
    in_stage : bool
        The signal hit the stage's command, rather than DVC taking its outputs; of a disk, that DVC started
        the stage at all.
    left_temporaries : bool
        Something unfinished lay in the workspace before ``dvc repro`` recovered.
    told_clearly : bool
        A full or read-only disk was reported in one line that names a file, by the stage or by DVC.
    resumed : bool
        A training went on from a later epoch than its first.
    needed_mending : bool
        DVC left half of a file of its own, and `tools.repair_after_kill` restored the former one.
    faults : list of str
        Reasons why the trial counts as not survived; empty where it was.
    remarks : list of str
        Other observations in the run's output.
    """

    trial: Trial
    in_stage: bool = False
    left_temporaries: bool = False
    told_clearly: bool = False
    resumed: bool = False
    needed_mending: bool = False
    faults: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


def measure(workspace: Workspace, stage: str) -> tuple[float, list[str]]:
    """Run a stage undisturbed; return its seconds, to DVC's end, and where the end differs from expected."""
    expected, _ = workspace.prepare(stage, "changed")
    with _repro_of(workspace, stage) as run:
        run.wait_until(lambda: bool(run.stages))
        start = time.monotonic()
        code = run.end()
        seconds = time.monotonic() - start
        faults = [f"exit code {code} undisturbed: {_last_line(run)}"] if code else []
    return seconds, faults + differences(expected, read_contents(workspace.folder))


def inject_signal(workspace: Workspace, trial: Trial, *, seconds: float) -> Outcome | None:
    """Send a signal at a moment of a stage that takes `seconds`; None where the stage was quicker."""
    alone = trial.way == "kill_alone"

    def moment(run: MonitoredRun) -> bool:
        run.wait_until(lambda: run.stage_process() is not None if alone else bool(run.stages))
        time.sleep(trial.share * seconds)
        return run.stage_process() is not None if alone else not run.is_over

    return inject_at(workspace, trial, moment=moment)


def inject_at(
    workspace: Workspace, trial: Trial, *, moment: Callable[[MonitoredRun], bool]
) -> Outcome | None:
    """Send a trial's signal as soon as `moment` returns; None where that is False, or the signal too late."""
    expected, former = workspace.prepare(trial.stage, trial.state)
    with _repro_of(workspace, trial.stage) as run:
        in_time = moment(run)
        outcome = Outcome(trial, in_stage=run.is_in_stage())
        if in_time and trial.way == "kill_alone":
            in_time = run.send_to_stage(SIGNALS[trial.way])
        elif in_time:
            run.send(SIGNALS[trial.way])
        if not in_time:
            run.end()
            workspace.restore_lock()
            return None
        try:
            if run.end(seconds=120.0) == 0:
                outcome.remarks.append("ended well all the same")
        except subprocess.TimeoutExpired:
            outcome.faults.append("does not end by itself")
        outcome.faults.extend(f"process left: {command}" for command in run.left_processes())
    return _recover(workspace, outcome, expected=expected, former=former)


def inject_disk_fault(workspace: Workspace, trial: Trial) -> Outcome:
    """Let a stage meet a full or read-only disk; the workspace must lie on a `limited_disk.small_disk`."""
    room = int(trial.share * workspace.largest_output(trial.stage))
    while True:
        expected, former = workspace.prepare(trial.stage, trial.state)
        limit: AbstractContextManager[None] = (
            limited_disk.read_only(workspace.folder)
            if trial.way == "read_only"
            else limited_disk.full(workspace.folder, room=room)
        )
        with limit, _repro_of(workspace, trial.stage) as run:
            code = run.end()
            if code != 0 or trial.way == "read_only" or room == 0:
                outcome = Outcome(trial, in_stage=bool(run.stages), told_clearly=_is_told_clearly(run.output))
                outcome.faults.extend(f"process left: {command}" for command in run.left_processes())
                break
        # There was room enough after all: the disk counts in blocks, and outputs replace each other.
        room //= 4
    if code == 0:
        outcome.faults.append("exit code 0")
    if not outcome.told_clearly:
        outcome.remarks.append(f"unclear: {_error_line(run)}")
    return _recover(workspace, outcome, expected=expected, former=former)


def _repro_of(workspace: Workspace, stage: str) -> AbstractContextManager[MonitoredRun]:
    return monitored(workspace.folder, "repro", "--single-item", stage, environment=workspace.environment)


def _recover(workspace: Workspace, outcome: Outcome, *, expected: Contents, former: Contents) -> Outcome:
    """Look at what is left, do twice what `make repro` does, and compare."""
    half = workspace.half_outputs(outcome.trial.stage, former=former)
    left = set(temporaries(read_contents(workspace.folder))) - expected.keys()
    faults = [*outcome.faults, *(f"half: {path}" for path in half)]
    remarks = [*outcome.remarks, *_clear(workspace.temporary)]

    repaired = repair(workspace.folder)
    code, run = _repro(workspace)
    if code != 0:
        faults.append(f"dvc repro: {_last_line(run)}")
    if strangers := set(run.stages) - {outcome.trial.stage}:
        remarks.append(f"{len(strangers)} other stages run again")
    resumed = _is_resumed(run.output)
    faults.extend(differences(expected, read_contents(workspace.folder)))
    code, run = _repro(workspace)
    if code != 0 or run.stages:
        faults.append(f"the next dvc repro: exit code {code}, runs {', '.join(run.stages) or 'nothing'}")
    workspace.restore_lock()
    return replace(
        outcome,
        faults=faults,
        remarks=remarks,
        left_temporaries=bool(left),
        resumed=resumed,
        needed_mending=bool(repaired),
    )


def _repro(workspace: Workspace) -> tuple[int, MonitoredRun]:
    with monitored(workspace.folder, "repro", *workspace.targets, environment=workspace.environment) as run:
        return run.end(), run


def _clear(folder: Path) -> list[str]:
    left = list(folder.iterdir())
    for path in left:
        remove(path)
    return ["files left in the machine's folder for temporary files"] if left else []


def _is_told_clearly(output: str) -> bool:
    return len(_ERROR.findall(output)) == 1 and "Traceback" not in output


def _is_resumed(output: str) -> bool:
    """Whether a training's progress bar begins after epoch 0."""
    first: dict[str, int] = {}
    for name, epochs in _TRAINING.findall(output):
        first.setdefault(name, int(epochs))
    return any(first.values())


def _error_line(run: MonitoredRun) -> str:
    lines = [line for line in run.output.splitlines() if re.match(r"\w*([Ee]rror|ERROR)\b", line)]
    return lines[0] if lines else _last_line(run)


def _last_line(run: MonitoredRun) -> str:
    lines = [line for line in run.output.splitlines() if line.strip()]
    return lines[-1] if lines else ""
