"""Read the tensors of a model file of CTranslate2 into NumPy arrays, without CTranslate2.

Such a file holds names, shapes and raw numbers, and nothing that would be run: the version of the format, the
model's kind and its revision, the number of tensors, then for each tensor its name, shape, type, size in
bytes and numbers. Names of tensors that share another one's numbers follow, which no encoder needs.

References
----------
The format: CTranslate2, ``python/ctranslate2/specs/model_spec.py``, function ``save``; version 6.
"""

import math
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ser.errors import InputError

Array = npt.NDArray[Any]

VERSION = 6
DTYPES = {0: "<f4", 1: "<i1", 2: "<i2", 3: "<i4", 4: "<f2"}
"""By their number in the file. A sixth type, bfloat16, is unknown to NumPy."""


class _Reader:
    """What is left of a file's bytes."""

    def __init__(self, content: bytes) -> None:
        self._content = memoryview(content)
        self._place = 0

    def take(self, n: int) -> memoryview:
        part = self._content[self._place : self._place + n]
        if len(part) < n:
            raise ValueError("the file is cut short")
        self._place += n
        return part

    def number(self, form: str) -> int:
        return int(struct.unpack(f"<{form}", self.take(struct.calcsize(form)))[0])

    def text(self) -> str:
        return bytes(self.take(self.number("H"))).rstrip(b"\0").decode()

    def tensor(self) -> Array:
        shape = [self.number("I") for _ in range(self.number("B"))]
        kind = self.number("B")
        if kind not in DTYPES:
            raise ValueError(f"numbers of type {kind}, which is unknown")
        dtype = np.dtype(DTYPES[kind])
        content = self.take(self.number("I"))
        if len(content) != math.prod(shape) * dtype.itemsize:
            raise ValueError(f"{len(content)} bytes for a tensor of shape {shape}")
        return np.frombuffer(content, dtype).reshape(shape)


def read_ctranslate2_weights(paths: Iterable[Path | str], *, kind: str) -> dict[str, Array]:
    """Read all tensors of a model.

    Parameters
    ----------
    paths
        The model file, or the parts that it was cut into, in order.
    kind
        What the model must be, as CTranslate2 names it, e.g. ``WhisperSpec``.

    Returns
    -------
    dict of str to numpy.ndarray
        By their names in the file, such as ``encoder/conv1/weight``; read-only views of its bytes.

    Raises
    ------
    InputError
        Where a file cannot be read, or is no such model.
    """
    files = [Path(path) for path in paths]
    name = ", ".join(map(str, files))
    try:
        reader = _Reader(b"".join(path.read_bytes() for path in files))
        version, found = reader.number("I"), reader.text()
        if (version, found) != (VERSION, kind):
            raise ValueError(f"version {version} of {found!r}, but must be version {VERSION} of {kind!r}")
        reader.number("I")
        return {reader.text(): reader.tensor() for _ in range(reader.number("I"))}
    except OSError as error:
        raise InputError(f"{name}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise InputError(f"{name}: no model of CTranslate2 ({error})") from error
