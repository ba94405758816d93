"""Bad recordings, names and disks, before everyone who reads recordings.

Each says in one message which file it is and what to do, exits with a code that is not 0, and leaves what was
there before; `ser predict` goes on with the next file. Zips are in test_source.py, parameters in
test_bad_params.py.
"""

import json
import re
import shutil
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
import yaml
from bad_recordings import BAD, RATE, SOUND, Bad, encoded
from full_disk import check_full_disk, content, no_more_than
from params_files import read_params, write_params
from sound_readers import READERS, Reader
from starlette.testclient import TestClient

from ser.audio.clip_io import read_pcm16, sha256_of, write_pcm16
from ser.cli import main
from ser.data.clips import read_clip
from ser.data.ravdess import ManifestEntry, all_clips, clip_path, parse_clip, write_manifest
from ser.errors import InputError
from ser.files import write_parquet
from ser.recognizer.recognizer import Recognizer
from ser.web.app import create_app
from ser.web.limits import Limits
from stages import command, fetch, ingest

PROJECT = Path(__file__).parents[2]
SPOILT, *OTHERS = NAMES = (
    *("03-01-01-01-01-01-01", "03-01-05-02-01-01-01"),
    # Another actor says each sentence neutrally.
    *("03-01-01-01-01-01-02", "03-01-01-01-02-02-02"),
)
EVERY_KIND = pytest.mark.parametrize("bad", BAD.values(), ids=BAD)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the recordings of four clips, their table, and something where stages write."""
    folder = tmp_path / "project"
    folder.mkdir()
    params = read_params()
    params |= {"corpus": {"manifest": "manifest.csv"}, "workers": {"backend": "loky", "jobs": 1}}
    params["resample"] = {"speeds": [1.1]}
    params["experiments/dtw"]["alignment"]["template_actors"] = [2]
    write_params(params, folder)
    write_manifest(folder / "manifest.csv", dict.fromkeys(NAMES, ManifestEntry(len(SOUND), sha256_of(SOUND))))
    for place in (tmp_path / "ravdess", folder / "data/raw"):
        for name in NAMES:
            clip_path(place, name).parent.mkdir(parents=True, exist_ok=True)
            write_pcm16(clip_path(place, name), SOUND, sample_rate=RATE)
    for former in ("augmented/noise/draws.parquet", "features/clean/a.npy", "features/resampled/a.npy"):
        (folder / "data" / former).parent.mkdir(parents=True)
        (folder / "data" / former).write_bytes(b"former")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("RAVDESS_DIR", str(tmp_path / "ravdess"))
    write_clips(NAMES)
    return folder


def write_clips(names: Sequence[str]) -> None:
    table = pd.DataFrame([vars(parse_clip(name)) for name in names])
    write_parquet("data/clips.parquet", table.assign(path=[str(clip_path("data/raw", it)) for it in names]))


def failure(stage: ModuleType, *arguments: str) -> str:
    """Run a stage as its command; it must fail with one message, and change no file. Return the message."""
    before = content(Path.cwd())
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(sys, "argv", [stage.__name__, *arguments])
        command.run(stage.main)
    assert content(Path.cwd()) == before
    # A text makes Python print it to stderr, without a traceback, and exit with code 1.
    assert isinstance(stopped.value.code, str)
    assert stopped.value.code.startswith("error: ")
    return stopped.value.code


@EVERY_KIND
def test_fetch_names_a_bad_recording(project: Path, bad: Bad) -> None:
    source = project.parent / "ravdess"
    bad.write(clip_path(source, SPOILT))
    message = failure(fetch)
    assert message.startswith(f"error: {source}: ")
    assert re.search(rf"\n  Actor_01/{SPOILT}\.wav: .*({bad.clip})", message)
    assert "(1 problem)" in message


@EVERY_KIND
def test_ingest_names_a_bad_recording(project: Path, bad: Bad) -> None:
    bad.write(clip_path("data/raw", SPOILT))
    message = failure(ingest)
    assert re.search(rf"\n  data/raw/Actor_01/{SPOILT}\.wav: .*({bad.clip})", message)
    assert "(1 problem)" in message
    assert "run the stage fetch again" in message


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_later_stage_names_what_it_cannot_read(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    reader.prepare(monkeypatch)
    path = reader.path(SPOILT)
    for kind, bad in BAD.items():
        if bad.later:
            bad.write(path)
            assert re.search(rf"{path}: .*({bad.later})", failure(reader.stage, *reader.arguments)), kind
    path.unlink()
    assert f"{path}: no such file" in failure(reader.stage, *reader.arguments)


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_later_stage_makes_numbers_of_what_only_ingest_can_tell(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All at once, as one actor's clips; the other's are right, and serve as templates and talkers."""
    odd = [bad for bad in BAD.values() if not bad.later]
    names = [name for name in all_clips() if name.endswith("01")][: len(odd)]
    for name, bad in zip(names, odd, strict=True):
        bad.write(clip_path("data/raw", name))
    write_clips([*names, *OTHERS[1:]])
    reader.prepare(monkeypatch)
    monkeypatch.setattr(sys, "argv", [reader.stage.__name__, *reader.arguments])
    before = content(Path("data"))
    command.run(reader.stage.main)
    written = {name for name, it in content(Path("data")).items() if it != before.get(name)}
    for name in written:
        if name.endswith(".npy"):
            assert np.isfinite(np.load(name)).all(), name
        if name.endswith(".parquet"):
            assert np.isfinite(pd.read_parquet(name).select_dtypes("number")).all(axis=None), name


