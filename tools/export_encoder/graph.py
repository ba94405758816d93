"""The first layers of Whisper's encoder as an ONNX graph: from a log-mel to functionals of each layer.

The graph has no batch axis: a recording's row cannot depend on what is computed beside it, and nothing is
padded. Positions are a formula rather than a table, so that they take no room in the file.
"""

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import onnx
from onnx import TensorProto, helper

from tools.export_encoder.onnx_graph import IR_VERSION, OPSET, Graph
from tools.export_encoder.weights import Array, Store

INPUT, OUTPUT = "mel", "functionals"
_EPSILON = 1e-5
"""Of layer normalisation: PyTorch's default."""
_SLOWEST = 10_000
"""Period of the positions' slowest sinusoid, in states over 2 pi; that of the fastest is 1."""


def encoder_graph(
    weights: Mapping[str, Array], *, heads: int, layers: int, longest: int, store: Store
) -> bytes:
    """Write the encoder up to a layer.

    Parameters
    ----------
    weights
        By the names that CTranslate2 gives them, without ``encoder/``.
    heads
        Of attention, in each layer.
    layers
        How many layers are kept.
    longest
        Number of positions, in states of 20 ms; a longer input fails.
    store
        How the weights of convolutions and linear layers are stored. Biases and what belongs to layer
        normalisation, a hundredth of all numbers, stay float32.

    Returns
    -------
    bytes
        An ONNX file with an input ``mel`` [shape=(frames, n_mels)] and an output ``functionals``
        [shape=(layers, 2 * units)]: mean and standard deviation over time of the states after each layer. The
        last layer's are not normalised, unlike those of a complete encoder. Equal weights give equal bytes.
    """
    graph = EncoderGraph(weights, heads=heads, store=store)
    x = graph.stem(INPUT, longest=longest)  # (states, units)
    rows = []
    for layer in map("layer_{}".format, range(layers)):
        x = graph.layer(layer, x)
        rows.append(graph.functionals(x))
    graph.rename(graph.add("Concat", *rows, axis=0), OUTPUT)
    n_mels, units = weights["conv1/weight"].shape[1], weights["conv1/weight"].shape[0]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "encoder",
            [helper.make_tensor_value_info(INPUT, TensorProto.FLOAT, ["frames", n_mels])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, [layers, 2 * units])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="ravdess-ser",
    )
    onnx.checker.check_model(model, full_check=True)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


