"""The schema of this folder's params.yaml."""

from typing import Annotated

from pydantic import Field

from experiments.dtw.params import NetworkSeeds
from ser.params import Count, Section, Seeds


class StudentSeeds(NetworkSeeds):
    """Of the student CNNs, by protocol, and of the hard-label baseline under LUNA5."""

    article: Seeds
    untaught: Seeds


PROTOCOLS = tuple(it for it in StudentSeeds.model_fields if it != "untaught")
"""Those whose folds a stage can be asked for."""


class DistillationParams(Section):
    """The weight of soft labels, and how long which CNNs are trained."""

    share: Annotated[float, Field(gt=0, le=1)]
    epochs: Count
    network_seeds: StudentSeeds
