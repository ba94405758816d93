"""Model files of CTranslate2: what is written comes back, and no wrong byte passes for a model."""

import struct
from pathlib import Path

import numpy as np
import pytest
from ctranslate2_files import model_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from experiments.whisper.ctranslate2_checkpoint import DTYPES, Array, read_ctranslate2_weights
from ser.errors import InputError

tensors = st.dictionaries(
    st.text(min_size=1, max_size=20),
    st.sampled_from([np.dtype(it) for it in DTYPES.values()]).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=3, max_side=4))
    ),
    max_size=4,
)


@given(tensors)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_written_comes_back(tmp_path: Path, written: dict[str, Array]) -> None:
    written = {name.rstrip("\0"): x for name, x in written.items()}
    content = model_file(written)
    halves = [tmp_path / "part1", tmp_path / "part2"]
    halves[0].write_bytes(content[: len(content) // 2])
    halves[1].write_bytes(content[len(content) // 2 :])
    read = read_ctranslate2_weights(halves, kind="WhisperSpec")
    assert list(read) == list(written)
    for name, x in written.items():
        assert read[name].dtype == x.dtype
        np.testing.assert_array_equal(read[name], x)


@given(data=st.data())
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_wrong_bytes_are_a_message(tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(model_file({"encoder/a": np.ones((2, 3), "<f4"), "encoder/b": np.array(8, "<i2")}))
    del content[data.draw(st.integers(0, len(content))) :]
    for _ in range(data.draw(st.integers(0, 4)) if content else 0):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    try:
        read = read_ctranslate2_weights([path], kind="WhisperSpec")
    except InputError as error:
        assert str(error).startswith(f"{path}: no model of CTranslate2 (")
    else:
        assert all(isinstance(x, np.ndarray) for x in read.values())


def test_another_model_or_version_and_a_missing_file_are_named(tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    for content in (model_file({}, kind="TransformerSpec"), model_file({}, version=7)):
        path.write_bytes(content)
        with pytest.raises(InputError, match="must be version 6 of 'WhisperSpec'"):
            read_ctranslate2_weights([path], kind="WhisperSpec")
    with pytest.raises(InputError, match=r"nowhere\.bin: cannot be read"):
        read_ctranslate2_weights([tmp_path / "nowhere.bin"], kind="WhisperSpec")


def test_a_size_that_lies_is_found_before_memory_is_taken(tmp_path: Path) -> None:
    content = model_file({"a": np.ones(2, "<f4")})
    path = tmp_path / "model.bin"
    path.write_bytes(content.replace(struct.pack("<BI", 1, 2), struct.pack("<BI", 1, 2**31)))
    with pytest.raises(InputError, match="8 bytes for a tensor of shape"):
        read_ctranslate2_weights([path], kind="WhisperSpec")
