"""Compute the encoder's layers of corrupted training copies of a corpus beside RAVDESS.

Reads   data/cross_corpus/CORPUS/clips.parquet, data/cross_corpus/CORPUS/raw, and the encoder in the package
Writes  data/cross_corpus/CORPUS/copies.npy (copies, clips, 3, 1024): mean and standard deviation over
        time of each layer's 512 states
        data/cross_corpus/CORPUS/draws.parquet: what was drawn for each copy and clip, which can be replayed

The copies are those of encode_layers.copies in params.yaml, in their order and with their ranges, but without
those with babble: a copy holds its own speaker's voice alone, and that of nobody who may be held out.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from experiments.cross_corpus.corpora import CORPORA
from experiments.cross_corpus.params import CrossCorpusParams
from ser.audio.corruptions.mixture import Mixture
from ser.errors import InputError
from ser.features.whisper_encoder import read_encoder
from ser.files import read_table, write_array, write_parquet
from ser.parallel import run_all
from ser.params import CorruptionRanges, load, load_params
from stages import command
from stages.layers.copies import layers_of_copies


def draw_copies(clips: Iterable[str], copies: Mapping[str, CorruptionRanges], *, seed: int) -> pd.DataFrame:
    """Draw what happens to each clip in each copy that has no babble.

    Parameters
    ----------
    clips
        Ids of the clips.
    copies
        Ranges of each copy, by its name.
    seed
        Seed of all draws.

    Returns
    -------
    pandas.DataFrame
        A row a copy and clip, copy by copy: ``copy``, ``clip``, ``corruptions`` (JSON).

    Raises
    ------
    InputError
        Where every copy has babble.
    """
    alone = {name: ranges for name, ranges in copies.items() if ranges.babble is None}
    if not alone:
        raise InputError("params.yaml: encode_layers.copies: all have babble, and none is left without")
    names = list(clips)
    rows = [
        (copy, clip, Mixture.draw(ranges, clip, copy, seed=seed).to_json())
        for copy, ranges in alone.items()
        for clip in names
    ]
    return pd.DataFrame(rows, columns=["copy", "clip", "corruptions"])


def main() -> None:
    """Draw and encode the copies of a corpus, then write."""
    parser = command.parser(__doc__)
    parser.add_argument("corpus", choices=CORPORA)
    folder = Path("data/cross_corpus") / parser.parse_args().corpus
    params = load_params()
    own = load("experiments/cross_corpus/params.yaml", CrossCorpusParams)
    read_encoder()  # before the work, if it is missing
    clips = read_table(folder / "clips.parquet", ("clip", "path"))
    draws = draw_copies(clips["clip"], params.encode_layers.copies, seed=own.encode_copies.seed)
    by_clip = {clip: list(rows) for clip, rows in draws.groupby("clip", sort=False)["corruptions"]}
    nobody: dict[str, str] = {}
    calls = [(path, by_clip[clip], nobody) for clip, path in clips.itertuples(index=False)]
    rows = run_all(layers_of_copies, calls, workers=params.workers, what="encode copies")
    write_array(folder / "copies.npy", np.stack(rows, axis=1))  # (copies, clips, 3, 1024)
    write_parquet(folder / "draws.parquet", draws)


if __name__ == "__main__":
    command.run(main)