def test_every_stage_that_reads_recordings_is_tried() -> None:
    reading = set()
    for file in (PROJECT / "dvc.yaml", *PROJECT.glob("experiments/**/dvc.yaml")):
        for stage in yaml.safe_load(file.read_text())["stages"].values():
            of_each = stage.get("do", stage)
            if re.search(
                r"data/([^,]*/)?(raw|augmented)\b", str(of_each["deps"]) + str(stage.get("foreach"))
            ):
                reading |= set(re.findall(r"-m (\S+)", of_each["cmd"]))
    tried = {reader.stage.__name__ for reader in READERS.values()}
    # The first two have tests of their own, and the third reads what a manifest's checksums passed.
    others = {"stages.ingest", "experiments.recognizer.export", "experiments.cross_corpus.ingest"}
    assert reading == tried | others


def rename(folder: Path, name: str) -> None:
    clip_path(folder, SPOILT).rename(folder / "Actor_01" / name)


def link_to_nothing(folder: Path) -> None:
    clip_path(folder, SPOILT).unlink()
    clip_path(folder, SPOILT).symlink_to("nothing")


def folder_instead(folder: Path) -> None:
    clip_path(folder, SPOILT).unlink()
    clip_path(folder, SPOILT).mkdir()


WRONG: dict[str, tuple[Callable[[Path], object], str]] = {
    "name of another emotion": (
        lambda folder: rename(folder, "03-01-01-02-01-01-01.wav"),
        "neutral has no strong",
    ),
    "actor out of range": (lambda folder: rename(folder, "03-01-01-01-01-01-99.wav"), "actor is 99"),
    "no RAVDESS name": (lambda folder: rename(folder, "kids.wav"), "kids: not a RAVDESS name"),
    "song": (lambda folder: rename(folder, "03-02-01-01-01-01-01.wav"), "vocal channel is 02"),
    "surplus": (lambda folder: rename(folder, "03-01-02-02-01-01-01.wav"), "not in the manifest"),
    "missing clip": (lambda folder: clip_path(folder, SPOILT).unlink(), f"{SPOILT}: missing"),
    "missing actor": (lambda folder: shutil.rmtree(folder / "Actor_01"), "Actor_01: missing, all 2 clips"),
    "doubled": (
        lambda folder: write_pcm16(clip_path(folder, SPOILT, suffix=".flac"), SOUND, sample_rate=RATE),
        f"{SPOILT}: doubled, keep one of Actor_01/{SPOILT}.flac, Actor_01/{SPOILT}.wav",
    ),
    "doubled in another folder": (
        lambda folder: shutil.copy(clip_path(folder, SPOILT), folder / f"{SPOILT}.wav"),
        f"{SPOILT}: doubled",
    ),
    "link to nothing": (link_to_nothing, f"{SPOILT}: missing"),
    "folder instead": (folder_instead, f"{SPOILT}: missing"),
}


