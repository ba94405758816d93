"""All features of one recording, however corrupted, as the stages of the main pipeline compute them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ser.features import logmel, speaker_encoder
from ser.features.functionals import functionals
from ser.params import Encode, FunctionalsParams, LogMelParams
from stages.layers.speech import layers_of

Array = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Settings:
    """How features are computed.

    Attributes
    ----------
    logmel, functionals, encode : LogMelParams, FunctionalsParams, Encode
        Sections of params.yaml: rates in Hz, lengths in samples, thresholds in dB.
    n_layers : int
        Number of the speaker encoder's layers to compute, from the lowest.
    """

    logmel: LogMelParams
    functionals: FunctionalsParams
    encode: Encode
    n_layers: int


def features_of(samples: Array, settings: Settings) -> dict[str, Array]:
    """Compute all features of a waveform [shape=(n,)] at 16 kHz, by their names; see `Settings`."""
    speech = logmel.speech_logmel(samples, settings=settings.logmel)  # (t, n_mels)
    loud = speaker_encoder.speech_of(samples, trim_db=settings.encode.trim_db)  # (m,), m <= n
    pretrained = speaker_encoder.pretrained_encoder()
    encoder = speaker_encoder.SpeakerEncoder(pretrained.layers[: settings.n_layers])
    return {
        "logmel": logmel.fit_middle(speech, settings=settings.logmel),  # (160, 64)
        "functionals": functionals(speech, settings=settings.functionals),  # (1135,)
        "encoder": speaker_encoder.speech_functionals(loud, encoder=encoder),  # (n_layers, 1026)
        "layers": layers_of(samples),  # (3, 1024)
    }
