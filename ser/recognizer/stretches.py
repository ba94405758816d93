"""Stretches of a long recording with one answer, and what all of them come to."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from ser.data.ravdess import EMOTIONS
from ser.recognizer.certainty import WORDS
from ser.recognizer.reasons import IN_WORDS, in_order
from ser.recognizer.segment import Segment

MOST_CONFIDENT = 3
"""Largest number of stretches that a summary names as the most confident."""

_ROUNDING = 1e-6


@dataclass(frozen=True, slots=True)
class Stretch(Segment):
    """Neighbouring segments of a long recording with the same answer: one emotion, or not sure.

    Attributes
    ----------
    start_s, end_s : float
        Start of the first segment and end of the last, in seconds; there is no pause between them.
    emotion : str
        The most probable emotion of all segments together; that of each where the answer is not "not sure".
    confidence, agreement : float
        Mean of the segments' probabilities of that emotion, and of their agreements, from 0 to 1.
    probabilities : dict of str to float
        Mean probability of each emotion, in the order of `ser.data.ravdess.EMOTIONS`; they sum to 1.
    certainty : str
        The least certain of its segments', of `ser.recognizer.certainty.WORDS`.
    reasons : tuple of str
        Those of half of its time or more, of `ser.recognizer.reasons.IN_WORDS`.
    """


@dataclass(frozen=True, slots=True)
class Change:
    """A time at which the emotion becomes another.

    Attributes
    ----------
    at_s : float
        Start of the first stretch with the new emotion, in seconds.
    before, after : str
        The emotions of the last stretch before it that is not "not sure", and of this one.
    speech_s : float
        Length of the stretches with the new emotion up to the next change, in seconds.
    """

    at_s: float
    before: str
    after: str
    speech_s: float

    def as_dict(self) -> dict[str, Any]:
        """Give plain values, as for JSON."""
        times = {"at_s": round(self.at_s, 3), "speech_s": round(self.speech_s, 3)}
        return {**times, "before": self.before, "after": self.after}


@dataclass(frozen=True, slots=True)
class TimelineSummary:
    """What a long recording comes to.

    Attributes
    ----------
    speech_s : float
        Length of all segments, which have speech in them, in seconds.
    shares : dict of str to float
        Share of that time, from 0 to 1, with each emotion as a sure or likely answer, in the order of
        `ser.data.ravdess.EMOTIONS`. With `not_sure` they sum to 1.
    not_sure : float
        Share of that time without a sure or likely answer, from 0 to 1.
    changes : tuple of Change
        All changes of the emotion; pauses, and stretches that are not sure, are passed over.
    most_confident : tuple of Stretch
        At most `MOST_CONFIDENT` stretches of the greatest confidence, none of them "not sure"; the longer
        before the shorter where the confidence is the same percentage.
    """

    speech_s: float
    shares: dict[str, float]
    not_sure: float
    changes: tuple[Change, ...]
    most_confident: tuple[Stretch, ...]

    def as_dict(self) -> dict[str, Any]:
        """Give plain values, as for JSON."""
        return {
            "speech_s": round(self.speech_s, 3),
            "shares": {emotion: round(share, 4) for emotion, share in self.shares.items()},
            "not_sure": round(self.not_sure, 4),
            "changes": [it.as_dict() for it in self.changes],
            "most_confident": [it.as_dict() for it in self.most_confident],
        }


def merged(segments: Iterable[Segment], *, shortest_s: float = 0.0) -> Iterator[Stretch]:
    """Merge neighbouring segments with the same answer.

    Parameters
    ----------
    segments
        Segments with speech, in their order.
    shortest_s
        Least length of a stretch, in seconds; shorter ones are left out.

    Yields
    ------
    Stretch
        The stretches in their order; a pause ends one.
    """
    for stretch in _of_any_length(segments):
        if stretch.duration_s >= shortest_s - _ROUNDING:
            yield stretch


def _of_any_length(segments: Iterable[Segment]) -> Iterator[Stretch]:
    for _, equal in groupby(segments, key=lambda it: None if it.uncertain else it.emotion):
        touching: list[Segment] = []
        for segment in equal:
            if touching and segment.start_s > touching[-1].end_s + _ROUNDING:
                yield _stretch(touching)
                touching = []
            touching.append(segment)
        yield _stretch(touching)


def summarized(segments: Sequence[Segment], *, shortest_s: float = 0.0) -> TimelineSummary:
    """Summarize a long recording.

    Parameters
    ----------
    segments
        Its segments with speech, one at least, in their order.
    shortest_s
        Least length, in seconds, of stretches that count as changes and as the most confident; the shares are
        of all speech.
    """
    seconds = dict.fromkeys(EMOTIONS, 0.0)
    unsure_s = 0.0
    for it in segments:
        if it.uncertain:
            unsure_s += it.duration_s
        else:
            seconds[it.emotion] += it.duration_s
    speech_s = unsure_s + sum(seconds.values())
    answered = [it for it in merged(segments, shortest_s=shortest_s) if not it.uncertain]
    ranked = sorted(answered, key=lambda it: (-round(it.confidence, 2), -it.duration_s))
    return TimelineSummary(
        speech_s=speech_s,
        shares={emotion: length / speech_s for emotion, length in seconds.items()},
        not_sure=unsure_s / speech_s,
        changes=tuple(_changes(answered)),
        most_confident=tuple(ranked[:MOST_CONFIDENT]),
    )


def _changes(answered: Iterable[Stretch]) -> Iterator[Change]:
    runs = [list(run) for _, run in groupby(answered, key=lambda it: it.emotion)]
    for before, after in pairwise(runs):
        speech_s = sum(it.duration_s for it in after)
        yield Change(after[0].start_s, before[0].emotion, after[0].emotion, speech_s)


def _stretch(segments: Sequence[Segment]) -> Stretch:
    lengths = [it.duration_s for it in segments]
    total = sum(lengths)

    def mean(values: Iterable[float]) -> float:
        return sum(value * length for value, length in zip(values, lengths, strict=True)) / total

    probabilities = {
        emotion: mean(it.probabilities[emotion] for it in segments) for emotion in segments[0].probabilities
    }
    emotion = max(probabilities, key=probabilities.__getitem__)
    return Stretch(
        start_s=segments[0].start_s,
        end_s=segments[-1].end_s,
        emotion=emotion,
        confidence=probabilities[emotion],
        agreement=mean(it.agreement for it in segments),
        probabilities=probabilities,
        certainty=max((it.certainty for it in segments), key=WORDS.index),
        reasons=in_order(
            [it for it in IN_WORDS if mean(it in segment.reasons for segment in segments) >= 0.5 - _ROUNDING]
        ),
    )
