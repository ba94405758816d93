"""What the clips of a corpus must be: the manifest's rows, the files that match them, and their samples."""

import csv
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path, PurePosixPath

from experiments.cross_corpus.corpora import PublishedCorpus
from ser.audio.paths import printable
from ser.errors import InputError, list_problems
from ser.files import replacing


@dataclass(frozen=True)
class Row:
    """A clip, as it was published.

    Attributes
    ----------
    clip : str
        The clip id: the file name without its ending.
    speaker, gender : str
        The speaker by the corpus's own name; ``female`` or ``male``.
    age : int
        The speaker's, in years.
    emotion : str
        One of `ser.data.ravdess.EMOTIONS`.
    sentence : str
        The sentence by the corpus's own name.
    sample_rate, frames : int
        Rate in Hz, and length in samples.
    sha256 : str
        SHA-256 of the samples: mono, 16 bit, little-endian, without a header.
    """

    clip: str
    speaker: str
    gender: str
    age: int
    emotion: str
    sentence: str
    sample_rate: int
    frames: int
    sha256: str


Manifest = Mapping[str, Row]
"""Rows by their clips."""
COLUMNS = tuple(it.name for it in fields(Row))
_WHOLE_NUMBERS = ("age", "sample_rate", "frames")


def read_manifest(path: Path | str, corpus: PublishedCorpus) -> dict[str, Row]:
    """Read a manifest: CSV with the columns `COLUMNS`, a row a clip.

    Raises
    ------
    InputError
        Where the file cannot be read, a column is missing, a row is malformed or contradicts the clip's name,
        or a clip stands twice; lists all such rows.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as stream:
            lines = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: the manifest cannot be read ({error}); restore it with git") from error
    manifest: dict[str, Row] = {}
    problems = []
    for number, line in enumerate(lines, start=2):
        try:
            row = _row(line, corpus)
            if row.clip in manifest:
                raise ValueError(f"{row.clip} stands twice")
            manifest[row.clip] = row
        except (InputError, KeyError, TypeError, ValueError) as error:
            problems.append(f"line {number}: {error!s}")
    if problems or not manifest:
        heading = f"{path}: not a manifest with columns {','.join(COLUMNS)}"
        raise list_problems(heading, problems or ["no row"])
    return manifest


def _row(line: Mapping[str, str], corpus: PublishedCorpus) -> Row:
    values = {name: int(line[name]) if name in _WHOLE_NUMBERS else line[name] for name in COLUMNS}
    row = Row(**values)  # type: ignore[arg-type]
    if min(row.age, row.sample_rate, row.frames) < 1 or not re.fullmatch("[0-9a-f]{64}", row.sha256):
        raise ValueError(f"{', '.join(_WHOLE_NUMBERS)} must be positive and sha256 64 hexadecimal digits")
    if row.gender not in ("female", "male"):
        raise ValueError(f"gender is {row.gender}, but must be female or male")
    named = corpus.grammar.parse(row.clip)
    for column, meant in (
        ("speaker", named.speaker),
        ("emotion", named.emotion),
        ("sentence", named.details[corpus.sentence]),
    ):
        if values[column] != meant:
            raise ValueError(f"{column} is {values[column]}, but the name {row.clip} says {meant}")
    if row.emotion not in corpus.emotions:
        raise ValueError(f"{row.clip}: {row.emotion} is left out of this corpus")
    return row


def write_manifest(path: Path | str, rows: Iterable[Row]) -> None:
    """Write a manifest, sorted by clip."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(asdict(row) for row in sorted(rows, key=lambda row: row.clip))


@dataclass(frozen=True)
class Matches:
    """Files that were found for a manifest.

    Attributes
    ----------
    found : dict of str to str
        The file of each clip that has exactly one, in the order of the clips.
    left_out : dict of str to int
        Number of files of each label that the corpus leaves out.
    problems : list of str
        A line for each file that breaks the grammar or is not in the manifest, and for each clip that is
        missing or has more than one file.
    """

    found: dict[str, str]
    left_out: dict[str, int]
    problems: list[str]


def match(names: Iterable[str], manifest: Manifest, corpus: PublishedCorpus) -> Matches:
    """Find the one file of each clip in the manifest.

    Parameters
    ----------
    names
        Paths of sound files, relative to the folder or archive, with their endings.
    manifest
        By clip, what must be there: no clip less, and of the emotions that are used, no file more.
    corpus
        The corpus, whose grammar reads the names.
    """
    candidates: dict[str, list[str]] = {}
    left_out: Counter[str] = Counter()
    problems = []
    for name in sorted(names):
        try:
            utterance = corpus.grammar.parse(PurePosixPath(name).stem)
        except InputError as error:
            problems.append(f"{printable(name)}: {error}")
            continue
        if utterance.clip in manifest:
            candidates.setdefault(utterance.clip, []).append(name)
        elif utterance.label in corpus.left_out:
            left_out[utterance.label] += 1
        else:
            problems.append(f"{printable(name)}: not in the manifest")
    doubled = {clip: files for clip, files in candidates.items() if len(files) > 1}
    problems += [
        f"{clip}: doubled, keep one of {printable(', '.join(files))}" for clip, files in doubled.items()
    ]
    problems += [f"{clip}: missing" for clip in manifest.keys() - candidates.keys()]
    found = {clip: candidates[clip][0] for clip in sorted(candidates.keys() - doubled)}
    return Matches(found, dict(sorted(left_out.items())), problems)
