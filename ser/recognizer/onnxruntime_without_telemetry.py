"""ONNX Runtime without telemetry: import it from here, never by itself."""

import os

# Read once, when it is loaded. Its official builds otherwise keep a number for this machine, write into the
# folder for temporary files, and send reports of their use to their maker.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

import onnxruntime

__all__ = ["onnxruntime", "open_session"]


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """Load a network that computes on one thread; may be used by several threads at once.

    Parameters
    ----------
    model
        Content of an ONNX file.
    """
    options = onnxruntime.SessionOptions()
    # Recordings are processed in parallel: more threads for each of them only slow each other down.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
