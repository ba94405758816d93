"""A corpus's recordings in a folder, by the labels that their names hold."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ser.audio.paths import find
from ser.data.filename_grammar import Utterance
from ser.data.other_corpora import CORPORA, Corpus
from ser.errors import InputError


@dataclass(frozen=True)
class Recording:
    """A file, and the labels in its name."""

    path: Path
    utterance: Utterance


@dataclass(frozen=True)
class Recordings:
    """A corpus's recordings in a folder.

    Attributes
    ----------
    shared : tuple of Recording
        Recordings of a shared emotion, ordered by clip.
    left_out : dict of str to int
        Number of recordings of each label that is not shared.
    doubled : tuple of Path
        Files that hold a clip once more, as another format or copy, and are not used.
    problems : tuple of InputError
        Sound files whose names break the grammar, and are not used.
    """

    shared: tuple[Recording, ...]
    left_out: dict[str, int]
    doubled: tuple[Path, ...]
    problems: tuple[InputError, ...]


def read_folder(folder: Path, corpus: Corpus) -> Recordings:
    """Find a corpus's recordings in a folder, however deep.

    A clip that is there more than once, say as WAV and as MP3, is used once: as WAV if there is one, else by
    the first path. Files that are no sound are ignored.

    Raises
    ------
    InputError
        Where there is no such folder, or no recording of a shared emotion in it; the message says what was
        expected and what was found.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder")
    names = find([str(folder)]).files
    files = sorted((Path(name) for name in names), key=lambda path: (path.suffix.lower() != ".wav", path))
    read: dict[str, Recording] = {}
    doubled, problems = [], []
    for path in files:
        try:
            # Of the absolute path, for `ser evaluate .` within a speaker's folder.
            utterance = corpus.parse(corpus.name_of(path.absolute()))
        except InputError as error:
            problems.append(InputError(f"{path}: no recording of {corpus.title}, skipped; {error}"))
            continue
        if utterance.clip in read:
            doubled.append(path)
        else:
            read[utterance.clip] = Recording(path, utterance)
    shared = tuple(it for _, it in sorted(read.items()) if it.utterance.emotion is not None)
    left_out = Counter(it.utterance.label for it in read.values() if it.utterance.emotion is None)
    if not shared:
        raise InputError(f"{folder}: {_nothing_found(corpus, files, left_out)}")
    return Recordings(shared, dict(sorted(left_out.items())), tuple(doubled), tuple(problems))


def _nothing_found(corpus: Corpus, files: list[Path], left_out: Mapping[str, int]) -> str:
    if left_out:
        found = f"none but {', '.join(f'{count} of {label}' for label, count in sorted(left_out.items()))}"
        return f"no recording of {', '.join(corpus.emotions)} in it; of {corpus.title} there are {found}"
    expected = f"no recording of {corpus.title} in it; expected names such as {corpus.form}"
    if not files:
        return f"{expected}, found no sound file"
    count = "1 sound file" if len(files) == 1 else f"{len(files)} sound files"
    found = f"found {count}, such as {files[0].name}"
    others = [name for name, other in CORPORA.items() if _is_of(files[0], other)]
    hint = f"; try --corpus {others[0]}" if others else ""
    return f"{expected}, {found}{hint}"


def _is_of(path: Path, corpus: Corpus) -> bool:
    try:
        corpus.parse(corpus.name_of(path.absolute()))
    except InputError:
        return False
    return True
