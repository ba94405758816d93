"""How a weight is stored in the ONNX file: its numbers, and the operators that give them back as float32.

Computation is in float32 always, whatever is stored. So nothing is rounded by a scale that depends on the
input, and no integer kernel is used, which some CPUs would let saturate.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from onnx import TensorProto

from tools.export_encoder.onnx_graph import Graph

Array = npt.NDArray[np.float32]
Store = Callable[[Graph, Array], str]
"""Append a weight [shape=(outputs, ...)] to a graph; give the name of its value, which is float32."""

GROUP = 64
"""Number of weights of an output that share a scale, where it divides the number of inputs."""
_LARGEST = 127
"""Of an int8, so that the range is symmetric."""


def as_float32(graph: Graph, weight: Array) -> str:
    """Store a weight as it is: 4 bytes a number."""
    return graph.constant(weight)


def as_float16(graph: Graph, weight: Array) -> str:
    """Store a weight with half precision, as it was published: 2 bytes a number."""
    return graph.add("Cast", graph.constant(weight, np.float16), to=TensorProto.FLOAT)


def as_int8(graph: Graph, weight: Array) -> str:
    """Store a weight as 1 byte a number, and a scale for each output: 10.5 MB."""
    return _scaled(graph, weight, group=weight[0].size)


def as_grouped_int8(graph: Graph, weight: Array) -> str:
    """Store a linear layer's weight as 1 byte a number, and a scale for each group of `GROUP`: 12 MB.

    Kernels of convolutions have half precision: they are a tenth of all numbers, and every layer gets what
    is rounded there. Features differ from those of float32 by half as much as with a scale for each output.
    """
    if weight.ndim > 2:
        return as_float16(graph, weight)
    inputs = weight.shape[1]
    return _scaled(graph, weight, group=GROUP if inputs % GROUP == 0 else inputs)


STORES: dict[str, Store] = {
    "float32": as_float32,
    "float16": as_float16,
    "int8": as_int8,
    "grouped_int8": as_grouped_int8,
}


def quantize(weight: Array, *, group: int) -> tuple[npt.NDArray[np.int8], Array]:
    """Round a weight to 8 bits, symmetrically about 0, with a scale for each group.

    Parameters
    ----------
    weight
        [shape=(outputs, ...)] Weight of a linear layer or a convolution.
    group
        Number of successive weights of an output that share a scale; it divides an output's number.

    Returns
    -------
    integers : numpy.ndarray [shape=(groups, group), dtype=int8]
        From -127 to 127, in the order of the weights.
    scale : numpy.ndarray [shape=(groups, 1), dtype=float32]
        What the integers are multiplied by; above 0, and 1 where all weights of a group are 0.
    """
    grouped = weight.reshape(-1, group)  # (groups, group)
    largest = np.abs(grouped).max(axis=1, keepdims=True)  # (groups, 1)
    scale = np.where(largest > 0, largest / np.float32(_LARGEST), np.float32(1)).astype(np.float32)
    return np.rint(grouped / scale).astype(np.int8), scale


def _scaled(graph: Graph, weight: Array, *, group: int) -> str:
    """Store a weight as int8 with scales.

    `Cast` and `Mul` rather than `DequantizeLinear`, which says the same: ONNX Runtime computes the former
    once, when it loads the file, and the latter again for every input.
    """
    integers, scale = quantize(weight, group=group)
    floats = graph.add("Cast", graph.constant(integers, np.int8), to=TensorProto.FLOAT)
    scaled = graph.add("Mul", floats, graph.constant(scale))  # (groups, group)
    return graph.add("Reshape", scaled, graph.numbers(*weight.shape))
