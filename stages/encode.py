"""Compute what a pretrained speaker encoder makes of every clip.

Reads   data/clips.parquet, data/raw, and the weights in the package Resemblyzer
Writes  data/features/clean/encoder.npy (clips, 3, 1026), in the order of clips.parquet: for each layer mean,
        deviation, maximum and minimum over time of its 256 states, then the level in dBFS and the length in
        seconds of the speech, which the encoder does not tell

The weights are those of encode.weights_sha256 in params.yaml, or the stage stops: nothing is learned here.
"""

import numpy as np
import numpy.typing as npt

from ser import audio
from ser.files import read_table, write_array
from ser.parallel import run_all
from ser.params import Encode, load_params
from ser.speaker_encoder import (
    SAMPLE_RATE,
    check_weights,
    pretrained_encoder,
    speech_functionals,
    speech_of,
)
from stages import command

Array = npt.NDArray[np.float32]


def encode_clip(path: str, settings: Encode) -> Array:
    """Compute one clip's row."""
    speech = speech_of(audio.load(path, sample_rate=SAMPLE_RATE), trim_db=settings.trim_db)
    return speech_functionals(speech, encoder=pretrained_encoder())


def main() -> None:
    """Encode all clips."""
    command.parser(__doc__).parse_args()
    params = load_params()
    check_weights(params.encode.weights_sha256)
    clips = read_table("data/clips.parquet", ("clip", "path"))

    calls = [(path, params.encode) for path in clips["path"]]
    rows = run_all(encode_clip, calls, workers=params.workers, what="encode")
    write_array("data/features/clean/encoder.npy", np.stack(rows))


if __name__ == "__main__":
    command.run(main)
