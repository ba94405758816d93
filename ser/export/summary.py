"""What measured results say about the exported model: its calibration, and the score to expect of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ser.errors import InputError

MODEL = "layers_lda"
"""The model that is exported, by its name in the results."""

_WHY = (
    "the same recipe under LUNA5, each actor recognised by a model that was not trained on that actor; the "
    "best of the pipeline's recipes by this very score, which is, if anything, too high; the exported model "
    "was trained on all actors, so that RAVDESS cannot test it"
)
_WHY_GENERAL = (
    "the same recipe, each speaker of RAVDESS recognised by a model that was not trained on that speaker, "
    "nor on the others of that fold; its settings were chosen by this score and that of left-out speakers "
    "of nEMO, so that both are, if anything, too high"
)
_ELSEWHERE = (
    "UAR over the emotions that a corpus shares with RAVDESS, those of others left out of the answers; emodb "
    "took no part in training nor in the choice of settings, and of nemo each speaker is left out in turn"
)
_LEARNED = (
    "one temperature of the LUNA5 test predictions of all folds; 'before' is without, 'after' and 'not_sure' "
    "with that of the other folds"
)
_LEARNED_OF_CORPORA = (
    "the geometric mean of the temperatures of left-out speakers of each training corpus; 'before' is "
    "without, 'after' with that of the other corpus"
)


@dataclass(frozen=True)
class Calibration:
    """What the stage calibrate_final found.

    Attributes
    ----------
    temperature : float
        Divides the model's logits, above 0.
    uncertain_below : float
        Confidence, from 0 to 1, below which an answer is uncertain, and of which the effect was measured.
    about : dict
        How it was fitted, and all that was measured; ready for JSON.
    """

    temperature: float
    uncertain_below: float
    about: dict[str, Any]


def measured_calibration(path: str) -> Calibration:
    """Read the calibration of the exported model.

    Parameters
    ----------
    path
        JSON that the stage calibrate_final wrote.

    Raises
    ------
    InputError
        Where the file is missing, no JSON, or of another model.
    """
    found = _read(path, stage="calibrate_final")
    try:
        if found.pop("model") != MODEL:
            raise InputError(f"{path}: is not of {MODEL}; run the stage calibrate_final")
        temperature, below = float(found.pop("temperature")), float(found["not_sure"]["below"])
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(f"{path}: lacks {error}; run the stage calibrate_final") from error
    return Calibration(temperature, below, {"what": _LEARNED, **found})


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


def general_temperature(path: str) -> tuple[float, dict[str, Any]]:
    """Read the temperature of the exported general model, and what was measured with it; ready for JSON.

    Parameters
    ----------
    path
        JSON that the stage calibrate_general wrote.

    Raises
    ------
    InputError
        Where the file is missing, no JSON, or lacks the temperature.
    """
    found = _read(path, stage="calibrate_general")
    try:
        return float(found.pop("temperature")), {"what": _LEARNED_OF_CORPORA, **found}
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(f"{path}: lacks {error}; run the stage calibrate_general") from error


def chosen_of_corpora(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the setting of the exported general model, and its recipe's scores on unseen speakers and corpora.

    Parameters
    ----------
    path
        JSON that the stage score_corpora wrote.

    Returns
    -------
    setting : dict
        What was chosen, such as the weight of nEMO's clips.
    expected : dict
        In the form of `expected_score`, of RAVDESS's speakers; ``corrupted`` and ``elsewhere`` beside.

    Raises
    ------
    InputError
        Where the file is missing, no JSON, or lacks the chosen model.
    """
    found = _read(path, stage="score_corpora")
    try:
        conditions = {name: found["ravdess"][name]["chosen"] for name in ("clean", "corrupted")}
        setting = dict(found["chosen"])
        elsewhere = {"emodb": found["emodb"]["chosen"], "nemo": found["nemo_speakers"]["chosen"]}
    except (LookupError, TypeError, ValueError) as error:
        raise InputError(f"{path}: lacks {error}; run the stage score_corpora") from error
    return setting, {
        "protocol": "luna5",
        "what": _WHY_GENERAL,
        **conditions["clean"],
        "corrupted": conditions["corrupted"],
        "elsewhere": {"what": _ELSEWHERE, **elsewhere},
    }


def _read(path: str, *, stage: str) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run the stage {stage}") from error
    return content
