"""What the HTTP API answers, for its description and for whoever reads it with types."""

from typing import Any

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


class Judgement(BaseModel):
    """The emotion that a recording or a piece of one expresses."""

    emotion: str = Field(description="The most probable of the eight.")
    confidence: float = Field(description="Its probability.")
    uncertain: bool = Field(
        description="Whether the confidence is too low, or the speech too short, to rely on."
    )
    probabilities: dict[str, float] = Field(description="By emotion; calibrated, they sum to 1.")


class Piece(Judgement):
    """A piece of a long recording, usually of one second."""

    start_s: float
    end_s: float


class Picture(BaseModel):
    """Waveform and log-mel in columns from left to right."""

    column_s: float = Field(description="Length of a column in seconds.")
    low: list[float] = Field(description="The least sample of each column; full scale is 1.")
    high: list[float] = Field(description="The greatest sample of each column.")
    bands: int = Field(description="Mel bands of each column, from the lowest.")
    levels: str = Field(description="Base64 of a byte a band, column by column: 0 to 255, linear in dB.")
    range_db: float = Field(description="What 255 is above 0, in dB.")
    lowest_hz: float
    highest_hz: float


class Stretch(BaseModel):
    """From when to when, in seconds."""

    start_s: float
    end_s: float


class Answer(Judgement):
    """The answer for a recording."""

    file: str = Field(description="Its name, without folders.")
    duration_s: float
    # They are never null: what there is not is left out.
    segments: list[Piece] | SkipJsonSchema[None] = Field(
        None,
        description="Of a long recording, the pieces with speech in them; else not there.",
        json_schema_extra=_without_default,
    )
    picture: Picture | SkipJsonSchema[None] = Field(
        None, description="There only if it was asked for.", json_schema_extra=_without_default
    )
    no_speech: list[Stretch] | SkipJsonSchema[None] = Field(
        None,
        description="Of a long recording, the parts without speech; else not there.",
        json_schema_extra=_without_default,
    )


class UploadLimits(BaseModel):
    """What an upload may be."""

    largest_bytes: int
    longest_s: float


class About(BaseModel):
    """Which model answers, how it was trained, and what to expect of it."""

    version: str
    labels: list[str]
    uncertain_below: float = Field(description="An answer with a confidence below this is uncertain.")
    timeline_after_s: float = Field(description="A longer recording is answered with segments.")
    limits: UploadLimits
    about: dict[str, Any] = Field(
        description="Training, expected score, licence, as the model's bundle says."
    )


class Problem(BaseModel):
    """Why a request is refused."""

    detail: str = Field(description="What is wrong, and what to do.")


class Health(BaseModel):
    """That the server is up."""

    status: str
