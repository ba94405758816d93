"""Which files of a folder are recordings: by their endings, or by how they begin; linked folders once."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import soundfile
from voices import spoken

from ser.audio.paths import ENDINGS, by_ending, find

RATE = 16_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "recordings"
    place.mkdir()
    return place


def found(folder: Path) -> list[str]:
    return [str(Path(it).relative_to(folder)) for it in find([str(folder)]).files]


def test_what_is_left_out_is_counted_by_its_ending(folder: Path) -> None:
    for name in ("a.wav", "b.txt", "c.TXT", "d.pdf", "noending", ".hidden", ".wav", "deeper/e.txt"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("no recording")
    assert found(folder) == ["a.wav"]
    assert by_ending(find([str(folder)]).left_out) == {".txt": 3, ".pdf": 1, "": 1}
    # What is named is meant, and left out of nothing.
    assert by_ending(find([str(folder / "b.txt"), f"{folder}/*.pdf"]).left_out) == {}


@pytest.mark.parametrize(
    "form", ["WAV", "RF64", "W64", "FLAC", "OGG", "MP3", "AIFF", "AU", "CAF", "VOC", "NIST"]
)
def test_a_recording_needs_no_ending(form: str, folder: Path) -> None:
    for name in ("talk", "2024.05.12", "talk.wav.part"):
        soundfile.write(folder / name, spoken(1), RATE, format=form)
    assert found(folder) == ["2024.05.12", "talk", "talk.wav.part"]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not on the PATH")
@pytest.mark.parametrize(
    "ending", ["mov", "mkv", "3gp", "m4b", "mp2", "avi", "flv", "wma", "wv", "tta", "mts", "spx"]
)
def test_what_ffmpeg_reads_is_taken_by_its_ending_and_by_its_start(ending: str, folder: Path) -> None:
    source = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=300:sample_rate=44100"]
    how = {"3gp": ["-c:a", "aac"], "spx": ["-ar", "16000"], "m4b": ["-f", "ipod"]}.get(ending, [])
    subprocess.run([*source, "-t", "1", *how, folder / f"a.{ending}"], check=True)
    shutil.copy(folder / f"a.{ending}", folder / "b")
    assert f".{ending}" in ENDINGS
    assert found(folder) == [f"a.{ending}", "b"]


def test_endings_that_others_use_as_well_need_the_start_of_a_recording(folder: Path) -> None:
    (folder / "code.ts").write_text("export const G = 1;\n")
    (folder / "tags.rst").write_text("ID3\n===\n\nTags of music.\n")
    (folder / "matrix.mat").write_bytes(b"MATLAB 5.0 MAT-file" + bytes(200))
    assert found(folder) == []


def test_linked_folders_are_searched_once(folder: Path, tmp_path: Path) -> None:
    for name in ("recordings/z/own.wav", "elsewhere/far.wav", "elsewhere/more/farther.flac"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    # A link that comes first must not hide the folder itself; others lead in circles, or twice to one place.
    for name, to in (
        ("a", folder / "z"),
        ("link", tmp_path / "elsewhere"),
        ("link2", tmp_path / "elsewhere" / "more"),
        ("up", folder),
    ):
        (folder / name).symlink_to(to)
    (tmp_path / "elsewhere" / "back").symlink_to(folder)
    (folder / "gone").symlink_to("nowhere")
    assert found(folder) == ["link/far.wav", "link/more/farther.flac", "z/own.wav"]
    assert find([str(folder / "a")]).files == [str(folder / "a/own.wav")]


def test_hidden_folders_are_passed_over(folder: Path) -> None:
    (folder / ".cache").mkdir()
    soundfile.write(folder / ".cache" / "0123", spoken(1), RATE, format="WAV")
    soundfile.write(folder / "a.wav", spoken(1), RATE)
    everything = find([str(folder)])
    assert (found(folder), by_ending(everything.left_out)) == (["a.wav"], {})


def test_what_may_not_be_read_is_left_out(folder: Path) -> None:
    soundfile.write(folder / "a", spoken(1), RATE, format="WAV")
    os.mkfifo(folder / "pipe")
    if os.geteuid():
        (folder / "a").chmod(0)
        assert by_ending(find([str(folder)]).left_out) == {"": 1}
    else:
        assert found(folder) == ["a"]
