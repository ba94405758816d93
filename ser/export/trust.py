"""When an answer of an exported model is sure or likely, and what that is worth, as measured."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ser.errors import InputError
from ser.recognizer.certainty import WORDS, Thresholds

_WORTH = (
    "share of the answers that are sure, likely and not sure, and their accuracy; of RAVDESS on left-out "
    "speakers; an answer that is none of a corpus's emotions is wrong"
)


@dataclass(frozen=True)
class Trust:
    """What the stage score_trust found.

    Attributes
    ----------
    thresholds : Thresholds
        What an answer must reach to be called sure or likely.
    about : dict
        What each word is worth, by corpus; ready for JSON.
    """

    thresholds: Thresholds
    about: dict[str, Any]


def measured_trust(path: str, *, model: str) -> Trust:
    """Read what was found of a model.

    Parameters
    ----------
    path
        JSON that the stage score_trust wrote.
    model
        Name of the model in the bundle.

    Raises
    ------
    InputError
        Where the file is missing, no JSON, or lacks the model.
    """
    try:
        found = json.loads(Path(path).read_text(encoding="utf-8"))[model]
        measured = {
            corpus: {word: worth[word] for word in WORDS} for corpus, worth in found["measured"].items()
        }
        return Trust(Thresholds(**found["thresholds"]), {"what": _WORTH, **measured})
    except (OSError, LookupError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: has no thresholds of {model} ({error}); run the stage score_trust"
        ) from error
