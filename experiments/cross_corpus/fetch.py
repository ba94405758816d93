"""Bring in the recordings of a corpus beside RAVDESS, each as the same WAV bytes, wherever they came from.

Reads   of nemo, the first of these that is set or there:
        NEMO_DIR      a folder or zip of the repository amu-cai/nEMO
        NEMO_URL      another address of its zip, e.g. a mirror
        GitHub        corpora.nemo.archive_url in experiments/cross_corpus/params.yaml, some 450 MB
        of emodb:
        EMODB_DIR     a folder or zip of EMO-DB's recordings, .wav or .flac
Writes  data/cross_corpus/CORPUS/raw/SPEAKER/CLIP.wav: 16 bit, mono, at the corpus's own rate

Every clip must have the rate, the length and the checksum that the corpus's manifest gives for it: a missing,
surplus, doubled, unreadable or different one stops the stage, and the error lists them all. Of EMO-DB,
recordings of boredom, fear and disgust are left out, and counted. A finished download stays in
data/cross_corpus/download, and may be deleted.
"""

import os
from pathlib import Path

from experiments.cross_corpus import sources
from experiments.cross_corpus.corpora import CORPORA, PublishedCorpus
from experiments.cross_corpus.manifest import read_manifest
from experiments.cross_corpus.params import CrossCorpusParams
from ser.data.download import Source
from ser.errors import InputError
from ser.files import replacing
from ser.params import load, load_params
from stages import command


def find_recordings(corpus: PublishedCorpus, name: str, archive_url: str | None) -> Source:
    """Choose the source by the environment; download where it names none."""
    if given := os.environ.get(corpus.variable):
        return sources.locate(Path(given).expanduser(), corpus)
    url = archive_url and (os.environ.get(corpus.variable.replace("_DIR", "_URL")) or archive_url)
    if not url:
        raise InputError(f"{corpus.title}: nobody said where its recordings are; {corpus.advice}")
    return sources.download(url, Path(f"data/cross_corpus/download/{name}.zip"), corpus)


def main() -> None:
    """Find the recordings, then decode, check and write every clip."""
    parser = command.parser(__doc__)
    parser.add_argument("corpus", choices=CORPORA)
    name = parser.parse_args().corpus
    params = load_params()
    settings = getattr(load("experiments/cross_corpus/params.yaml", CrossCorpusParams).corpora, name)
    corpus = CORPORA[name]
    manifest = read_manifest(settings.manifest, corpus)
    recordings = find_recordings(corpus, name, settings.archive_url)
    with replacing(f"data/cross_corpus/{name}/raw") as folder:
        matches = sources.copy_clips(recordings, manifest, folder, corpus, workers=params.workers)
    print(f"fetch: {len(manifest)} clips from {recordings.path}, each as in {settings.manifest}")
    for label, number in matches.left_out.items():
        print(f"fetch: left out {number} of {label}: {corpus.left_out[label]}")


if __name__ == "__main__":
    command.run(main)
