"""Where the recordings come from: a folder, the official zip, or its download; always the same clips."""

import hashlib
import io
import re
import stat
import struct
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

import requests
from tqdm import tqdm

from ser.audio.clip_io import write_pcm16
from ser.audio.wav_header import staying
from ser.data.clips import MOST_LISTED, Manifest, is_audio, list_audio, match, read_clip
from ser.data.ravdess import SAMPLE_RATE, ManifestEntry, clip_path
from ser.errors import InputError, list_problems
from ser.parallel import run_all
from ser.params import Workers

ARCHIVE = "Audio_Speech_Actors_01-24.zip"
ARCHIVE_URL = f"https://zenodo.org/records/1188976/files/{ARCHIVE}?download=1"
ARCHIVE_MD5 = "bc696df654c87fed845eb13823edef8a"
"""MD5 of the archive, as Zenodo's record 1188976 publishes it."""

MAX_ENTRY_BYTES = 16 * 2**20
MAX_TOTAL_BYTES = 2 * 2**30
"""Unpacked; the corpus has 1440 clips of 1 MB at the most, so anything near these limits is a zip bomb."""
MAX_ENTRIES = 10_000
"""Limits the work and the length of an error; zipfile itself lists all entries in memory before."""
MAX_NAME = 255
"""Characters, as of a file's name; the zip format allows 65535."""

TIMEOUT_S = 30.0
RETRIES = 4
"""Retries in a row without a byte received; a connection that brings some may break any number of times."""
PAUSE_S = 1.0
"""Pause before the first retry, in seconds; doubled before each further one."""

# What zipfile raises on damaged bytes: found by damaging them (tests/data/test_download.py).
_ZIP_FAULTS = (BadZipFile, OSError, ValueError, EOFError, NotImplementedError, struct.error, zlib.error)

ADVICE = f"set RAVDESS_DIR to a folder with Actor_01 to Actor_24 (.wav or .flac) or to {ARCHIVE}"


@dataclass(frozen=True)
class Folder:
    """Recordings as files, ``Actor_XX/<clip>.wav`` or ``.flac``."""

    path: Path

    def names(self) -> list[str]:
        """List the recordings, relative to the folder."""
        return list_audio(self.path)

    @contextmanager
    def opened(self) -> Iterator[Callable[[str], BinaryIO]]:
        """Give a function that opens a recording by its name."""
        yield self._open

    def _open(self, name: str) -> BinaryIO:
        try:
            return (self.path / name).open("rb")
        except OSError as error:
            raise InputError(f"{name}: cannot be opened ({error.strerror})") from error


@dataclass(frozen=True)
class Archive:
    """Recordings in a zip, which is never unpacked to disk and of which no header is trusted.

    Attributes
    ----------
    path : Path
        Where the zip lies, with its name.
    advice : str
        What an error tells the user to do; by default that of RAVDESS.
    """

    path: Path
    advice: str = ADVICE

    def names(self) -> list[str]:
        """List the recordings.

        Raises
        ------
        InputError
            Where the file is no zip or has too many entries; or lists all entries that lead out of it, are
            links, are encrypted, have too long a name, or unpack to more than any clip could need.
        """
        with self._zip() as bundle:
            entries = bundle.infolist()
        if len(entries) > MAX_ENTRIES:
            many = f"{len(entries)} entries, but at most {MAX_ENTRIES} are read"
            raise InputError(f"{self.path}: refused, {many}; {self.advice}")
        problems = [f"{entry.filename[:MAX_NAME]!r}: {it}" for entry in entries if (it := _fault(entry))]
        total = sum(entry.file_size for entry in entries)
        if total > MAX_TOTAL_BYTES:
            problems.append(f"{total} bytes unpacked, but at most {MAX_TOTAL_BYTES} are read; a zip bomb?")
        if problems:
            heading = f"{self.path}: refused, not the published archive; {self.advice}"
            raise list_problems(heading, problems, shown=MOST_LISTED)
        files = [entry.filename for entry in entries if not entry.is_dir()]
        return [name for name in files if is_audio(PurePosixPath(name))]

    @contextmanager
    def opened(self) -> Iterator[Callable[[str], BinaryIO]]:
        """Give a function that unpacks a recording into memory, by its name."""
        with self._zip() as bundle:
            yield lambda name: io.BytesIO(_unpack(bundle, name))

    def _zip(self) -> ZipFile:
        try:
            return ZipFile(self.path)
        except _ZIP_FAULTS as error:
            raise InputError(f"{self.path}: no readable zip ({error}); download it again") from error


Source = Folder | Archive


def locate(path: Path) -> Source:
    """Recognise what `path` is: a folder of recordings, the zip, or a folder that holds the zip.

    Raises
    ------
    InputError
        Where it is none of these.
    """
    if path.is_file():
        return Archive(path)
    if not path.is_dir():
        raise InputError(f"{path}: no such file or folder; {ADVICE}")
    if list_audio(path):
        return Folder(path)
    if (path / ARCHIVE).is_file():
        return Archive(path / ARCHIVE)
    raise InputError(f"{path}: holds no recordings; {ADVICE}")


