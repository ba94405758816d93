"""Compute what a local Hugging Face audio model makes of every clip; optional, and no part of `dvc repro`.

Reads   data/clips.parquet, data/raw, and the folder huggingface.model of params.yaml
Writes  data/features/clean/huggingface.npy (clips, layers, 2 * units), in the order of clips.parquet: for
        each layer, the input of the first one included, mean and deviation over time of its hidden states

The model is that of huggingface.sha256 in params.yaml, or the stage stops: nothing is learned here. It needs
more packages than the rest: pip install -e '.[huggingface]'.
"""

import numpy as np
import numpy.typing as npt

from experiments.huggingface.huggingface_encoder import (
    SAMPLE_RATE,
    check_model,
    encoder_of,
    state_functionals,
)
from ser.audio import clip_io as audio
from ser.features.speaker_encoder import speech_of
from ser.files import read_table, write_array
from ser.parallel import run_all
from ser.params import load_params
from stages import command

Array = npt.NDArray[np.float32]


def encode_clip(path: str, model: str, trim_db: float) -> Array:
    """Compute one clip's row."""
    speech = speech_of(audio.load(path, sample_rate=SAMPLE_RATE), trim_db=trim_db)
    return state_functionals(speech, encoder=encoder_of(model))


def main() -> None:
    """Encode all clips."""
    command.parser(__doc__).parse_args()
    params = load_params()
    model = check_model(params.huggingface.model, sha256=params.huggingface.sha256)
    clips = read_table("data/clips.parquet", ("clip", "path"))

    calls = [(path, model, params.huggingface.trim_db) for path in clips["path"]]
    rows = run_all(encode_clip, calls, workers=params.workers, what="encode")
    write_array("data/features/clean/huggingface.npy", np.stack(rows))


if __name__ == "__main__":
    command.run(main)
