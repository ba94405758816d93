"""Compute what the first layers of Whisper's encoder make of every clip of a corpus beside RAVDESS.

Reads   data/cross_corpus/CORPUS/clips.parquet, data/cross_corpus/CORPUS/raw, and the encoder in the package
Writes  data/cross_corpus/CORPUS/layers.npy (clips, 3, 1024), in the order of clips.parquet: mean and
        standard deviation over time of each layer's 512 states

Recordings are read, and silence is cut off at their ends, as RAVDESS's are. Nothing is learned here.
"""

from pathlib import Path

import numpy as np

from experiments.cross_corpus.corpora import CORPORA
from ser.audio import clip_io as audio
from ser.features.whisper_encoder import SAMPLE_RATE, read_encoder
from ser.files import read_table, write_array
from ser.parallel import run_all
from ser.params import load_params
from stages import command
from stages.layers.speech import Array, layers_of


def encode_clip(path: str) -> Array:
    """Compute the functionals [shape=(3, 1024)] of a recording."""
    return layers_of(audio.load(path, sample_rate=SAMPLE_RATE))


def main() -> None:
    """Encode all clips of a corpus, then write."""
    parser = command.parser(__doc__)
    parser.add_argument("corpus", choices=CORPORA)
    folder = Path("data/cross_corpus") / parser.parse_args().corpus
    params = load_params()
    read_encoder()  # before the work, if it is missing
    paths = read_table(folder / "clips.parquet", ("path",))["path"]
    rows = run_all(encode_clip, [(it,) for it in paths], workers=params.workers, what="encode layers")
    write_array(folder / "layers.npy", np.stack(rows))


if __name__ == "__main__":
    command.run(main)
