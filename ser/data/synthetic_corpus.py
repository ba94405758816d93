"""A synthetic corpus in the shape of RAVDESS: 24 actors, 8 emotions, 1440 short clips with RAVDESS names.

It lets the whole pipeline run offline within minutes. Nothing in it is recorded; see `ser.data.synthetic`.

    python -m ser.data.synthetic_corpus FOLDER

writes ``FOLDER/Actor_XX/<clip>.flac`` and ``FOLDER/manifest.csv``; a folder that was there is replaced.
"""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from ser.audio.clip_io import sha256_of, write_pcm16
from ser.data.ravdess import SAMPLE_RATE, ManifestEntry, all_clips, clip_path, write_manifest
from ser.data.synthetic import synthesize
from ser.files import replacing
from ser.parallel import run_all
from ser.params import Workers


def write_corpus(folder: Path | str, *, workers: Workers, clips: Sequence[str] | None = None) -> None:
    """Write clips and their manifest; the folder appears when it is complete.

    Parameters
    ----------
    folder
        Folder to write; an existing one is replaced.
    workers
        Backend and number of parallel workers; no influence on the files.
    clips
        Ids of the clips to write; by default all 1440.
    """
    clips = all_clips() if clips is None else clips
    with replacing(folder) as temporary:
        for actor_folder in {clip_path(temporary, clip).parent for clip in clips}:
            actor_folder.mkdir(parents=True)
        arguments = [(temporary, clip) for clip in clips]
        entries = run_all(_write_clip, arguments, workers=workers, what="demo corpus")
        write_manifest(temporary / "manifest.csv", dict(zip(clips, entries, strict=True)))


def _write_clip(folder: Path, clip: str) -> ManifestEntry:
    samples = synthesize(clip)
    write_pcm16(clip_path(folder, clip, suffix=".flac"), samples, sample_rate=SAMPLE_RATE)
    return ManifestEntry(frames=len(samples), sha256=sha256_of(samples))


def main() -> None:
    """Write the corpus to the folder named on the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="where to write; replaced if it exists")
    arguments = parser.parse_args()
    write_corpus(arguments.folder, workers=Workers(backend="loky", jobs=os.cpu_count() or 1))


if __name__ == "__main__":
    main()
