"""Compute the hidden states of two pretrained encoders for every clip: Whisper's, and the speaker encoder's.

Reads   data/clips.parquet, data/raw, and the weights: Whisper's in the packages of requirements-whisper.txt
        or in the file that the environment variable WHISPER_WEIGHTS names, the other's in Resemblyzer
Writes  data/features/clean/whisper.npy (clips, 7, 1024), in the order of clips.parquet: for each layer of
        Whisper's encoder, the input of the first one included, mean and standard deviation over time of its
        512 hidden states
        data/features/clean/whisper_speaker.npy (clips, 3, 1026), as the stage encode writes encoder.npy

The weights are those of weights_sha256 in experiments/whisper/params.yaml and of encode.weights_sha256 in
params.yaml, or the stage stops: nothing is trained here. The speaker encoder is run again so that this
pipeline reads no computed float of another one, and can be run on a machine of its own.
"""

import numpy as np
import numpy.typing as npt

from experiments.whisper import whisper_encoder
from experiments.whisper.params import WhisperParams
from ser.audio import clip_io as audio
from ser.features import speaker_encoder
from ser.files import read_table, write_array
from ser.parallel import run_all
from ser.params import load, load_params
from stages import command

Array = npt.NDArray[np.float32]


def encode_clip(path: str, whisper_trim_db: float, speaker_trim_db: float) -> tuple[Array, Array]:
    """Compute one clip's rows, of Whisper and of the speaker encoder; both read 16 kHz."""
    samples = audio.load(path, sample_rate=whisper_encoder.SAMPLE_RATE)
    return (
        whisper_encoder.state_functionals(
            speaker_encoder.speech_of(samples, trim_db=whisper_trim_db),
            encoder=whisper_encoder.pretrained_whisper(),
        ),
        speaker_encoder.speech_functionals(
            speaker_encoder.speech_of(samples, trim_db=speaker_trim_db),
            encoder=speaker_encoder.pretrained_encoder(),
        ),
    )


def main() -> None:
    """Encode all clips."""
    command.parser(__doc__).parse_args()
    params = load_params()
    whisper = load("experiments/whisper/params.yaml", WhisperParams)
    whisper_encoder.check_weights(whisper.weights_sha256)
    speaker_encoder.check_weights(params.encode.weights_sha256)
    clips = read_table("data/clips.parquet", ("clip", "path"))

    calls = [(path, whisper.trim_db, params.encode.trim_db) for path in clips["path"]]
    of_whisper, of_speaker = zip(
        *run_all(encode_clip, calls, workers=params.workers, what="encode"), strict=True
    )
    write_array("data/features/clean/whisper.npy", np.stack(of_whisper))
    write_array("data/features/clean/whisper_speaker.npy", np.stack(of_speaker))


if __name__ == "__main__":
    command.run(main)
