"""Folder, zip and download give the same clips; what is unsafe or incomplete is refused."""

import hashlib
import io
import stat
import struct
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.audio.clip_io import Pcm16, sha256_of, write_pcm16
from ser.data import download as source
from ser.data.clips import MOST_LISTED
from ser.data.download import ARCHIVE, Archive, Folder, Source, copy_clips, download, locate
from ser.data.ravdess import SAMPLE_RATE, ManifestEntry, clip_path
from ser.errors import InputError
from ser.params import Workers

WORKERS = Workers(backend="loky", jobs=1)
NAMES = ("03-01-01-01-01-01-01", "03-01-05-02-01-01-01", "03-01-08-01-02-02-02", "03-01-02-01-01-01-24")


def noise(seed: int) -> Pcm16:
    """A fifth of a second of sound."""
    return np.random.default_rng(seed).integers(-9000, 9000, 9600 + seed, dtype=np.int16)


CLIPS = {name: noise(seed) for seed, name in enumerate(NAMES)}
MANIFEST = {name: ManifestEntry(len(samples), sha256_of(samples)) for name, samples in CLIPS.items()}


def write_folder(folder: Path, suffix: str = ".wav") -> Path:
    for name, samples in CLIPS.items():
        path = clip_path(folder, name, suffix=suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_pcm16(path, samples, sample_rate=SAMPLE_RATE)
    return folder


def write_zip(path: Path, *, suffix: str = ".wav") -> Path:
    folder = write_folder(path.parent / "to_zip", suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        for file in sorted(folder.rglob("*")):
            bundle.write(file, file.relative_to(folder))
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*.*")}


@pytest.fixture
def canonical(tmp_path: Path) -> dict[str, bytes]:
    return content(write_folder(tmp_path / "canonical"))


def stereo_and_odd_header(folder: Path) -> Path:
    """As five clips of the release are: two equal channels; and chunks that no sample needs."""
    write_folder(folder)
    for name, samples in CLIPS.items():
        with soundfile.SoundFile(clip_path(folder, name), "w", SAMPLE_RATE, 2, "PCM_16") as sound:
            sound.title = "a chunk more in the header"
            sound.write(np.stack([samples, samples], axis=1))
    return folder


def upper_case(folder: Path) -> Path:
    for file in list(write_folder(folder).rglob("*.wav")):
        file.rename(file.with_suffix(".WAV"))
    return folder


def with_ignored_files(folder: Path) -> Path:
    write_folder(folder)
    (folder / "README.md").write_text("read me")
    (folder / "manifest.csv").write_text("clip")
    (folder / "Actor_01" / ".DS_Store").write_bytes(b"\0")
    (folder / "Actor_01" / f"._{NAMES[0]}.wav").write_bytes(b"\0")
    # A well-known copy holds the corpus a second time, a level further down.
    write_folder(folder / "audio_speech_actors_01-24")
    return folder


def zip_with_ignored_entries(folder: Path) -> Path:
    path = write_zip(folder / "corpus.zip")
    with zipfile.ZipFile(path, "a") as bundle:
        bundle.writestr("README.txt", "read me")
        bundle.writestr(f"__MACOSX/Actor_01/._{NAMES[0]}.wav", b"\0")
        bundle.writestr(f"__MACOSX/Actor_01/{NAMES[0]}.wav", b"\0")
        bundle.mkdir("a_folder.wav")
    return path


def zip_in_a_folder(folder: Path) -> Path:
    write_zip(folder / "elsewhere" / ARCHIVE).rename(folder / ARCHIVE)
    return folder


SOURCES: dict[str, Callable[[Path], Path]] = {
    "wav": write_folder,
    "flac": lambda folder: write_folder(folder, ".flac"),
    "stereo": stereo_and_odd_header,
    "upper case": upper_case,
    "ignored files": with_ignored_files,
    "zip": lambda folder: write_zip(folder / "any name.zip"),
    "zip of flac": lambda folder: write_zip(folder / ARCHIVE, suffix=".flac"),
    "zip with ignored entries": zip_with_ignored_entries,
    "zip in a folder": zip_in_a_folder,
}


@pytest.mark.parametrize("make", SOURCES.values(), ids=SOURCES)
def test_the_same_bytes_whatever_the_source(
    tmp_path: Path, make: Callable[[Path], Path], canonical: dict[str, bytes]
) -> None:
    (tmp_path / "in").mkdir()
    copy_clips(locate(make(tmp_path / "in")), MANIFEST, tmp_path / "out", workers=WORKERS)
    assert content(tmp_path / "out") == canonical


def test_what_holds_no_recordings_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "Actor_01").mkdir()
    (tmp_path / "notes.txt").touch()
    for path, says in [(tmp_path, "holds no recordings"), (tmp_path / "absent", "no such file or folder")]:
        with pytest.raises(InputError, match=rf"{path}: {says}.*set RAVDESS_DIR"):
            locate(path)
    with pytest.raises(InputError, match=r"notes\.txt: no readable zip"):
        locate(tmp_path / "notes.txt").names()


def test_all_faults_of_a_source_are_listed_at_once(tmp_path: Path) -> None:
    folder = write_folder(tmp_path)
    manifest = MANIFEST | {
        "03-01-03-01-01-01-01": ManifestEntry(1, "0" * 64),
        "03-01-03-01-01-01-05": ManifestEntry(1, "0" * 64),
        "03-01-03-01-01-02-05": ManifestEntry(1, "0" * 64),
    }
    write_pcm16(folder / "Actor_01" / f"{NAMES[0]}.flac", CLIPS[NAMES[0]], sample_rate=SAMPLE_RATE)
    write_pcm16(clip_path(folder, NAMES[1]), CLIPS[NAMES[1]][::-1], sample_rate=SAMPLE_RATE)
    write_pcm16(clip_path(folder, NAMES[2]), CLIPS[NAMES[2]][:-9], sample_rate=SAMPLE_RATE)
    clip_path(folder, NAMES[3]).write_bytes(b"")
    song = "03-02-01-01-01-01-01"
    for surplus in (f"{song}.wav", "copy of.FLAC", "03-01-04-01-01-01-01.wav"):
        write_pcm16(folder / "Actor_01" / surplus, noise(9), sample_rate=SAMPLE_RATE)
    with pytest.raises(InputError) as caught:
        copy_clips(Folder(folder), manifest, tmp_path / "out", workers=WORKERS)
    assert str(caught.value).splitlines()[1:] == [
        f"  {NAMES[0]}: doubled, keep one of Actor_01/{NAMES[0]}.flac, Actor_01/{NAMES[0]}.wav",
        "  03-01-03-01-01-01-01: missing",
        "  Actor_01/03-01-04-01-01-01-01.wav: not in the manifest",
        f"  Actor_01/{NAMES[1]}.wav: its samples have another checksum than the manifest's; copy it again",
        f"  Actor_01/{song}.wav: {song}: vocal channel is 02, but must be 01, speech",
        "  Actor_01/copy of.FLAC: copy of: not a RAVDESS name (seven two-digit fields joined by hyphens)",
        f"  Actor_02/{NAMES[2]}.wav: 9593 frames, but the manifest says 9602;"
        " truncated or edited, copy it again",
        "  Actor_05: missing, all 2 clips",
        f"  Actor_24/{NAMES[3]}.wav: empty file, 0 bytes; copy it again",
    ]
    assert str(caught.value).startswith(f"{folder}: ")
    assert "(9 problems)" in str(caught.value)


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
def test_a_header_that_leads_out_of_the_file_leaves_no_traceback(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "in")
    aiff = io.BytesIO()
    soundfile.write(aiff, CLIPS[NAMES[0]], SAMPLE_RATE, format="AIFF", subtype="PCM_16")
    clip_path(folder, NAMES[0]).write_bytes(aiff.getvalue().replace(b"SSND", bytes(4)))
    with pytest.raises(InputError, match=NAMES[0]):
        copy_clips(locate(folder), MANIFEST, tmp_path / "out", workers=Workers(backend="loky", jobs=1))


@pytest.mark.parametrize("zipped", [False, True])
def test_a_clip_of_many_channels_is_listed(tmp_path: Path, zipped: bool) -> None:
    folder = write_folder(tmp_path / "in")
    samples = np.tile(CLIPS[NAMES[0]][:, None], 300)
    soundfile.write(clip_path(folder, NAMES[0]), samples, SAMPLE_RATE, subtype="PCM_16")
    path = folder
    if zipped:
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
            for file in folder.rglob("*.wav"):
                bundle.write(file, file.relative_to(folder))
    with pytest.raises(InputError) as caught:
        copy_clips(locate(path), MANIFEST, tmp_path / "out", workers=WORKERS)
    (line,) = str(caught.value).splitlines()[1:]
    assert line.startswith(f"  Actor_01/{NAMES[0]}.wav: 300 channels, but a clip has one, or two equal ones")


def test_a_file_that_cannot_be_opened_is_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = Folder(write_folder(tmp_path / "in"))
    names = folder.names()
    monkeypatch.setattr(Folder, "names", lambda self: names)
    clip_path(folder.path, NAMES[0]).unlink()
    with pytest.raises(InputError, match=rf"{NAMES[0]}\.wav: cannot be opened"):
        copy_clips(folder, MANIFEST, tmp_path / "out", workers=WORKERS)


# Zips that must be refused. Python writes no encrypted or lying entry: those are patched in.


def zip_of(path: Path, entry: zipfile.ZipInfo | str, data: bytes = b"RIFF", method: int = 8) -> Path:
    write_zip(path)
    with zipfile.ZipFile(path, "a") as bundle:
        bundle.writestr(entry, data, method)
    return path


def link(path: Path) -> Path:
    entry = zipfile.ZipInfo("Actor_01/link.wav")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zip_of(path, entry, b"/etc/passwd")


def patched(path: Path, *, offset: int, value: bytes) -> Path:
    """Change the first entry of the central directory, from `offset` on."""
    raw = bytearray(path.read_bytes())
    start = raw.index(b"PK\1\2") + offset
    raw[start : start + len(value)] = value
    path.write_bytes(raw)
    return path


UNSAFE: dict[str, tuple[Callable[[Path], Path], str]] = {
    name: (lambda path, name=name: zip_of(path, name), "leads out of the archive")  # type: ignore[misc]
    for name in ("/etc/a.wav", "../a.wav", "Actor_01/../../a.wav", "C:/a.wav", "c:a.wav", "..\\a.wav", "..")
}
UNSAFE |= {
    "null byte": (lambda path: patched(write_zip(path), offset=46 + 4, value=b"\0"), "leads out"),
    "link": (link, r"link\.wav': a link or device"),
    "name": (
        lambda path: zip_of(path, "a" * 60_000 + ".wav"),
        r"'a{255}': its name has 60004 characters, but at most 255",
    ),
    "encrypted": (lambda path: patched(write_zip(path), offset=8, value=b"\1"), "encrypted"),
    "bzip2": (lambda path: zip_of(path, "a.wav", method=zipfile.ZIP_BZIP2), "packed by method 12"),
    "bomb": (
        lambda path: zip_of(path, "a.wav", bytes(source.MAX_ENTRY_BYTES + 1)),
        "16777217 bytes unpacked",
    ),
    "announced bomb": (
        lambda path: patched(write_zip(path), offset=24, value=struct.pack("<I", 2**32 - 2)),
        "4294967294 bytes unpacked",
    ),
}


@pytest.mark.parametrize(("make", "says"), UNSAFE.values(), ids=UNSAFE)
def test_an_unsafe_zip_is_refused_before_anything_is_written(
    tmp_path: Path, make: Callable[[Path], Path], says: str
) -> None:
    archive = Archive(make(tmp_path / "in" / "a.zip"))
    with pytest.raises(InputError, match=rf"(?s)a\.zip: refused.*{says}"):
        copy_clips(archive, MANIFEST, tmp_path / "out", workers=WORKERS)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_a_bomb_of_many_entries_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "MAX_TOTAL_BYTES", 40_000)
    with pytest.raises(InputError, match="bytes unpacked, but at most 40000 are read"):
        Archive(write_zip(tmp_path / "a.zip")).names()


