"""From probabilities of windows to an answer: for a short recording, for a segment or all of a long one."""

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from ser.data.ravdess import EMOTIONS
from ser.recognizer.bundle_format import ListeningSettings
from ser.recognizer.certainty import NOT_SURE, Thresholds
from ser.recognizer.posteriors import Posteriors
from ser.recognizer.reasons import LAYERS_DISAGREE, LOW_CONFIDENCE, SHORT, in_order, prevailing
from ser.recognizer.segment import Segment
from ser.recognizer.stretches import Stretch, TimelineSummary, merged, summarized
from ser.recognizer.windows import Clip


@dataclass(frozen=True, slots=True)
class Recognition:
    """The answer for a recording.

    Attributes
    ----------
    source : str
        Path of the file, or the name that was given.
    duration_s : float
        Length of the complete recording, in seconds.
    emotion, confidence, agreement, probabilities, certainty, reasons
        As of a `Segment`; for a long recording from the mean of its windows with speech, each counted once.
    segments : tuple of Segment
        All segments with speech of a long recording, some 2 MB an hour; `Recognizer.timeline` gives them one
        by one. Empty for a short one.
    no_speech : tuple of (float, float)
        Start and end of the parts of a long recording without speech, in seconds.
    channel : str or None
        The channel that was answered, of `ser.recognizer.channels.NAMES`; None for the mean of all.
    channels_differ : bool
        Whether the channels whose mean was answered differ, as those of two people on a line do.
    shortest_stretch_s : float
        Least length of its `stretches`, in seconds; `summary` passes over shorter ones as well.
    """

    source: str
    duration_s: float
    emotion: str
    confidence: float
    agreement: float
    probabilities: dict[str, float]
    certainty: str
    reasons: tuple[str, ...]
    segments: tuple[Segment, ...] = ()
    no_speech: tuple[tuple[float, float], ...] = ()
    channel: str | None = None
    channels_differ: bool = False
    shortest_stretch_s: float = 0.0

    @property
    def uncertain(self) -> bool:
        """Whether the answer is not sure."""
        return self.certainty == NOT_SURE

    @property
    def stretches(self) -> tuple[Stretch, ...]:
        """The segments, neighbours with the same answer merged; none of a short recording."""
        return tuple(merged(self.segments, shortest_s=self.shortest_stretch_s))

    @property
    def all_stretches(self) -> tuple[Stretch, ...]:
        """The stretches of a long recording; of a short one a single stretch, all of it."""
        if self.segments:
            return self.stretches
        answer = self.emotion, self.confidence, self.agreement, self.probabilities
        return (Stretch(0.0, self.duration_s, *answer, self.certainty, self.reasons),)

    @property
    def summary(self) -> TimelineSummary | None:
        """What a long recording comes to; None of a short one."""
        return summarized(self.segments, shortest_s=self.shortest_stretch_s) if self.segments else None

    def as_dict(self) -> dict[str, Any]:
        """Give plain values, as for JSON; those of a long recording only where there are some."""
        content: dict[str, Any] = {
            "file": self.source,
            "channel": self.channel,
            "emotion": self.emotion,
            "confidence": self.confidence,
            "agreement": self.agreement,
            "certainty": self.certainty,
            "reasons": list(self.reasons),
            "uncertain": self.uncertain,
            "duration_s": round(self.duration_s, 3),
            "probabilities": self.probabilities,
        }
        if self.channels_differ:
            content["channels_differ"] = True
        if (summary := self.summary) is not None:
            content["summary"] = summary.as_dict()
            content["stretches"] = [stretch.as_dict() for stretch in self.stretches]
            content["segments"] = [segment.as_dict() for segment in self.segments]
        if self.no_speech:
            content["no_speech"] = [
                {"start_s": round(start_s, 3), "end_s": round(end_s, 3)} for start_s, end_s in self.no_speech
            ]
        return content


class ScoredHop(NamedTuple):
    """A hop with the model's answer for its window.

    Attributes
    ----------
    start_s, end_s, level_dbfs, speech
        As of a `ser.recognizer.windows.Hop`.
    posteriors : numpy.ndarray [shape=(1 + layers, 8)] or None
        `Posteriors` of the window that begins with the hop; None without one.
    speech_s : float
        Length of the speech in that window, in seconds; 0 without one.
    faults : frozenset of str
        What its sound suffers from; none without one.
    """

    start_s: float
    end_s: float
    level_dbfs: float
    speech: bool
    posteriors: Posteriors | None
    speech_s: float
    faults: frozenset[str] = frozenset()


