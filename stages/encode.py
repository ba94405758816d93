"""Compute what a pretrained speaker encoder makes of every clip, as recorded and at other speeds.

Reads   data/clips.parquet, data/raw, and the weights in the package Resemblyzer
Writes  data/features/clean/encoder.npy (clips, 3, 1026), in the order of clips.parquet: for each layer mean,
        deviation, maximum and minimum over time of its 256 states, then the level in dBFS and the length in
        seconds of the speech, which the encoder does not tell
        data/features/resampled/encoder.npy (speeds, clips, 3, 1026), the same of the training copies, in the
        order of resample.speeds

The weights are those of encode.weights_sha256 in params.yaml, or the stage stops: nothing is learned here.
"""

import numpy as np
import numpy.typing as npt

from ser.audio import clip_io as audio
from ser.features.speaker_encoder import (
    SAMPLE_RATE,
    check_weights,
    pretrained_encoder,
    speech_functionals,
    speech_of,
)
from ser.files import read_table, write_array
from ser.parallel import run_all
from ser.params import Encode, load_params
from stages import command

Array = npt.NDArray[np.float32]


def encode_clip(path: str, speeds: list[float], settings: Encode) -> Array:
    """Compute one clip's rows [shape=(speeds, 3, 1026)]; a speed of 1 is that of the recording."""
    rows = []
    for speed in speeds:
        # Read at another rate than it is then taken to have.
        samples = audio.load(path, sample_rate=round(SAMPLE_RATE / speed))
        speech = speech_of(samples, trim_db=settings.trim_db)
        rows.append(speech_functionals(speech, encoder=pretrained_encoder()))
    return np.stack(rows)


def main() -> None:
    """Encode all clips."""
    command.parser(__doc__).parse_args()
    params = load_params()
    check_weights(params.encode.weights_sha256)
    clips = read_table("data/clips.parquet", ("clip", "path"))

    calls = [(path, [1.0, *params.resample.speeds], params.encode) for path in clips["path"]]
    # (1 + speeds, clips, 3, 1026), the recordings first.
    rows = np.stack(run_all(encode_clip, calls, workers=params.workers, what="encode"), axis=1)
    write_array("data/features/clean/encoder.npy", rows[0])
    write_array("data/features/resampled/encoder.npy", rows[1:])


if __name__ == "__main__":
    command.run(main)
