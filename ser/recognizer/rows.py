"""Answers as rows of a table, for CSV and Parquet."""

from collections.abc import Iterator, Mapping
from typing import Any

from ser.audio.paths import printable
from ser.data.ravdess import EMOTIONS
from ser.recognizer.judging import Recognition

OK, NO_SPEECH, ERROR = "ok", "no_speech", "error"
"""What became of a recording, as ``status`` says it."""

COLUMNS: Mapping[str, type] = {
    **{"file": str, "start_s": float, "end_s": float, "emotion": str, "confidence": float, "uncertain": bool},
    **{f"p_{emotion}": float for emotion in EMOTIONS},
    **{"agreement": float, "certainty": str, "reasons": str, "channel": str, "status": str, "reason": str},
}
"""Types of the columns by their names; the reasons have spaces between them."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""With which a formula begins; some spreadsheets take the full-width signs for the same."""


def rows_of(result: Recognition) -> Iterator[tuple[Any, ...]]:
    """Give a row for each stretch of a long recording, and one for a short one; its status is `OK`.

    Yields
    ------
    tuple
        Values in the order of `COLUMNS`; None where there is none.
    """
    for it in result.all_stretches:
        about = (printable(result.source), round(it.start_s, 3), round(it.end_s, 3))
        answer = (it.emotion, it.confidence, it.uncertain, *it.probabilities.values())
        yield (*about, *answer, it.agreement, it.certainty, " ".join(it.reasons), result.channel, OK, None)


def row_without_answer(file: str, channel: str | None, *, status: str, reason: str) -> tuple[Any, ...]:
    """Give the row of a recording, or of a channel of one, that is not answered.

    Parameters
    ----------
    file, channel
        Name of the recording, and its channel, if one was chosen.
    status, reason
        `NO_SPEECH` or `ERROR`, and what is wrong and what to do.
    """
    known = {"file": printable(file), "channel": channel, "status": status, "reason": printable(reason)}
    return tuple(known.get(column) for column in COLUMNS)


def as_text(row: tuple[Any, ...]) -> list[str]:
    """Write the values of a row for CSV: numbers to six digits, and no text that a spreadsheet computes."""
    return [_cell(value) for value in row]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    text = str(value)
    # As spreadsheets do it themselves: the apostrophe says that the cell is text.
    return f"'{text}" if text.startswith(_FORMULA) else text
