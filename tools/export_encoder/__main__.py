"""Export the first layers of Whisper's encoder: from the published weights to the ONNX file that is shipped.

    python -m tools.export_encoder

Reads   the weights: in the packages of requirements-whisper.txt, or in the file that the environment variable
        WHISPER_WEIGHTS names
Writes  ser/encoder/: the ONNX file, about.json with the SHA-256 of both, and the licence of the weights

Two runs write the same bytes. `--check` writes nothing, and fails where the committed file would change.
"""

import hashlib
from pathlib import Path
from typing import Any

from experiments.whisper import whisper_encoder as published
from experiments.whisper.params import WhisperParams
from ser.errors import InputError
from ser.features.whisper_encoder import ABOUT, ENCODER, LAYERS, LICENCE, MODEL
from ser.features.whisper_front_end import LONGEST_S, WHISPER_MEL
from ser.files import replacing, write_json
from ser.params import load
from stages import command
from tools.export_encoder.graph import encoder_graph
from tools.export_encoder.weights import STORES

STORED_AS = "grouped_int8"
"""Of `STORES`: 12 MB, where float16 takes 21."""
LONGEST_STATES = round(LONGEST_S * WHISPER_MEL.sample_rate / WHISPER_MEL.hop_length / 2)
"""Number of positions: a state stands for two hops."""


def export(*, stored_as: str = STORED_AS, layers: int = LAYERS) -> bytes:
    """Write the ONNX file of the weights that are found, whichever they are.

    Parameters
    ----------
    stored_as
        How weights are stored, of `STORES`.
    layers
        How many layers are kept.
    """
    encoder = published.WhisperEncoder.load()
    return encoder_graph(
        encoder.weights,
        heads=encoder.heads,
        layers=layers,
        longest=LONGEST_STATES,
        store=STORES[stored_as],
    )


def about(onnx: bytes, *, weights_sha256: str) -> dict[str, Any]:
    """Describe the file; ready for JSON."""
    return {
        "made_of": "openai/whisper-base, as model.bin of Systran/faster-whisper-base",
        "weights_sha256": weights_sha256,
        "layers": LAYERS,
        "stored_as": STORED_AS,
        "onnx_sha256": hashlib.sha256(onnx).hexdigest(),
        "licence": f"MIT, see {LICENCE}",
    }


def main() -> None:
    """Export, or compare with what is committed."""
    parser = command.parser(__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the file would change")
    parser.add_argument("--into", type=Path, default=ENCODER, metavar="FOLDER", help="instead of ser/encoder")
    arguments = parser.parse_args()
    sha256 = load("experiments/whisper/params.yaml", WhisperParams).weights_sha256
    published.check_weights(sha256)
    onnx = export()
    path: Path = arguments.into / MODEL
    if arguments.check:
        if not path.exists() or path.read_bytes() != onnx:
            raise InputError(f"{path}: not what the weights give; run python -m tools.export_encoder")
        print(f"{path}: the same {len(onnx)} bytes")
        return
    with replacing(path) as temporary:
        temporary.write_bytes(onnx)
    write_json(arguments.into / ABOUT, about(onnx, weights_sha256=sha256))
    print(f"{path}: {len(onnx)} bytes")


if __name__ == "__main__":
    command.run(main)
