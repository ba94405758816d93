"""A pretrained speaker encoder in NumPy: from a recording to the hidden states of its LSTM layers.

The encoder was trained to tell speakers apart (GE2E) on LibriSpeech and VoxCeleb. Its weights come with the
package Resemblyzer, of which nothing else is used: neither its code nor PyTorch need to be installed.

References
----------
Wan L et al. (2018). Generalized End-to-End Loss for Speaker Verification. ICASSP.
Weights and the settings of the mel spectrogram: Resemblyzer 0.1.4, Jemine C, Apache License 2.0.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from itertools import count, takewhile
from pathlib import Path
from typing import Self

import librosa
import numpy as np
import numpy.typing as npt
from scipy.special import expit

from ser.errors import InputError
from ser.features.torch_checkpoint import read_torch_weights

Array = npt.NDArray[np.float32]

SAMPLE_RATE = 16000
"""In Hz. This and the following are what the encoder was trained with."""
N_FFT, HOP_LENGTH, N_MELS = 400, 160, 40
"""Windows of 25 ms every 10 ms, 40 mel bands of power, without a logarithm."""
LEVEL_DBFS = -30.0
"""Root-mean-square level of the encoder's input, to which all speech is scaled."""
_SILENCE = 1e-10


def weights_file() -> Path:
    """Find the weights that the package Resemblyzer installs.

    Raises
    ------
    InputError
        Where it is not installed.
    """
    try:
        package = distribution("resemblyzer")
    except PackageNotFoundError as error:
        raise InputError("the package Resemblyzer is missing: run make install") from error
    return Path(str(package.locate_file("resemblyzer/pretrained.pt")))


def check_weights(sha256: str) -> None:
    """Make sure that the installed weights are the expected ones.

    Raises
    ------
    InputError
        Where they are missing, or other ones.
    """
    path = weights_file()
    try:
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); run make install") from error
    if found != sha256:
        raise InputError(f"{path}: other weights (sha256 {found}) than encode.weights_sha256 in params.yaml")


def speech_of(samples: Array, *, trim_db: float) -> Array:
    """Cut off both ends of a recording what lies more than `trim_db` below its loudest frame.

    Parameters
    ----------
    samples
        [shape=(n,)] The complete recording, at `SAMPLE_RATE`; full scale is 1.
    trim_db
        Threshold below the loudest frame, in dB, above 0.

    Returns
    -------
    numpy.ndarray [shape=(m,), dtype=float32]
        A part of `samples`, m <= n.
    """
    speech, _ = librosa.effects.trim(samples, top_db=trim_db, frame_length=N_FFT, hop_length=HOP_LENGTH)
    return speech


def encoder_mel(speech: Array) -> Array:
    """Compute the encoder's input, a mel spectrogram of speech that is scaled to `LEVEL_DBFS`.

    Parameters
    ----------
    speech
        [shape=(n,)] Speech at `SAMPLE_RATE`, without silence at its ends; full scale is 1.

    Returns
    -------
    numpy.ndarray [shape=(1 + n // HOP_LENGTH, N_MELS), dtype=float32]
        Power of each frame and mel band, not negative.
    """
    gain = 10 ** (LEVEL_DBFS / 20) / max(_rms(speech), _SILENCE)
    mel = librosa.feature.melspectrogram(
        y=speech * np.float32(gain), sr=SAMPLE_RATE, n_fft=N_FFT, hop_length=HOP_LENGTH, n_mels=N_MELS
    )
    return np.asarray(mel.T, dtype=np.float32)  # (N_MELS, t) to (t, N_MELS)


