"""Profiles of speakers: small files with the sums that an adaptation needs, and no recording or feature."""

import hashlib
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np

from ser.complete_files import appearing
from ser.errors import InputError
from ser.recognizer.adaptation import FEWEST, Adaptation
from ser.recognizer.bundle_format import ExportedModel, encoder_sha256

FORMAT = 1
"""Version of the files' format."""
_NAME = re.compile(r"\w[\w.-]{0,63}")


def default_folder() -> Path:
    """Tell where profiles lie unless a folder is named, by the XDG base directory specification."""
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "ravdess-ser" / "speakers"


def profile_path(folder: Path, name: str) -> Path:
    """Give the file of a speaker.

    Raises
    ------
    InputError
        Where the name cannot be that of a file.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"{name}: no name for a speaker; give up to 64 letters, digits, dots, dashes")
    return folder / f"{name}.json"


def write_profile(path: Path, adaptation: Adaptation, model: ExportedModel) -> None:
    """Write the profile of a speaker, for one model.

    Parameters
    ----------
    path
        File of the profile; its folder is made if missing.
    adaptation
        What the speaker's recordings have in common.
    model
        The model before adaptation.
    """
    content = {
        "format": FORMAT,
        "model_sha256": fingerprint(model),
        "windows": adaptation.windows,
        "emotions": adaptation.emotions,
        "residuals": adaptation.residuals.tolist(),
    }
    with appearing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_profile(path: Path, model: ExportedModel) -> Adaptation:
    """Read the profile of a speaker.

    Parameters
    ----------
    path
        File that `write_profile` wrote.
    model
        The model that is to be adapted.

    Raises
    ------
    InputError
        Where there is no such file, it is damaged, or it was made with another model or encoder.
    """
    again = "enrol the speaker again: ser enrol NAME files... --replace"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != FORMAT or content["model_sha256"] != fingerprint(model):
            raise InputError(f"{path}: was made with another model; give that one's --model, or {again}")
        return _checked(content, shape=model.linear.biases.shape)
    except FileNotFoundError as error:
        known = ", ".join(sorted(it.stem for it in path.parent.glob("*.json"))) or "nobody"
        raise InputError(
            f"{path}: no such speaker; enrolled: {known}; ser enrol {path.stem} files... makes a profile"
        ) from error
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise InputError(f"{path}: damaged ({error}); {again}") from error


def _checked(content: dict[str, Any], *, shape: tuple[int, ...]) -> Adaptation:
    residuals = np.array(content["residuals"], dtype=np.float64)
    windows, emotions = int(content["windows"]), float(content["emotions"])
    if residuals.shape != shape or not np.isfinite(residuals).all():
        raise ValueError("residuals are not those of the model's layers")
    if windows < FEWEST or not 1 <= emotions <= 8:
        raise ValueError("numbers are out of range")
    return Adaptation(windows, residuals, emotions)


def fingerprint(model: ExportedModel) -> str:
    """Tell models apart, and with them their encoders: SHA-256 of all that residuals depend on."""
    arrays = (model.linear.coefficients, model.linear.biases, model.linear.weights, model.centres)
    content = b"".join(np.asarray(it, dtype=np.float64).tobytes() for it in arrays if it is not None)
    settings = f"{model.temperature!r} {encoder_sha256()}"
    return hashlib.sha256(content + settings.encode()).hexdigest()
