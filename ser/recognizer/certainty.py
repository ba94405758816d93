"""How far an answer can be relied on, in three words."""

from dataclasses import dataclass

SURE, LIKELY, NOT_SURE = "sure", "likely", "not sure"
WORDS = SURE, LIKELY, NOT_SURE
"""From the most certain to the least."""


@dataclass(frozen=True)
class Thresholds:
    """What an answer must reach to be called sure or likely.

    Attributes
    ----------
    sure_from, likely_from : float
        Least calibrated confidence, from 0 to 1; the first is not below the second.
    agreement_from : float
        Least agreement of the encoder's layers that a sure answer has, from 0 to 1.

    Raises
    ------
    ValueError
        Where one of them is not from 0 to 1, or they are in another order.
    """

    sure_from: float
    likely_from: float
    agreement_from: float

    def __post_init__(self) -> None:
        if not 0 <= self.likely_from <= self.sure_from <= 1 or not 0 <= self.agreement_from <= 1:
            raise ValueError(f"{self}: no thresholds of probabilities")

    def word(self, *, confidence: float, agreement: float) -> str:
        """Choose one of `WORDS` for an answer by its confidence and agreement, both from 0 to 1."""
        if confidence < self.likely_from:
            return NOT_SURE
        return SURE if confidence >= self.sure_from and agreement >= self.agreement_from else LIKELY