@dataclass(frozen=True)
class _Layer:
    """One LSTM layer, its gates in PyTorch's order: input, forget, cell, output.

    Attributes
    ----------
    of_input : numpy.ndarray [shape=(4 * units, n), dtype=float32]
        Weights of the layer's input, which has n columns, gate by gate.
    of_state : numpy.ndarray [shape=(4 * units, units), dtype=float32]
        Weights of the hidden state of the frame before.
    bias : numpy.ndarray [shape=(4 * units,), dtype=float32]
        Sum of the two biases that PyTorch keeps.
    """

    of_input: Array
    of_state: Array
    bias: Array

    def run(self, x: Array) -> Array:
        """Turn inputs [shape=(t, n)] into hidden states [shape=(t, units)]."""
        driven = x @ self.of_input.T + self.bias  # (t, 4 * units)
        units = self.of_state.shape[1]
        of_state = np.ascontiguousarray(self.of_state.T)  # (units, 4 * units)
        state = cell = np.zeros(units, dtype=np.float32)
        states = np.empty((len(x), units), dtype=np.float32)
        for t, row in enumerate(driven):
            gates = row + state @ of_state  # (4 * units,)
            admit, keep, emit = (
                expit(gates[:units]),
                expit(gates[units : 2 * units]),
                expit(gates[3 * units :]),
            )
            cell = keep * cell + admit * np.tanh(gates[2 * units : 3 * units])
            states[t] = state = emit * np.tanh(cell)
        return states


@dataclass(frozen=True)
class SpeakerEncoder:
    """The encoder's LSTM layers, lowest first."""

    layers: tuple[_Layer, ...]

    @classmethod
    def load(cls, path: Path | str | None = None) -> Self:
        """Read the weights from a checkpoint; without `path`, from the package's own."""
        weights = read_torch_weights(path or weights_file(), section="model_state")
        numbers = takewhile(lambda number: f"lstm.weight_ih_l{number}" in weights, count())
        return cls(
            tuple(
                _Layer(
                    weights[f"lstm.weight_ih_l{number}"],
                    weights[f"lstm.weight_hh_l{number}"],
                    weights[f"lstm.bias_ih_l{number}"] + weights[f"lstm.bias_hh_l{number}"],
                )
                for number in numbers
            )
        )

    def states(self, mel: Array) -> list[Array]:
        """Run the encoder.

        Parameters
        ----------
        mel
            [shape=(t, N_MELS)] Power, as of `encoder_mel`.

        Returns
        -------
        list of numpy.ndarray [shape=(t, 256), dtype=float32]
            The hidden states of each layer, between -1 and 1; the lowest layer first.
        """
        states = [mel]
        for layer in self.layers:
            states.append(layer.run(states[-1]))
        return states[1:]


@cache
def pretrained_encoder() -> SpeakerEncoder:
    """Load the package's own weights, once a process."""
    return SpeakerEncoder.load()


def speech_functionals(speech: Array, *, encoder: SpeakerEncoder) -> Array:
    """Summarise the encoder's hidden states over time, with the level that scaling takes away.

    Parameters
    ----------
    speech
        [shape=(n,)] Speech at `SAMPLE_RATE`, as of `speech_of`; full scale is 1.
    encoder
        The encoder whose hidden states are summarised.

    Returns
    -------
    numpy.ndarray [shape=(3, 4 * 256 + 2), dtype=float32]
        For each layer mean, standard deviation, maximum and minimum over time of its hidden states, then the
        level of the speech in dBFS and its length in seconds. 3 is the number of layers of `encoder`.
    """
    level_dbfs = 20 * math.log10(max(_rms(speech), _SILENCE))
    about = [level_dbfs, len(speech) / SAMPLE_RATE]
    rows = []
    for states in encoder.states(encoder_mel(speech)):  # (t, 256)
        extremes = [states.max(axis=0), states.min(axis=0)]  # (256,) each
        rows.append(np.concatenate([states.mean(axis=0), states.std(axis=0), *extremes, about]))
    return np.stack(rows).astype(np.float32)


def _rms(speech: Array) -> float:
    return float(np.sqrt(np.mean(np.square(speech, dtype=np.float64))))
