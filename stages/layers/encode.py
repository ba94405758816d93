"""Compute what the first layers of Whisper's encoder make of every clip, and of corrupted training copies.

Reads   data/clips.parquet, data/splits/luna5.parquet, data/raw, and the encoder in the package
Writes  data/features/clean/layers.npy (clips, 3, 1024), in the order of clips.parquet: mean and deviation
        over time of each layer's 512 states
        data/features/corrupted/layers.npy (copies, clips, 3, 1024), the same of the copies, in the order of
        encode_layers.copies in params.yaml
        data/features/corrupted/draws.parquet: what was drawn for each copy and clip, which can be replayed

The whole recording is corrupted, at 16 kHz; only then is silence cut off at its ends, as it is of any
recording; of more than 30 s of speech the first are read. Copies are for training alone. The folds of luna5
share them: whose voice is heard as babble is tested in no fold in which the clip trains. Nothing is learned
here.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from ser.audio.corruptions.mixture import Mixture
from ser.data.babble_voices import Candidates, in_every_fold
from ser.data.fold import folds
from ser.errors import InputError
from ser.features.whisper_encoder import read_encoder
from ser.files import read_table, write_array, write_parquet
from ser.parallel import run_all
from ser.params import EncodeLayers, load_params
from stages import command
from stages.inputs import read_split
from stages.layers.copies import layers_of_copies


def draw_copies(clips: pd.DataFrame, split: pd.DataFrame, settings: EncodeLayers) -> pd.DataFrame:
    """Draw what happens to each clip in each copy.

    Returns
    -------
    pandas.DataFrame
        A row a copy and clip, copy by copy: ``copy``, ``clip``, ``corruptions`` (JSON).

    Raises
    ------
    InputError
        Where babble has more talkers than actors may be heard.
    """
    fold_list = list(folds(clips, split))

    @cache
    def candidates(actor: int) -> Candidates:
        return in_every_fold(fold_list, actor=actor)

    rows = []
    for copy, ranges in settings.copies.items():
        for clip, actor in zip(clips["clip"], clips["actor"], strict=True):
            allowed = candidates(int(actor)) if ranges.babble else None
            try:
                drawn = Mixture.draw(ranges, clip, copy, seed=settings.seed, candidates=allowed)
            except ValueError as error:
                raise InputError(f"params.yaml: encode_layers.copies.{copy}: {error}") from error
            rows.append((copy, clip, drawn.to_json()))
    return pd.DataFrame(rows, columns=["copy", "clip", "corruptions"])


def main() -> None:
    """Draw, encode all clips and their copies, then write."""
    command.parser(__doc__).parse_args()
    params = load_params()
    read_encoder()  # before hours of work, if it is missing
    clips = read_table("data/clips.parquet", ("clip", "path", "emotion", "actor"))
    _, split = read_split("luna5")
    draws = draw_copies(clips, split, params.encode_layers)

    paths = dict(zip(clips["clip"], clips["path"], strict=True))
    calls = []
    for clip, of_clip in draws.groupby("clip", sort=False):
        copies = [Mixture().to_json(), *of_clip["corruptions"]]
        heard = {voice: paths[voice] for text in copies for voice in Mixture.from_json(text).voices}
        calls.append((paths[str(clip)], copies, heard))
    rows = run_all(layers_of_copies, calls, workers=params.workers, what="encode layers")
    layers = np.stack(rows, axis=1)  # (1 + copies, clips, 3, 1024), the recordings first
    write_array("data/features/clean/layers.npy", layers[0])
    write_array("data/features/corrupted/layers.npy", layers[1:])
    write_parquet(Path("data/features/corrupted/draws.parquet"), draws)


if __name__ == "__main__":
    command.run(main)
