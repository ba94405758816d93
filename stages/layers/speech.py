"""From a waveform to functionals of the encoder's layers: silence is cut off, and speech encoded.

A module of its own, as what a worker process keeps must be imported by its name.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from ser.audio.endpointing import trim_silence
from ser.features.whisper_encoder import SAMPLE_RATE, WhisperEncoder, read_encoder
from ser.features.whisper_front_end import LONGEST_S
from ser.recognizer.onnxruntime_without_telemetry import open_session

Array = npt.NDArray[np.float32]


@cache
def encoder() -> WhisperEncoder:
    """Load the package's own encoder, once a process."""
    return WhisperEncoder(open_session(read_encoder()))


def layers_of(samples: Array) -> Array:
    """Compute the functionals [shape=(3, 1024)] of a waveform [shape=(n,)] at 16 kHz.

    Of more than 30 s of speech, which the encoder cannot read, the first are taken.
    """
    speech = trim_silence(samples, sample_rate=SAMPLE_RATE)[: round(LONGEST_S * SAMPLE_RATE)]
    [functionals] = encoder().functionals([speech])
    return np.asarray(functionals)