def copy_clips(source: Source, manifest: Manifest, folder: Path, *, workers: Workers) -> None:
    """Write every clip of the manifest as ``folder/Actor_XX/<clip>.wav``: 48 kHz, 16 bit, mono.

    Parameters
    ----------
    source
        Folder or archive of the recordings.
    manifest
        The clips that must be there, and what they must contain.
    folder
        Folder to make; it must not exist. After an error it holds some of the clips.
    workers
        Backend and number of parallel workers; no influence on the files.

    Raises
    ------
    InputError
        Lists all files that are misnamed, doubled, missing, unreadable or not as in the manifest.
    """
    found, problems = match(source.names(), manifest)
    # A task is an actor rather than a clip, because to open a zip is to read all of its directory.
    in_order = sorted(found.items(), key=lambda item: (_actor(item[0]), item[0]))
    tasks = []
    for actor, clips in groupby(in_order, key=lambda item: _actor(item[0])):
        (folder / f"Actor_{actor}").mkdir(parents=True)
        tasks.append((source, [(clip, name, manifest[clip]) for clip, name in clips], folder))
    for faults in run_all(_copy_actor, tasks, workers=workers, what="fetch", unit="actor"):
        problems += faults
    if problems:
        heading = f"{source.path}: not the clips of the manifest; mend these, or {ADVICE}"
        raise list_problems(heading, problems, shown=MOST_LISTED)


def _actor(clip: str) -> str:
    return clip[-2:]


def _copy_actor(source: Source, clips: Sequence[tuple[str, str, ManifestEntry]], folder: Path) -> list[str]:
    problems = []
    with source.opened() as open_recording:
        for clip, name, expected in clips:
            try:
                with open_recording(name) as stream:
                    samples = read_clip(name, expected, stream=staying(stream))
            except InputError as error:
                problems.append(str(error))
            else:
                write_pcm16(clip_path(folder, clip), samples, sample_rate=SAMPLE_RATE)
    return problems


def _fault(entry: ZipInfo) -> str | None:
    """Say why an entry of a zip must not be touched, if so."""
    # The name as it stands in the zip: zipfile cuts `filename` at a null byte.
    name = entry.orig_filename
    outside = name.startswith("/") or ".." in name.split("/") or re.match("[A-Za-z]:", name)
    if outside or "\\" in name or "\0" in name:
        return "its path leads out of the archive"
    if len(name) > MAX_NAME:
        return f"its name has {len(name)} characters, but at most {MAX_NAME} are read"
    if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link or device, not a file"
    if entry.flag_bits & 0x1:
        return "encrypted"
    # zipfile bounds what it unpacks at a time for these two methods only.
    if entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return f"packed by method {entry.compress_type}, but must be stored or deflated"
    if entry.file_size > MAX_ENTRY_BYTES:
        return f"{entry.file_size} bytes unpacked, but at most {MAX_ENTRY_BYTES} are read; a zip bomb?"
    return None


def _unpack(bundle: ZipFile, name: str) -> bytes:
    size = bundle.getinfo(name).file_size
    try:
        with bundle.open(name) as stream:
            content = stream.read(size + 1)
    except _ZIP_FAULTS as error:
        raise InputError(f"{name}: damaged in the zip ({error}); download it again") from error
    if len(content) != size:
        raise InputError(f"{name}: {len(content)} bytes, but the zip announces {size}; download it again")
    return content


def download(url: str, *, md5: str, folder: Path) -> Path:
    """Download the archive with a progress bar, or finish a download that broke off.

    Parameters
    ----------
    url
        Address of the zip, http or https; other schemes are refused.
    md5
        MD5 of the complete file, in hexadecimal.
    folder
        Folder for the archive, and until it is complete for the part that was received.

    Returns
    -------
    Path
        The archive, after its checksum was checked.

    Raises
    ------
    InputError
        Where the server cannot be reached, refuses, breaks off again and again, or sends another file.
    """
    archive = folder / ARCHIVE
    if archive.is_file() and _md5(archive) == md5:
        return archive
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{ARCHIVE}.partial"
    receive(url, partial)
    if (found := _md5(partial)) != md5:
        partial.unlink()
        raise InputError(f"{url}: md5 is {found}, but must be {md5}; removed, run again, or {ADVICE}")
    return partial.replace(archive)


def receive(url: str, partial: Path, *, advice: str = ADVICE) -> None:
    """Download a file with a progress bar; what is there of it is kept, and the rest is appended.

    Parameters
    ----------
    url
        Address of the file, http or https; other schemes are refused.
    partial
        The file, whose folder exists.
    advice
        What an error tells the user to do instead.

    Raises
    ------
    InputError
        Where the server cannot be reached, refuses, or breaks off again and again.
    """
    failures = 0
    while True:
        size = _size(partial)
        try:
            return _receive_once(url, partial)
        except requests.RequestException as error:
            failures = 0 if _size(partial) > size else failures + 1
            if failures > RETRIES or _is_final(error):
                kept = f"{_size(partial)} bytes are kept, the next run goes on from there"
                raise InputError(f"{url}: download failed ({error}); {kept}. Without it, {advice}") from error
        time.sleep(PAUSE_S * 2 ** max(failures - 1, 0))


def _receive_once(url: str, partial: Path) -> None:
    """Append what is missing of the file; return when the server says that it is complete."""
    start = _size(partial)
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={start}-"} if start else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as response:
        if response.status_code == requests.codes.requested_range_not_satisfiable:
            return
        response.raise_for_status()
        if response.status_code != requests.codes.partial_content:
            start = 0
        length = response.headers.get("Content-Length", "")
        total = start + int(length) if length.isdecimal() else None
        bar = tqdm(total=total, initial=start, desc=ARCHIVE, unit="B", unit_scale=True)
        with bar, partial.open("ab" if start else "wb") as stream:
            for chunk in response.iter_content(2**16):
                stream.write(chunk)
                bar.update(len(chunk))


def _is_final(error: requests.RequestException) -> bool:
    """Whether trying again is useless: a malformed address, or a refusal."""
    status = error.response.status_code if error.response is not None else 0
    return isinstance(error, ValueError) or (400 <= status < 500 and status not in (408, 429))


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
