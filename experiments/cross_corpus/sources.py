"""Where the recordings come from: a folder, a zip, or its download; always the same clips."""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from zipfile import is_zipfile

from experiments.cross_corpus.corpora import PublishedCorpus
from experiments.cross_corpus.manifest import Manifest, Matches, Row, match
from ser.audio.clip_io import write_pcm16
from ser.audio.wav_header import staying
from ser.data.clips import MOST_LISTED, list_audio, read_clip
from ser.data.download import Archive, Folder, Source, receive
from ser.errors import InputError, list_problems
from ser.parallel import run_all
from ser.params import Workers


def locate(path: Path, corpus: PublishedCorpus) -> Source:
    """Recognise what `path` is: a folder of recordings, or a zip.

    Raises
    ------
    InputError
        Where it is none of these.
    """
    if path.is_dir():
        if not list_audio(path):
            raise InputError(f"{path}: holds no recordings; {corpus.advice}")
        return Folder(path)
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder; {corpus.advice}")
    if not is_zipfile(path):
        raise InputError(f"{path}: neither a folder nor a readable zip; {corpus.advice}")
    return Archive(path, corpus.advice)


def download(url: str, archive: Path, corpus: PublishedCorpus) -> Source:
    """Download a zip with a progress bar, unless it is there.

    A server that packs archives for each request promises neither their bytes nor their length. So there is
    no checksum to compare: only that the zip has its end is checked here, and later every clip.

    Parameters
    ----------
    url
        Address of the zip, http or https; other schemes are refused.
    archive
        Where the zip will lie.
    corpus
        The corpus, for advice.

    Raises
    ------
    InputError
        Where the server cannot be reached, refuses, breaks off again and again, or sends no zip.
    """
    if not archive.is_file():
        archive.parent.mkdir(parents=True, exist_ok=True)
        partial = archive.with_name(f"{archive.name}.partial")
        receive(url, partial, advice=corpus.advice)
        if not is_zipfile(partial):
            partial.unlink()
            raise InputError(f"{url}: sent no complete zip; removed, run again, or {corpus.advice}")
        partial.replace(archive)
    return locate(archive, corpus)


def copy_clips(
    source: Source, manifest: Manifest, folder: Path, corpus: PublishedCorpus, *, workers: Workers
) -> Matches:
    """Write every clip of the manifest as ``folder/SPEAKER/CLIP.wav``: 16 bit, mono, at its own rate.

    Parameters
    ----------
    source
        Folder or archive of the recordings.
    manifest
        The clips that must be there, and what they must contain.
    folder
        Folder to make; it must not exist. After an error it holds some of the clips.
    corpus
        The corpus, whose grammar reads the files' names.
    workers
        Backend and number of parallel workers; no influence on the files.

    Returns
    -------
    Matches
        Which file each clip was read from, and what was left out.

    Raises
    ------
    InputError
        Lists all files that are misnamed, doubled, missing, unreadable or not as in the manifest.
    """
    matches = match(source.names(), manifest, corpus)
    problems = list(matches.problems)
    # A task is a speaker rather than a clip, because to open an archive is to read all of its directory.
    rows = sorted((manifest[clip] for clip in matches.found), key=lambda row: (row.speaker, row.clip))
    tasks = []
    for speaker, clips in groupby(rows, key=lambda row: row.speaker):
        (folder / speaker).mkdir(parents=True)
        tasks.append((source, [(row, matches.found[row.clip]) for row in clips], folder / speaker))
    for faults in run_all(_copy_speaker, tasks, workers=workers, what="fetch", unit="speaker"):
        problems += faults
    if problems:
        heading = f"{source.path}: not the clips of the manifest; repair these, or {corpus.advice}"
        raise list_problems(heading, problems, shown=MOST_LISTED)
    return matches


def _copy_speaker(source: Source, clips: Sequence[tuple[Row, str]], folder: Path) -> list[str]:
    problems = []
    with source.opened() as open_recording:
        for row, name in clips:
            try:
                with open_recording(name) as stream:
                    samples = read_clip(name, row, sample_rate=row.sample_rate, stream=staying(stream))
            except InputError as error:
                problems.append(str(error))
            else:
                write_pcm16(folder / f"{row.clip}.wav", samples, sample_rate=row.sample_rate)
    return problems
