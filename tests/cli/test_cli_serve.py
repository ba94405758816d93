"""`ser serve` as a command: what it listens on, and what it says where it cannot."""

import argparse
import http.client
import importlib.util
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from voices import spoken

from ser import cli
from ser.cli.serve import _is_loopback, add_arguments
from ser.web.connections import IDLE_S, Connection
from ser.web.limits import Limits

PROJECT = Path(__file__).parents[2]
START = "import sys; from ser import cli; sys.exit(cli.main(['serve', '--port', '0', *sys.argv[1:]]))"

FORM = {"Content-Type": "multipart/form-data; boundary=x"}


@contextmanager
def serving(bundle: Path, *options: str, before: str = "", **variables: str) -> Iterator[tuple[int, int]]:
    """Run the command in a process of its own, after some code; give its port, and the process's number."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"{before}\n{START}", "--model", str(bundle), *options],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)} | variables,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            said = process.stdout.readline()
            assert "http://127.0.0.1:" in said
            yield int(said.split("/")[2].rpartition(":")[2]), process.pid
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()
            process.wait()


def asked(
    port: int, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
) -> tuple[int, dict[str, Any]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def sent(port: int, body: bytes, **headers: str) -> tuple[int, str]:
    status, answer = asked(port, "POST", "/api/recognize?name=talk", body, headers)
    return status, answer["detail"]


def formed(content: bytes) -> bytes:
    """A form with one file; see `FORM`."""
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="talk"\r\n\r\n'
    return head + content + b"\r\n--x--\r\n"


def test_a_port_in_use(bundle_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert cli.main(["serve", "--port", port, "--model", str(bundle_folder)]) == 1
    complaint = capsys.readouterr().err
    assert f"cannot listen on 127.0.0.1, port {port}" in complaint
    assert "--port" in complaint


@pytest.mark.parametrize(
    ("wrong", "lowest", "highest"),
    [
        (["--port", "70000"], 0, 65_535),
        (["--max-mb", "0"], 1, 10_000),
        (["--max-minutes", "1441"], 1, 1440),
        (["--jobs", "many"], 1, 64),
        (["--jobs", "65"], 1, 64),
    ],
)
def test_wrong_usage(wrong: list[str], lowest: int, highest: int, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["serve", *wrong])
    assert caught.value.code == 2
    complaint = capsys.readouterr().err
    assert wrong[0] in complaint
    assert f"must be a number from {lowest} to {highest}, got {wrong[1]}" in complaint


def test_a_missing_package_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec

    def without_uvicorn(name: str, *rest: Any) -> Any:
        return None if name == "uvicorn" else find(name, *rest)

    monkeypatch.setattr(importlib.util, "find_spec", without_uvicorn)
    assert cli.main(["serve"]) == 1
    complaint = capsys.readouterr().err
    assert "needs uvicorn" in complaint
    assert "pip install" in complaint


def test_loopback() -> None:
    assert all(map(_is_loopback, ["127.0.0.1", "::1", "localhost", "127.9.9.9"]))
    assert not any(map(_is_loopback, ["0.0.0.0", "::", "192.168.1.2", "example.org"]))


def test_the_defaults_are_those_that_are_promised() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    arguments = parser.parse_args([])
    assert (arguments.host, arguments.max_mb, arguments.max_minutes) == ("127.0.0.1", 200, 240)
    assert (Limits().upload_s, Limits().pause_s, IDLE_S, Connection.idle_s) == (300, 15, 15, IDLE_S)


# In place of 15 s.
IMPATIENT = "from ser.web.connections import Connection; Connection.idle_s = 1.0"


def test_the_command_sets_what_is_promised(bundle_folder: Path) -> None:
    with serving(bundle_folder, "--max-mb", "1", "--max-minutes", "1", before=IMPATIENT) as (port, _):
        limits = {"largest_bytes": 1_000_000, "longest_s": 60.0}
        assert asked(port, "GET", "/api/about")[1]["limits"] == limits
        status, answer = asked(port, "GET", "/api/about", headers={"Host": f"rebound.example:{port}"})
        assert (status, list(answer)) == (400, ["detail"])
        assert sent(port, bytes(1_000_001))[0] == 413
        silence = io.BytesIO()
        soundfile.write(silence, np.zeros(61 * 8000), 8000, format="FLAC")
        status, said = sent(port, silence.getvalue())
        assert (status, "longer than 60 s" in said) == (413, True)
        for start in (b"", b"POST /api/recognize HTTP/1.1\r\nHost: localhost\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(start)
                assert connection.recv(1000) == b"", "closed, without an answer"


# A disk that takes so many bytes a file. With 0, Python finds no folder that takes temporary files.
FULL = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({0}, {0}))"
LARGE = 40_000_000


@pytest.mark.parametrize("free", [1_000_000, 0])
def test_a_full_disk_is_told(free: int, bundle_folder: Path, tmp_path: Path) -> None:
    folder, programs = tmp_path / "temporary", tmp_path / "programs"
    folder.mkdir()
    programs.mkdir()
    # Which finds it is enough: the copy for it fails before it is started.
    (programs / "ffmpeg").symlink_to(sys.executable)
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    told = "the server has no room for temporary files; try again later"
    m4a = b"\0\0\0\x20ftypM4A ".ljust(3_000_000)
    with serving(bundle_folder, before=FULL.format(free), TMPDIR=str(folder), PATH=path) as (port, _):
        for content, headers in (
            (bytes(LARGE), {}),
            (formed(bytes(LARGE)), FORM),
            (m4a, {}),
        ):
            # All of it is taken first, or the client would see no answer but a broken connection.
            status, said = sent(port, content, Connection="close", **headers)
            assert (status, said) == (507, told)
        # What fits in memory is looked at nevertheless.
        assert sent(port, bytes(1_000_000))[0] == 415
    assert list(folder.iterdir()) == []


def recorded(seconds: int) -> bytes:
    """A WAV of 0.19 MB a second: some speech, and then silence, for time's sake."""
    sound = np.zeros((48_000 * seconds, 2), dtype=np.float32)
    sound[: 48_000 * 10] = spoken(10, rate=48_000)[:, None]
    content = io.BytesIO()
    soundfile.write(content, sound, 48_000, subtype="PCM_16", format="WAV")
    return content.getvalue()


def memory(process: int, field: str) -> int:
    """Resident memory in bytes, now (VmRSS) or at its peak (VmHWM)."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(it.split()[1]) * 1024 for it in lines if it.startswith(f"{field}:"))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system forgets no peak of memory")
def test_a_long_upload_is_never_held_whole(bundle_folder: Path) -> None:
    long = recorded(600)
    with serving(bundle_folder) as (port, process):
        path = "/api/recognize?picture=1"
        assert asked(port, "POST", path, recorded(30))[0] == 200
        Path(f"/proc/{process}/clear_refs").write_text("5")
        before = memory(process, "VmRSS")
        status, answer = asked(port, "POST", path, formed(long), FORM)
        assert (status, answer["duration_s"]) == (200, 600)
        assert sent(port, bytes(len(long)))[0] == 415
        # The upload has 115 MB; its samples would have as many at 48 kHz, and 38 MB at the model's rate.
        assert memory(process, "VmHWM") - before < 15e6
