"""Bring in the recordings and write each as the same WAV bytes, wherever they came from.

Reads   the first of these that is set or there:
        RAVDESS_DIR   a folder with Actor_01 to Actor_24 of .wav or .flac files, or the official zip
        RAVDESS_URL   another address of the official zip, e.g. a mirror
        Zenodo        record 1188976, 208.5 MB
Writes  data/raw/Actor_XX/CLIP.wav: 48 kHz, 16 bit, mono

Every clip must have the length and the checksum that the manifest (corpus.manifest in params.yaml) gives for
it: a missing, surplus, doubled, unreadable or different one stops the stage, and the error lists them all.
A download that breaks off stays in data/download, and the next run goes on from there; a finished one stays
there too, and may be deleted.
"""

import os
from pathlib import Path

from ser.data import download as source
from ser.data.ravdess import read_manifest
from ser.files import replacing
from ser.params import load_params
from stages import command


def find_recordings() -> source.Source:
    """Choose the source by the environment; download where it names none."""
    if given := os.environ.get("RAVDESS_DIR"):
        return source.locate(Path(given).expanduser())
    url = os.environ.get("RAVDESS_URL") or source.ARCHIVE_URL
    return source.Archive(source.download(url, md5=source.ARCHIVE_MD5, folder=Path("data/download")))


def main() -> None:
    """Find the recordings, then decode, check and write every clip."""
    command.parser(__doc__).parse_args()
    params = load_params()
    manifest = read_manifest(params.corpus.manifest)
    recordings = find_recordings()
    with replacing("data/raw") as folder:
        source.copy_clips(recordings, manifest, folder, workers=params.workers)
    print(f"fetch: {len(manifest)} clips from {recordings.path}, each as in {params.corpus.manifest}")


if __name__ == "__main__":
    command.run(main)
