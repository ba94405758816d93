"""The schema of this folder's params.yaml."""

from typing import Annotated

from pydantic import Field

from ser.params import Positive, Section, Seeds


class WhisperParams(Section):
    """The encoder of Whisper, and the leakage tests of the LDAs on its hidden states."""

    weights_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    trim_db: Positive
    shuffles: Seeds
