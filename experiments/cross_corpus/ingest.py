"""Measure every clip of a corpus beside RAVDESS, and write the table that later stages start from.

Reads   data/cross_corpus/CORPUS/raw, and the corpus's manifest
        (corpora.CORPUS.manifest in experiments/cross_corpus/params.yaml)
Writes  data/cross_corpus/CORPUS/clips.parquet, a row a clip, sorted by clip: clip, path, corpus, actor,
        gender, age (years), emotion (of RAVDESS's eight), sentence, sample_rate (Hz), frames, duration_s,
        peak_dbfs and rms_dbfs, and the sha256 of its samples

Any file that is misnamed, doubled, missing, unreadable, silent or not as in the manifest stops the stage,
and the error lists them all.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from experiments.cross_corpus.corpora import CORPORA, PublishedCorpus
from experiments.cross_corpus.manifest import Manifest, Row, match, read_manifest
from experiments.cross_corpus.params import CrossCorpusParams
from ser.audio.clip_io import peak_dbfs, rms_dbfs
from ser.data.clips import MOST_LISTED, list_audio, read_clip
from ser.errors import InputError, list_problems
from ser.files import write_parquet
from ser.parallel import run_all
from ser.params import Workers, load, load_params
from stages import command


def clips_table(
    folder: Path, manifest: Manifest, corpus: PublishedCorpus, *, workers: Workers
) -> pd.DataFrame:
    """Measure every clip in a folder that fetch made.

    Parameters
    ----------
    folder
        Holds the recordings as ``SPEAKER/CLIP.wav``.
    manifest
        The clips that must be there, and what they must contain.
    corpus
        The corpus, whose grammar reads the files' names.
    workers
        Backend and number of parallel workers; no influence on the result.

    Returns
    -------
    pandas.DataFrame
        Sorted by clip; all columns of the stage's table but ``corpus``.

    Raises
    ------
    InputError
        Lists all files that are misnamed, doubled, missing, unreadable, silent or not as in the manifest.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; the stage fetch_corpus makes it")
    matches = match(list_audio(folder), manifest, corpus)
    calls = [(folder / name, manifest[clip]) for clip, name in matches.found.items()]
    measured = run_all(_measure, calls, workers=workers, what="ingest")
    problems = matches.problems + [row for row in measured if isinstance(row, str)]
    if problems:
        heading = f"{folder}: not the clips of the manifest; repair its source and run fetch_corpus again"
        raise list_problems(heading, problems, shown=MOST_LISTED)
    return pd.DataFrame(measured)


def _measure(path: Path, row: Row) -> dict[str, Any] | str:
    try:
        samples = read_clip(path, row, sample_rate=row.sample_rate)
    except InputError as error:
        return str(error)
    return {
        "clip": row.clip,
        "path": path.as_posix(),
        "actor": row.speaker,
        "gender": row.gender,
        "age": row.age,
        "emotion": row.emotion,
        "sentence": row.sentence,
        "sample_rate": row.sample_rate,
        "frames": row.frames,
        "duration_s": row.frames / row.sample_rate,
        # Rounded, so that the last digit of a machine's logarithm does not change the table's bytes.
        "peak_dbfs": round(peak_dbfs(samples), 4),
        "rms_dbfs": round(rms_dbfs(samples), 4),
        "sha256": row.sha256,
    }


def main() -> None:
    """Read every clip of a corpus and write its table."""
    parser = command.parser(__doc__)
    parser.add_argument("corpus", choices=CORPORA)
    name = parser.parse_args().corpus
    params = load_params()
    settings = getattr(load("experiments/cross_corpus/params.yaml", CrossCorpusParams).corpora, name)
    manifest = read_manifest(settings.manifest, CORPORA[name])
    folder = Path("data/cross_corpus") / name
    clips = clips_table(folder / "raw", manifest, CORPORA[name], workers=params.workers)
    clips.insert(2, "corpus", name)
    write_parquet(folder / "clips.parquet", clips)
    hours = clips["duration_s"].sum() / 3600
    print(f"ingest: {len(clips)} clips of {clips['actor'].nunique()} actors, {hours:.2f} h")


if __name__ == "__main__":
    command.run(main)
