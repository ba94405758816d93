"""The exported model: a folder with an ONNX file, and a JSON file with its settings and description."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.features.front_end import FrontEndSettings

FORMAT = 1
"""Version of the JSON's format; a bundle of another one is refused."""
MODEL, ABOUT = "model.onnx", "recognizer.json"
WEIGHTS_LICENCE, ENCODER_LICENCE = "LICENSE-weights.txt", "LICENSE-speaker-encoder.txt"
LARGEST_BYTES = 5_000_000
"""Largest size of a bundle, which is kept in git."""
SHIPPED = Path(__file__).parents[1] / "bundle"
"""The bundle inside the package."""


@dataclass(frozen=True)
class ListeningSettings:
    """How a recording is cut into windows, and which of them are too quiet or too short.

    Attributes
    ----------
    timeline_after_s : float
        A recording up to this length, in seconds, is one window; a longer one becomes a timeline.
    window_s, hop_s : float
        Length of a timeline's windows, and time from one to the next, in seconds; the hop divides the window.
    shortest_s : float
        A recording below this length, in seconds, is refused.
    silence_dbfs : float
        Where no frame is louder than this, in dBFS, there is no speech.
    sure_from_s : float
        With less speech than this, in seconds, silence at both ends cut off, every answer is uncertain.
    """

    timeline_after_s: float
    window_s: float
    hop_s: float
    shortest_s: float
    silence_dbfs: float
    sure_from_s: float


@dataclass(frozen=True)
class Bundle:
    """An exported model.

    Attributes
    ----------
    version : str
        Version of the model, not of its format, such as 1.0.0; raised with every one that is published.
    front_end : FrontEndSettings
        Settings of the features, the model's inputs.
    listening : ListeningSettings
        How a recording is cut into windows, and which of them are too quiet or too short.
    temperature : float
        Divides the model's log-probabilities, above 0; the ONNX graph does so.
    uncertain_below : float
        Calibrated confidence, from 0 to 1, below which an answer is uncertain.
    about : dict
        How it was trained, what score to expect, and its licence; ready for JSON.
    model : bytes
        Content of the ONNX file.
    """

    version: str
    front_end: FrontEndSettings
    listening: ListeningSettings
    temperature: float
    uncertain_below: float
    about: dict[str, Any]
    model: bytes


def read_bundle(folder: Path | str = SHIPPED) -> Bundle:
    """Read and check a bundle.

    Parameters
    ----------
    folder
        Folder of the bundle; by default the one inside the package.

    Raises
    ------
    InputError
        Where a file is missing, damaged, or of another format.
    """
    folder = Path(folder)
    try:
        model = (folder / MODEL).read_bytes()
        content = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if content["format"] != FORMAT or tuple(content["labels"]) != EMOTIONS:
            raise InputError(f"{folder / ABOUT}: of another version of this package; export the model again")
        if content["model_sha256"] != hashlib.sha256(model).hexdigest():
            raise InputError(f"{folder / MODEL}: damaged, its sha256 is another; export the model again")
        return Bundle(
            version=content["version"],
            front_end=FrontEndSettings.of(content["front_end"]),
            listening=ListeningSettings(**content["listening"]),
            temperature=content["temperature"],
            uncertain_below=content["uncertain_below"],
            about=content["about"],
            model=model,
        )
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(
            f"{folder}: no exported model ({error}); give a folder with {MODEL} and {ABOUT}, as "
            "dvc repro experiments/recognizer/dvc.yaml makes one"
        ) from error


def write_bundle(folder: Path, bundle: Bundle, *, weights_licence: str, encoder_licence: str) -> None:
    """Write a bundle; equal ones give equal bytes.

    Parameters
    ----------
    folder
        Folder to make, with four files; it must not exist.
    bundle
        The model with its settings and description, as `read_bundle` gives it.
    weights_licence, encoder_licence
        Texts of the licences of the weights and of the speaker encoder, which must be shared with them.

    Raises
    ------
    InputError
        Where the bundle is larger than git should hold.
    """
    content = {
        "format": FORMAT,
        "version": bundle.version,
        "labels": EMOTIONS,
        "model_sha256": hashlib.sha256(bundle.model).hexdigest(),
        "temperature": bundle.temperature,
        "uncertain_below": bundle.uncertain_below,
        "front_end": asdict(bundle.front_end),
        "listening": asdict(bundle.listening),
        "about": bundle.about,
    }
    files = {
        MODEL: bundle.model,
        ABOUT: (json.dumps(content, indent=2, allow_nan=False) + "\n").encode(),
        WEIGHTS_LICENCE: weights_licence.encode(),
        ENCODER_LICENCE: encoder_licence.encode(),
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
