"""`dvc repro` recovers from a fault in the midst of a stage: a few trials of `tools.crash_safety`."""

import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from tools.crash_safety.break_stages import copy_to_break
from tools.crash_safety.fault_injection import Trial, inject_at, inject_disk_fault
from tools.crash_safety.limited_disk import can_mount
from tools.crash_safety.monitored_run import MonitoredRun
from tools.crash_safety.workspace import Workspace as Disturbable
from tools.crash_safety.workspace import finish

from .conftest import Workspace

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(sys.platform != "linux", reason="it looks at /proc"),
]


@pytest.fixture(scope="module")
def copy(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Disturbable]:
    folder = tmp_path_factory.mktemp("disturbed")
    with copy_to_break(finish(workspace.folder), folder / "demo", mounted=can_mount(folder)) as copy:
        yield copy


CASES = {
    "files": (Trial("augment@stretch", "kill", "changed", 0), "data/augmented/.stretch.partial/*/*"),
    "arrays": (Trial("extract@clean", "kill", "first", 0), "data/features/clean/contour.npy"),
    "metrics": (Trial("evaluate", "kill", "changed", 0), "figures/.results.partial/*"),
    "training": (Trial("train_cnn_article", "kill", "first", 0), "data/checkpoints/cnn_article/*.npz"),
    "stage alone": (
        Trial("train_cnn_article", "kill_alone", "first", 0),
        "data/checkpoints/cnn_article/*.npz",
    ),
    "Ctrl-C": (Trial("augment@noise", "interrupt", "first", 0), "data/augmented/.noise.partial/*/*"),
}
"""Each is disturbed as soon as a file of this name is there."""


@pytest.mark.parametrize("name", CASES)
def test_a_stage_disturbed_in_its_midst_recovers(copy: Disturbable, name: str) -> None:
    trial, pattern = CASES[name]

    def has_begun(run: MonitoredRun) -> bool:
        return run.wait_until(lambda: any(copy.folder.glob(pattern)))

    outcome = inject_at(copy, trial, moment=has_begun)
    assert outcome is not None, "the stage ended before it could be disturbed"
    assert outcome.faults == []
    assert outcome.in_stage
    # Whether it was killed before its last epoch depends on the machine.
    assert trial.stage.startswith("train_cnn") or not outcome.resumed


@pytest.mark.parametrize("way", ["full_disk", "read_only"])
def test_a_disk_without_room_or_access_is_told_and_recovered_from(copy: Disturbable, way: str) -> None:
    if not copy.folder.is_mount():
        pytest.skip("only root can mount a disk")
    trial = Trial("extract@stretch", "full_disk", "changed", 0.5)
    outcome = inject_disk_fault(copy, trial if way == "full_disk" else replace(trial, way="read_only"))
    assert outcome.faults == []
    assert outcome.told_clearly, outcome.remarks
