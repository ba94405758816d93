"""The schema of this folder's params.yaml."""

import math
from typing import Annotated, Self

from pydantic import Field, model_validator

from ser.features.whisper_front_end import LONGEST_S
from ser.params import Positive, Section, Share


class Listening(Section):
    """How the exported model reads recordings; see `ser.recognizer.bundle_format.ListeningSettings`."""

    timeline_after_s: Annotated[float, Field(gt=0, le=LONGEST_S)]
    window_s: Positive
    hop_s: Positive
    shortest_s: Annotated[float, Field(ge=0.1, allow_inf_nan=False)]
    silence_dbfs: Annotated[float, Field(lt=0, allow_inf_nan=False)]
    range_db: Positive
    sure_from_s: Annotated[float, Field(ge=0, allow_inf_nan=False)]

    @model_validator(mode="after")
    def _hop_divides(self) -> Self:
        hops = self.window_s / self.hop_s
        if round(hops) < 1 or not math.isclose(hops, round(hops)):
            raise ValueError("hop_s must divide window_s")
        if self.window_s > self.timeline_after_s:
            raise ValueError("window_s must not exceed timeline_after_s")
        return self


class RecognizerParams(Section):
    """The exported model."""

    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    uncertain_below: Share
    listening: Listening
