"""The exported models: a folder with the arrays of each, and a JSON file that describes them.

A model is the classifiers on the layers of the encoder in ``ser/encoder``, which all models share: the bundle
has its fingerprint alone.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.features.whisper_encoder import ABOUT as ENCODER_ABOUT
from ser.features.whisper_encoder import ENCODER, LAYERS, UNITS
from ser.models.layers.linear import LinearLayers, Matrix
from ser.recognizer.certainty import Thresholds

FORMAT = 3
"""Version of the JSON's format; a bundle of another one is refused."""
ABOUT, WEIGHTS_LICENCE = "recognizer.json", "LICENSE-weights.txt"
GENERAL, RAVDESS = "general", "ravdess"
"""The shipped models: trained on several corpora, and on RAVDESS alone."""
LARGEST_BYTES = 1_000_000
"""Largest size of a bundle, which is kept in git."""
SHIPPED = Path(__file__).parents[1] / "bundle"
"""The bundle inside the package."""

_AGAIN = "make it again: dvc repro experiments/recognizer/dvc.yaml"
_SHAPES = {
    "coefficients": (LAYERS, 2 * UNITS, len(EMOTIONS)),
    "biases": (LAYERS, len(EMOTIONS)),
    "weights": (LAYERS,),
}
_CENTRES = (len(EMOTIONS), LAYERS, len(EMOTIONS))


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
    range_db : float
        Nor is there in a hop whose loudest frame is further than this, in dB, below that of its windows.
    sure_from_s : float
        With less speech than this, in seconds, silence at both ends cut off, no answer is sure or likely.
    """

    timeline_after_s: float
    window_s: float
    hop_s: float
    shortest_s: float
    silence_dbfs: float
    range_db: float
    sure_from_s: float


@dataclass(frozen=True)
class ExportedModel:
    """One of the models of a bundle.

    Attributes
    ----------
    linear : LinearLayers
        A classifier for each of the encoder's layers, and the layers' weights.
    temperature : float
        Divides the weighted sum of the layers' logits, above 0.
    thresholds : Thresholds
        What an answer must reach to be called sure or likely.
    about : dict
        How it was trained, what score to expect, and its licence; ready for JSON.
    centres : numpy.ndarray [shape=(8, layers, 8), dtype=float64] or None
        The layers' logits of the mean training recording of each emotion, as of
        `ser.recognizer.adaptation.centres_of`; without them the model cannot be adapted.
    """

    linear: LinearLayers
    temperature: float
    thresholds: Thresholds
    about: dict[str, Any]
    centres: Matrix | None = None


@dataclass(frozen=True)
class Bundle:
    """Exported models, and what they have in common.

    Attributes
    ----------
    version : str
        Version of the models, not of their format, such as 2.0.0; raised with every bundle that is published.
    encoder_sha256 : str
        Fingerprint of the encoder's ONNX file, on whose layers the models were trained.
    listening : ListeningSettings
        How a recording is cut into windows, and which of them are too quiet or too short.
    models : Mapping of str to ExportedModel
        The models by their names, at least one; the first answers unless another is asked for.
    """

    version: str
    encoder_sha256: str
    listening: ListeningSettings
    models: Mapping[str, ExportedModel]

    def model(self, name: str | None = None) -> ExportedModel:
        """Give a model by its name, or the first without one.

        Raises
        ------
        InputError
            Where the bundle has none of this name.
        """
        name = next(iter(self.models)) if name is None else name
        if name not in self.models:
            raise InputError(f"{name}: no model of this name; give one of {', '.join(sorted(self.models))}")
        return self.models[name]


def encoder_sha256() -> str:
    """Tell the fingerprint of the package's own encoder, to which `read_encoder` holds its file.

    Raises
    ------
    InputError
        Where the encoder's description is missing or damaged.
    """
    try:
        about = json.loads((ENCODER / ENCODER_ABOUT).read_text(encoding="utf-8"))
        return str(about["onnx_sha256"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{ENCODER}: no encoder ({error}); install the package again") from error


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
        content = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        if content["format"] != FORMAT or tuple(content["labels"]) != EMOTIONS:
            raise InputError(f"{folder / ABOUT}: of another version of this package; export the models again")
        if not content["models"]:
            raise ValueError("models is empty")
        return Bundle(
            version=content["version"],
            encoder_sha256=content["encoder_sha256"],
            listening=ListeningSettings(**content["listening"]),
            models={name: _read_model(folder, name, **it) for name, it in content["models"].items()},
        )
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        raise InputError(
            f"{folder}: no exported models ({error}); give a folder with {ABOUT}, as "
            "dvc repro experiments/recognizer/dvc.yaml makes one"
        ) from error


def _read_model(
    folder: Path, name: str, *, arrays_sha256: str, temperature: float, thresholds: Any, about: Any
) -> ExportedModel:
    path = folder / _file_of(name)
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != arrays_sha256:
        raise InputError(f"{path}: damaged, its sha256 is another; export the models again")
    linear, centres = linear_of(content, path=path), _centres_of(content, path=path)
    return ExportedModel(linear, temperature, Thresholds(**thresholds), about, centres)


def write_bundle(folder: Path, bundle: Bundle, *, weights_licence: str) -> None:
    """Write a bundle; equal ones give equal bytes.

    Parameters
    ----------
    folder
        Folder to make, with a file for each model and two more; it must not exist.
    bundle
        The models with their settings and descriptions, as `read_bundle` gives them.
    weights_licence
        Text of the licence of the weights, which must be shared with them.

    Raises
    ------
    InputError
        Where the bundle is larger than git should hold.
    """
    files = {_file_of(name): _arrays_of(model) for name, model in bundle.models.items()}
    content = {
        "format": FORMAT,
        "version": bundle.version,
        "labels": EMOTIONS,
        "encoder_sha256": bundle.encoder_sha256,
        "listening": asdict(bundle.listening),
        "models": {
            name: {
                "arrays_sha256": hashlib.sha256(files[_file_of(name)]).hexdigest(),
                "temperature": model.temperature,
                "thresholds": asdict(model.thresholds),
                "about": model.about,
            }
            for name, model in bundle.models.items()
        },
    }
    files[ABOUT] = (json.dumps(content, indent=2, allow_nan=False) + "\n").encode()
    files[WEIGHTS_LICENCE] = weights_licence.encode()
    size = sum(map(len, files.values()))
    if size > LARGEST_BYTES:
        raise InputError(f"{folder}: {size} bytes, but a bundle has at most {LARGEST_BYTES}")
    folder.mkdir()
    for name, written in files.items():
        (folder / name).write_bytes(written)


def _file_of(model: str) -> str:
    return f"{model}.npz"


def read_arrays(path: Path) -> LinearLayers:
    """Read classifiers that a stage wrote; see `linear_of`.

    Raises
    ------
    InputError
        Where the file is missing, no such file, or of other layers than the encoder's.
    """
    try:
        return linear_of(path.read_bytes(), path=path)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error}); {_AGAIN}") from error


def linear_of(content: bytes, *, path: Path) -> LinearLayers:
    """Read classifiers, which are arrays by the names of `LinearLayers`.

    Parameters
    ----------
    content
        Content of an ``.npz`` file, of which no pickle is loaded.
    path
        Where it was read, for errors.

    Raises
    ------
    InputError
        Where it is no such file, or of other layers than the encoder's.
    """
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
            found = {name: np.asarray(arrays[name], dtype=np.float64) for name in _SHAPES}
    except (ValueError, EOFError, LookupError, BadZipFile) as error:
        raise InputError(f"{path}: not the classifiers of a model ({error}); {_AGAIN}") from error
    if any(found[name].shape != shape for name, shape in _SHAPES.items()):
        raise InputError(f"{path}: its classifiers are not of the encoder's layers; {_AGAIN}")
    return LinearLayers(**found)


def _centres_of(content: bytes, *, path: Path) -> Matrix | None:
    """Read the centres of a model, which one that was exported before there were any has not."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        if "centres" not in arrays:
            return None
        centres = np.asarray(arrays["centres"], dtype=np.float64)
    if centres.shape != _CENTRES:
        raise InputError(f"{path}: its centres are not of the encoder's layers; export the models again")
    return centres


def _arrays_of(model: ExportedModel) -> bytes:
    arrays = {name: getattr(model.linear, name) for name in _SHAPES}
    if model.centres is not None:
        arrays["centres"] = model.centres
    content = io.BytesIO()
    np.savez(content, allow_pickle=False, **arrays)
    return content.getvalue()
