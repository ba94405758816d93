"""The schema of this folder's params.yaml, a section a kind of corruption."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from ser.params import Count, Finite, Grid, Positive, Section, Seed

Decibels = Annotated[list[Finite], Field(min_length=1)]


class Clean(Section):
    """The recordings as they are: nothing to set."""


class WhiteNoise(Section):
    """White noise at several signal-to-noise ratios."""

    seed: Seed
    snr_db: Decibels


class Babble(Section):
    """Other people talking, at several signal-to-noise ratios."""

    seed: Seed
    snr_db: Decibels
    talkers: Count


class Telephone(Section):
    """A narrow-band line of 8 kHz."""

    low_hz: Positive
    high_hz: Annotated[float, Field(gt=0, lt=4000)]

    @model_validator(mode="after")
    def _band(self) -> Self:
        if self.low_hz >= self.high_hz:
            raise ValueError("low_hz < high_hz must hold")
        return self


class Reverberation(Section):
    """Rooms of several reverberation times."""

    seed: Seed
    rt60_s: Grid
    direct_to_reverberant_db: Annotated[float, Field(allow_inf_nan=False)]


class Level(Section):
    """Louder and quieter by as much."""

    change_db: Positive


class Clipping(Section):
    """Several proportions of the speech's samples clipped."""

    share: Annotated[list[Annotated[float, Field(gt=0, lt=1)]], Field(min_length=1)]


class Start(Section):
    """Truncation: no more than the beginning of the speech."""

    duration_s: Annotated[list[Annotated[float, Field(ge=0.1, allow_inf_nan=False)]], Field(min_length=1)]


class Unaugmented(Section):
    """The 2-D CNN trained without augmentation, for comparison; all else is that of ``train_cnn.logmel``."""

    seed: Seed


class RobustnessParams(Section):
    """Corruptions of the test clips, a section a kind."""

    clean: Clean
    white: WhiteNoise
    babble: Babble
    telephone: Telephone
    reverberation: Reverberation
    level: Level
    clipping: Clipping
    start: Start
    unaugmented: Unaugmented


ConditionParams = Clean | WhiteNoise | Babble | Telephone | Reverberation | Level | Clipping | Start
