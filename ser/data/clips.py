"""The clips in a folder or archive: found by name, checked against the manifest, measured into a table."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO, Protocol

import pandas as pd
import soundfile

from ser.audio.clip_io import Pcm16, peak_dbfs, read_pcm16, rms_dbfs, sha256_of
from ser.audio.paths import printable
from ser.data.ravdess import SAMPLE_RATE, ManifestEntry, parse_clip
from ser.errors import InputError, list_problems
from ser.parallel import run_all
from ser.params import Workers

Manifest = Mapping[str, ManifestEntry]

MOST_CHANNELS = 2
"""Five clips of the release are stereo, with two equal channels."""
MOST_LISTED = 2000
"""Problems in one error: all clips of the corpus and then some, but no million names of an odd folder."""


def is_audio(name: PurePath) -> bool:
    """Whether a file claims to be a recording; hidden files and what macOS adds to a zip do not."""
    hidden = name.name.startswith(".") or "__MACOSX" in name.parts
    return name.suffix.lower() in (".wav", ".flac") and not hidden


def list_audio(folder: Path) -> list[str]:
    """List the recordings in a folder and in the folders within it, sorted, relative to it."""
    # Not deeper: a copy of RAVDESS is in circulation that holds the whole corpus again, one level down.
    files = (path for pattern in ("*", "*/*") for path in folder.glob(pattern) if path.is_file())
    names = (path.relative_to(folder) for path in files)
    return sorted(name.as_posix() for name in names if is_audio(name))


def match(names: Iterable[str], manifest: Manifest) -> tuple[dict[str, str], list[str]]:
    """Find the one file of each clip in the manifest.

    Parameters
    ----------
    names
        Paths of sound files, relative to the folder or archive, with their endings.
    manifest
        By clip, what must be there: no clip less and no file more.

    Returns
    -------
    found : dict of str to str
        The file name of each clip that has exactly one, in the order of the clips.
    problems : list of str
        A line for each file that breaks the grammar or is not in the manifest, and for each clip that is
        missing or has more than one file.
    """
    candidates: dict[str, list[str]] = {}
    problems = []
    for name in sorted(names):
        try:
            clip = parse_clip(PurePosixPath(name).stem).clip
        except InputError as error:
            problems.append(f"{printable(name)}: {error}")
            continue
        if clip in manifest:
            candidates.setdefault(clip, []).append(name)
        else:
            problems.append(f"{printable(name)}: not in the manifest")
    doubled = {clip: files for clip, files in candidates.items() if len(files) > 1}
    problems += [
        f"{clip}: doubled, keep one of {printable(', '.join(files))}" for clip, files in doubled.items()
    ]
    problems += _missing(candidates, manifest)
    return {clip: candidates[clip][0] for clip in sorted(candidates.keys() - doubled)}, problems


class Expected(Protocol):
    """What a manifest says of a clip's samples."""

    @property
    def frames(self) -> int:
        """Their number."""

    @property
    def sha256(self) -> str:
        """Their checksum, in hexadecimal."""


def read_clip(
    name: Path | str, expected: Expected, *, sample_rate: int = SAMPLE_RATE, stream: BinaryIO | None = None
) -> Pcm16:
    """Decode a clip and check it against its row in the manifest.

    Parameters
    ----------
    name
        The file; where `stream` has its bytes, only the file's name in errors.
    expected
        The clip's row in the manifest: length in samples, and checksum of the samples.
    sample_rate
        The rate that the clip must have, in Hz; by default that of RAVDESS.
    stream
        Open binary file with the clip's bytes; None to read the file `name`.

    Returns
    -------
    numpy.ndarray [shape=(frames,), dtype=int16]
        The mono samples, at `sample_rate`.

    Raises
    ------
    InputError
        Where `ser.audio.clip_io.read_pcm16` does, there are more than two channels, or the length or the
        samples are not those of the manifest.
    """
    _check_channels(name, stream)
    samples = read_pcm16(name, sample_rate=sample_rate, stream=stream)
    if len(samples) != expected.frames:
        lengths = f"{len(samples)} frames, but the manifest says {expected.frames}"
        raise InputError(f"{name}: {lengths}; truncated or edited, copy it again")
    if sha256_of(samples) != expected.sha256:
        raise InputError(f"{name}: its samples have another checksum than the manifest's; copy it again")
    return samples


def _check_channels(name: Path | str, stream: BinaryIO | None) -> None:
    # By the header alone: the samples of a thousand channels would fill the memory before they are compared.
    # Here and not in `read_pcm16`, since what other stages read is what fetch wrote, in mono.
    try:
        with soundfile.SoundFile(name if stream is None else stream) as sound:
            channels = sound.channels
    except soundfile.LibsndfileError:
        # `read_pcm16` says what is wrong with it.
        channels = 1
    if stream is not None:
        stream.seek(0)
    if channels > MOST_CHANNELS:
        raise InputError(f"{name}: {channels} channels, but a clip has one, or two equal ones; copy it again")


def clips_table(folder: Path, manifest: Manifest, *, workers: Workers) -> pd.DataFrame:
    """Measure every clip of a RAVDESS folder.

    Parameters
    ----------
    folder
        Holds the recordings as ``Actor_XX/<clip>.wav``.
    manifest
        The clips that must be there, and what they must contain.
    workers
        Backend and number of parallel workers; no influence on the result.

    Returns
    -------
    pandas.DataFrame
        Sorted by clip, with the columns clip, path, emotion, intensity, statement, repetition, actor,
        gender, sample_rate (Hz), frames, duration_s, peak_dbfs, rms_dbfs, sha256 (of the samples) and
        duplicate (another clip has the same samples).

    Raises
    ------
    InputError
        Lists all files that are misnamed, doubled, missing, unreadable, silent or not as in the manifest.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; the stage fetch makes it")
    found, problems = match(list_audio(folder), manifest)
    calls = [(folder / name, manifest[clip]) for clip, name in found.items()]
    measured = run_all(_measure, calls, workers=workers, what="ingest")
    problems += [row for row in measured if isinstance(row, str)]
    if problems:
        heading = f"{folder}: not the clips of the manifest; mend its source and run the stage fetch again"
        raise list_problems(heading, problems, shown=MOST_LISTED)
    table = pd.DataFrame(measured)
    table["duplicate"] = table.duplicated("sha256", keep=False)
    return table


def _missing(present: Iterable[str], manifest: Manifest) -> list[str]:
    missing = sorted(manifest.keys() - set(present))
    wanted_of = Counter(clip[-2:] for clip in manifest)
    missing_of = Counter(clip[-2:] for clip in missing)
    absent = {actor for actor, count in missing_of.items() if count == wanted_of[actor] > 1}
    whole = [f"Actor_{actor}: missing, all {wanted_of[actor]} clips" for actor in absent]
    return whole + [f"{clip}: missing" for clip in missing if clip[-2:] not in absent]


def _measure(path: Path, expected: ManifestEntry) -> dict[str, Any] | str:
    try:
        samples = read_clip(path, expected)
    except InputError as error:
        return str(error)
    labels = asdict(parse_clip(path.stem))
    return {
        "clip": labels.pop("clip"),
        "path": path.as_posix(),
        **labels,
        "sample_rate": SAMPLE_RATE,
        "frames": len(samples),
        "duration_s": len(samples) / SAMPLE_RATE,
        # Rounded, so that the last digit of a machine's logarithm does not change the table's bytes.
        "peak_dbfs": round(peak_dbfs(samples), 4),
        "rms_dbfs": round(rms_dbfs(samples), 4),
        "sha256": expected.sha256,
    }
