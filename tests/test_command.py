"""How stages start and end: a help that teaches, and exit codes."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ser.errors import InputError
from ser.parallel import run_all
from ser.params import Workers
from stages import command

PROJECT = Path(__file__).resolve().parents[1]
STAGES = sorted(
    file.stem for file in (PROJECT / "stages").glob("*.py") if file.stem not in ("__init__", "command")
)


@pytest.mark.parametrize("stage", STAGES)
def test_help_names_what_a_stage_reads_and_writes(stage: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", f"stages.{stage}", "--help"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Reads " in done.stdout
    assert "Writes " in done.stdout


def test_wrong_usage_exits_with_2() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "stages.split", "--surprise"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--surprise" in done.stderr


def test_what_a_user_can_mend_is_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise InputError("data/clips.parquet: no such file")

    with pytest.raises(SystemExit) as stopped:
        command.run(main)
    assert stopped.value.code == "error: data/clips.parquet: no such file"


def kill_oneself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_a_message() -> None:
    def main() -> None:
        run_all(kill_oneself, [()], workers=Workers(backend="loky", jobs=2), what="test")

    with pytest.raises(SystemExit, match=r"workers\.jobs"):
        command.run(main)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES, errno.EROFS])
def test_a_full_or_closed_disk_is_a_message(number: int) -> None:
    def main() -> None:
        raise OSError(number, "the reason", "data/raw")

    with pytest.raises(SystemExit, match="data/raw: the reason"):
        command.run(main)


def test_a_fault_of_the_code_keeps_its_traceback() -> None:
    def main() -> None:
        raise OSError(errno.EBADF, "bad file descriptor")

    with pytest.raises(OSError, match="bad file descriptor"):
        command.run(main)
