"""The schema of this folder's params.yaml."""

from typing import Annotated

from pydantic import Field

from ser.params import AdaptationSearch


class AdaptationParams(AdaptationSearch):
    """How many unlabelled clips of a test speaker adapt the models, and the grids of these."""

    clips: Annotated[list[Annotated[int, Field(ge=0, le=59)]], Field(min_length=1)]
