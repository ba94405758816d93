"""Read the tensors of a PyTorch checkpoint into NumPy arrays, without PyTorch and without trusting the file.

A checkpoint of PyTorch's first format is a row of pickles (a magic number, the format's version, the writer's
number sizes, the checkpoint itself, the keys of its storages) and then the storages' raw numbers. A pickle
may name any function for the reader to call; here it gets none but a constructor of views, see `_ADMITTED`.

References
----------
The format: ``torch.serialization`` of PyTorch, function ``_legacy_save``.
"""

import pickle
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ser.errors import InputError

Array = npt.NDArray[Any]

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_DAMAGED = (
    *(pickle.UnpicklingError, ValueError, EOFError, LookupError, TypeError, AttributeError),
    *(OverflowError, MemoryError),
)
"""What unpickling raises on wrong bytes, wherever these lie."""


@dataclass(frozen=True)
class _Storage:
    """A row of numbers, to be read from the file's end.

    Attributes
    ----------
    dtype : numpy.dtype
        Type of its numbers, little end first.
    key : str
        Its name in the checkpoint.
    """

    dtype: np.dtype[Any]
    key: str


@dataclass(frozen=True)
class _View:
    """A tensor: the part of a storage that it shows.

    Attributes
    ----------
    storage : _Storage
        Where its numbers are.
    offset : int
        Place of its first number in the storage, counted in numbers.
    shape, strides : tuple of int
        Length of each axis, and the step along it, counted in numbers rather than bytes.
    """

    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]

    def of(self, numbers: Array) -> Array:
        """Cut the tensor out of `numbers` [shape=(n,)]; one that exceeds them is a `ValueError`."""
        strides = tuple(stride * numbers.itemsize for stride in self.strides)
        offset = self.offset * numbers.itemsize
        return np.ndarray(self.shape, numbers.dtype, numbers, offset, strides).copy()


def _view(storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_: Any) -> _View:
    return _View(storage, offset, shape, strides)


_ADMITTED: Mapping[tuple[str, str], Any] = MappingProxyType(
    {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _view,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "DoubleStorage"): np.dtype("<f8"),
        ("torch", "IntStorage"): np.dtype("<i4"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }
)
"""All that a checkpoint may name, and what it gets in its place."""


class _TensorsOnly(pickle.Unpickler):
    def __init__(self, file: BinaryIO) -> None:
        super().__init__(file)
        self.storages: dict[str, _Storage] = {}

    def find_class(self, module_name: str, global_name: str, /) -> Any:
        try:
            return _ADMITTED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"it names {module_name}.{global_name}, which is no tensor"
            ) from None

    def persistent_load(self, pid: Any) -> _Storage:
        _, dtype, key, *_ = pid
        return self.storages.setdefault(key, _Storage(dtype, key))


def read_torch_weights(path: Path | str, *, section: str) -> dict[str, Array]:
    """Read one section of a checkpoint.

    Parameters
    ----------
    path
        A file in the format that ``torch.save`` had before PyTorch 1.6.
    section
        The key of a state dict in it, such as ``model_state``.

    Returns
    -------
    dict of str to numpy.ndarray
        Each tensor by its name, in the shape and type in which it was saved.

    Raises
    ------
    InputError
        Where the file cannot be read, is of another format or damaged, or names anything but tensors.
    """
    try:
        with Path(path).open("rb") as file:
            if _load(file) != _MAGIC_NUMBER or _load(file) != _PROTOCOL_VERSION:
                raise ValueError("not of PyTorch's first format")
            if not _load(file)["little_endian"]:
                raise ValueError("its numbers are big-endian")
            unpickler = _TensorsOnly(file)
            views: dict[str, _View] = unpickler.load()[section]
            keys = _load(file)
            numbers = _read_storages(file.read(), keys=keys, storages=unpickler.storages)
        return {name: view.of(numbers[view.storage.key]) for name, view in views.items()}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except _DAMAGED as error:
        raise InputError(
            f"{path}: no checkpoint of tensors, or damaged ({error}); install it again"
        ) from error


def _load(file: BinaryIO) -> Any:
    return _TensorsOnly(file).load()


def _read_storages(content: bytes, *, keys: list[str], storages: Mapping[str, _Storage]) -> dict[str, Array]:
    numbers, start = {}, 0
    for key in keys:
        # Each has its length before it.
        dtype, length = storages[key].dtype, int.from_bytes(content[start : start + 8], "little")
        numbers[key] = np.frombuffer(content, dtype, count=length, offset=start + 8)  # (length,)
        start += 8 + length * dtype.itemsize
    return numbers
