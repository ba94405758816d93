"""Workers end with the stage that started them, also where it is killed itself."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
STAGE = """
import os, time
from pathlib import Path
from ser.parallel import run_all
from ser.params import Workers
from stages import command

def task(number):
    Path(f"{os.getpid()}.worker").touch()
    time.sleep(60)

def main():
    run_all(task, [(0,), (1,), (2,)], workers=Workers(backend="loky", jobs=2), what="test")

if __name__ == "__main__":
    command.run(main)
"""


def is_alive(process: int) -> bool:
    """Whether it runs; one that has ended, but that nobody has asked for, does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for(condition: Callable[[], bool], *, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.05)
    return condition()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it looks at /proc")
def test_workers_of_a_killed_stage_end(tmp_path: Path) -> None:
    (tmp_path / "stage.py").write_text(STAGE, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{tmp_path}"}
    stage = subprocess.Popen([sys.executable, "stage.py"], cwd=tmp_path, env=environment)
    try:
        assert wait_for(lambda: len(list(tmp_path.glob("*.worker"))) == 2)
        workers = [int(file.stem) for file in tmp_path.glob("*.worker")]
        assert all(map(is_alive, workers))
    finally:
        stage.kill()
        stage.wait()
    assert wait_for(lambda: not any(map(is_alive, workers)), seconds=20.0)
    assert len(list(tmp_path.glob("*.worker"))) == 2, "a task was begun without the stage"
