"""Model files as CTranslate2 writes them."""

import struct

import numpy as np

from experiments.whisper.ctranslate2_checkpoint import DTYPES, VERSION, Array


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
