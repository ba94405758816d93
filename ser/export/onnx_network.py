"""A Keras network as ONNX nodes, layer by layer; a layer that is not known here is an error.

Images are held channels first, as ONNX wants them, so that convolutions need no transposition between them.
"""

from collections.abc import Callable

import keras
import numpy as np

from ser.export.onnx_graph import Graph

_IMAGE = 4
_FIRST, _LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def append_network(graph: Graph, model: keras.Model, value: str) -> str:
    """Append a functional network of one input and one output.

    Parameters
    ----------
    graph
        Graph to which nodes are appended.
    model
        The trained network; layers that only act in training, such as dropout, are left out.
    value
        Name of the network's input in the graph.

    Returns
    -------
    str
        Name of the network's output in the graph.

    Raises
    ------
    ValueError
        Where the network has a layer that cannot be translated.
    """
    names = {model.inputs[0].name: value}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        inputs = layer.input if isinstance(layer.input, list) else [layer.input]
        kind = type(layer).__name__
        if kind not in _LAYERS:
            raise ValueError(f"layer {layer.name}: no translation of {kind} to ONNX")
        names[layer.output.name] = _LAYERS[kind](graph, layer, [names[it.name] for it in inputs])
    return names[model.outputs[0].name]


Translation = Callable[[Graph, keras.layers.Layer, list[str]], str]


def _convolution(graph: Graph, layer: keras.layers.Layer, inputs: list[str]) -> str:
    _expect(layer, layer.padding == "same" and not layer.use_bias and layer.data_format == "channels_last")
    _expect(layer, layer.dilation_rate == (1, 1) and layer.groups == 1)
    # Keras' (height, width, in, out) to ONNX's (out, in, height, width).
    kernel = graph.constant(np.transpose(layer.get_weights()[0], (3, 2, 0, 1)))
    value = graph.add("Conv", inputs[0], kernel, strides=list(layer.strides), auto_pad="SAME_UPPER")
    return _activated(graph, layer, value)


def _batch_normalization(graph: Graph, layer: keras.layers.Layer, inputs: list[str]) -> str:
    _expect(layer, layer.axis in (-1, len(layer.output.shape) - 1))
    gamma, beta, mean, variance = (np.asarray(it, dtype=np.float64) for it in layer.get_weights())
    factor = gamma / np.sqrt(variance + layer.epsilon)  # (channels,)
    shape = (-1, 1, 1) if len(layer.output.shape) == _IMAGE else (-1,)
    scaled = graph.add("Mul", inputs[0], graph.constant(factor.reshape(shape)))
    return graph.add("Add", scaled, graph.constant((beta - mean * factor).reshape(shape)))


def _dense(graph: Graph, layer: keras.layers.Layer, inputs: list[str]) -> str:
    _expect(layer, len(layer.output.shape) < _IMAGE)
    weights = layer.get_weights()
    value = graph.add("MatMul", inputs[0], graph.constant(weights[0]))
    if layer.use_bias:
        value = graph.add("Add", value, graph.constant(weights[1]))
    return _activated(graph, layer, value)


def _activation(graph: Graph, layer: keras.layers.Layer, inputs: list[str]) -> str:
    return _activated(graph, layer, inputs[0])


def _activated(graph: Graph, layer: keras.layers.Layer, value: str) -> str:
    name = layer.activation.__name__
    if name == "softmax":
        _expect(layer, len(layer.output.shape) < _IMAGE)
        return graph.add("Softmax", value, axis=-1)
    operators = {"linear": None, "relu": "Relu", "sigmoid": "Sigmoid", "tanh": "Tanh"}
    _expect(layer, name in operators)
    operator = operators[name]
    return graph.add(operator, value) if operator else value


def _softmax(graph: Graph, layer: keras.layers.Layer, inputs: list[str]) -> str:
    _expect(layer, len(layer.output.shape) < _IMAGE and isinstance(layer.axis, int))
    return graph.add("Softmax", inputs[0], axis=layer.axis)


def _average(graph: Graph, layer: keras.layers.Layer, inputs: list[str]) -> str:
    _expect(layer, not layer.keepdims)
    return graph.add("ReduceMean", inputs[0], axes=[2, 3], keepdims=0)


def _reshape(graph: Graph, layer: keras.layers.Layer, inputs: list[str]) -> str:
    value = inputs[0]
    if len(layer.input.shape) == _IMAGE:
        value = graph.add("Transpose", value, perm=_LAST)  # (n, height, width, channels)
    # 0 keeps the number of rows.
    value = graph.add("Reshape", value, graph.numbers(0, *layer.target_shape))
    if len(layer.output.shape) == _IMAGE:
        value = graph.add("Transpose", value, perm=_FIRST)  # (n, channels, height, width)
    return value


def _flatten(graph: Graph, layer: keras.layers.Layer, inputs: list[str]) -> str:
    _expect(layer, len(layer.input.shape) < _IMAGE)
    return graph.add("Flatten", inputs[0], axis=1)


def _dot(graph: Graph, layer: keras.layers.Layer, inputs: list[str]) -> str:
    _expect(layer, layer.axes == 1 and not layer.normalize and len(layer.output.shape) < _IMAGE)
    return graph.add("MatMul", graph.add("Transpose", inputs[0], perm=[0, 2, 1]), inputs[1])


def _concatenate(graph: Graph, layer: keras.layers.Layer, inputs: list[str]) -> str:
    _expect(layer, layer.axis == -1 and len(layer.output.shape) < _IMAGE)
    return graph.add("Concat", *inputs, axis=-1)


def _safe_root(graph: Graph, _layer: keras.layers.Layer, inputs: list[str]) -> str:
    return graph.add("Sqrt", graph.add("Max", inputs[0], graph.constant(1e-6)))


def _pairwise(operator: str) -> Translation:
    def translate(graph: Graph, _layer: keras.layers.Layer, inputs: list[str]) -> str:
        return graph.add(operator, *inputs)

    return translate


def _nothing(_graph: Graph, _layer: keras.layers.Layer, inputs: list[str]) -> str:
    return inputs[0]


def _expect(layer: keras.layers.Layer, condition: bool) -> None:
    if not condition:
        raise ValueError(
            f"layer {layer.name}: no translation of these settings to ONNX: {layer.get_config()}"
        )


_LAYERS: dict[str, Translation] = {
    "Activation": _activation,
    "Add": _pairwise("Add"),
    "BatchNormalization": _batch_normalization,
    "Concatenate": _concatenate,
    "Conv2D": _convolution,
    "Dense": _dense,
    "Dot": _dot,
    "Dropout": _nothing,
    "Flatten": _flatten,
    "GlobalAveragePooling2D": _average,
    "Multiply": _pairwise("Mul"),
    "Reshape": _reshape,
    "Softmax": _softmax,
    "Subtract": _pairwise("Sub"),
    "_SafeRoot": _safe_root,
}
