"""The export of Whisper's encoder: what the file computes, and that it is the same on every run."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
from ctranslate2_files import HEADS, UNITS, model_file, random_weights
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import TensorProto, helper

from experiments.whisper import whisper_encoder as published
from experiments.whisper.whisper_encoder import N_MELS, VARIABLE, Array, WhisperEncoder
from ser.errors import InputError
from ser.features.whisper_encoder import read_encoder
from ser.recognizer.onnxruntime_without_telemetry import open_session
from tools.export_encoder.__main__ import LONGEST_STATES, export
from tools.export_encoder.graph import EncoderGraph, encoder_graph
from tools.export_encoder.onnx_graph import IR_VERSION, OPSET, Graph
from tools.export_encoder.weights import GROUP, STORES, as_float32, as_grouped_int8, quantize

PROJECT = Path(__file__).resolve().parents[2]
KEPT = 2


def positions(units: int) -> Array:
    """Compute the sinusoids that Whisper's own code computes [shape=(LONGEST_STATES, units)]."""
    frequencies = np.exp(-np.log(10_000) * np.arange(units // 2) / (units // 2 - 1))
    angles = np.arange(LONGEST_STATES)[:, None] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


@pytest.fixture
def weights() -> dict[str, Array]:
    drawn = random_weights()
    drawn["position_encodings/encodings"] = positions(UNITS)
    # What leaves the last layer is normalised by the encoder in NumPy, but not by the file.
    for name in [it for it in drawn if it.startswith("layer_0/")]:
        drawn[name.replace("layer_0", f"layer_{KEPT}")] = drawn[name]
    return {name: x.astype(np.float16).astype(np.float32) for name, x in drawn.items()}


def computed(weights: dict[str, Array], mel: Array, *, stored_as: str) -> Array:
    content = encoder_graph(
        weights, heads=HEADS, layers=KEPT, longest=LONGEST_STATES, store=STORES[stored_as]
    )
    (rows,) = open_session(content).run(["functionals"], {"mel": mel})
    return np.asarray(rows)


def expected(weights: dict[str, Array], mel: Array) -> Array:
    states = WhisperEncoder(weights=weights, heads=HEADS).states(mel)[1 : KEPT + 1]
    return np.stack([np.concatenate([x.mean(axis=0), x.std(axis=0)]) for x in states])


@pytest.mark.parametrize("frames", [1, 2, 31, 3000])
@pytest.mark.parametrize("stored_as", ["float32", "float16"])
def test_it_computes_what_the_encoder_in_numpy_does(
    weights: dict[str, Array], frames: int, stored_as: str
) -> None:
    mel = np.random.default_rng(frames).normal(0, 0.5, (frames, N_MELS)).astype(np.float32)
    found = computed(weights, mel, stored_as=stored_as)
    np.testing.assert_allclose(found, expected(weights, mel), rtol=0, atol=2e-5)


@pytest.mark.parametrize("stored_as", ["int8", "grouped_int8"])
def test_int8_is_what_rounded_weights_give(weights: dict[str, Array], stored_as: str) -> None:
    mel = np.random.default_rng(0).normal(0, 0.5, (50, N_MELS)).astype(np.float32)
    rounded = dict(weights)
    for name, x in weights.items():
        if name.endswith("/weight") and (stored_as == "int8" or x.ndim == 2):
            integers, scale = quantize(x, group=x[0].size)
            rounded[name] = (integers * scale).reshape(x.shape)
    found = computed(weights, mel, stored_as=stored_as)
    np.testing.assert_allclose(found, expected(rounded, mel), rtol=0, atol=2e-5)
    assert np.abs(found - expected(weights, mel)).max() > 1e-4


@given(
    hnp.arrays(
        np.float32,
        st.tuples(st.integers(1, 4), st.just(3 * GROUP)),
        elements=st.floats(-4, 4, width=16),
    ),
    st.sampled_from([GROUP, 3 * GROUP]),
)
def test_a_weight_is_rounded_by_half_a_step_at_the_most(weight: Array, group: int) -> None:
    integers, scale = quantize(weight, group=group)
    assert integers.dtype == np.int8
    assert scale.shape == (weight.size // group, 1)
    grouped = weight.reshape(-1, group)
    assert (np.abs(integers * scale - grouped) <= 0.501 * scale).all()
    varies = grouped.any(axis=1)
    assert (np.abs(integers.astype(int)).max(axis=1)[varies] == 127).all()


def test_groups_have_scales_of_their_own() -> None:
    weight = np.ones((2, 2 * GROUP), dtype=np.float32)
    weight[1, GROUP:] = 100
    graph = Graph()
    output = graph.rename(as_grouped_int8(graph, weight), "weight")
    (found,) = open_session(model_of(graph, output, weight.shape)).run(None, {})
    np.testing.assert_allclose(found, weight, rtol=1e-6)
    assert [it.data_type for it in graph.constants[:2]] == [TensorProto.INT8, TensorProto.FLOAT]
    assert graph.constants[1].dims == [4, 1]


def model_of(graph: Graph, output: str, shape: Sequence[int]) -> bytes:
    """A file that computes a constant."""
    outputs = [helper.make_tensor_value_info(output, TensorProto.FLOAT, shape)]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "constant", [], outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    content: bytes = model.SerializeToString()
    return content


def test_a_longer_input_fails(weights: dict[str, Array]) -> None:
    mel = np.zeros((2 * LONGEST_STATES + 1, N_MELS), dtype=np.float32)
    with pytest.raises(Exception, match=r"broadcast|dimension"):
        computed(weights, mel, stored_as="float32")


def test_two_runs_give_the_same_bytes(weights: dict[str, Array], tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    own = {f"encoder/{name}": x.astype("<f2") for name, x in weights.items()}
    path.write_bytes(model_file({**own, "encoder/num_heads": np.array(HEADS, "<i2")}))
    code = (
        "import sys; from tools.export_encoder.__main__ import export; "
        f"sys.stdout.buffer.write(export(layers={KEPT}))"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            cwd=PROJECT,
            env=os.environ | {VARIABLE: str(path), "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in "12"
    ]
    assert runs[0] == runs[1]
    assert onnx.load_from_string(runs[0]).graph.output[0].name == "functionals"


@pytest.fixture
def installed() -> WhisperEncoder:
    """The published weights, where they are there."""
    try:
        return published.WhisperEncoder.load()
    except InputError:
        pytest.skip("optional: make whisper")


def test_the_shipped_file_is_what_the_published_weights_give(installed: WhisperEncoder) -> None:
    assert export() == read_encoder(), "run python -m tools.export_encoder"


def test_computed_positions_are_the_published_ones(installed: WhisperEncoder) -> None:
    table = installed.weights["position_encodings/encodings"]
    graph = EncoderGraph({}, heads=1, store=as_float32)
    output = graph.rename(graph.positions(*table.shape), "positions")
    (found,) = open_session(model_of(graph, output, table.shape)).run(None, {})
    assert np.array_equal(found, table)
