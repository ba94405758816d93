"""Tensors come out of a PyTorch checkpoint as they went in, and nothing else does."""

import io
import os
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.errors import InputError
from ser.features.torch_checkpoint import Array, read_torch_weights

STORAGE = np.arange(24, dtype="<f4") / 7


def _rebuild_tensor_v2(*_: Any) -> None:
    raise AssertionError("only its name is used")


class FloatStorage:
    """Stands for PyTorch's."""


@pytest.fixture(autouse=True)
def torch(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two names of PyTorch that a checkpoint of tensors holds, so that pickle can write them."""
    for name, member in (("torch", FloatStorage), ("torch._utils", _rebuild_tensor_v2)):
        module = ModuleType(name)
        monkeypatch.setattr(member, "__module__", name)
        setattr(module, member.__name__, member)
        monkeypatch.setitem(sys.modules, name, module)


class Storage:
    def __init__(self, key: str) -> None:
        self.key = key


class Tensor:
    """Pickled as PyTorch pickles a view of a storage."""

    def __init__(self, key: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> None:
        self.arguments: tuple[Any, ...] = (Storage(key), offset, shape, strides, False, OrderedDict())

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return _rebuild_tensor_v2, self.arguments


class Pickler(pickle.Pickler):
    def persistent_id(self, written: Any) -> Any:
        if isinstance(written, Storage):
            return ("storage", FloatStorage, written.key, "cuda:0", len(STORAGE), None)
        return None


def checkpoint(
    content: Any, *, storages: tuple[str, ...] = ("7",), magic: int = 0x1950A86A20F9469CFC6C
) -> bytes:
    stream = io.BytesIO()
    for part in (magic, 1001, {"little_endian": True}, content, list(storages)):
        Pickler(stream, protocol=2).dump(part)
    for _ in storages:
        stream.write(len(STORAGE).to_bytes(8, "little") + STORAGE.tobytes())
    return stream.getvalue()


def read(folder: Path, content: bytes) -> dict[str, Array]:
    path = folder / "weights.pt"
    path.write_bytes(content)
    return read_torch_weights(path, section="model_state")


def failure(folder: Path, content: bytes) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, content)
    return str(caught.value)


WHOLE = {"model_state": OrderedDict(weight=Tensor("7", 0, (4, 6), (6, 1)))}


def test_tensors_are_views_of_their_storage(tmp_path: Path) -> None:
    state = OrderedDict(
        weight=Tensor("7", 2, (3, 4), (4, 1)),
        turned=Tensor("7", 2, (4, 3), (1, 4)),
        bias=Tensor("8", 20, (4,), (1,)),
    )
    weights = read(
        tmp_path,
        checkpoint(
            {"step": 3, "model_state": state, "other": Tensor("9", 0, (1,), (1,))}, storages=("9", "7", "8")
        ),
    )
    assert list(weights) == ["weight", "turned", "bias"]
    np.testing.assert_array_equal(weights["weight"], STORAGE[2:14].reshape(3, 4))
    np.testing.assert_array_equal(weights["turned"], STORAGE[2:14].reshape(3, 4).T)
    np.testing.assert_array_equal(weights["bias"], STORAGE[20:])
    assert weights["bias"].dtype == np.float32


class Call:
    """Pickled as a call of a function with one argument."""

    def __init__(self, function: Callable[[str], Any], argument: str) -> None:
        self.reduced = (function, (argument,))

    def __reduce__(self) -> Any:
        return self.reduced


@pytest.mark.parametrize("function", [os.system, eval, __import__, print], ids=lambda each: each.__name__)
def test_a_checkpoint_that_names_a_function_is_refused_before_it_is_called(
    tmp_path: Path, function: Callable[[str], Any]
) -> None:
    mark = tmp_path / "called"
    content = checkpoint({"model_state": Call(function, f"open({str(mark)!r}, 'w')")})
    assert "which is no tensor" in failure(tmp_path, content)
    assert not mark.exists()


def holding(weight: Any) -> dict[str, Any]:
    return {"model_state": {"weight": weight}}


WRONG: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "text": lambda: b"no checkpoint",
    "a zip": lambda: b"PK\x03\x04" + bytes(100),
    "another magic number": lambda: checkpoint(WHOLE, magic=5),
    "another section": lambda: checkpoint({"state": 1}),
    "a number for a tensor": lambda: checkpoint(holding(3)),
    "a view beyond its storage": lambda: checkpoint(holding(Tensor("7", 20, (4, 6), (6, 1)))),
    "a negative stride": lambda: checkpoint(holding(Tensor("7", 0, (4,), (-1,)))),
    "no such storage": lambda: checkpoint(WHOLE, storages=()),
    "truncated": lambda: checkpoint(WHOLE)[:-10],
    "an absurd length": lambda: (
        checkpoint(WHOLE)[: -4 * len(STORAGE) - 8] + b"\xff" * 7 + b"\x7f" + bytes(96)
    ),
}


@pytest.mark.parametrize("content", WRONG.values(), ids=WRONG)
def test_what_is_no_checkpoint_is_an_error_that_names_the_file(
    tmp_path: Path, content: Callable[[], bytes]
) -> None:
    assert failure(tmp_path, content()).startswith(f"{tmp_path / 'weights.pt'}: ")


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.pt: cannot be read"):
        read_torch_weights(tmp_path / "none.pt", section="model_state")


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 1000), value=st.integers(0, 255))
def test_one_wrong_byte_gives_tensors_or_an_error(
    tmp_path_factory: pytest.TempPathFactory, place: int, value: int
) -> None:
    good = checkpoint(WHOLE)
    content = bytearray(good)
    content[place % len(good)] = value
    path = tmp_path_factory.getbasetemp() / "damaged.pt"
    path.write_bytes(content)
    try:
        weights = read_torch_weights(path, section="model_state")
    except InputError:
        return
    assert all(isinstance(array, np.ndarray) for array in weights.values())
