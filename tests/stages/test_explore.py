"""The stage draws every figure anew, or stops and leaves what was there."""

import hashlib
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from stage_runs import run_in

from ser.audio import clip_io as audio
from ser.data.ravdess import SAMPLE_RATE, all_clips, clip_path, parse_clip
from ser.errors import InputError
from ser.files import write_parquet
from stages import explore

PARAMS = Path(__file__).parents[2] / "params.yaml"
WRITTEN = {
    f"{name}.png"
    for name in (
        "class_distribution",
        "gender_distribution",
        "intensity_distribution",
        "waveforms",
        "logmels",
        "durations",
        "loudness",
    )
}


def fill(project: Path) -> None:
    """Write all that the stage reads: the table of all clips, and the recordings of two actors."""
    shutil.copy(PARAMS, project / "params.yaml")
    clips = pd.DataFrame([vars(parse_clip(clip)) for clip in all_clips()])
    noise = np.random.default_rng(0).normal(0, 0.05, SAMPLE_RATE // 5)
    for clip in clips.loc[clips["actor"] <= 2, "clip"]:
        path = clip_path(project / "data/raw", clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        audio.write_pcm16(path, noise, sample_rate=SAMPLE_RATE)
    paths = [clip_path("data/raw", clip).as_posix() for clip in clips["clip"]]
    measured = clips.assign(path=paths, sample_rate=SAMPLE_RATE, duration_s=0.2, rms_dbfs=-26.0)
    write_parquet(project / "data/clips.parquet", measured)


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("project")
    fill(project)
    run_in(project, explore)
    return project


def test_the_files_written_are_these_and_the_same_on_every_run(explored: Path) -> None:
    first = hashes(explored / "figures/explore")
    assert set(first) == WRITTEN
    (explored / "figures/explore/stray.png").touch()
    run_in(explored, explore)
    assert hashes(explored / "figures/explore") == first


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("data/clips.parquet", "data/clips.parquet"),
        ("data/raw/Actor_02/03-01-08-01-01-01-02.wav", "03-01-08-01-01-01-02.wav"),
    ],
)
@pytest.mark.parametrize("content", [None, b""])
def test_bad_input_is_named_and_the_former_figures_stay(
    explored: Path, tmp_path: Path, broken: str, words: str, content: bytes | None
) -> None:
    project = tmp_path / "project"
    shutil.copytree(explored, project)
    (project / broken).unlink()
    if content is not None:
        (project / broken).write_bytes(content)
    with pytest.raises(InputError, match=words):
        run_in(project, explore)
    assert [path.name for path in (project / "figures").iterdir()] == ["explore"]
    assert hashes(project / "figures/explore") == hashes(explored / "figures/explore")


def test_a_table_without_a_column_is_named(explored: Path, tmp_path: Path) -> None:
    shutil.copy(explored / "params.yaml", tmp_path)
    clips = pd.read_parquet(explored / "data/clips.parquet").drop(columns=["rms_dbfs"])
    write_parquet(tmp_path / "data/clips.parquet", clips)
    with pytest.raises(InputError, match="rms_dbfs"):
        run_in(tmp_path, explore)
    assert not (tmp_path / "figures").exists()