class EncoderGraph(Graph):
    """A graph with the encoder's parts; each method appends one, and gives the name of its output."""

    def __init__(self, weights: Mapping[str, Array], *, heads: int, store: Store) -> None:
        super().__init__()
        self._weights, self._heads, self._store = weights, heads, store

    def stem(self, mel: str, *, longest: int) -> str:
        """Convolve over time, twice, and add positions: (frames, n_mels) to (ceil(frames / 2), units)."""
        x = self.add("Unsqueeze", self.add("Transpose", mel, perm=[1, 0]), self.numbers(0))
        x = self._gelu(self._convolve("conv1", x, stride=1))  # (1, units, frames)
        x = self._gelu(self._convolve("conv2", x, stride=2))  # (1, units, states)
        x = self.add("Transpose", self.add("Squeeze", x, self.numbers(0)), perm=[1, 0])  # (states, units)
        units = len(self._weights["conv1/weight"])
        length = self.add("Shape", x, start=0, end=1)  # (1,)
        positions = self.add(
            "Slice", self.positions(longest, units), self.numbers(0), length, self.numbers(0)
        )  # (states, units)
        return self.add("Add", x, positions)

    def positions(self, longest: int, units: int) -> str:
        """Append sines of all positions, then cosines [shape=(longest, units)].

        Whoever loads the file computes them once. They are rounded from double precision to single, then to
        half: so were the published ones, and each of them comes out the same.
        """
        half = units // 2
        # Decimals are the same on every CPU, unlike the last bit of NumPy's powers.
        frequencies = [float(Decimal(_SLOWEST) ** (Decimal(-it) / (half - 1))) for it in range(half)]
        places = self.constant(np.arange(longest)[:, None], np.float64)  # (longest, 1)
        angles = self.add("Mul", places, self.constant(frequencies, np.float64))  # (longest, half)
        both = self.add("Concat", self.add("Sin", angles), self.add("Cos", angles), axis=1)
        for precision in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.FLOAT):
            both = self.add("Cast", both, to=precision)
        return both

    def layer(self, name: str, x: str) -> str:
        """Self-attention, then two linear layers; (states, units) both times."""
        attended = self._attend(f"{name}/self_attention", x)
        x = self.add("Add", x, self._linear(f"{name}/self_attention/linear_1", attended))
        inner = self._linear(f"{name}/ffn/linear_0", self._normalize(f"{name}/ffn/layer_norm", x))
        return self.add("Add", x, self._linear(f"{name}/ffn/linear_1", self._gelu(inner)))

    def _attend(self, name: str, x: str) -> str:
        """Query, key and value come of one product."""
        projected = self._linear(f"{name}/linear_0", self._normalize(f"{name}/layer_norm", x))
        units = self._weights[f"{name}/linear_1/weight"].shape[0]
        size = units // self._heads
        parted = self.add("Reshape", projected, self.numbers(-1, 3, self._heads, size))
        # (states, 1, heads, size) each
        query, key, value = (self.add("Gather", parted, self.numbers(it), axis=1) for it in range(3))
        query = self.add("Mul", query, self.constant(1 / np.sqrt(size)))
        query = self.add("Transpose", query, perm=[1, 2, 0, 3])  # (1, heads, states, size)
        key = self.add("Transpose", key, perm=[1, 2, 3, 0])  # (1, heads, size, states)
        value = self.add("Transpose", value, perm=[1, 2, 0, 3])  # (1, heads, states, size)
        shares = self.add("Softmax", self.add("MatMul", query, key), axis=-1)  # (1, heads, states, states)
        attended = self.add("Transpose", self.add("MatMul", shares, value), perm=[2, 0, 1, 3])
        return self.add("Reshape", attended, self.numbers(-1, units))  # (states, units)

    def functionals(self, x: str) -> str:
        """Mean and standard deviation over time: (states, units) to (1, 2 * units)."""
        mean = self.add("ReduceMean", x, axes=[0])  # (1, units)
        centred = self.add("Sub", x, mean)
        variance = self.add("ReduceMean", self.add("Mul", centred, centred), axes=[0])
        return self.add("Concat", mean, self.add("Sqrt", variance), axis=1)

    def _convolve(self, name: str, x: str, *, stride: int) -> str:
        kernel = self._store(self, self._weights[f"{name}/weight"])
        bias = self.constant(self._weights[f"{name}/bias"])
        return self.add("Conv", x, kernel, bias, kernel_shape=[3], pads=[1, 1], strides=[stride])

    def _linear(self, name: str, x: str) -> str:
        weight = self._store(self, self._weights[f"{name}/weight"])
        return self.add("Gemm", x, weight, self.constant(self._weights[f"{name}/bias"]), transB=1)

    def _normalize(self, name: str, x: str) -> str:
        gamma, beta = (self.constant(self._weights[f"{name}/{it}"]) for it in ("gamma", "beta"))
        return self.add("LayerNormalization", x, gamma, beta, axis=-1, epsilon=_EPSILON)

    def _gelu(self, x: str) -> str:
        """Exact, by the error function, in the order of operators that ONNX Runtime fuses."""
        erf = self.add("Erf", self.add("Div", x, self.constant(np.float32(np.sqrt(2)))))
        scaled = self.add("Mul", x, self.add("Add", erf, self.constant(np.float32(1))))
        return self.add("Mul", scaled, self.constant(np.float32(0.5)))
