"""From probabilities of windows to an answer: for a short recording, for a segment or all of a long one."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ser.data.ravdess import EMOTIONS
from ser.features.front_end import Array
from ser.recognizer.bundle_format import Bundle
from ser.recognizer.windows import Clip


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
    probabilities : dict of str to float
        Calibrated probability of each emotion, in the order of `ser.data.ravdess.EMOTIONS`; they sum to 1.
    uncertain : bool
        Whether the confidence is too low, or the speech too short, for a reliable answer.
    """

    start_s: float
    end_s: float
    emotion: str
    confidence: float
    probabilities: dict[str, float]
    uncertain: bool

    def as_dict(self) -> dict[str, Any]:
        """Give plain values, as for JSON."""
        return {
            "start_s": round(self.start_s, 3),
            "end_s": round(self.end_s, 3),
            "emotion": self.emotion,
            "confidence": self.confidence,
            "uncertain": self.uncertain,
            "probabilities": self.probabilities,
        }


@dataclass(frozen=True, slots=True)
class Recognition:
    """The answer for a recording.

    Attributes
    ----------
    source : str
        Path of the file, or the name that was given.
    duration_s : float
        Length of the complete recording, in seconds.
    emotion, confidence, probabilities, uncertain
        As of a `Segment`; for a long recording from the mean of its windows with speech, each counted once.
    segments : tuple of Segment
        All segments with speech of a long recording, some 2 MB an hour; `Recognizer.timeline` gives them one
        by one. Empty for a short one.
    no_speech : tuple of (float, float)
        Start and end of the parts of a long recording without speech, in seconds.
    """

    source: str
    duration_s: float
    emotion: str
    confidence: float
    probabilities: dict[str, float]
    uncertain: bool
    segments: tuple[Segment, ...] = ()
    no_speech: tuple[tuple[float, float], ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give plain values, as for JSON; ``segments`` and ``no_speech`` only where there are some."""
        content: dict[str, Any] = {
            "file": self.source,
            "emotion": self.emotion,
            "confidence": self.confidence,
            "uncertain": self.uncertain,
            "duration_s": round(self.duration_s, 3),
            "probabilities": self.probabilities,
        }
        if self.segments:
            content["segments"] = [segment.as_dict() for segment in self.segments]
        if self.no_speech:
            content["no_speech"] = [
                {"start_s": round(start_s, 3), "end_s": round(end_s, 3)} for start_s, end_s in self.no_speech
            ]
        return content


class ScoredHop(NamedTuple):
    """A hop with the network's output for its window.

    Attributes
    ----------
    start_s, end_s, level_dbfs, speech
        As of a `ser.recognizer.windows.Hop`.
    probabilities : numpy.ndarray [shape=(8,)] or None
        Calibrated probabilities of the window that begins with the hop; None without one.
    speech_s : float
        Length of the speech in that window, in seconds; 0 without one.
    """

    start_s: float
    end_s: float
    level_dbfs: float
    speech: bool
    probabilities: Array | None
    speech_s: float


@dataclass
class Summary:
    """Running summary of a long recording, hop after hop; its features are not kept.

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
        Number of windows with probabilities.
    total : numpy.ndarray [shape=(8,), dtype=float64]
        Sum of the probabilities of these windows.
    """

    level_dbfs: float = -np.inf
    segments: list[Segment] = field(default_factory=list)
    pauses: list[tuple[float, float]] = field(default_factory=list)
    duration_s: float = 0.0
    speech_s: float = 0.0
    windows: int = 0
    total: npt.NDArray[np.float64] = field(default_factory=lambda: np.zeros(len(EMOTIONS)))

    def add(self, hop: ScoredHop, segment: Segment | None) -> None:
        """Add the next hop, with its segment if there is speech in it."""
        self.level_dbfs = max(self.level_dbfs, hop.level_dbfs)
        self.duration_s = hop.end_s
        self.speech_s = max(self.speech_s, hop.speech_s)
        if hop.probabilities is not None:
            self.total = self.total + hop.probabilities  # (8,)
            self.windows += 1
        if segment is not None:
            self.segments.append(segment)
        elif self.pauses and self.pauses[-1][1] == hop.start_s:
            self.pauses[-1] = (self.pauses[-1][0], hop.end_s)
        else:
            self.pauses.append((hop.start_s, hop.end_s))


class Judge:
    """Turns probabilities into answers, and marks those that are uncertain.

    Parameters
    ----------
    bundle
        The exported model, for its thresholds of confidence and silence, and the lengths of window and hop.
    """

    def __init__(self, bundle: Bundle) -> None:
        self._bundle = bundle

    def clip(self, clip: Clip, probabilities: Array) -> Recognition:
        """Answer for a short recording by the probabilities [shape=(8,)] of its window."""
        judged = self._judge(probabilities, speech_s=clip.speech_s)
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
        listening = self._bundle.listening
        # The windows that contain the last hop are those that begin with it or with one of these.
        holding: deque[ScoredHop] = deque(maxlen=round(listening.window_s / listening.hop_s))
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
        judged = self._judge(summary.total / summary.windows, speech_s=summary.speech_s)
        return Recognition(name, summary.duration_s, *judged, tuple(summary.segments), tuple(summary.pauses))

    def _segment(self, holding: Sequence[ScoredHop]) -> Segment | None:
        hop = holding[-1]
        loudest_dbfs = max(it.level_dbfs for it in holding)
        threshold_dbfs = max(
            self._bundle.listening.silence_dbfs, loudest_dbfs - self._bundle.front_end.trim_db
        )
        rows = [it.probabilities for it in holding if it.probabilities is not None]
        if not hop.speech or hop.level_dbfs < threshold_dbfs or not rows:
            return None
        mean = np.mean(rows, axis=0)  # (windows, 8) to (8,)
        judged = self._judge(mean, speech_s=max(it.speech_s for it in holding))
        return Segment(hop.start_s, hop.end_s, *judged)

    def _judge(
        self, probabilities: npt.NDArray[np.floating], *, speech_s: float
    ) -> tuple[str, float, dict[str, float], bool]:
        """Give emotion, confidence, probabilities and uncertainty of a row [shape=(8,)]."""
        exact = np.asarray(probabilities, dtype=np.float64) / np.sum(probabilities, dtype=np.float64)  # (8,)
        place = int(exact.argmax())
        confidence = float(exact[place])
        uncertain = confidence < self._bundle.uncertain_below or speech_s < self._bundle.listening.sure_from_s
        return EMOTIONS[place], confidence, dict(zip(EMOTIONS, exact.tolist(), strict=True)), uncertain
