"""What measured results say about the exported model: its temperature, and the score to expect of it."""

import json
from pathlib import Path
from typing import Any

from ser.errors import InputError

MODEL = "fused_transfer"
"""The model that is exported, by its name in the results."""

_WHY = (
    "the same recipe under LUNA5, each actor recognised by a model that had not heard them, mean over models "
    "of one seed each; of nine recipes the best by this very score, which is, if anything, too high; the "
    "exported model has heard all actors, so that RAVDESS cannot test it"
)
_LEARNED = (
    "one temperature of the LUNA5 test predictions of all folds and seeds; 'before' is without, 'after' and "
    "'not_sure' with that of the other folds"
)


def measured_temperature(path: str) -> tuple[float, dict[str, Any]]:
    """Read the temperature of the exported model, and what is known of it.

    Parameters
    ----------
    path
        JSON that the stage calibrate_final wrote.

    Returns
    -------
    temperature : float
        Divides the logarithms of the model's probabilities, above 0.
    what : dict
        How it was fitted, and all that was measured; ready for JSON.

    Raises
    ------
    InputError
        Where the file is missing, no JSON, or of another model.
    """
    found = _read(path, stage="calibrate_final")
    if found.get("model") != MODEL or not isinstance(found.get("temperature"), float):
        raise InputError(f"{path}: is not of {MODEL}; run the stage calibrate_final")
    about = {name: value for name, value in found.items() if name not in ("model", "temperature")}
    return found["temperature"], {"what": _LEARNED, **about}


def expected_score(path: str) -> dict[str, Any]:
    """Read the score of the recipe on unseen speakers, and say what it is.

    Parameters
    ----------
    path
        JSON of the model's headline scores, which the stage evaluate wrote.

    Returns
    -------
    dict
        ``protocol``, ``model``, ``what`` in words, and the scores from 0 to 1; ready for JSON.

    Raises
    ------
    InputError
        Where the file is missing or no JSON.
    """
    return {"protocol": "luna5", "model": MODEL, "what": _WHY, **_read(path, stage="evaluate")}


def _read(path: str, *, stage: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run the stage {stage}") from error
    return content
