"""ONNX Runtime that tells nobody of its use: import it from here, never by itself."""

import os

# Read once, when it is loaded. Its official builds otherwise keep a number for this machine, write into the
# folder for temporary files, and send reports of their use to their maker.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime"]
