"""What the commands do in an installation without extras."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import soundfile
from voices import spoken

from ser.cli.extras import needs
from ser.errors import InputError

PROJECT = Path(__file__).resolve().parents[2]
WITHOUT = """
import sys

class Missing:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in {missing!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Missing())
from ser.cli import main
sys.exit(main(sys.argv[1:]))
"""
EXTRAS = (
    *("pandas", "pyarrow", "scipy", "sklearn", "pydantic", "fastapi", "uvicorn", "sounddevice", "joblib"),
    *("librosa", "tensorflow", "matplotlib", "yaml", "onnx", "audiomentations", "dvc"),
)


@pytest.fixture
def emodb(tmp_path: Path) -> Path:
    """Recordings with names of EMO-DB: two speakers, two emotions."""
    folder = tmp_path / "emodb"
    folder.mkdir()
    for name in ("03a01Fa", "03a01Wa", "08a01Fa", "08a01Wa"):
        soundfile.write(folder / f"{name}.wav", spoken(1.5), 16_000)
    return folder


def call(*arguments: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", WITHOUT.format(missing=EXTRAS), *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_predict_evaluate_and_enrol_need_no_extra(emodb: Path, tmp_path: Path) -> None:
    for arguments in (
        ("predict", emodb, "--csv", "-o", tmp_path / "out.csv"),
        ("predict", emodb / "03a01Fa.wav", "--format", "elan"),
        ("evaluate", emodb, "--corpus", "emodb"),
        ("enrol", "anna", emodb, "--profiles", tmp_path / "profiles"),
    ):
        done = call(*arguments, folder=tmp_path)
        if arguments[0] == "enrol":
            # Four recordings are too few; all has been imported by then.
            assert "too few" in done.stderr
        else:
            assert (done.returncode, done.stderr) == (0, "")


def test_a_missing_extra_is_a_line_that_says_how_to_install_it(emodb: Path, tmp_path: Path) -> None:
    wanted = {
        ("predict", emodb, "--parquet", tmp_path / "out.parquet"): 'pip install "ravdess-ser[parquet]"',
        ("listen", "--devices"): 'pip install "ravdess-ser[listen]"',
    }
    for arguments, advice in wanted.items():
        done = call(*arguments, folder=tmp_path)
        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert advice in done.stderr


def test_a_fault_of_the_program_is_no_missing_package() -> None:
    with pytest.raises(ModuleNotFoundError), needs("parquet"):
        import ser.no_such_module  # type: ignore[import-not-found]  # noqa: F401
    advice = r'no_such_package is missing: pip install "ravdess-ser\[serve\]"'
    with pytest.raises(InputError, match=advice), needs("serve"):
        import no_such_package.part  # type: ignore[import-not-found]  # noqa: F401
