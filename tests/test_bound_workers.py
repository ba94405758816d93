"""Workers end with the stage that started them, also where it is killed itself."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

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
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition: Callable[[], bool], *, seconds: float = 60.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end and not condition():
        time.sleep(0.05)
    return condition()


def test_workers_of_a_killed_stage_end(tmp_path: Path) -> None:
    (tmp_path / "stage.py").write_text(STAGE, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{PROJECT}{os.pathsep}{tmp_path}"}
    stage = subprocess.Popen([sys.executable, "stage.py"], cwd=tmp_path, env=environment)
    assert wait_for(lambda: len(list(tmp_path.glob("*.worker"))) == 2)
    workers = [int(file.stem) for file in tmp_path.glob("*.worker")]
    assert all(map(is_alive, workers))
    stage.send_signal(signal.SIGKILL)
    stage.wait()
    assert wait_for(lambda: not any(map(is_alive, workers)), seconds=20.0)
    assert len(list(tmp_path.glob("*.worker"))) == 2, "a task was begun without the stage"
