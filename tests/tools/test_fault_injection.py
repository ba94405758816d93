"""Fault injection sees what it is to see: half files, leftovers, processes that stay, unequal ends."""

import subprocess
import sys
from pathlib import Path

import pytest

from tools import demo
from tools.crash_safety import tables as crash_tables
from tools.crash_safety.fault_injection import Outcome, Trial, Way, inject_at
from tools.crash_safety.monitored_run import MonitoredRun
from tools.crash_safety.workspace import Workspace, damaged_cache, differences, finish
from tools.demo import run_dvc

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it looks at /proc")

GOOD = """\
import os, time
with open(".out.partial.txt", "w") as stream:
    stream.write("half")
    stream.flush()
    open("started", "w").close()
    time.sleep(float(open("seconds").read()))
    stream.write(" and whole")
os.replace(".out.partial.txt", "out.txt")
os.remove("started")
"""
IN_PLACE = GOOD.replace(".out.partial.txt", "out.txt").replace('os.replace("out.txt", "out.txt")\n', "")
UNEQUAL = GOOD.replace('" and whole"', "str(time.time())")
LEFTOVER = GOOD.replace('open("started"', 'open(f".{os.getpid()}.partial", "w").close(); open("started"')
ORPHAN = 'import subprocess\nsubprocess.Popen(["sleep", "60"], start_new_session=True)\n' + GOOD


def finished(folder: Path, stage: str) -> Workspace:
    """Run a pipeline of one stage in a folder of its own, quickly; from then on it is slow."""
    (folder / ".dvc").mkdir(parents=True)
    (folder / ".dvc" / "config").write_text("[core]\n    no_scm = true\n    analytics = false\n")
    (folder / "stage.py").write_text(stage)
    (folder / "seconds").write_text("0")
    out = "outs: [out.txt: {persist: true}]"
    (folder / "dvc.yaml").write_text(f"stages: {{write: {{cmd: python stage.py, deps: [stage.py], {out}}}}}")
    # Not into a pipe, for whose end a process that outlives the stage would let us wait.
    assert run_dvc(folder, "repro", stdout=subprocess.DEVNULL).returncode == 0
    (folder / "seconds").write_text("1.5")
    return finish(folder)


def faults(workspace: Workspace, way: Way = "kill", *, state: str = "changed") -> list[str]:
    def has_begun(run: MonitoredRun) -> bool:
        return run.wait_until((workspace.folder / "started").exists)

    outcome = inject_at(workspace, Trial("write", way, state, 0), moment=has_begun)  # type: ignore[arg-type]
    assert outcome is not None
    assert outcome.in_stage
    return outcome.faults


def test_a_stage_that_renames_in_the_end_survives_all(tmp_path: Path) -> None:
    workspace = finished(tmp_path / "good", GOOD)
    assert faults(workspace, "kill", state="changed") == []
    assert faults(workspace, "interrupt", state="first") == []
    assert damaged_cache(workspace.folder) == (1, [])


@pytest.mark.parametrize(
    ("stage", "expected"),
    [
        (IN_PLACE, "half: out.txt"),
        (UNEQUAL, "differs: out.txt"),
        (LEFTOVER, "left over: ."),
        (ORPHAN, "process left: sleep 60"),
    ],
    ids=["in place", "unequal", "leftover", "orphan"],
)
def test_a_worse_stage_is_found_out(tmp_path: Path, stage: str, expected: str) -> None:
    found = faults(finished(tmp_path / "worse", stage))
    assert any(fault.startswith(expected) for fault in found), found


def test_differences_are_told_by_name() -> None:
    assert differences({"a": "1", "b": "1", "c": "1"}, {"b": "1", "c": "2", "d": "1"}) == [
        "missing: a",
        "left over: d",
        "differs: c",
    ]


def test_a_damaged_object_of_the_cache_is_named(tmp_path: Path) -> None:
    workspace = finished(tmp_path / "good", GOOD)
    (cached,) = (workspace.folder / ".dvc" / "cache" / "files" / "md5").glob("*/*")
    cached.chmod(0o644)
    cached.write_text("half")
    count, damaged = damaged_cache(workspace.folder)
    assert (count, len(damaged)) == (1, 1)


def test_what_was_tried_is_counted_by_stage_and_way() -> None:
    outcomes = [
        Outcome(Trial("split", "kill", "changed", 0.2), in_stage=True, left_temporaries=True),
        Outcome(Trial("split", "kill", "first", 0.9), faults=["differs: a"]),
        Outcome(Trial("split", "kill_alone", "first", 0.4), in_stage=True),
        Outcome(Trial("split", "full_disk", "changed", 0.0), in_stage=True, told_clearly=True),
        Outcome(Trial("train", "interrupt", "first", 0.5), in_stage=True, resumed=True),
    ]
    found = crash_tables.summarize(outcomes, planned=9, seed=0, cache=[(5, []), (6, ["aa"])])
    assert found["made"] == 5
    assert crash_tables.trials_table(found).splitlines()[2:] == [
        "| `split` | 1 of 2 | 1 of 1 |  | 1 of 1 |  | 1 | 1 |  |  |",
        "| `train` |  |  | 1 of 1 |  |  | 0 | 0 | 1 |  |",
        "| all | 1 of 2 | 1 of 1 | 1 of 1 | 1 of 1 |  | 1 | 1 | 1 |  |",
    ]
    assert crash_tables.seen_list(found).splitlines() == [
        "- trials made: 5 of 9 that were planned",
        "- Ctrl-C that hit the stage itself, not DVC before or after it: 1 of 1",
        "- full and read-only disks with which DVC started the stage: 1 of 1",
        "- full and read-only disks told in one line that names the file, by the stage or by DVC: 1 of 1",
        "- objects in DVC's cache afterwards: 11, damaged 1",
        "- not survived, 1 of the trials: differs: a",
    ]


def test_the_page_tells_the_committed_counts() -> None:
    page = (demo.PROJECT / "docs" / "crash_safety.md").read_text(encoding="utf-8")
    assert crash_tables.filled(demo.PROJECT) == page, "run: python -m tools.crash_safety.break_stages --write"
