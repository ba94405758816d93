"""`ser serve` as a command: what it listens on, and what it says where it cannot."""

import argparse
import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from voices import spoken

import ser
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
        [sys.executable, "-c", f"{before}\n{START}", "--bundle", str(bundle), *options],
        cwd=PROJECT,
        env=os.environ | {"PYTHONPATH": str(PROJECT)} | variables,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            said = process.stdout.readline()
            assert "http://" in said
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
        assert cli.main(["serve", "--port", port, "--bundle", str(bundle_folder)]) == 1
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
    for package in ("python_multipart", "uvicorn", "fastapi"):
        with monkeypatch.context() as patch:
            # As one that is not there.
            patch.setitem(sys.modules, package, None)
            for loaded in [name for name in sys.modules if name.startswith("ser.web")]:
                patch.delitem(sys.modules, loaded)
            # The import that fails binds a package of its own to ser, where others would find it.
            patch.setattr(ser, "web", None, raising=False)
            assert cli.main(["serve"]) == 1
        advice = f'the package {package} is missing: pip install "ravdess-ser[serve]"'
        assert advice in capsys.readouterr().err


@pytest.mark.parametrize("name", ["http://emotion.example.org", "emotion.example.org:443", "*", "a b", ""])
def test_a_host_is_a_name_alone(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["serve", "--allow-host", name])
    assert caught.value.code == 2
    assert "must be a name such as" in capsys.readouterr().err


@pytest.mark.parametrize(
    "origin", ["*", "null", "intranet.example.org", "https://a.example/page", "ftp://a.example"]
)
def test_an_origin_is_one_of_a_page(origin: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["serve", "--allow-origin", origin])
    assert caught.value.code == 2
    assert "must be a scheme, a name and perhaps a port" in capsys.readouterr().err


def test_hosts_and_origins_may_be_given_again() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    options = ["--allow-host", "a.example", "--allow-host", "B.example"]
    options += ["--allow-origin", "HTTPS://A.example:443", "--allow-origin", "http://a.example:8000"]
    arguments = parser.parse_args(options)
    assert arguments.allow_host == ["a.example", "B.example"]
    assert arguments.allow_origin == ["https://a.example", "http://a.example:8000"]


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_it_answers_under_the_names_and_origins_that_are_allowed(bundle_folder: Path, host: str) -> None:
    options = [
        "--host",
        host,
        "--allow-host",
        "emotion.example",
        "--allow-origin",
        "https://intranet.example",
    ]
    with serving(bundle_folder, *options) as (port, _):
        for name, expected in {
            f"127.0.0.1:{port}": 200,
            "localhost": 200,
            "Emotion.Example": 200,
            "emotion.example:443": 200,
            "elsewhere.example": 400,
            "emotion.example.elsewhere.example": 400,
        }.items():
            assert asked(port, "GET", "/api/about", headers={"Host": name})[0] == expected, name
        for origin, expected in {"https://intranet.example": 422, "https://elsewhere.example": 403}.items():
            headers = {"Host": "emotion.example", "Origin": origin, "Sec-Fetch-Site": "cross-site"}
            assert asked(port, "POST", "/api/recognize", b"", headers)[0] == expected, origin


# Whatever is opened to be written, but temporary files and what is no file, is on a disk that is read-only.
READ_ONLY = """
import errno, os, sys
def guard(event, arguments):
    if event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        path = os.fsdecode(arguments[0]) if not isinstance(arguments[0], int) else "/dev/"
        if not path.startswith((os.environ["TMPDIR"], "/dev/")):
            raise OSError(errno.EROFS, "Read-only file system", path)
    if event in ("os.mkdir", "os.rename") and not os.fsdecode(arguments[0]).startswith(os.environ["TMPDIR"]):
        raise OSError(errno.EROFS, "Read-only file system")
sys.addaudithook(guard)
os.chdir("/proc")
"""


def test_it_serves_where_it_may_write_temporary_files_alone(bundle_folder: Path, tmp_path: Path) -> None:
    """As in a container: a file system that is read-only, and no home."""
    with serving(bundle_folder, before=READ_ONLY, HOME="/nonexistent", TMPDIR=str(tmp_path)) as (port, _):
        # Too large for memory, so that it goes to a file.
        status, answer = asked(port, "POST", "/api/recognize", recorded(30))
        assert (status, answer["duration_s"]) == (200, 30)
        assert asked(port, "GET", "/healthz")[0] == 200
    assert list(tmp_path.iterdir()) == []


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
        assert (status, list(answer)) == (400, ["detail", "outcome"])
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


@pytest.fixture(scope="session")
def twenty_minutes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV, and beside it, where ffmpeg is there, the same as m4a."""
    wav = tmp_path_factory.mktemp("twenty_minutes") / "talk.wav"
    soundfile.write(wav, np.resize(spoken(10), 16_000 * 1200), 16_000)
    if (program := shutil.which("ffmpeg")) is not None:
        encode = [program, "-v", "error", "-i", str(wav), str(wav.with_suffix(".m4a"))]
        subprocess.run(encode, check=True)
    return wav


@pytest.mark.parametrize(("ending", "kind"), [(".wav", "json"), (".m4a", "events")])
def test_ctrl_c_ends_it_whatever_it_does(
    bundle_folder: Path, twenty_minutes: Path, ending: str, kind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content = twenty_minutes.with_suffix(ending)
    if not content.exists():
        pytest.skip("ffmpeg is not installed")
    said: list[bytes] = []

    def ask(port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", f"/api/recognize?format={kind}", content.read_bytes())
        said.append(connection.getresponse().read())

    with serving(bundle_folder) as (port, process), socket.create_connection(("127.0.0.1", port)) as slow:
        # One is listened to, another is still being sent.
        client = threading.Thread(target=ask, args=(port,))
        client.start()
        slow.sendall(b"POST /api/recognize HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\n\r\nRIFF")
        time.sleep(4)
        assert not said
        os.kill(process, signal.SIGINT)
        deadline = time.monotonic() + 15
        while os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        client.join(timeout=5)
    assert b"the server is being stopped; try again later" in said[0]
    assert "Traceback" not in capfd.readouterr().err


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