@pytest.mark.parametrize(("spoil", "says"), WRONG.values(), ids=WRONG)
def test_fetch_and_ingest_name_what_is_misnamed_doubled_or_missing(
    project: Path, spoil: Callable[[Path], object], says: str
) -> None:
    spoil(project.parent / "ravdess")
    assert f"\n  {says}" in (message := failure(fetch)) or f": {says}" in message
    spoil(project / "data/raw")
    assert f"\n  {says}" in (message := failure(ingest)) or f": {says}" in message


# Who only listens: whatever can be understood is.


def test_predict_names_each_bad_recording_and_recognises_the_others(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = {tmp_path / f"{kind}.wav": bad for kind, bad in BAD.items()}
    for path, bad in paths.items():
        bad.write(path)
    assert main(["predict", str(tmp_path), "--json", "--bundle", str(bundle_folder)]) == 1
    shown = capsys.readouterr()
    recognised = {json.loads(line)["file"] for line in shown.out.splitlines()}
    assert recognised == {str(path) for path, bad in paths.items() if bad.heard is None}
    complaints = [line for line in shown.err.splitlines() if line.startswith("error: ")]
    wanted = {str(path): bad.heard for path, bad in paths.items() if bad.heard}
    assert len(complaints) == len(wanted)
    for name, words in wanted.items():
        (complaint,) = (line for line in complaints if line.startswith(f"error: {name}: "))
        assert re.search(words, complaint)


def test_serve_refuses_each_bad_recording_and_recognises_the_others(
    bundle_folder: Path, tmp_path: Path
) -> None:
    app = create_app(Recognizer.load(bundle_folder), Limits(largest_bytes=10_000_000, longest_s=90.0))
    with TestClient(app, raise_server_exceptions=False) as client:
        for kind, bad in BAD.items():
            bad.write(tmp_path / "it")
            response = client.post(
                "/api/recognize", content=(tmp_path / "it").read_bytes(), params={"name": "a.wav"}
            )
            if bad.heard is None:
                assert response.status_code == 200, kind
            else:
                assert response.status_code in (415, 422), kind
                assert re.search(f"^a.wav: .*({bad.heard})", response.json()["detail"]), kind


# A disk that is full. Of stages that read no recordings, it is tried where their other tests are.

WRITING = {"fetch": Reader(fetch), "ingest": Reader(ingest), **READERS}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("reader", WRITING.values(), ids=WRITING)
def test_a_full_disk_is_named_and_the_former_output_stays(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader.prepare(monkeypatch)
    check_full_disk(reader.stage, *reader.arguments)


def test_predict_on_a_full_disk_leaves_no_half_table(
    bundle_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.wav").write_bytes(encoded(SOUND))
    table = tmp_path / "out.parquet"
    table.write_bytes(b"former")
    command_line = ["predict", str(tmp_path), "--parquet", str(table), "--bundle", str(bundle_folder)]
    with no_more_than(1000):
        assert main(command_line) == 1
    assert str(table) in capsys.readouterr().err
    assert table.read_bytes() == b"former"
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["a.wav", "out.parquet"]


# Memory.


@contextmanager
def little_memory() -> Iterator[None]:
    """Not that of the samples: one second of a mono recording would be 96 kB."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 50_000


@pytest.mark.parametrize("minutes", [2, 20])
def test_a_file_that_is_too_long_is_refused_before_it_is_read(tmp_path: Path, minutes: int) -> None:
    path = tmp_path / "long.flac"
    path.write_bytes(encoded(np.ones(minutes * 60 * RATE, np.int16), form="FLAC"))
    with little_memory(), pytest.raises(InputError, match="at most 60 s"):
        read_pcm16(path, sample_rate=RATE)


@pytest.mark.parametrize("channels", [3, 1024])
@pytest.mark.parametrize("as_stream", [False, True])
def test_a_file_of_many_channels_is_refused_before_it_is_read(
    tmp_path: Path, channels: int, as_stream: bool
) -> None:
    path = tmp_path / "many.wav"
    path.write_bytes(encoded(np.tile(SOUND[: RATE // 5, None], channels)))
    with path.open("rb") as stream, little_memory(), pytest.raises(InputError) as caught:
        read_clip(path, ManifestEntry(RATE // 5, ""), stream=stream if as_stream else None)
    assert str(caught.value).startswith(f"{path}: {channels} channels, but a clip has one, or two equal ones")
