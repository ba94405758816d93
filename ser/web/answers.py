"""What the HTTP API answers, for its description and for whoever reads it with types."""

from typing import Any, Literal

from pydantic import BaseModel, Field
from pydantic.json_schema import SkipJsonSchema

from ser.recognizer.certainty import WORDS
from ser.recognizer.reasons import IN_WORDS


def _without_default(schema: dict[str, Any]) -> None:
    del schema["default"]


class Judgement(BaseModel):
    """The emotion that a recording or a piece of one expresses."""

    emotion: str = Field(description="The most probable of the eight.")
    confidence: float = Field(description="Its probability.")
    agreement: float = Field(
        description="The least probability that one of the encoder's layers gives to it; low where they "
        "disagree."
    )
    certainty: str = Field(
        description="How far it can be relied on.", json_schema_extra={"enum": list(WORDS)}
    )
    reasons: list[str] = Field(
        description="What speaks against relying on it; about has each in words.",
        json_schema_extra={"items": {"type": "string", "enum": list(IN_WORDS)}},
    )
    uncertain: bool = Field(description="Whether it is not sure.")
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


class Change(BaseModel):
    """A time at which the emotion becomes another."""

    at_s: float
    before: str = Field(description="The emotion of the last sure or likely piece before it.")
    after: str


class Summary(BaseModel):
    """What a long recording comes to."""

    speech_s: float = Field(description="Length of all pieces with speech.")
    shares: dict[str, float] = Field(
        description="Share of that time with each emotion as a sure or likely answer."
    )
    not_sure: float = Field(description="Share of that time without a sure or likely answer.")
    changes: list[Change] = Field(description="All changes of the emotion.")
    most_confident: list[Piece] = Field(description="At most three stretches, the most confident first.")


class Stretch(BaseModel):
    """From when to when, in seconds."""

    start_s: float
    end_s: float


class Answer(Judgement):
    """The answer for a recording."""

    file: str = Field(description="Its name, without folders.")
    channel: str | None = Field(description="left or right; null for the mean of all.")
    duration_s: float
    channels_differ: bool | SkipJsonSchema[None] = Field(
        None,
        description="True where channels were mixed that differ, as of two people on a line; else not there.",
        json_schema_extra=_without_default,
    )
    # They are never null: what there is not is left out.
    segments: list[Piece] | SkipJsonSchema[None] = Field(
        None,
        description="Of a long recording, the pieces with speech in them; else not there.",
        json_schema_extra=_without_default,
    )
    stretches: list[Piece] | SkipJsonSchema[None] = Field(
        None,
        description="Of a long recording, its pieces, neighbours of the same answer merged; else not there.",
        json_schema_extra=_without_default,
    )
    summary: Summary | SkipJsonSchema[None] = Field(
        None,
        description="Of a long recording; else not there.",
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


class Channels(BaseModel):
    """The answers for a recording that is split, of left and right; one alone if it has but one channel."""

    file: str = Field(description="Its name, without folders.")
    channels: list[Answer]


class UploadLimits(BaseModel):
    """What an upload may be."""

    largest_bytes: int
    longest_s: float


class About(BaseModel):
    """Which model answers, how it was trained, and what to expect of it."""

    version: str
    labels: list[str]
    sure_from: float = Field(description="A sure answer has at least this confidence.")
    likely_from: float = Field(description="A likely answer has at least this confidence.")
    agreement_from: float = Field(description="A sure answer has at least this agreement.")
    reasons: dict[str, str] = Field(description="What each reason of an answer means, in words.")
    timeline_after_s: float = Field(description="A longer recording is answered with segments.")
    limits: UploadLimits
    about: dict[str, Any] = Field(
        description="Training, expected score, licence, as the model's bundle says."
    )


class SampleAbout(BaseModel):
    """A synthetic voice to try."""

    name: str = Field(description="Of its file, at /api/samples/NAME.")
    title: str
    told: str = Field(description="What it is.")


class Problem(BaseModel):
    """Why a request is refused."""

    detail: str = Field(description="What is wrong, and what to do.")
    outcome: Literal["no_speech", "error"] = Field(
        description="no_speech: there is no speech in a recording that can be read; error: all else."
    )


class Health(BaseModel):
    """That the server is up."""

    status: str
