"""Standard error of the program: its own lines, and none of a library."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile
from voices import spoken

from ser.audio.mpeg_frames import frame_at
from ser.audio.stream import open_sound
from ser.errors import InputError

RATE = 24_000


def with_garbled_frames() -> bytes:
    """MP3 of which some frames hold bytes that mean nothing, which libmpg123 reports."""
    content = io.BytesIO()
    soundfile.write(content, spoken(3, rate=RATE), RATE, format="MP3")
    garbled = bytearray(content.getvalue())
    place, number = 0, 0
    while (frame := frame_at(bytes(garbled), place)) is not None:
        if number % 10 == 5:
            garbled[place + 4 : place + frame.size] = np.random.default_rng(number).bytes(frame.size - 4)
        place, number = place + frame.size, number + 1
    return bytes(garbled)


def run(*arguments: str, python: tuple[str, ...] = ()) -> str:
    command = [sys.executable, *python, "-m", "ser.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stderr


def test_libraries_write_nothing_to_standard_error(
    bundle_folder: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(with_garbled_frames())
    with pytest.raises(InputError, match="damaged, it holds samples of"), open_sound(path) as sound:
        for _ in sound.blocks:
            pass
    assert "libmpg123" in capfd.readouterr().err
    predict = ("predict", str(path), str(tmp_path / "gone.wav"), "--bundle", str(bundle_folder))
    lines = run(*predict).splitlines()
    assert [it for it in lines if not it.startswith("error: ")] == []
    assert any("gone.wav: no such file" in it for it in lines)
    # Who looks for a fault can have all of them.
    assert "libmpg123" in run(*predict, python=("-X", "dev"))


def test_wrong_usage_is_still_told() -> None:
    assert "usage: ser" in run("predict", "--nothing-like-it")


def test_a_closed_standard_error_is_no_matter(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ser.cli", "--version"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" 2>&-', "sh", *command],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("ravdess-ser ")


def test_without_a_null_device_errors_are_still_told(tmp_path: Path) -> None:
    program = (
        f"import os, sys; os.devnull = {str(tmp_path / 'gone')!r}\n"
        "from ser.cli import main\n"
        "from ser.cli.own_stderr import keep_libraries_quiet\n"
        "keep_libraries_quiet()\n"
        "sys.exit(main(['predict', '--nothing-like-it']))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert (done.returncode, "usage: ser" in done.stderr) == (2, True)
