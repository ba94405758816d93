"""The first three layers of Whisper-base's encoder, from an ONNX file of our own: speech to functionals.

The file lies in ``ser/encoder``. ``python -m tools.export_encoder`` makes it of the published weights.
Whisper was trained to transcribe and to translate 680,000 hours of speech, without emotion labels.

References
----------
Radford A et al. (2023). Robust Speech Recognition via Large-Scale Weak Supervision. ICML.
Weights: OpenAI, MIT License.
"""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ser.errors import InputError
from ser.features.whisper_front_end import whisper_mel

Array = npt.NDArray[np.float32]

ENCODER = Path(__file__).parents[1] / "encoder"
"""The folder inside the package."""
MODEL, ABOUT, LICENCE = "whisper_base_3_layers.onnx", "about.json", "LICENSE-whisper.txt"
LAYERS, UNITS = 3, 512
SAMPLE_RATE = 16_000
"""Rate of the speech, in Hz."""


class Session(Protocol):
    """What is used of an ONNX Runtime session, such as `ser.recognizer` opens it."""

    def run(self, output_names: list[str], input_feed: dict[str, Array]) -> Sequence[Any]:
        """Compute outputs of a network, given its inputs by their names."""
        ...


def read_encoder(folder: Path = ENCODER) -> bytes:
    """Read the ONNX file, and check that it is the one that was exported.

    Parameters
    ----------
    folder
        Where the file lies, with its description beside it; by default inside the package.

    Raises
    ------
    InputError
        Where a file is missing or damaged.
    """
    try:
        content = (folder / MODEL).read_bytes()
        expected = json.loads((folder / ABOUT).read_text(encoding="utf-8"))["onnx_sha256"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{folder}: no encoder ({error}); install the package again") from error
    if hashlib.sha256(content).hexdigest() != expected:
        raise InputError(f"{folder / MODEL}: damaged, its sha256 is another; install the package again")
    return content


class WhisperEncoder:
    """The encoder; may be used by several threads at once.

    Parameters
    ----------
    session
        The network of `read_encoder`, opened with one thread, so that sums have one order:
        ``open_session(read_encoder())``.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def functionals(self, speeches: Sequence[Array]) -> Array:
        """Summarise the hidden states of each layer over time.

        Each recording is run alone, so that its row is the same bit for bit, whatever else is computed in
        the same call. On one thread a batch would be hardly faster.

        Parameters
        ----------
        speeches
            n recordings or windows, each [shape=(samples,)], at 16 kHz, 30 s at most.

        Returns
        -------
        numpy.ndarray [shape=(n, LAYERS, 2 * UNITS), dtype=float32]
            Mean and standard deviation over time of each layer's states.

        Raises
        ------
        InputError
            Where one is longer than 30 s.
        """
        rows = [self._session.run(["functionals"], {"mel": whisper_mel(it)})[0] for it in speeches]
        return np.stack(rows) if rows else np.empty((0, LAYERS, 2 * UNITS), dtype=np.float32)
