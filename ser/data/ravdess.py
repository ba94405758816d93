"""RAVDESS speech: the grammar of its file names, its labels, and the manifest of its clips.

A clip's name is seven two-digit fields, ``modality-channel-emotion-intensity-statement-repetition-actor``,
for example ``03-01-06-01-02-01-12``: audio only, speech, fearful, normal, "dogs", first repetition, actor 12.

References
----------
Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS).
PLoS ONE 13(5): e0196391.
"""

import csv
import re
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from ser.errors import InputError, list_problems

EMOTIONS = ("neutral", "calm", "happy", "sad", "angry", "fearful", "disgust", "surprised")
INTENSITIES = ("normal", "strong")
STATEMENTS = ("kids", "dogs")
ACTORS = tuple(range(1, 25))
SAMPLE_RATE = 48_000
"""Sample rate of every clip, in Hz."""

_NAME = re.compile(r"\d{2}(-\d{2}){6}", flags=re.ASCII)


@dataclass(frozen=True)
class Clip:
    """The labels in a clip's name.

    Attributes
    ----------
    clip : str
        The clip id: the file name without its ending.
    emotion, intensity, statement : str
        One of `EMOTIONS`, `INTENSITIES`, `STATEMENTS`.
    repetition : int
        1 or 2: each sentence was recorded twice.
    actor : int
        1 to 24; odd numbers are men.
    gender : str
        ``male`` for odd actors, ``female`` for even ones.
    """

    clip: str
    emotion: str
    intensity: str
    statement: str
    repetition: int
    actor: int
    gender: str


def parse_clip(name: str) -> Clip:
    """Read the labels from a clip id.

    Parameters
    ----------
    name
        Seven two-digit fields joined by hyphens, without a file ending.

    Raises
    ------
    InputError
        Where the name breaks the grammar; the message says which field and what it may be.

    Examples
    --------
    >>> parse_clip("03-01-06-01-02-01-12").emotion
    'fearful'
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"{name}: not a RAVDESS name (seven two-digit fields joined by hyphens)")
    modality, channel, emotion, intensity, statement, repetition, actor = map(int, name.split("-"))
    allowed = {
        "modality": (modality, 3, 3, "03, audio only"),
        "vocal channel": (channel, 1, 1, "01, speech"),
        "emotion": (emotion, 1, 8, "01 to 08"),
        "intensity": (intensity, 1, 2, "01 or 02"),
        "statement": (statement, 1, 2, "01 or 02"),
        "repetition": (repetition, 1, 2, "01 or 02"),
        "actor": (actor, 1, 24, "01 to 24"),
    }
    for field, (value, low, high, words) in allowed.items():
        if not low <= value <= high:
            raise InputError(f"{name}: {field} is {value:02d}, but must be {words}")
    if emotion == 1 and intensity == 2:
        raise InputError(f"{name}: neutral has no strong intensity")
    return Clip(
        clip=name,
        emotion=EMOTIONS[emotion - 1],
        intensity=INTENSITIES[intensity - 1],
        statement=STATEMENTS[statement - 1],
        repetition=repetition,
        actor=actor,
        gender="male" if actor % 2 else "female",
    )


def all_clips() -> list[str]:
    """List the 1440 clip ids of the speech corpus, sorted."""
    fields = product(ACTORS, range(1, 9), (1, 2), (1, 2), (1, 2))
    return sorted(
        f"03-01-{emotion:02d}-{intensity:02d}-{statement:02d}-{repetition:02d}-{actor:02d}"
        for actor, emotion, intensity, statement, repetition in fields
        if (emotion, intensity) != (1, 2)
    )


def clip_path(folder: Path | str, clip: str, *, suffix: str = ".wav") -> Path:
    """Where a clip lies in a RAVDESS folder: ``folder/Actor_XX/clip.wav``."""
    return Path(folder) / f"Actor_{clip[-2:]}" / f"{clip}{suffix}"


@dataclass(frozen=True)
class ManifestEntry:
    """Length and checksum that a clip must have.

    Attributes
    ----------
    frames : int
        Length in samples at `SAMPLE_RATE`.
    sha256 : str
        SHA-256 of the samples: mono, 16 bit, little-endian, without a header.
    """

    frames: int
    sha256: str


def read_manifest(path: Path | str) -> dict[str, ManifestEntry]:
    """Read the manifest: CSV with the columns ``clip,frames,sha256``, a row a clip.

    Raises
    ------
    InputError
        Where the file cannot be read, a column is missing, a row is malformed, or a clip stands twice.
    """
    manifest: dict[str, ManifestEntry] = {}
    problems = []
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: the manifest cannot be read ({error}); restore it with git") from error
    for number, row in enumerate(rows, start=2):
        try:
            clip = parse_clip(row["clip"]).clip
            entry = ManifestEntry(frames=int(row["frames"]), sha256=row["sha256"])
            if clip in manifest:
                raise ValueError(f"{clip} stands twice")
            if entry.frames < 1 or not re.fullmatch("[0-9a-f]{64}", entry.sha256):
                raise ValueError("frames must be positive and sha256 64 hexadecimal digits")
            manifest[clip] = entry
        except (InputError, KeyError, TypeError, ValueError) as error:
            problems.append(f"line {number}: {error!s}")
    if problems or not manifest:
        raise list_problems(f"{path}: not a manifest with columns clip,frames,sha256", problems or ["no row"])
    return manifest


def write_manifest(path: Path | str, manifest: dict[str, ManifestEntry]) -> None:
    """Write a manifest, sorted by clip."""
    lines = [f"{clip},{entry.frames},{entry.sha256}\n" for clip, entry in sorted(manifest.items())]
    Path(path).write_text("".join(["clip,frames,sha256\n", *lines]), encoding="utf-8")
