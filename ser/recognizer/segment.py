"""The answer for a segment of a long recording, usually of one second."""

from dataclasses import dataclass
from typing import Any

from ser.recognizer.certainty import NOT_SURE


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a long recording.

    Attributes
    ----------
    start_s, end_s : float
        Start and end in the recording, in seconds.
    emotion : str
        The most probable of the eight emotions.
    confidence : float
        Calibrated probability of that emotion, from 0 to 1.
    agreement : float
        Least probability, from 0 to 1, that one of the encoder's layers gives to that emotion by its own LDA,
        neither weighted nor calibrated. It is low where the layers disagree.
    probabilities : dict of str to float
        Calibrated probability of each emotion, in the order of `ser.data.ravdess.EMOTIONS`; they sum to 1.
    certainty : str
        How far the answer can be relied on, one of `ser.recognizer.certainty.WORDS`.
    reasons : tuple of str
        What speaks against relying on it, of `ser.recognizer.reasons.IN_WORDS`. An answer that is not sure
        has one at least; a sure one may have those of the sound.
    """

    start_s: float
    end_s: float
    emotion: str
    confidence: float
    agreement: float
    probabilities: dict[str, float]
    certainty: str
    reasons: tuple[str, ...]

    @property
    def uncertain(self) -> bool:
        """Whether the answer is not sure."""
        return self.certainty == NOT_SURE

    @property
    def duration_s(self) -> float:
        """Its length, in seconds."""
        return self.end_s - self.start_s

    def as_dict(self) -> dict[str, Any]:
        """Give plain values, as for JSON."""
        return {
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "emotion": self.emotion,
            "confidence": self.confidence,
            "agreement": self.agreement,
            "certainty": self.certainty,
            "reasons": list(self.reasons),
            "uncertain": self.uncertain,
            "probabilities": self.probabilities,
        }
