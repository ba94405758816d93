"""An ONNX graph that is written node by node, so that no converter is needed."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

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