def test_a_zip_of_too_many_entries_is_refused_by_their_number_alone(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip")
    with zipfile.ZipFile(path, "a") as bundle:
        for number in range(source.MAX_ENTRIES):
            bundle.writestr(f"../{number}.wav", b"")
    with pytest.raises(
        InputError, match=r"a\.zip: refused, \d+ entries, but at most 10000 are read"
    ) as caught:
        Archive(path).names()
    assert len(str(caught.value).splitlines()) == 1


def many_files(folder: Path) -> Source:
    write_folder(folder)
    for number in range(MOST_LISTED + 5):
        (folder / f"{number}.wav").touch()
    return Folder(folder)


def many_entries(path: Path, *, prefix: str = "") -> Source:
    with zipfile.ZipFile(write_zip(path), "a") as bundle:
        for number in range(MOST_LISTED + 5):
            bundle.writestr(f"{prefix}{number}.wav", b"")
    return Archive(path)


MANY: dict[str, Callable[[Path], Source]] = {
    "odd files": many_files,
    "odd entries": many_entries,
    "unsafe entries": lambda path: many_entries(path, prefix="../"),
}


@pytest.mark.parametrize("make", MANY.values(), ids=MANY)
def test_of_very_many_problems_the_rest_is_counted(tmp_path: Path, make: Callable[[Path], Source]) -> None:
    with pytest.raises(InputError) as caught:
        copy_clips(make(tmp_path / "in" / "it"), MANIFEST, tmp_path / "out", workers=WORKERS)
    heading, *lines = str(caught.value).splitlines()
    assert f"({MOST_LISTED + 5} problems)" in heading
    assert len(lines) == MOST_LISTED + 1
    assert lines[-1] == "  ... and 5 more"


def test_a_zip_that_lies_about_a_size_is_not_unpacked_beyond_it(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr(f"Actor_01/{NAMES[0]}.wav", bytes(2 * source.MAX_ENTRY_BYTES))
    archive = Archive(patched(path, offset=24, value=struct.pack("<I", 1000)))
    with archive.opened() as open_recording, pytest.raises(InputError, match="damaged in the zip"):
        open_recording(archive.names()[0])


def test_a_clip_twice_in_a_zip_is_doubled(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip")
    with pytest.warns(UserWarning, match="Duplicate name"):
        zip_of_twice = zipfile.ZipFile(path, "a")
        zip_of_twice.writestr(f"Actor_01/{NAMES[0]}.wav", b"RIFF")
        zip_of_twice.close()
    with pytest.raises(InputError, match=f"{NAMES[0]}: doubled"):
        copy_clips(Archive(path), MANIFEST, tmp_path / "out", workers=WORKERS)


@settings(deadline=None)
@given(where=st.integers(0, 10**6), value=st.binary(min_size=1, max_size=8), cut=st.booleans())
def test_a_damaged_zip_gives_the_right_samples_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, where: int, value: bytes, cut: bool
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.zip"
    buffer = io.BytesIO()
    samples = noise(0)[:200].tobytes()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as bundle:
        bundle.writestr("Actor_01/a.wav", samples)
    raw = bytearray(buffer.getvalue())
    where %= len(raw)
    raw[where : len(raw) if cut else where + len(value)] = value
    path.write_bytes(raw)
    try:
        with Archive(path).opened() as open_recording:
            for name in Archive(path).names():
                assert open_recording(name).read() == samples
    except InputError as error:
        assert str(error)


# Download, from a server on this machine.

ZIP_BYTES = np.random.default_rng(0).bytes(700_000)
MD5 = hashlib.md5(ZIP_BYTES).hexdigest()


@dataclass
class Server:
    """What the server does and what it was asked."""

    url: str = ""
    ranges: bool = True
    breaks_after: list[int] = field(default_factory=list)
    status: list[int] = field(default_factory=list)
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    plan = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            plan.asked.append(self.headers["Range"])
            if plan.status:
                return self.send_error(plan.status.pop(0))
            start = int((self.headers["Range"] or "bytes=0-")[6:-1]) if plan.ranges else 0
            body = ZIP_BYTES[start:]
            if not body:
                return self.send_error(416)
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: plan.breaks_after.pop(0) if plan.breaks_after else None])

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(source, "PAUSE_S", 0.0)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        plan.url = f"http://127.0.0.1:{http.server_port}/{ARCHIVE}"
        yield plan
        http.shutdown()


def test_a_download_that_breaks_goes_on_where_it_broke(tmp_path: Path, server: Server) -> None:
    server.breaks_after = [300_000, 200_000]
    path = download(server.url, md5=MD5, folder=tmp_path / "download")
    assert path.read_bytes() == ZIP_BYTES
    assert [file.name for file in path.parent.iterdir()] == [ARCHIVE]
    first, second, third = server.asked
    assert first is None
    assert second is not None and third is not None
    # What was in flight when the connection broke may be asked for again, but no more than that.
    assert 200_000 < int(second[6:-1]) <= 300_000 < int(third[6:-1]) <= 500_000


def test_a_later_run_goes_on_and_a_finished_download_is_not_repeated(tmp_path: Path, server: Server) -> None:
    (tmp_path / f"{ARCHIVE}.partial").write_bytes(ZIP_BYTES[:123_456])
    for _ in range(2):
        assert download(server.url, md5=MD5, folder=tmp_path).read_bytes() == ZIP_BYTES
    assert server.asked == ["bytes=123456-"]


def test_a_download_killed_just_before_its_end_is_recognised(tmp_path: Path, server: Server) -> None:
    (tmp_path / f"{ARCHIVE}.partial").write_bytes(ZIP_BYTES)
    assert download(server.url, md5=MD5, folder=tmp_path).read_bytes() == ZIP_BYTES


def test_a_server_without_ranges_starts_over(tmp_path: Path, server: Server) -> None:
    server.ranges = False
    server.breaks_after = [300_000]
    assert download(server.url, md5=MD5, folder=tmp_path).read_bytes() == ZIP_BYTES
    assert len(server.asked) == 2


def test_a_busy_server_is_asked_again(tmp_path: Path, server: Server) -> None:
    server.status = [503, 429, 500]
    assert download(server.url, md5=MD5, folder=tmp_path).read_bytes() == ZIP_BYTES


def test_a_refusal_is_final(tmp_path: Path, server: Server) -> None:
    server.status = [404]
    with pytest.raises(InputError, match=r"404.*set RAVDESS_DIR"):
        download(server.url, md5=MD5, folder=tmp_path)
    assert server.asked == [None]


def test_retries_end_and_keep_what_has_arrived(tmp_path: Path, server: Server) -> None:
    server.breaks_after = [300_000, *[0] * (source.RETRIES + 1)]
    with pytest.raises(InputError, match=r"download failed.* bytes are kept"):
        download(server.url, md5=MD5, folder=tmp_path)
    assert len(server.asked) == source.RETRIES + 2
    kept = (tmp_path / f"{ARCHIVE}.partial").read_bytes()
    assert len(kept) > 200_000 and ZIP_BYTES.startswith(kept)


def test_another_file_than_the_published_one_is_removed(tmp_path: Path, server: Server) -> None:
    with pytest.raises(InputError, match=f"md5 is {MD5}, but must be {'0' * 32}"):
        download(server.url, md5="0" * 32, folder=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/a.zip", "file:///etc/passwd", "no address", "http://[", "ftp://127.0.0.1:1/a"]
)
def test_without_a_server_the_error_says_what_to_do(tmp_path: Path, server: Server, url: str) -> None:
    with pytest.raises(InputError, match=r"download failed.*set RAVDESS_DIR to a folder"):
        download(url, md5=MD5, folder=tmp_path)


def test_sources_travel_to_worker_processes(tmp_path: Path, canonical: dict[str, bytes]) -> None:
    sources: list[Source] = [
        Folder(write_folder(tmp_path / "in")),
        Archive(write_zip(tmp_path / "zip" / "a.zip")),
    ]
    for number, each in enumerate(sources):
        out = tmp_path / f"out{number}"
        copy_clips(each, MANIFEST, out, workers=Workers(backend="loky", jobs=2))
        assert content(out) == canonical
