"""Fault injection: disturb every stage in five ways, and see whether ``make repro`` recovers.

kill         all processes of the stage and of DVC are killed (SIGKILL) at a random moment of the stage
kill_alone   only the process that runs the stage's script is, at a random moment of it
interrupt    Ctrl-C at a random moment: SIGINT to the same processes, which must then end by themselves
full_disk    the stage's outputs find no room, or room for a random part of the largest
read_only    the stage's outputs may not be written

All of it needs Linux, and the last two root, too, for the workspace then lies on a small disk of its own;
where that cannot be, they are left out. Each stage is disturbed where it finds results of another time, and,
in turn, where it finds none. Then tools.repair_after_kill and ``dvc repro`` run. A trial is survived if the
workspace is then what it is without: every byte of every output and of dvc.lock, nothing left over, no
process left, and nothing to do for the next ``dvc repro``; and in between no output was half there, nor, with
no room or access, changed.

The pipeline is that of dvc.yaml, on a synthetic corpus of 384 clips with fewer epochs than on RAVDESS, in
--folder. A full run takes two hours and a half on two new cores; for a first look: --stages split --kills 2.
With --write, metrics/crash_safety.json and the tables in docs/crash_safety.md are made of what was counted.
"""

import argparse
import math
import queue
import random
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ser.data.ravdess import all_clips, parse_clip
from ser.errors import InputError
from ser.files import remove, write_json
from stages import command
from tools import demo
from tools.crash_safety import tables as crash_tables
from tools.crash_safety.fault_injection import (
    SIGNALS,
    Outcome,
    Trial,
    Way,
    inject_disk_fault,
    inject_signal,
    measure,
)
from tools.crash_safety.journal import Journal
from tools.crash_safety.limited_disk import can_mount, placed_on, release, small_disk
from tools.crash_safety.workspace import State, Workspace, copy_workspace, damaged_cache, finish

CHANGES: dict[str, Any] = {
    "split": {"article": {"test_size": 0.5}},
    "train_baselines": {"luna5": {"svm_c": [3]}},
    "train_cnn": {
        "article": {"batch_size": 32, "epochs": 4},
        "article_augmented": {"batch_size": 32, "epochs": 3},
        "logmel": {"batch_size": 34, "epochs": 3},
    },
}
"""On top of params.demo.yaml: parts of equal size for fewer clips, and epochs to be killed between."""


def main() -> None:
    """Make the workspaces, try everything, print and write what came of it."""
    arguments = _arguments()
    counts: dict[Way, int] = {
        "kill": arguments.kills,
        "kill_alone": arguments.kills_alone,
        "interrupt": arguments.interrupts,
        "full_disk": arguments.full_disks,
        "read_only": arguments.read_only,
    }
    folder: Path = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if not can_mount(folder):
        counts |= {"full_disk": 0, "read_only": 0}
        print("no full and no read-only disks: they need Linux and root", flush=True)

    journal = Journal(folder / "outcomes.jsonl")
    reference = make_reference(folder / "undisturbed", tuple(arguments.stages))
    stages = list(arguments.stages) or _stages_of(reference)
    with ExitStack() as stack:
        mounted = counts["full_disk"] + counts["read_only"] > 0
        places = [folder / f"broken{number}" for number in range(arguments.jobs)]
        copies = [stack.enter_context(copy_to_break(reference, place, mounted=mounted)) for place in places]
        seconds = dict(_share_out(lambda copy, stage: (stage, _duration(copy, stage)), stages, copies))
        trials = plan(stages, counts, seed=arguments.seed)

        ends = time.monotonic() + 60 * arguments.minutes

        def try_out(copy: Workspace, trial: Trial) -> Outcome | None:
            in_time = time.monotonic() < ends
            return attempt(copy, reference, trial, seconds=seconds[trial.stage]) if in_time else None

        outcomes = journal.read() if arguments.go_on else journal.start()
        known = {outcome.trial.name for outcome in outcomes}
        for outcome in _share_out(try_out, [it for it in trials if it.name not in known], copies):
            if outcome is None:
                continue
            outcomes.append(outcome)
            journal.add(outcome)
            print(f"[{len(outcomes)}/{len(trials)}] {crash_tables.line(outcome)}", flush=True)
        checked = [damaged_cache(copy.folder) for copy in copies]
    found = crash_tables.summarize(outcomes, planned=len(trials), seed=arguments.seed, cache=checked)
    print(crash_tables.trials_table(found), crash_tables.seen_list(found), sep="\n\n")
    if arguments.write:
        write_json(demo.PROJECT / "metrics" / "crash_safety.json", found)
        crash_tables.fill_page(demo.PROJECT)
    if any(outcome.faults for outcome in outcomes):
        raise InputError("not every trial was survived: see above")


def make_reference(folder: Path, targets: tuple[str, ...]) -> Workspace:
    """Run the pipeline undisturbed, as far as `targets`, or all of it where none is named."""
    demo.make_workspace(folder, clips=few_clips(), changes=CHANGES)
    if demo.run_dvc(folder, "repro", *targets).returncode != 0:
        raise InputError(f"{folder}: dvc repro fails undisturbed; its own message stands above")
    return finish(folder, targets=targets)


