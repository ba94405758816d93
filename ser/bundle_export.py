"""Write the bundle of a trained model: an ONNX file, what else is to be known of it, and its licences."""

# It must be imported before Keras, because it sets up TensorFlow.

import hashlib
import json
from dataclasses import asdict
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import keras

from ser import speaker_encoder
from ser.datasets import Scaler
from ser.errors import InputError
from ser.final_parts import LinearDiscriminant
from ser.frontend import FrontEndSettings, MelSettings
from ser.model_bundle import ABOUT, ENCODER_LICENCE, FORMAT, LARGEST_BYTES, MODEL, ListeningSettings
from ser.onnx_graph import Graph, standardize, write_model
from ser.onnx_network import append_network
from ser.params import LogMelParams
from ser.ravdess import EMOTIONS

LICENCE = {
    "weights": "CC BY-NC-SA 4.0, as the recordings that they were trained on: RAVDESS, Livingstone SR, "
    "Russo FA (2018), doi 10.1371/journal.pone.0196391",
    "speaker_encoder": "Apache License 2.0: the lower LSTM layers of the voice encoder of Resemblyzer 0.1.4, "
    f"Jemine C, unchanged but for the order of the gates; see {ENCODER_LICENCE}",
    "code": "MIT",
}


def front_end_of(logmel: LogMelParams, *, trim_db: float) -> FrontEndSettings:
    """Gather what training computed features with.

    Parameters
    ----------
    logmel
        The section ``extract.logmel``.
    trim_db
        ``encode.trim_db``.

    Raises
    ------
    InputError
        Where the network and the encoder hear at different rates.
    """
    rate = speaker_encoder.SAMPLE_RATE
    if logmel.sample_rate != rate:
        raise InputError(
            f"params.yaml: extract.logmel.sample_rate must be {rate}, as the speaker encoder's, to export"
        )
    bands = logmel.model_dump(
        include={"sample_rate", "n_fft", "win_length", "hop_length", "n_mels", "fmin", "fmax"}
    )
    n_fft = speaker_encoder.N_FFT
    return FrontEndSettings(
        logmel=MelSettings(**bands),
        trim_db=logmel.trim_db,
        floor_db=logmel.network_floor_db,
        n_frames=logmel.n_frames,
        encoder=MelSettings(
            rate, n_fft, n_fft, speaker_encoder.HOP_LENGTH, speaker_encoder.N_MELS, fmin=0.0, fmax=rate / 2
        ),
        encoder_trim_db=trim_db,
        encoder_level_dbfs=speaker_encoder.LEVEL_DBFS,
    )


def write_bundle(
    folder: Path,
    network: keras.Model,
    scaler: Scaler,
    lda: LinearDiscriminant,
    *,
    version: str,
    temperature: float,
    uncertain_below: float,
    front_end: FrontEndSettings,
    listening: ListeningSettings,
    about: dict[str, Any],
) -> None:
    """Write a bundle that `ser.model_bundle.read_bundle` reads; equal models give equal bytes.

    Parameters
    ----------
    folder
        Made here.
    network, scaler, lda
        What was trained.
    version, temperature, uncertain_below, front_end, listening, about
        As of `ser.model_bundle.Bundle`; licences are added to `about`.

    Raises
    ------
    InputError
        Where the bundle is larger than git should hold.
    """
    graph = Graph()
    model = write_model(
        graph,
        append_network(graph, network, standardize(graph, "logmel", scaler)),
        encoder=speaker_encoder.pretrained_encoder(),
        lda=lda,
        temperature=temperature,
        logmel_shape=(front_end.n_frames, front_end.logmel.n_mels),
    )
    content = {
        "format": FORMAT,
        "version": version,
        "labels": EMOTIONS,
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "temperature": temperature,
        "uncertain_below": uncertain_below,
        "front_end": asdict(front_end),
        "listening": asdict(listening),
        "about": {**about, "licence": LICENCE},
    }
    licence = distribution("resemblyzer").read_text("LICENSE") or ""
    files = {
        MODEL: model,
        ABOUT: (json.dumps(content, indent=2, allow_nan=False) + "\n").encode(),
        ENCODER_LICENCE: licence.encode(),
    }
    size = sum(map(len, files.values()))
    if size > LARGEST_BYTES:
        raise InputError(
            f"{folder}: {size} bytes, but a bundle has at most {LARGEST_BYTES}; take a smaller network, or a "
            "lower layer of the speaker encoder"
        )
    folder.mkdir()
    for name, written in files.items():
        (folder / name).write_bytes(written)
