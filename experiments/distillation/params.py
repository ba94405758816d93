"""The schema of this folder's params.yaml."""

from typing import Annotated

from pydantic import Field

from experiments.dtw.params import NetworkSeeds
from ser.params import Count, Section, Seeds


class StudentSeeds(NetworkSeeds):
    """Of the taught networks, by protocol, and of untaught ones under LUNA5, to compare."""

    article: Seeds
    untaught: Seeds


PROTOCOLS = tuple(it for it in StudentSeeds.model_fields if it != "untaught")
"""Those whose folds a stage can be asked for."""


class DistillationParams(Section):
    """How much of a label is the teacher's opinion, and how long which networks learn."""

    share: Annotated[float, Field(gt=0, le=1)]
    epochs: Count
    network_seeds: StudentSeeds
