"""Voice activity detection by Silero's network, which only decides whether there is speech.

The network is the one for 16 kHz of the package silero-vad 6.2.3, of which nothing else is used: neither its
code, nor PyTorch, which that would need.

References
----------
Silero Team (2024). Silero VAD: pre-trained enterprise-grade voice activity detector.
https://github.com/snakers4/silero-vad
"""

import hashlib
from pathlib import Path

import numpy as np

from ser.errors import InputError
from ser.features.front_end import Array
from ser.recognizer.onnxruntime_without_telemetry import open_session

NETWORK = Path(__file__).parents[1] / "silero" / "silero_vad_16k_sequence.onnx"
"""Where the network lies, inside the package, with its licence beside it."""
NETWORK_SHA256 = "9ccdacc4719d8aa7e45a77536bfabec45a03ba1f2fad5e241ab4060b24238a85"
RATE = 16_000
"""Rate of the network's input, in Hz."""
SPEECH_PROBABILITY = 0.4
"""Probability from which a frame of 32 ms counts as speech."""
POSSIBLE_PROBABILITY = 0.05
"""Probability from which it may be: some screams reach no more; of noises only mains hum does for long."""
LEAST_SPEECH_FRAMES = 4
"""Frames that make speech, 0.128 s. Of noises, tones, hum and clicks none reaches more than 2 frames."""

_FRAME = 512
_CONTEXT = 64
_UNITS = 128
# Number of frames at once: most speech is found in the first, and the rest is not computed.
_AT_ONCE = 16
# The network expects speech at a usual level: the loudest 40 ms are scaled to this factor of full scale.
_LEVEL = 0.1
_LEVEL_FRAME = 640


class SpeechDetector:
    """Tells speech from everything else; may be used by several threads at once.

    Parameters
    ----------
    path
        The network's ONNX file; by default the package's own.

    Raises
    ------
    InputError
        Where the file is missing, or another one.
    """

    def __init__(self, path: Path = NETWORK) -> None:
        try:
            network = path.read_bytes()
        except OSError as error:
            raise InputError(f"{path}: {error.strerror or error}; install the package again") from error
        if hashlib.sha256(network).hexdigest() != NETWORK_SHA256:
            raise InputError(f"{path}: damaged, its sha256 is another; install the package again")
        self._session = open_session(network)

    def has_speech(self, samples: Array, *, probability: float = SPEECH_PROBABILITY) -> bool:
        """Decide whether there is speech, at any level.

        Parameters
        ----------
        samples
            [shape=(n,), dtype=float32] Waveform of any length, at `RATE`; full scale is 1.
        probability
            Threshold from which a frame counts, `SPEECH_PROBABILITY` or `POSSIBLE_PROBABILITY`.
        """
        frames = _frames(samples * np.float32(_LEVEL / max(_loudest(samples), 1e-9)))  # (frames, 576)
        hidden = cell = np.zeros((1, 1, _UNITS), dtype=np.float32)
        found = 0
        for start in range(0, len(frames), _AT_ONCE):
            speech, hidden, cell = self._session.run(
                ["speech_probs", "hn", "cn"],
                {"input": frames[start : start + _AT_ONCE], "h": hidden, "c": cell},
            )
            found += int((speech >= probability).sum())
            if found >= LEAST_SPEECH_FRAMES:
                return True
        return False


def _loudest(samples: Array) -> float:
    """Root-mean-square of the loudest 40 ms of samples [shape=(n,)], as a factor of full scale."""
    padded = np.zeros(-(-len(samples) // _LEVEL_FRAME) * _LEVEL_FRAME, dtype=np.float32)
    padded[: len(samples)] = samples
    squares = np.square(padded.reshape(-1, _LEVEL_FRAME), dtype=np.float64)  # (ceil(n / 640), 640)
    return float(np.sqrt(squares.mean(axis=1).max(initial=0)))


def _frames(samples: Array) -> Array:
    """Cut to frames, each with the last samples of the one before it [shape=(ceil(n / 512), 576)]."""
    count = -(-len(samples) // _FRAME)
    padded = np.zeros(_CONTEXT + count * _FRAME, dtype=np.float32)
    padded[_CONTEXT : _CONTEXT + len(samples)] = samples
    if not count:
        return np.zeros((0, _CONTEXT + _FRAME), dtype=np.float32)
    return np.lib.stride_tricks.sliding_window_view(padded, _CONTEXT + _FRAME)[::_FRAME]
