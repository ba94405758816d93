"""Export both models to the bundle that comes with the package, and hold them to the features of training.

Reads   models/final, metrics/final_calibration.json, metrics/luna5/layers_lda.json; models/cross_corpus,
        metrics/cross_corpus.json, metrics/general_calibration.json, metrics/trust.json,
        data/cross_corpus/nemo/clips.parquet; the encoder in the package; data/clips.parquet, data/raw and
        data/features/clean/layers.npy for the check
Writes  ser/bundle: general.npz, ravdess.npz, recognizer.json, the licence of the weights

From a recording of each actor the recognizer must compute the probabilities that the features of training
give within `TOLERANCE`, by either model, or nothing is written.
"""

from dataclasses import replace
from pathlib import Path

import numpy as np

from experiments.recognizer.params import RecognizerParams
from ser.data.fold import emotion_index
from ser.errors import InputError
from ser.evaluation.calibration import scale
from ser.export.licences import WEIGHTS_TEXT, licence_of
from ser.export.summary import (
    MODEL,
    chosen_of_corpora,
    expected_score,
    general_temperature,
    measured_calibration,
)
from ser.export.trust import measured_trust
from ser.files import read_table, replacing
from ser.params import load, load_params
from ser.recognizer.adaptation import centres_of
from ser.recognizer.bundle_format import (
    GENERAL,
    RAVDESS,
    Bundle,
    ExportedModel,
    ListeningSettings,
    encoder_sha256,
    read_arrays,
    write_bundle,
)
from ser.recognizer.posteriors import posteriors
from ser.recognizer.recognizer import Recognizer
from stages import command
from stages.inputs import read_features

TOLERANCE = 0.01
"""Training leaves a recording's mean in it, which hardly differs from 0; the recognizer takes it off."""


def ravdess_model(copies: list[str], *, recordings: str) -> ExportedModel:
    """Give the model of RAVDESS alone."""
    linear = read_arrays(Path("models/final/ravdess.npz"))
    calibration = measured_calibration("metrics/final_calibration.json")
    trust = measured_trust("metrics/trust.json", model=RAVDESS)
    return ExportedModel(
        linear,
        calibration.temperature,
        trust.thresholds,
        about={
            "expected": expected_score(f"metrics/luna5/{MODEL}.json"),
            "certainty": trust.about,
            "calibration": calibration.about,
            "training": {
                "recordings": recordings,
                "corrupted_copies": copies,
                "layer_weights": [round(float(it), 4) for it in linear.weights],
            },
            "licence": licence_of(RAVDESS),
        },
    )


def general_model(copies: list[str], *, recordings: str) -> ExportedModel:
    """Give the model of RAVDESS and nEMO, whose setting was chosen on left-out speakers and corpora."""
    setting, expected = chosen_of_corpora("metrics/cross_corpus.json")
    temperature, calibration = general_temperature("metrics/general_calibration.json")
    trust = measured_trust("metrics/trust.json", model=GENERAL)
    nemo = read_table("data/cross_corpus/nemo/clips.parquet", ("clip", "actor"))
    return ExportedModel(
        read_arrays(Path("models/cross_corpus/chosen_fold0.npz")),
        temperature,
        trust.thresholds,
        about={
            "expected": expected,
            "certainty": trust.about,
            "calibration": calibration,
            "training": {
                "recordings": f"{recordings}; nEMO, {len(nemo)} clips of {nemo['actor'].nunique()} speakers",
                "corrupted_copies": copies,
                "setting": setting,
            },
            "licence": licence_of(GENERAL),
        },
    )


def main() -> None:
    """Write the bundle, then compare."""
    command.parser(__doc__).parse_args()
    params = load_params()
    settings = load("experiments/recognizer/params.yaml", RecognizerParams)
    clips = read_table("data/clips.parquet", ("clip", "path", "actor", "emotion"))
    compared = np.flatnonzero(~clips["actor"].duplicated())
    [layers] = read_features("layers", ["clean"])  # (clips, layers, columns)
    copies = [*params.encode_layers.copies]
    recordings = f"RAVDESS speech, {len(clips)} clips of {clips['actor'].nunique()} actors"
    models = {
        GENERAL: general_model(copies, recordings=recordings),
        RAVDESS: ravdess_model(copies, recordings=recordings),
    }
    # Of RAVDESS's recordings, which weigh most in training.
    models = {
        name: replace(it, centres=centres_of(it.linear, layers, emotion_index(clips)))
        for name, it in models.items()
    }
    listening = ListeningSettings(**settings.listening.model_dump())
    bundle = Bundle(settings.version, encoder_sha256(), listening, models)
    with replacing("ser/bundle") as folder:
        write_bundle(folder, bundle, weights_licence=WEIGHTS_TEXT)
        recognizer = Recognizer.load(folder)
        rows = [recognizer.features_of(it) for it in clips["path"].iloc[compared]]
        for name, model in models.items():
            expected = scale(model.linear.probabilities(layers[compared]), model.temperature)  # (actors, 8)
            found = np.stack([posteriors(model, it)[0] for it in rows])
            difference = float(np.abs(found - expected).max())
            if difference > TOLERANCE:
                raise InputError(
                    f"ser/bundle: {name}'s probabilities differ from those of the features of training by "
                    f"{difference:.6f}, more than {TOLERANCE}: ser/recognizer/windows.py is behind "
                    "stages/layers/speech.py, or data/features/clean/layers.npy behind both"
                )
            print(f"{name}: probabilities of {len(compared)} recordings differ by at most {difference:.1e}")


if __name__ == "__main__":
    command.run(main)
