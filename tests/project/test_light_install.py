"""The package as its users install it: a wheel in an empty environment, called from another folder."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import soundfile
from voices import spoken

PROJECT = Path(__file__).resolve().parents[2]
MOST_MB = 250
IN_THE_WHEEL = ("pyproject.toml", "LICENSE", "docs/package_readme.md", "ser", "stages")


def constraints(folder: Path) -> Path:
    """Write the pinned versions without their hashes, by the command that the Dockerfile has."""
    found = re.search(
        r"^RUN (sed .+?) > constraints\.txt", (PROJECT / "Dockerfile").read_text(), re.MULTILINE
    )
    assert found is not None
    command = [*shlex.split(found[1])[:-1], str(PROJECT / "requirements.txt")]
    path = folder / "constraints.txt"
    path.write_text(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return path


def call(*command: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    # Nothing of the developer's environment: no PYTHONPATH, and no program but the system's.
    environment = {it: os.environ[it] for it in os.environ if not it.startswith(("PYTHON", "VIRTUAL_ENV"))}
    return subprocess.run(
        [str(it) for it in command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, folder = (tmp_path_factory.mktemp(name) for name in ("source", "wheel"))
    for name in IN_THE_WHEEL:
        (source / name).parent.mkdir(exist_ok=True)
        if (PROJECT / name).is_dir():
            shutil.copytree(PROJECT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(PROJECT / name, source / name)
    pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation")
    built = call(*pip, "--wheel-dir", folder, source, folder=folder)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install it; the path is that of a virtual environment."""
    folder = tmp_path_factory.mktemp("environment")
    assert call(sys.executable, "-m", "venv", folder / "venv", folder=folder).returncode == 0
    install(folder / "venv", str(wheel))
    return folder / "venv"


def install(environment: Path, what: str) -> None:
    command = (environment / "bin" / "pip", "install", "--quiet", "--constraint", constraints(environment))
    made = call(*command, what, folder=environment)
    assert made.returncode == 0, made.stderr


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """A folder with a recording, and nothing of the clone."""
    soundfile.write(tmp_path / "talk.wav", spoken(2.5), 16_000)
    return tmp_path


def test_it_is_small_and_of_pure_python(wheel: Path, environment: Path) -> None:
    assert wheel.name.endswith("-py3-none-any.whl")
    installed = sum(
        it.stat().st_size for it in environment.rglob("*") if it.is_file() and not it.is_symlink()
    )
    assert installed <= MOST_MB * 1e6
    names = {it.name for it in (environment / "lib").glob("python3.*/site-packages/*")}
    assert not names & {"tensorflow", "dvc", "librosa", "pandas", "scipy", "torch"}


def test_licences_of_all_weights_are_in_the_wheel(environment: Path) -> None:
    names = {
        it.name for it in environment.glob("lib/python3.*/site-packages/ravdess_ser-*/licenses/**/LICENSE*")
    }
    assert names == {"LICENSE", "LICENSE-weights.txt", "LICENSE-whisper.txt", "LICENSE-silero.txt"}


def test_it_predicts_listens_and_evaluates(environment: Path, elsewhere: Path) -> None:
    ser = environment / "bin" / "ser"
    predicted = call(ser, "predict", "talk.wav", "--json", folder=elsewhere)
    assert (predicted.returncode, predicted.stderr) == (0, "")
    assert json.loads(predicted.stdout)["file"] == "talk.wav"
    heard = call(ser, "listen", "--input", "talk.wav", "--json", folder=elsewhere)
    assert heard.returncode == 0, heard.stderr
    assert json.loads(heard.stdout.splitlines()[0])
    (elsewhere / "talk.wav").rename(elsewhere / "03-01-05-01-01-01-01.wav")
    scored = call(ser, "evaluate", ".", "--corpus", "ravdess", "--json", folder=elsewhere)
    assert (scored.returncode, scored.stderr) == (0, "")
    assert json.loads(scored.stdout)["n"] == 1


@pytest.mark.parametrize(
    ("arguments", "extra"),
    [
        (("predict", "talk.wav", "--parquet", "answers.parquet"), "parquet"),
        (("serve",), "serve"),
        (("listen",), "listen"),
    ],
)
def test_one_line_says_which_extra_is_missing(
    environment: Path, elsewhere: Path, arguments: tuple[str, ...], extra: str
) -> None:
    ended = call(environment / "bin" / "ser", *arguments, folder=elsewhere)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert f'pip install "ravdess-ser[{extra}]"' in line
    assert sorted(it.name for it in elsewhere.iterdir()) == ["talk.wav"]


def test_it_serves_with_the_extra(environment: Path, elsewhere: Path, wheel: Path) -> None:
    install(environment, f"{wheel}[serve]")
    with serving(environment, elsewhere) as address:
        with urllib.request.urlopen(f"{address}healthz") as answer:
            assert json.load(answer) == {"status": "ok"}
        request = urllib.request.Request(
            f"{address}api/recognize?name=talk.wav",
            data=(elsewhere / "talk.wav").read_bytes(),
            headers={"Content-Type": "audio/wav"},
        )
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["file"] == "talk.wav"


@contextmanager
def serving(environment: Path, folder: Path) -> Iterator[str]:
    """Give the address at which `ser serve` says that it is."""
    command = [str(environment / "bin" / "ser"), "serve", "--port", "0"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().split()[2]
        finally:
            process.terminate()
