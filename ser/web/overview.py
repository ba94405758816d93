"""Waveform and log-mel of a recording of any length, reduced to a picture's width while it is read."""

import base64
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from ser.features.front_end import Array, MelSettings, mel_power

RANGE_DB = 70.0
"""Range in dB from the loudest to what is drawn as nothing."""
MEL = MelSettings(
    sample_rate=16_000, n_fft=1024, win_length=640, hop_length=256, n_mels=64, fmin=50.0, fmax=8000.0
)
"""What is drawn, of a recording at 16 kHz."""
COLUMNS = 1500
"""At least as many columns has the picture of a long recording, and at most twice as many."""


@dataclass(frozen=True)
class Overview:
    """A recording in columns.

    Attributes
    ----------
    column_s : float
        Length of a column, in seconds.
    low, high : numpy.ndarray [shape=(n,), dtype=float32]
        Least and greatest sample of each column; full scale is 1.
    levels : numpy.ndarray [shape=(n, n_mels), dtype=uint8]
        Mean power of each mel band, from 0 (`RANGE_DB` below the loudest) to 255, linear in dB.
    lowest_hz, highest_hz : float
        Edges of the lowest and of the highest mel band, in Hz.
    """

    column_s: float
    low: Array
    high: Array
    levels: np.ndarray[Any, np.dtype[np.uint8]]
    lowest_hz: float
    highest_hz: float

    def as_dict(self) -> dict[str, Any]:
        """Give plain values, as for JSON; the levels column by column, in base64."""
        return {
            "column_s": self.column_s,
            "low": np.round(self.low, 4).astype(float).tolist(),
            "high": np.round(self.high, 4).astype(float).tolist(),
            "bands": self.levels.shape[1],
            "levels": base64.b64encode(self.levels.tobytes()).decode(),
            "range_db": RANGE_DB,
            "lowest_hz": self.lowest_hz,
            "highest_hz": self.highest_hz,
        }


def overview(blocks: Iterable[Array], *, settings: MelSettings = MEL, columns: int = COLUMNS) -> Overview:
    """Reduce a recording, in memory that does not grow with its length.

    Parameters
    ----------
    blocks
        Samples block by block [shape=(n,)], at ``settings.sample_rate``; full scale is 1.
    settings
        Rate, frames and mel bands of the log-mel.
    columns
        Least number of columns of a long recording, which has less than twice as many.
    """
    table = _Columns(columns, width=2 + settings.n_mels)
    for frames in _frames(blocks, settings):
        table.add(frames)
    low, high, power = np.split(table.finished(), [1, 2], axis=1)  # (n, 1), (n, 1), (n, n_mels)
    decibels = 10 * np.log10(np.maximum(power, 1e-12))
    share = 1 + (decibels - decibels.max(initial=-120)) / RANGE_DB
    return Overview(
        column_s=table.stride * settings.hop_length / settings.sample_rate,
        low=low[:, 0],
        high=high[:, 0],
        levels=np.round(255 * np.maximum(share, 0)).astype(np.uint8),
        lowest_hz=settings.fmin,
        highest_hz=settings.fmax,
    )


def _frames(blocks: Iterable[Array], mel: MelSettings) -> Iterator[Array]:
    """Give least sample, greatest sample and power of each mel band, hop by hop [shape=(n, 2 + n_mels)]."""
    hop = mel.hop_length
    # A frame reaches this many hops to left and right, into other blocks.
    margin = -(-mel.win_length // (2 * hop))
    buffer = np.zeros(margin * hop, dtype=np.float32)
    # A last hop may have begun only.
    after = np.zeros((margin + 1) * hop - 1, dtype=np.float32)
    for block in chain(blocks, [after]):
        buffer = np.concatenate([buffer, block])
        whole = len(buffer) // hop - 2 * margin
        if whole < 1:
            continue
        # (whole, n_mels), the frames of the hops that are complete
        power = mel_power(buffer[: (whole + 2 * margin) * hop], settings=mel)[margin : margin + whole]
        heard = buffer[margin * hop : (margin + whole) * hop].reshape(whole, hop)  # (whole, hop)
        yield np.column_stack([heard.min(axis=1), heard.max(axis=1), power])
        buffer = buffer[whole * hop :]


class _Columns:
    """Rows that are joined in twos whenever they become too many."""

    def __init__(self, limit: int, *, width: int) -> None:
        self.stride = 1
        self._limit = limit
        self._joined = self._rest = np.zeros((0, width), dtype=np.float32)

    def add(self, frames: Array) -> None:
        frames = np.concatenate([self._rest, frames])
        whole = len(frames) // self.stride * self.stride
        self._joined = np.concatenate([self._joined, _join(frames[:whole], self.stride)])
        self._rest = frames[whole:]
        while len(self._joined) >= 2 * self._limit:
            # An odd one out goes back to what waits for its other half.
            even = len(self._joined) // 2 * 2
            odd = np.repeat(self._joined[even:], self.stride, axis=0)
            self._rest = np.concatenate([odd, self._rest])
            self._joined = _join(self._joined[:even], 2)
            self.stride *= 2

    def finished(self) -> Array:
        last = _join(self._rest, len(self._rest)) if len(self._rest) else self._rest
        return np.concatenate([self._joined, last])


def _join(rows: Array, size: int) -> Array:
    groups = rows.reshape(len(rows) // size, size, rows.shape[1])  # (n // size, size, 2 + n_mels)
    return np.column_stack(
        [groups[..., 0].min(axis=1), groups[..., 1].max(axis=1), groups[..., 2:].mean(axis=1)]
    )
