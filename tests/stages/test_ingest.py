"""The stage ingest: the table of clips, and what stops it."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import soundfile
import yaml
from joblib.externals.loky import get_reusable_executor

from ser.audio.clip_io import Pcm16, sha256_of, write_pcm16
from ser.data.clips import MOST_LISTED
from ser.data.ravdess import ManifestEntry, clip_path, write_manifest
from stages import command, ingest

PROJECT = Path(__file__).parents[2]
TWINS = ("03-01-03-01-02-01-07", "03-01-03-01-02-02-07")
OTHERS = ("03-01-01-01-01-01-24", "03-01-08-02-02-02-01")
SAME = np.random.default_rng(0).integers(-9000, 9000, 9600, dtype=np.int16)
SQUARE = np.resize(np.array([16384, -16384], dtype=np.int16), 24_000)
CLIPS: dict[str, Pcm16] = {TWINS[0]: SAME, TWINS[1]: SAME, OTHERS[0]: SQUARE, OTHERS[1]: SAME[::-1].copy()}


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder as fetch leaves it, with four clips, two of them the same."""
    params = yaml.safe_load((PROJECT / "params.yaml").read_text())
    params |= {"corpus": {"manifest": "manifest.csv"}, "workers": {"backend": "loky", "jobs": 1}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    for name, samples in CLIPS.items():
        path = clip_path(tmp_path / "data" / "raw", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_pcm16(path, samples, sample_rate=48_000)
    manifest = {name: ManifestEntry(len(samples), sha256_of(samples)) for name, samples in CLIPS.items()}
    write_manifest(tmp_path / "manifest.csv", manifest)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["ingest"])
    return tmp_path


def failure() -> str:
    """Run the stage, which must fail; return its message."""
    with pytest.raises(SystemExit) as caught:
        command.run(ingest.main)
    assert isinstance(caught.value.code, str)
    return caught.value.code


def test_the_table_says_all_about_each_clip() -> None:
    command.run(ingest.main)
    table = pd.read_parquet("data/clips.parquet")
    assert list(table["clip"]) == sorted(CLIPS)
    assert table.iloc[0].to_dict() == {
        "clip": OTHERS[0],
        "path": f"data/raw/Actor_24/{OTHERS[0]}.wav",
        "emotion": "neutral",
        "intensity": "normal",
        "statement": "kids",
        "repetition": 1,
        "actor": 24,
        "gender": "female",
        "sample_rate": 48_000,
        "frames": 24_000,
        "duration_s": 0.5,
        "peak_dbfs": -6.0206,
        "rms_dbfs": -6.0206,
        "sha256": sha256_of(SQUARE),
        "duplicate": False,
    }
    assert table.dtypes.groupby(table.dtypes.astype(str)).size().to_dict() == {
        "bool": 1,
        "float64": 3,
        "int64": 4,
        "str": 7,
    }


def test_byte_identical_clips_are_flagged_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    command.run(ingest.main)
    table = pd.read_parquet("data/clips.parquet")
    assert tuple(table.loc[table["duplicate"], "clip"]) == TWINS
    assert f"ingest: byte-identical clips: {TWINS[0]} = {TWINS[1]}\n" in capsys.readouterr().out


def test_no_duplicates_are_told_too() -> None:
    clips = pd.DataFrame({"clip": ["a", "b"], "sha256": ["0", "1"], "duplicate": [False, False]})
    assert ingest.describe_duplicates(clips) == "byte-identical clips: none"


@pytest.fixture
def fresh_processes() -> Iterator[None]:
    """Worker processes outlive a test, and stay in the working folder that they were started in."""
    get_reusable_executor().shutdown(wait=True)
    yield
    get_reusable_executor().shutdown(wait=True)


@pytest.mark.usefixtures("fresh_processes")
@pytest.mark.parametrize("workers", ["backend: loky\n  jobs: 2", "backend: loky\n  jobs: 3"])
def test_the_same_bytes_whatever_the_workers(project: Path, workers: str) -> None:
    command.run(ingest.main)
    before = (project / "data/clips.parquet").read_bytes()
    params = (project / "params.yaml").read_text()
    assert "backend: loky\n  jobs: 1" in params
    (project / "params.yaml").write_text(params.replace("backend: loky\n  jobs: 1", workers))
    command.run(ingest.main)
    assert (project / "data/clips.parquet").read_bytes() == before


def test_all_bad_files_are_listed_at_once_and_the_former_table_stays(project: Path) -> None:
    command.run(ingest.main)
    before = (project / "data/clips.parquet").read_bytes()
    raw = project / "data/raw"
    clip_path(raw, TWINS[0]).write_bytes(b"")
    soundfile.write(clip_path(raw, TWINS[1]), SAME * 0, 48_000)
    clip_path(raw, OTHERS[0]).rename(raw / "Actor_24" / "03-01-01-01-01-01-99.wav")
    soundfile.write(clip_path(raw, OTHERS[1], suffix=".flac"), CLIPS[OTHERS[1]], 48_000)
    message = failure()
    for line in (
        f"data/raw/Actor_07/{TWINS[0]}.wav: empty file",
        f"data/raw/Actor_07/{TWINS[1]}.wav: silent",
        "Actor_24/03-01-01-01-01-01-99.wav: 03-01-01-01-01-01-99: actor is 99",
        f"{OTHERS[0]}: missing",
        f"{OTHERS[1]}: doubled, keep one of Actor_01/{OTHERS[1]}.flac, Actor_01/{OTHERS[1]}.wav",
    ):
        assert f"\n  {line}" in message
    assert "(5 problems)" in message
    assert (project / "data/clips.parquet").read_bytes() == before
    assert sorted(path.name for path in (project / "data").iterdir()) == ["clips.parquet", "raw"]


def test_of_very_many_bad_names_the_rest_is_counted(project: Path) -> None:
    for number in range(MOST_LISTED + 5):
        (project / f"data/raw/{number}.wav").touch()
    heading, *lines = failure().splitlines()
    assert f"({MOST_LISTED + 5} problems)" in heading
    assert len(lines) == MOST_LISTED + 1
    assert lines[-1] == "  ... and 5 more"


def test_without_fetch_the_error_says_so(project: Path) -> None:
    (project / "data").rename(project / "elsewhere")
    assert "data/raw: no such folder; the stage fetch makes it" in failure()
