"""How stages start and end: a help that teaches, and exit codes."""

import errno
import os
import resource
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from stage_runs import SCRIPTS

from ser.errors import InputError
from ser.files import replacing, write_array
from ser.parallel import run_all
from ser.params import Workers
from stages import command

PROJECT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("stage", SCRIPTS)
def test_help_names_what_a_stage_reads_and_writes(
    stage: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    main = import_module(stage).main
    monkeypatch.setattr(sys, "argv", [stage, "--help"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 0
    shown = capsys.readouterr().out
    assert "Reads " in shown
    assert "Writes " in shown


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


def test_a_message_steers_no_terminal() -> None:
    def main() -> None:
        raise InputError("a.zip: refused\n  'a\x1b[2J.wav': a link")

    with pytest.raises(SystemExit) as stopped:
        command.run(main)
    assert stopped.value.code == "error: a.zip: refused\n  'a\\x1b[2J.wav': a link"


def kill_oneself() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_worker_is_a_message() -> None:
    def main() -> None:
        run_all(kill_oneself, [()], workers=Workers(backend="loky", jobs=2), what="test")

    with pytest.raises(SystemExit, match=r"workers\.jobs"):
        command.run(main)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EFBIG, errno.EACCES, errno.EROFS])
@pytest.mark.parametrize(
    ("path", "final"),
    [
        ("data/raw", "data/raw"),
        ("metrics/.summary.partial.json", "metrics/summary.json"),
        ("figures/.results.partial/overview.png", "figures/results/overview.png"),
        (".a.b.partial", "a.b"),
        ("data/.partial/a", "data/.partial/a"),
    ],
)
def test_a_full_or_closed_disk_is_a_message(number: int, path: str, final: str) -> None:
    def main() -> None:
        raise OSError(number, "a library's words,\non two lines", path)

    with pytest.raises(SystemExit) as stopped:
        command.run(main)
    assert stopped.value.code == f"error: {final}: {os.strerror(number)}; make room or access, then run again"


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "no room"), OSError("400000 requested and 10224 written")], ids=str
)
def test_a_disk_that_gets_full_is_told_with_the_output_that_was_written(
    error: OSError, tmp_path: Path
) -> None:
    def main() -> None:
        with replacing(tmp_path / "outer") as folder:
            folder.mkdir()
            with replacing(tmp_path / "inner.npy") as temporary:
                temporary.touch()
                raise error

    with pytest.raises(SystemExit, match=r"inner\.npy: No space left"):
        command.run(main)


def test_an_interrupted_stage_says_so_without_a_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as stopped:
        command.run(main)
    assert stopped.value.code == 130
    assert "interrupted" in capsys.readouterr().err


def test_an_array_that_does_not_fit_is_a_message(tmp_path: Path) -> None:
    # Of a disk that fills up halfway, NumPy tells no error number. A limit on a file's size acts the same.
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(SystemExit, match=r"a\.npy: No space left on device; make room"):
            command.run(lambda: write_array(tmp_path / "a.npy", np.zeros(100_000)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_fault_of_the_code_keeps_its_traceback() -> None:
    def main() -> None:
        raise OSError(errno.EBADF, "bad file descriptor")

    with pytest.raises(OSError, match="bad file descriptor"):
        command.run(main)
