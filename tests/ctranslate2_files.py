"""Model files as CTranslate2 writes them, and the weights of a small encoder for them."""

import struct

import numpy as np

from experiments.whisper.ctranslate2_checkpoint import DTYPES, VERSION, Array
from experiments.whisper.whisper_encoder import N_MELS


def model_file(tensors: dict[str, Array], *, version: int = VERSION, kind: str = "WhisperSpec") -> bytes:
    """Write a model as CTranslate2 does: texts end with a zero byte, which their length counts."""

    def text(words: str) -> bytes:
        return struct.pack("<H", len(words.encode()) + 1) + words.encode() + b"\0"

    numbers = {np.dtype(dtype): number for number, dtype in DTYPES.items()}
    content = struct.pack("<I", version) + text(kind) + struct.pack("<II", 3, len(tensors))
    for name, x in tensors.items():
        content += text(name) + struct.pack(f"<B{x.ndim}I", x.ndim, *x.shape)
        content += struct.pack("<BI", numbers[x.dtype], x.nbytes) + x.tobytes()
    return content + struct.pack("<I", 1) + text("decoder/alias") + text(next(iter(tensors), ""))


UNITS, HEADS, LAYERS, INNER = 12, 3, 2, 20


def random_weights(seed: int = 0) -> dict[str, Array]:
    """Draw the weights of a small encoder, under the names that CTranslate2 gives them."""
    shapes: dict[str, tuple[int, ...]] = {
        "conv1/weight": (UNITS, N_MELS, 3),
        "conv1/bias": (UNITS,),
        "conv2/weight": (UNITS, UNITS, 3),
        "conv2/bias": (UNITS,),
        "position_encodings/encodings": (1500, UNITS),
        "layer_norm/gamma": (UNITS,),
        "layer_norm/beta": (UNITS,),
    }
    for layer in map("layer_{}".format, range(LAYERS)):
        for name, outputs, inputs in (
            ("self_attention/linear_0", 3 * UNITS, UNITS),
            ("self_attention/linear_1", UNITS, UNITS),
            ("ffn/linear_0", INNER, UNITS),
            ("ffn/linear_1", UNITS, INNER),
        ):
            shapes |= {f"{layer}/{name}/weight": (outputs, inputs), f"{layer}/{name}/bias": (outputs,)}
        for name in ("self_attention", "ffn"):
            shapes |= {f"{layer}/{name}/layer_norm/{it}": (UNITS,) for it in ("gamma", "beta")}
    draw = np.random.default_rng(seed)
    return {name: draw.normal(0, 0.3, shape).astype(np.float32) for name, shape in shapes.items()}
