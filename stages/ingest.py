"""Measure every clip and write the table that all later stages start from.

Reads   data/raw, and the manifest (corpus.manifest in params.yaml)
Writes  data/clips.parquet, a row a clip, sorted by clip: its labels, which its name gives; its length;
        its peak and RMS level in dBFS; the sha256 of its samples; and whether another clip has the same

Any file that is misnamed, doubled, missing, unreadable, silent or not as in the manifest stops the stage,
and the error lists them all.
"""

from pathlib import Path

import pandas as pd

from ser.data.clips import clips_table
from ser.data.ravdess import read_manifest
from ser.files import write_parquet
from ser.params import load_params
from stages import command


def describe_duplicates(clips: pd.DataFrame) -> str:
    """Name the groups of clips with the same samples, in one line."""
    duplicates = clips[clips["duplicate"]]
    groups = [" = ".join(names) for _, names in duplicates.groupby("sha256", sort=False)["clip"]]
    return f"byte-identical clips: {'; '.join(groups) or 'none'}"


def main() -> None:
    """Read every clip of data/raw and write the table."""
    command.parser(__doc__).parse_args()
    params = load_params()
    manifest = read_manifest(params.corpus.manifest)
    clips = clips_table(Path("data/raw"), manifest, workers=params.workers)
    write_parquet("data/clips.parquet", clips)
    hours = clips["duration_s"].sum() / 3600
    print(f"ingest: {len(clips)} clips of {clips['actor'].nunique()} actors, {hours:.2f} h")
    print(f"ingest: {describe_duplicates(clips)}")


if __name__ == "__main__":
    command.run(main)
