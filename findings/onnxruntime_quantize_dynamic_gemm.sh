#!/usr/bin/env bash
# `quantize_dynamic` told to quantize `Gemm` quantizes nothing, says nothing, and splits every Gemm in two.
#
# Guess, written down before: with op_types_to_quantize=["Gemm"] the linear layers of a graph of Gemms become
# products of integers, and the file a quarter of its size; `quantize_static` takes the same argument so.
# Behaviour of ONNX Runtime 1.32.0, Python 3.11: before anything else each Gemm is replaced by MatMul and Add, and
# only then are the operators of the list looked for. None is left. The result is a model of float32 weights
# as large as before, with no message or exit code. op_types_to_quantize=["MatMul"] is what quantizes a Gemm.
# Seen, three layers of Whisper-base's encoder, 12 Gemms: 41.5 MB of float32 before and after; with ["MatMul"]
# 13.3 MB. Who measures such a model measures float32: look at the file's size, or at its operators.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 onnx==1.23.2 onnxruntime==1.32.0 sympy
cd "$folder"
ORT_DISABLE_TELEMETRY=1 "$folder/venv/bin/python" - <<'PYTHON'
import logging
import os
import sys

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization import quantize_dynamic

print("onnxruntime", onnxruntime.__version__)
logging.disable(logging.WARNING)
weight = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)
graph = helper.make_graph(
    [helper.make_node("Gemm", ["x", "weight", "bias"], ["y"], transB=1)],
    "g",
    [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 256])],
    [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 256])],
    [numpy_helper.from_array(weight, "weight"), numpy_helper.from_array(np.zeros(256, np.float32), "bias")],
)
onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), "float.onnx")
sizes, operators = {}, {}
for name in ("Gemm", "MatMul"):
    quantize_dynamic("float.onnx", f"{name}.onnx", op_types_to_quantize=[name])
    sizes[name] = os.path.getsize(f"{name}.onnx") / os.path.getsize("float.onnx")
    operators[name] = [node.op_type for node in onnx.load(f"{name}.onnx").graph.node]
    print(f"op_types_to_quantize=[{name!r}]: {sizes[name]:.2f} of the size, {operators[name]}")
if sizes["Gemm"] < 0.9 or operators["Gemm"] != ["MatMul", "Add"]:
    sys.exit("changed: a Gemm is quantized where it is asked for")
if sizes["MatMul"] > 0.4 or "MatMulInteger" not in operators["MatMul"]:
    sys.exit("changed: a Gemm is not quantized as MatMul")
PYTHON
echo "As described: asked for Gemm it quantizes none, asked for MatMul it quantizes Gemms."