@dataclass
class Summary:
    """Running summary of a long recording, hop after hop; its windows are not kept.

    Attributes
    ----------
    level_dbfs : float
        Level of the loudest frame so far, in dBFS.
    segments : list of Segment
        One segment for each hop with speech.
    pauses : list of (float, float)
        Start and end of the parts without speech, in seconds.
    duration_s : float
        End of the last hop, in seconds.
    speech_s : float
        Longest speech in a window, in seconds.
    windows : int
        Number of windows with posteriors.
    total : numpy.ndarray [shape=(1 + layers, 8)] or float
        Sum of the posteriors of these windows; 0.0 before the first.
    faults : Counter of str
        In how many of these windows the sound suffers from what.
    """

    level_dbfs: float = -np.inf
    segments: list[Segment] = field(default_factory=list)
    pauses: list[tuple[float, float]] = field(default_factory=list)
    duration_s: float = 0.0
    speech_s: float = 0.0
    windows: int = 0
    total: Posteriors | float = 0.0
    faults: Counter[str] = field(default_factory=Counter)

    def add(self, hop: ScoredHop, segment: Segment | None) -> None:
        """Add the next hop, with its segment if there is speech in it."""
        self.level_dbfs = max(self.level_dbfs, hop.level_dbfs)
        self.duration_s = hop.end_s
        self.speech_s = max(self.speech_s, hop.speech_s)
        if hop.posteriors is not None:
            self.total = self.total + hop.posteriors  # (1 + layers, 8)
            self.windows += 1
            self.faults.update(hop.faults)
        if segment is not None:
            self.segments.append(segment)
        elif self.pauses and self.pauses[-1][1] == hop.start_s:
            self.pauses[-1] = (self.pauses[-1][0], hop.end_s)
        else:
            self.pauses.append((hop.start_s, hop.end_s))


class Judge:
    """Turns posteriors into answers, and says how far each can be relied on, and why not further.

    Parameters
    ----------
    listening
        The threshold of silence, the lengths of window and hop, and how much speech an answer needs.
    thresholds
        What an answer must reach to be called sure or likely.
    """

    def __init__(self, listening: ListeningSettings, thresholds: Thresholds) -> None:
        self._listening = listening
        self._thresholds = thresholds

    def clip(self, clip: Clip, posteriors: Posteriors) -> Recognition:
        """Answer for a short recording by the posteriors [shape=(1 + layers, 8)] of its window."""
        judged = self._judge(posteriors, speech_s=clip.speech_s, faults=clip.window.faults)
        return Recognition(clip.name, clip.duration_s, *judged)

    def timeline(self, hops: Iterable[ScoredHop]) -> Iterator[tuple[ScoredHop, Segment | None]]:
        """Answer for each hop of a long recording by the mean of all windows that contain it.

        Parameters
        ----------
        hops
            All hops in order; each is answered before the next is read.

        Yields
        ------
        hop : ScoredHop
            The hop as it was given.
        segment : Segment or None
            The answer for it; None where there is no speech in the hop.
        """
        # The windows that contain the last hop are those that begin with it or with one of these.
        holding: deque[ScoredHop] = deque(maxlen=round(self._listening.window_s / self._listening.hop_s))
        for hop in hops:
            holding.append(hop)
            yield hop, self._segment(holding)

    def whole(self, name: str, summary: Summary) -> Recognition:
        """Answer for a long recording.

        Parameters
        ----------
        name
            Name of the recording in the answer.
        summary
            Summary of all its hops; it must have segments.
        """
        judged = self._judge(
            np.asarray(summary.total) / summary.windows,
            speech_s=summary.speech_s,
            faults=prevailing(summary.faults, windows=summary.windows),
        )
        return Recognition(name, summary.duration_s, *judged, tuple(summary.segments), tuple(summary.pauses))

    def _segment(self, holding: Sequence[ScoredHop]) -> Segment | None:
        hop = holding[-1]
        loudest_dbfs = max(it.level_dbfs for it in holding)
        threshold_dbfs = max(self._listening.silence_dbfs, loudest_dbfs - self._listening.range_db)
        windows = [it for it in holding if it.posteriors is not None]
        rows = [it.posteriors for it in holding if it.posteriors is not None]
        if not hop.speech or hop.level_dbfs < threshold_dbfs or not rows:
            return None
        mean = np.mean(rows, axis=0)  # (windows, 1 + layers, 8) to (1 + layers, 8)
        judged = self._judge(
            mean,
            speech_s=max(it.speech_s for it in windows),
            faults=prevailing(Counter(fault for it in windows for fault in it.faults), windows=len(windows)),
        )
        return Segment(hop.start_s, hop.end_s, *judged)

    def _judge(
        self, posteriors: Posteriors, *, speech_s: float, faults: frozenset[str]
    ) -> tuple[str, float, float, dict[str, float], str, tuple[str, ...]]:
        """Give emotion, confidence, agreement, probabilities, certainty and reasons of posteriors."""
        ensemble, layers = posteriors[0], posteriors[1:]  # (8,), (layers, 8)
        place = int(ensemble.argmax())
        confidence, agreement = float(ensemble[place]), float(layers[:, place].min())
        certainty = self._thresholds.word(confidence=confidence, agreement=agreement)
        against = {
            SHORT: speech_s < self._listening.sure_from_s,
            LAYERS_DISAGREE: agreement < self._thresholds.agreement_from,
            LOW_CONFIDENCE: confidence < self._thresholds.likely_from,
        }
        if against[SHORT]:
            certainty = NOT_SURE
        reasons = in_order(faults.union(it for it, applies in against.items() if applies))
        probabilities = dict(zip(EMOTIONS, ensemble.tolist(), strict=True))
        return EMOTIONS[place], confidence, agreement, probabilities, certainty, reasons
