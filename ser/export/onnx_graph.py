"""The exported model as an ONNX graph: the speaker encoder, the LDA, and their mean with the network.

The graph is written node by node, so that no converter is needed, and holds all that was fitted: weights,
scalers, the temperature.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from ser.data.ravdess import EMOTIONS
from ser.data.scaling import Scaler
from ser.export.final_parts import LinearDiscriminant
from ser.features.speaker_encoder import N_MELS, SpeakerEncoder

OPSET = 17
"""Version of ONNX's operators, that of ONNX 1.12: every runtime of the last years reads it."""
IR_VERSION = 8


@dataclass
class Graph:
    """Nodes and constants of a graph that is being written; every value has a name.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
        The operators, each after those whose outputs are its inputs.
    constants : list of onnx.TensorProto
        Weights and other numbers.
    """

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[onnx.TensorProto] = field(default_factory=list)

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        """Append a node; give the name of its output."""
        name = f"{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], name=name, **attributes))
        return name

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """Append a constant; give its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=dtype), name))
        return name

    def numbers(self, *values: int) -> str:
        """Append a constant of integers, such as axes or a shape; give its name."""
        return self.constant(values, np.int64)

    def rename(self, value: str, name: str) -> str:
        """Give a value another name, such as an output's."""
        self.nodes.append(helper.make_node("Identity", [value], [name], name=name))
        return name


def write_model(
    graph: Graph,
    network: str,
    *,
    encoder: SpeakerEncoder,
    lda: LinearDiscriminant,
    temperature: float,
    logmel_shape: tuple[int, int],
) -> bytes:
    """Finish the graph of the network with the LDA, the mean of the two and the temperature.

    Parameters
    ----------
    graph, network
        The graph, and the name of the network's probabilities [shape=(n, 8)] in it; its input is ``logmel``.
    encoder
        The speaker encoder, of which the layers up to the LDA's are kept.
    lda
        The fitted LDA, whose constants enter the graph.
    temperature
        Divides the logarithms of the mean of both models' probabilities, above 0.
    logmel_shape
        Frames and mel bands of a log-mel.

    Returns
    -------
    bytes
        An ONNX file with inputs ``logmel`` [shape=(n, *logmel_shape)], ``mel`` [shape=(n, t, 40)], ``length``
        [shape=(n,), dtype=int32] (frames of each mel, the rest being padding), ``level`` [shape=(n, 2)], and
        outputs ``probabilities``, ``network`` and ``lda`` [shape=(n, 8)].
    """
    network = graph.rename(network, "network")
    columns = _statistics(graph, _states(graph, encoder, layer=lda.layer))  # (n, 4 * units + 2)
    judged = graph.rename(_discriminant(graph, columns, lda), "lda")  # (n, 8)
    mean = graph.add("Mul", graph.add("Add", network, judged), graph.constant(0.5))  # (n, 8)
    logs = graph.add("Log", graph.add("Max", mean, graph.constant(np.finfo(np.float32).tiny)))
    scaled = graph.add("Softmax", graph.add("Div", logs, graph.constant(temperature)), axis=-1)
    graph.rename(scaled, "probabilities")

    def of_floats(name: str, *shape: int | str) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])

    inputs = [
        of_floats("logmel", *logmel_shape),
        of_floats("mel", "t", N_MELS),
        helper.make_tensor_value_info("length", TensorProto.INT32, ["n"]),
        of_floats("level", 2),
    ]
    outputs = [of_floats(name, len(EMOTIONS)) for name in ("probabilities", "network", "lda")]
    model = helper.make_model(
        helper.make_graph(graph.nodes, "recognizer", inputs, outputs, graph.constants),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="ravdess-ser",
    )
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


def standardize(graph: Graph, value: str, scaler: Scaler) -> str:
    """Append a scaler to a value [shape=(n, frames, bands)]; give the name of the scaled one."""
    centred = graph.add("Sub", value, graph.constant(scaler.mean))
    return graph.add("Div", centred, graph.constant(scaler.deviation))


def _states(graph: Graph, encoder: SpeakerEncoder, *, layer: int) -> str:
    """Append the encoder up to a layer, from ``mel`` to the layer's hidden states [shape=(t, n, units)]."""
    states = graph.add("Transpose", "mel", perm=[1, 0, 2])  # (n, t, n_mels) to (t, n, n_mels)
    for weights in encoder.layers[:layer]:
        units = weights.of_state.shape[1]
        # PyTorch's gates are input, forget, cell, output; ONNX's input, output, forget, cell.
        order = np.concatenate([np.arange(units) + gate * units for gate in (0, 3, 1, 2)])  # (4 * units,)
        bias = np.concatenate([weights.bias[order], np.zeros(4 * units)])  # (8 * units,)
        constants = (weights.of_input[order], weights.of_state[order], bias)
        inputs = [graph.constant(values[None]) for values in constants]  # (1, ...): one direction
        states = graph.add("LSTM", states, *inputs, "length", hidden_size=units)  # (t, 1, n, units)
        states = graph.add("Squeeze", states, graph.numbers(1))  # (t, n, units)
    return states


def _statistics(graph: Graph, states: str) -> str:
    """Append mean, standard deviation, maximum and minimum over each recording's own frames, then its level.

    From hidden states [shape=(t, n, units)] to [shape=(n, 4 * units + 2)].
    """
    time = graph.numbers(0)
    frames = graph.add("Squeeze", graph.add("Shape", states, start=0, end=1), time)  # (), which is t
    count = graph.add("Range", graph.constant(0, np.int64), frames, graph.constant(1, np.int64))  # (t,)
    count = graph.add("Unsqueeze", count, graph.numbers(1, 2))  # (t, 1, 1)
    # (1, n, 1)
    length = graph.add("Cast", graph.add("Unsqueeze", "length", graph.numbers(0, 2)), to=TensorProto.INT64)
    inside = graph.add("Less", count, length)  # (t, n, 1), false in the padding
    # (n, 1)
    total = graph.add("Unsqueeze", graph.add("Cast", "length", to=TensorProto.FLOAT), graph.numbers(1))

    def within(values: str, otherwise: float) -> str:
        return graph.add("Where", inside, values, graph.constant(otherwise))

    def mean_of(values: str) -> str:
        return graph.add("Div", graph.add("ReduceSum", within(values, 0.0), time, keepdims=0), total)

    mean = mean_of(states)  # (n, units)
    centred = graph.add("Sub", states, mean)  # (t, n, units)
    deviation = graph.add("Sqrt", mean_of(graph.add("Mul", centred, centred)))
    # No state lies beyond -1 and 1.
    greatest = graph.add("ReduceMax", within(states, -1.0), axes=[0], keepdims=0)
    least = graph.add("ReduceMin", within(states, 1.0), axes=[0], keepdims=0)
    return graph.add("Concat", mean, deviation, greatest, least, "level", axis=1)


def _discriminant(graph: Graph, columns: str, lda: LinearDiscriminant) -> str:
    # In double precision, as it was fitted: its weights are large, of both signs, and nearly cancel out.
    wide = graph.add("Cast", columns, to=TensorProto.DOUBLE)
    weights = lda.coef / lda.scale  # (8, columns), the scaler included
    intercept = lda.intercept - weights @ lda.mean  # (8,)
    scores = graph.add("MatMul", wide, graph.constant(weights.T, np.float64))
    scores = graph.add("Add", scores, graph.constant(intercept, np.float64))
    return graph.add("Cast", graph.add("Softmax", scores, axis=-1), to=TensorProto.FLOAT)
