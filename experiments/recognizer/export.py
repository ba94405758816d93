"""Export the final model to one small bundle that needs no TensorFlow, and hold it to the original.

Reads   models/final, and the weights in the package Resemblyzer; metrics/final_calibration.json and
        metrics/luna5/fused_transfer.json; data/clips.parquet, data/raw and data/features/clean for the check
Writes  ser/bundle: model.onnx, recognizer.json, the licences of the weights and of the speaker encoder

From a recording of each actor the bundle, with its own front end, must compute the original's probabilities
within 0.0001, or nothing is written.
"""

from pathlib import Path

import numpy as np

from experiments.recognizer.params import RecognizerParams
from ser.errors import InputError
from ser.export.final_parts import read_parts
from ser.export.summary import expected_score, measured_temperature
from ser.features.speaker_encoder import check_weights
from ser.files import read_table, replacing
from ser.params import load, load_params
from ser.recognizer.bundle_format import Bundle, ListeningSettings, write_bundle
from ser.recognizer.recognizer import Recognizer
from stages import command
from stages.inputs import read_features

FOLDER = Path("models/final")
TOLERANCE = 1e-4


def main() -> None:
    """Write the bundle, then compare."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings = load("experiments/recognizer/params.yaml", RecognizerParams)
    check_weights(params.encode.weights_sha256)
    scaler, lda = read_parts(FOLDER)
    clips = read_table("data/clips.parquet", ("clip", "path", "emotion", "actor"))
    compared = np.flatnonzero(~clips["actor"].duplicated())
    (logmels,), (states,) = (read_features(name, ["clean"]) for name in ("logmel", "encoder"))
    temperature, calibration = measured_temperature("metrics/final_calibration.json")

    # Only here is TensorFlow loaded.
    from ser.export.final_network import read_network, reference
    from ser.export.write_bundle import LICENCE, WEIGHTS_TEXT, encoder_licence, front_end_of, onnx_of

    network = read_network(FOLDER)
    front_end = front_end_of(params.extract.logmel, trim_db=params.encode.trim_db)
    bundle = Bundle(
        version=settings.version,
        front_end=front_end,
        listening=ListeningSettings(**settings.listening.model_dump()),
        temperature=temperature,
        uncertain_below=settings.uncertain_below,
        about={
            "expected": expected_score("metrics/luna5/fused_transfer.json"),
            "calibration": calibration,
            "training": {
                "recordings": f"RAVDESS speech, {len(clips)} clips of {clips['actor'].nunique()} actors",
                "network": params.train_cnn.logmel.model_dump() | {"seeds": [settings.seed]},
                "speeds": params.resample.speeds,
                "encoder_layer": lda.layer,
                "encoder_weights_sha256": params.encode.weights_sha256,
            },
            "licence": LICENCE,
        },
        model=onnx_of(network, scaler, lda, front_end=front_end, temperature=temperature),
    )
    expected = reference(network, scaler, lda, logmels[compared], states[compared], temperature=temperature)
    with replacing("ser/bundle") as folder:
        write_bundle(folder, bundle, weights_licence=WEIGHTS_TEXT, encoder_licence=encoder_licence())
        recognizer = Recognizer.load(folder)
        heard = recognizer.probabilities([recognizer.features_of(it) for it in clips["path"].iloc[compared]])
        difference = float(np.abs(heard - expected).max())
        if difference > TOLERANCE:
            raise InputError(
                f"ser/bundle: its probabilities differ from the original's by {difference:.6f}, more than "
                f"{TOLERANCE}: ser/export/onnx_network.py or ser/features/front_end.py is behind the model"
            )
    print(f"probabilities of {len(compared)} recordings differ by at most {difference:.1e}")


if __name__ == "__main__":
    command.run(main)
