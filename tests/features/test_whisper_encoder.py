"""The encoder that is shipped: its file, what it computes, and that nobody else's recording matters."""

import json
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from voices import spoken

from ser.errors import InputError
from ser.features.whisper_encoder import (
    ABOUT,
    ENCODER,
    LAYERS,
    LICENCE,
    MODEL,
    UNITS,
    Session,
    WhisperEncoder,
    read_encoder,
)
from ser.recognizer.onnxruntime_without_telemetry import open_session

GOLDEN = [
    [0.50626, 0.57729, 0.65883, 0.7066],
    [0.52588, 0.52095, 0.64528, 0.70612],
    [0.68662, 0.68137, 0.57913, 0.33547],
]
"""Of two seconds of a synthetic voice: the first means and standard deviations of each layer."""
GOLDEN_MEANS = [0.38912, 0.39642, 0.40968]
"""Of all magnitudes of each layer."""


@pytest.fixture(scope="module")
def session() -> Session:
    opened: Session = open_session(read_encoder())
    return opened


@pytest.fixture(scope="module")
def encoder(session: Session) -> WhisperEncoder:
    return WhisperEncoder(session)


def test_the_file_is_small_and_has_its_licence_beside_it() -> None:
    assert len(read_encoder()) < 12_000_000
    assert "Copyright (c) 2022 OpenAI" in (ENCODER / LICENCE).read_text(encoding="utf-8")
    assert LICENCE in json.loads((ENCODER / ABOUT).read_text(encoding="utf-8"))["licence"]


def test_the_file_needs_the_operators_of_onnx_alone() -> None:
    model = onnx.load_from_string(read_encoder())
    assert {it.domain for it in model.opset_import} == {""}
    assert not model.functions


def test_a_damaged_file_is_a_message(tmp_path: Path) -> None:
    folder = tmp_path / "encoder"
    with pytest.raises(InputError, match="no encoder"):
        read_encoder(folder)
    shutil.copytree(ENCODER, folder)
    content = bytearray((folder / MODEL).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / MODEL).write_bytes(content)
    with pytest.raises(InputError, match=rf"{MODEL}: damaged"):
        read_encoder(folder)
    (folder / ABOUT).write_text("[]", encoding="utf-8")
    with pytest.raises(InputError, match="no encoder"):
        read_encoder(folder)


@settings(max_examples=15, deadline=None)
@given(lengths=st.lists(st.integers(0, 30_000), min_size=1, max_size=4), place=st.integers(0, 3))
def test_an_answer_does_not_depend_on_its_batch(
    lengths: list[int], place: int, encoder: WhisperEncoder
) -> None:
    speeches = [spoken(2.0, seed=seed)[:n] for seed, n in enumerate(lengths)]
    rows = encoder.functionals(speeches)
    assert rows.shape == (len(lengths), LAYERS, 2 * UNITS)
    assert rows.dtype == np.float32
    assert np.isfinite(rows).all()
    place %= len(lengths)
    assert np.array_equal(encoder.functionals([speeches[place]])[0], rows[place])


def test_no_recording_has_no_row(encoder: WhisperEncoder) -> None:
    assert encoder.functionals([]).shape == (0, LAYERS, 2 * UNITS)


@pytest.mark.parametrize("frames", [1, 2, 3, 17, 3000])
def test_any_length_has_functionals(session: Session, frames: int) -> None:
    mel = np.random.default_rng(frames).normal(0, 0.5, (frames, 80)).astype(np.float32)
    (rows,) = session.run(["functionals"], {"mel": mel})
    assert rows.shape == (LAYERS, 2 * UNITS)
    assert np.isfinite(rows).all()
    # A single state does not vary.
    assert (rows[:, UNITS:].max() == 0) == (frames <= 2)


def test_a_longer_recording_is_refused(encoder: WhisperEncoder) -> None:
    with pytest.raises(InputError, match="cut it into windows"):
        encoder.functionals([np.zeros(31 * 16_000, dtype=np.float32)])


def test_values_are_those_of_the_day_it_was_exported(encoder: WhisperEncoder) -> None:
    (row,) = encoder.functionals([spoken(2.0)])
    np.testing.assert_allclose(row[:, [0, 1, UNITS, UNITS + 1]], GOLDEN, rtol=0, atol=1e-4)
    np.testing.assert_allclose(np.abs(row).mean(axis=1), GOLDEN_MEANS, rtol=0, atol=1e-4)