def few_clips() -> list[str]:
    """Choose two clips an actor and emotion: every label of the corpus occurs."""
    chosen = []
    for clip in all_clips():
        it = parse_clip(clip)
        alike = (it.statement == "kids") == (it.intensity == "normal")
        if it.repetition == 1 and (it.emotion == "neutral" or alike):
            chosen.append(clip)
    return chosen


@contextmanager
def copy_to_break(reference: Workspace, folder: Path, *, mounted: bool) -> Iterator[Workspace]:
    """Copy a finished workspace to a folder, which is deleted before.

    Parameters
    ----------
    reference
        The finished workspace, which is not changed.
    folder
        Folder of the copy. DVC's own files are put beside it, for DVC needs room and access.
    mounted
        Whether the copy lies on a small disk of its own, for as long as the context lasts.

    Raises
    ------
    InputError
        Where this process may not mount a disk.
    """
    release(folder / ".dvc")
    release(folder)
    remove(folder)
    folder.mkdir()
    with ExitStack() as stack:
        if mounted:
            dvc = folder.with_name(f"{folder.name}-dvc")
            remove(dvc)
            dvc.mkdir()
            size = sum(file.stat().st_size for file in reference.folder.rglob("*") if file.is_file())
            stack.enter_context(small_disk(folder, size=2 * size + (64 << 20)))
            (folder / ".dvc").mkdir()
            stack.enter_context(placed_on(folder / ".dvc", dvc))
        yield copy_workspace(reference, folder)


def plan(stages: Iterable[str], counts: dict[Way, int], *, seed: int) -> list[Trial]:
    """Draw all trials; the states alternate, and the first two full disks have no room at all."""
    trials = []
    for stage in stages:
        for way, count in counts.items():
            draw = random.Random(f"{seed} {stage} {way}")
            for number in range(count):
                state: State = "changed" if number % 2 == 0 else "first"
                share = draw.random() if way in SIGNALS or (way == "full_disk" and number >= 2) else 0.0
                trials.append(Trial(stage, way, state, share, number))
    # So that a run that is broken off has seen some of everything.
    random.Random(seed).shuffle(trials)
    return trials


def attempt(workspace: Workspace, reference: Workspace, trial: Trial, *, seconds: float) -> Outcome:
    """Make one trial; where a stage was quicker than its signal, draw an earlier moment."""
    if trial.way in SIGNALS:
        outcome = None
        while outcome is None:
            outcome = inject_signal(workspace, trial, seconds=seconds)
            if outcome is None:
                trial = replace(trial, share=trial.share * 0.9)
    else:
        outcome = inject_disk_fault(workspace, trial)
    if outcome.faults:
        copy_workspace(reference, workspace.folder)
    return outcome


def _duration(workspace: Workspace, stage: str) -> float:
    seconds, faults = measure(workspace, stage)
    if faults:
        raise InputError("\n  ".join([f"{stage}: not the same even when it is left alone", *faults]))
    print(f"{stage}: {seconds:.1f} s", flush=True)
    return seconds


def _share_out(
    work: Callable[[Workspace, Any], Any], items: Iterable[Any], copies: list[Workspace]
) -> Iterator[Any]:
    """Work on all items, as many at once as there are workspaces, each in one that is free."""
    free: queue.SimpleQueue[Workspace] = queue.SimpleQueue()
    for copy in copies:
        free.put(copy)

    def in_a_free_one(item: Any) -> Any:
        copy = free.get()
        try:
            return work(copy, item)
        finally:
            free.put(copy)

    with ThreadPoolExecutor(len(copies)) as pool:
        yield from pool.map(in_a_free_one, items)


def _stages_of(workspace: Workspace) -> list[str]:
    listed = demo.run_dvc(workspace.folder, "stage", "list", "--name-only", capture_output=True)
    return listed.stdout.split()


def _arguments() -> argparse.Namespace:
    parser = command.parser(__doc__)
    here = demo.PROJECT / "build" / "break_stages"
    parser.add_argument(
        "--folder", type=Path, default=here, help="where to work (default: build/break_stages)"
    )
    parser.add_argument("--stages", nargs="+", default=[], metavar="STAGE", help="which (default: all)")
    for name, count, what in (
        ("kills", 20, "kills"),
        ("kills-alone", 2, "kills of its own process alone"),
        ("interrupts", 4, "interrupts"),
        ("full-disks", 4, "full disks"),
        ("read-only", 2, "read-only disks"),
    ):
        text = f"how many {what} a stage (default: {count})"
        parser.add_argument(f"--{name}", type=int, default=count, metavar="N", help=text)
    text = "begin no trial after so long, and count those that were made (default: no limit)"
    parser.add_argument("--minutes", type=float, default=math.inf, metavar="N", help=text)
    parser.add_argument("--jobs", type=int, default=2, metavar="N", help="workspaces at once (default: 2)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    text = "keep what a run that was broken off has tried, with the same code and options"
    parser.add_argument("--go-on", action="store_true", help=text)
    parser.add_argument("--write", action="store_true", help="write the counts to metrics/ and docs/")
    return parser.parse_args()


if __name__ == "__main__":
    command.run(main)
