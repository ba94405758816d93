"""What measured results say about the exported model: its temperature, and the score to expect of it."""

import json
from pathlib import Path
from typing import Any

from ser.errors import InputError
from ser.files import read_table

MODEL = "fused_transfer"
"""The model that is exported, by its name in the results."""

_WHY = (
    "the same recipe under LUNA5, each actor recognised by a model that had not heard them; the exported "
    "model has heard all of them, so that RAVDESS cannot test it"
)


def mean_temperature(path: str) -> float:
    """Average the temperatures that validation actors gave in the folds of LUNA5, over folds and seeds.

    Parameters
    ----------
    path
        Of the table of model, seed, fold and temperature.

    Raises
    ------
    InputError
        Where the table is missing, or lacks the model.
    """
    table = read_table(path, ("model", "temperature"))
    found = table.loc[table["model"] == MODEL, "temperature"]
    if found.empty:
        raise InputError(f"{path}: has no {MODEL}; run the stage calibrate")
    return round(float(found.mean()), 6)


def expected_score(path: str) -> dict[str, Any]:
    """Read the score of the recipe on actors that it had not heard, and say what it is.

    Raises
    ------
    InputError
        Where the file is missing or no JSON.
    """
    try:
        scores = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run the stage evaluate") from error
    return {"protocol": "luna5", "model": MODEL, "what": _WHY, **scores}
