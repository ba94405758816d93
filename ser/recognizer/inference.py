"""The exported network: from the features of windows to probabilities, batch by batch."""

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from ser.data.ravdess import EMOTIONS
from ser.features.front_end import Features
from ser.recognizer.onnxruntime_without_telemetry import open_session

T = TypeVar("T")

BATCH = 4
"""Number of windows in a batch, of one recording or of several: more are hardly faster."""


class Model:
    """The network of a bundle; may be used by several threads at once.

    Parameters
    ----------
    onnx
        Content of the bundle's ONNX file.
    """

    def __init__(self, onnx: bytes) -> None:
        self._session = open_session(onnx)

    def probabilities(self, windows: Sequence[Features]) -> npt.NDArray[np.float32]:
        """Compute calibrated probabilities of windows.

        Parameters
        ----------
        windows
            Features of n windows, whose speech may have any length.

        Returns
        -------
        numpy.ndarray [shape=(n, 8), dtype=float32]
            Columns in the order of `ser.data.ravdess.EMOTIONS`; each row sums to 1.
        """
        outcome = np.empty((len(windows), len(EMOTIONS)), dtype=np.float32)  # (n, 8)
        # Windows of similar length together: the shorter ones of a batch are padded.
        order = sorted(range(len(windows)), key=lambda place: len(windows[place].mel))
        for batch in chunks(iter(order), BATCH):
            inputs = model_inputs([windows[place] for place in batch])
            (outcome[batch],) = self._session.run(["probabilities"], inputs)  # (batch, 8)
        return outcome


def model_inputs(windows: Sequence[Features]) -> dict[str, npt.NDArray[np.generic]]:
    """Stack features to the inputs of the ONNX model; those of the encoder are padded to the longest.

    Parameters
    ----------
    windows
        Features of n windows, at least one.

    Returns
    -------
    dict of numpy.ndarray
        ``logmel`` in dB [shape=(n, n_frames, n_mels)], ``mel`` power [shape=(n, longest, n_mels)], ``length``
        of each in frames [shape=(n,)], ``level`` in dBFS and seconds [shape=(n, 2)].
    """
    lengths = np.array([len(it.mel) for it in windows], dtype=np.int32)  # (n,)
    # (n, longest, n_mels)
    mel = np.zeros((len(windows), lengths.max(), windows[0].mel.shape[1]), dtype=np.float32)
    for row, it in zip(mel, windows, strict=True):
        row[: len(it.mel)] = it.mel  # (length, n_mels) of (longest, n_mels)
    return {
        "logmel": np.stack([it.logmel for it in windows]),
        "mel": mel,
        "length": lengths,
        "level": np.stack([it.level for it in windows]),
    }


def chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    """Give items in lists of a length, the last of which may be shorter.

    Parameters
    ----------
    items
        Items to group, which are read only as far as needed.
    size
        Number of items in a list, at least 1.
    """
    while chunk := list(islice(items, size)):
        yield chunk
