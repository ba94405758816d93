"""The stage fetch: what a user sees, what is on disk after success and after each failure."""

import hashlib
import http.server
import os
import subprocess
import sys
import threading
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import soundfile
import yaml

from ser.audio.clip_io import sha256_of, write_pcm16
from ser.data import download as source
from ser.data.ravdess import ManifestEntry, clip_path, write_manifest
from stages import command, fetch

PROJECT = Path(__file__).parents[2]
NAMES = ("03-01-01-01-01-01-01", "03-01-05-02-01-01-01", "03-01-08-01-02-02-02")
SOUNDS = np.random.default_rng(0).integers(-9000, 9000, (len(NAMES), 9600), dtype=np.int16)


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project folder with a source of three clips beside it."""
    folder = tmp_path / "project"
    folder.mkdir()
    params = yaml.safe_load((PROJECT / "params.yaml").read_text())
    params |= {"corpus": {"manifest": "manifest.csv"}, "workers": {"backend": "loky", "jobs": 1}}
    (folder / "params.yaml").write_text(yaml.safe_dump(params))
    clips = dict(zip(NAMES, SOUNDS, strict=True))
    manifest = {name: ManifestEntry(len(samples), sha256_of(samples)) for name, samples in clips.items()}
    write_manifest(folder / "manifest.csv", manifest)
    for name, samples in clips.items():
        path = clip_path(tmp_path / "ravdess", name, suffix=".flac")
        path.parent.mkdir(parents=True, exist_ok=True)
        write_pcm16(path, samples, sample_rate=48_000)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["fetch"])
    monkeypatch.setattr(source, "PAUSE_S", 0.0)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("RAVDESS_DIR", str(tmp_path / "ravdess"))
    return folder


@pytest.fixture
def ravdess(tmp_path: Path) -> Path:
    return tmp_path / "ravdess"


def content(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*")}


def make_zip(ravdess: Path, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as bundle:
        for file in sorted(ravdess.rglob("*.flac")):
            bundle.write(file, file.relative_to(ravdess))
    return path


def failure() -> str:
    """Run the stage, which must fail; return its message."""
    with pytest.raises(SystemExit) as caught:
        command.run(fetch.main)
    # A text makes Python print it to stderr and exit with code 1.
    assert isinstance(caught.value.code, str)
    assert caught.value.code.startswith("error: ")
    return caught.value.code


def test_every_clip_is_written_as_canonical_wav(capsys: pytest.CaptureFixture[str]) -> None:
    command.run(fetch.main)
    files = [clip_path("data/raw", name) for name in NAMES]
    assert sorted(Path("data").rglob("*.*")) == sorted(files)
    for path, samples in zip(files, SOUNDS, strict=True):
        assert path.read_bytes()[44:] == samples.tobytes()
        assert soundfile.info(path).samplerate == 48_000
    assert "fetch: 3 clips from" in capsys.readouterr().out


def test_the_same_bytes_from_every_source_and_on_every_run(
    project: Path, ravdess: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    command.run(fetch.main)
    expected = content(project / "data" / "raw")

    archive = make_zip(ravdess, tmp_path / "any.zip")
    monkeypatch.setenv("RAVDESS_DIR", str(archive))
    command.run(fetch.main)
    assert content(project / "data" / "raw") == expected

    monkeypatch.delenv("RAVDESS_DIR")
    monkeypatch.setattr(source, "ARCHIVE_MD5", hashlib.md5(archive.read_bytes()).hexdigest())
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("RAVDESS_URL", f"http://127.0.0.1:{server.server_port}/any.zip")
        command.run(fetch.main)
        server.shutdown()
    assert content(project / "data" / "raw") == expected
    # The server is gone, but what was downloaded is still there.
    command.run(fetch.main)
    assert content(project / "data" / "raw") == expected


def test_as_a_command_it_explains_itself_and_fails_with_code_1(monkeypatch: pytest.MonkeyPatch) -> None:
    run = partial(subprocess.run, capture_output=True, text=True, check=False)
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    helped = run([sys.executable, "-m", "stages.fetch", "--help"], env=environment)
    assert helped.returncode == 0
    assert "RAVDESS_DIR" in helped.stdout
    failed = run([sys.executable, "-m", "stages.fetch"], env={**environment, "RAVDESS_DIR": "absent"})
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: absent: no such file or folder; set RAVDESS_DIR")
    monkeypatch.setattr(sys, "argv", ["fetch", "--wrong"])
    with pytest.raises(SystemExit, match="2"):
        command.run(fetch.main)


def replace_clip(ravdess: Path, data: bytes) -> None:
    clip_path(ravdess, NAMES[0], suffix=".flac").write_bytes(data)


def test_bad_recordings_are_listed_together_and_leave_nothing(project: Path, ravdess: Path) -> None:
    replace_clip(ravdess, b"")
    clip_path(ravdess, NAMES[2], suffix=".flac").rename(ravdess / "kids.wav")
    message = failure()
    assert [part in message for part in (NAMES[0], NAMES[2], "kids.wav")] == [True] * 3
    assert list((project / "data").iterdir()) == []


def test_an_unsafe_zip_leaves_nothing(
    project: Path, ravdess: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_zip(ravdess, tmp_path / "a.zip")
    with zipfile.ZipFile(archive, "a") as bundle:
        bundle.writestr("../outside.wav", b"RIFF")
        bundle.writestr("zeros.wav", bytes(2**25), zipfile.ZIP_DEFLATED)
    monkeypatch.setenv("RAVDESS_DIR", str(archive))
    message = failure()
    assert "'../outside.wav': its path leads out" in message
    assert "'zeros.wav': 33554432 bytes unpacked" in message
    assert list((project / "data").iterdir()) == []
    assert not (tmp_path / "outside.wav").exists()


def test_without_a_network_the_error_says_what_to_set(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command.run(fetch.main)
    before = content(project)
    monkeypatch.setenv("RAVDESS_DIR", "")
    monkeypatch.setenv("RAVDESS_URL", "http://127.0.0.1:1/a.zip")
    assert "http://127.0.0.1:1/a.zip: download failed" in (message := failure())
    assert "set RAVDESS_DIR to a folder with Actor_01 to Actor_24" in message
    assert content(project) == before


@pytest.mark.parametrize("file", ["params.yaml", "manifest.csv"])
def test_a_missing_file_of_the_project_is_named(project: Path, file: str) -> None:
    (project / file).unlink()
    assert file in failure()
    assert not (project / "data").exists()
