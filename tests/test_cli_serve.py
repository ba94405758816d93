"""`ser serve` as a command: what it listens on, and what it says where it cannot."""

import importlib.util
import socket
from pathlib import Path
from typing import Any

import pytest

from ser import cli
from ser.cli_serve import _is_loopback


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
        (["--max-mb", "0"], 1, 100_000),
        (["--jobs", "many"], 1, 256),
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
