"""From a file or samples to the emotion heard in it, by the exported model; no TensorFlow is needed.

>>> import numpy as np
>>> from ser import Recognizer
>>> recognizer = Recognizer.load()                                                     # doctest: +SKIP
>>> noise = np.random.default_rng(0).normal(0, 0.1, 48_000)
>>> recognizer.predict(noise, sample_rate=16_000).uncertain                            # doctest: +SKIP
True
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from ser.errors import InputError
from ser.frontend import Array, Features, features, frame_power
from ser.model_bundle import SHIPPED, Bundle, read_bundle
from ser.ravdess import EMOTIONS
from ser.silent_onnxruntime import onnxruntime
from ser.sound_stream import Source, open_sound, resampled

T = TypeVar("T")

BATCH = 16
"""Windows that the model hears at once: more are no faster."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a long recording.

    Attributes
    ----------
    start_s, end_s : float
        Where it lies, in seconds.
    emotion : str
        The most probable.
    confidence : float
        Its probability.
    probabilities : dict
        By emotion, in the order of `ser.ravdess.EMOTIONS`; calibrated, they sum to 1.
    uncertain : bool
        Whether the confidence is too low to rely on.
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
    """What is heard in a recording.

    Attributes
    ----------
    source : str
        The file, or the name that was given.
    duration_s : float
        Of the whole recording, in seconds.
    emotion, confidence, probabilities, uncertain
        As of a `Segment`; of a long recording from the mean of its segments' probabilities.
    segments : tuple of Segment
        Of a long recording, those with speech; else none.
    """

    source: str
    duration_s: float
    emotion: str
    confidence: float
    probabilities: dict[str, float]
    uncertain: bool
    segments: tuple[Segment, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Give plain values, as for JSON; ``segments`` only where there are some."""
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
        return content


@dataclass(frozen=True)
class _Piece:
    """A hop of a long recording, and the window that begins with it.

    Attributes
    ----------
    start, end : int
        Of the piece, in samples.
    level_dbfs : float
        Of the piece's loudest frame.
    window : Features or None
        None where the whole window is silent, or an earlier one reaches to the recording's end.
    """

    start: int
    end: int
    level_dbfs: float
    window: Features | None


class Recognizer:
    """Recognises the emotion in recordings of speech; may be used by several threads at once.

    Parameters
    ----------
    bundle
        The exported model.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        options = onnxruntime.SessionOptions()
        # Files are worked on side by side: more threads for each of them only get into each other's way.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            bundle.model, options, providers=["CPUExecutionProvider"]
        )

    @classmethod
    def load(cls, folder: Path | str = SHIPPED) -> Self:
        """Load an exported model; the package's own unless told otherwise.

        Raises
        ------
        InputError
            Where it is missing or damaged.
        """
        return cls(read_bundle(folder))

    @property
    def sample_rate(self) -> int:
        """At which the model listens, in Hz; whatever it is given is resampled."""
        return self.bundle.front_end.logmel.sample_rate

    def predict(
        self, source: Source, sample_rate: int | None = None, *, name: str | None = None
    ) -> Recognition:
        """Recognise the emotion in one recording.

        Parameters
        ----------
        source
            A file, an open binary stream, or samples [shape=(n,)] or [shape=(n, channels)].
        sample_rate
            Of samples, in Hz; not given otherwise.
        name
            What the result and errors call a stream or samples.

        Raises
        ------
        InputError
            Where it is no readable audio, too short, silent, or holds NaN.
        """
        heard = self._hear(source, sample_rate, name)
        return heard if isinstance(heard, Recognition) else self._recognise([heard])[0]

    def predict_many(self, sources: Iterable[Source], *, jobs: int = 1) -> Iterator[Recognition | InputError]:
        """Recognise many recordings, in their order; faster than one by one.

        Parameters
        ----------
        sources
            As of `predict`; they may be a generator, which is read only as far as needed.
        jobs
            Threads that work side by side.

        Yields
        ------
        Recognition or InputError
            The error, not raised, of a recording that cannot be recognised, so that the others are.
        """
        chunks = _chunks(iter(sources), BATCH)
        if jobs == 1:
            for chunk in chunks:
                with _one_blas_thread():
                    results = self._predict_chunk(chunk)
                yield from results
            return
        with _one_blas_thread(), ThreadPoolExecutor(jobs) as pool:
            waiting: deque[Future[list[Recognition | InputError]]] = deque()
            for chunk in chunks:
                waiting.append(pool.submit(self._predict_chunk, chunk))
                if len(waiting) > 2 * jobs:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()

    def timeline(
        self, source: Source, sample_rate: int | None = None, *, name: str | None = None
    ) -> Iterator[Segment]:
        """Recognise a recording piece by piece while it is read, in constant memory, however long it is.

        Windows overlap; the probabilities of a piece are the mean over all windows that hold it, which
        smooths them. Pieces without speech are left out.

        Parameters
        ----------
        source, sample_rate, name
            As of `predict`.
        """
        with open_sound(source, sample_rate=sample_rate, name=name) as sound:
            samples = resampled(sound, sample_rate=self.sample_rate, whole_up_to_s=0)
            blocks = iter([samples]) if isinstance(samples, np.ndarray) else samples
            for _, segment in self._segments(blocks):
                if segment is not None:
                    yield segment

    def probabilities(self, windows: Sequence[Features]) -> npt.NDArray[np.float32]:
        """Apply the model to the features of windows: calibrated probabilities [shape=(n, 8)]."""
        outcome = np.empty((len(windows), len(EMOTIONS)), dtype=np.float32)
        # Windows of similar length together: the shorter ones of a batch are padded.
        order = sorted(range(len(windows)), key=lambda place: len(windows[place].mel))
        for batch in _chunks(iter(order), BATCH):
            (outcome[batch],) = self._session.run(
                ["probabilities"], model_inputs([windows[place] for place in batch])
            )
        return outcome

    def _predict_chunk(self, chunk: list[Source]) -> list[Recognition | InputError]:
        results: list[Recognition | InputError | _Short] = []
        for source in chunk:
            try:
                results.append(self._hear(source, None, None))
            except InputError as error:
                results.append(error)
        recognised = iter(self._recognise([it for it in results if isinstance(it, _Short)]))
        return [next(recognised) if isinstance(it, _Short) else it for it in results]

    def _hear(self, source: Source, sample_rate: int | None, name: str | None) -> "Recognition | _Short":
        listening = self.bundle.listening
        with open_sound(source, sample_rate=sample_rate, name=name) as sound:
            samples = resampled(sound, sample_rate=self.sample_rate, whole_up_to_s=listening.timeline_after_s)
            if not isinstance(samples, np.ndarray):
                return self._recognise_long(sound.name, samples)
            duration_s = len(samples) / self.sample_rate
            if duration_s < listening.shortest_s:
                raise InputError(
                    f"{sound.name}: {duration_s:.3f} s of sound, but at least {listening.shortest_s} s "
                    "are needed"
                )
            if self._level_dbfs(samples) < listening.silence_dbfs:
                raise _silent(sound.name)
            return _Short(sound.name, duration_s, features(samples, settings=self.bundle.front_end))

    def _recognise(self, heard: Sequence["_Short"]) -> list[Recognition]:
        rows = self.probabilities([it.window for it in heard])
        return [
            Recognition(it.name, it.duration_s, *self._judge(row))
            for it, row in zip(heard, rows, strict=True)
        ]

    def _recognise_long(self, name: str, blocks: Iterator[Array]) -> Recognition:
        segments = []
        duration_s = 0.0
        for end_s, segment in self._segments(blocks):
            duration_s = end_s
            if segment is not None:
                segments.append(segment)
        if not segments:
            raise _silent(name)
        # By length, as the last piece may be shorter.
        lengths = [segment.end_s - segment.start_s for segment in segments]
        mean = np.average([list(it.probabilities.values()) for it in segments], axis=0, weights=lengths)
        return Recognition(name, duration_s, *self._judge(mean), tuple(segments))

    def _segments(self, blocks: Iterator[Array]) -> Iterator[tuple[float, Segment | None]]:
        """Give each piece's end in seconds, and its segment if there is speech in it."""
        listening = self.bundle.listening
        overlapping = round(listening.window_s / listening.hop_s)
        before: deque[tuple[_Piece, Array | None]] = deque(maxlen=overlapping)
        for batch in _chunks(self._pieces(blocks), BATCH):
            rows = iter(self.probabilities([it.window for it in batch if it.window is not None]))
            for piece in batch:
                before.append((piece, next(rows) if piece.window is not None else None))
                end_s = piece.end / self.sample_rate
                loudest = max(it.level_dbfs for it, _ in before)
                threshold = max(listening.silence_dbfs, loudest - self.bundle.front_end.trim_db)
                around = [row for _, row in before if row is not None]
                if piece.level_dbfs < threshold or not around:
                    yield end_s, None
                    continue
                judged = self._judge(np.mean(around, axis=0))
                yield end_s, Segment(piece.start / self.sample_rate, end_s, *judged)

    def _pieces(self, blocks: Iterator[Array]) -> Iterator[_Piece]:
        listening, rate = self.bundle.listening, self.sample_rate
        window, hop = round(listening.window_s * rate), round(listening.hop_s * rate)
        start = 0
        buffer = np.zeros(0, dtype=np.float32)
        for block in blocks:
            buffer = np.concatenate([buffer, block])
            # One sample more than the window: what follows is then no remainder.
            while len(buffer) > window:
                yield self._piece(buffer[:window], start, hop)
                buffer, start = buffer[hop:], start + hop
        last = True
        while len(buffer):
            # The last window holds all that is left; what begins later in it has no window of its own.
            yield self._piece(buffer, start, hop, heard=last)
            buffer, start, last = buffer[hop:], start + hop, False

    def _piece(self, window: Array, start: int, hop: int, *, heard: bool = True) -> _Piece:
        heard = heard and self._level_dbfs(window) >= self.bundle.listening.silence_dbfs
        return _Piece(
            start=start,
            end=start + min(hop, len(window)),
            level_dbfs=self._level_dbfs(window[:hop]),
            window=features(window, settings=self.bundle.front_end) if heard else None,
        )

    def _level_dbfs(self, samples: Array) -> float:
        mel = self.bundle.front_end.logmel
        power = frame_power(samples, frame=mel.win_length, hop=mel.hop_length)
        return float(10 * np.log10(max(power.max(), 1e-20)))

    def _judge(self, row: npt.NDArray[np.floating]) -> tuple[str, float, dict[str, float], bool]:
        exact = np.asarray(row, dtype=np.float64) / np.sum(row, dtype=np.float64)
        place = int(exact.argmax())
        confidence = float(exact[place])
        probabilities = dict(zip(EMOTIONS, exact.tolist(), strict=True))
        return EMOTIONS[place], confidence, probabilities, confidence < self.bundle.uncertain_below


@dataclass(frozen=True)
class _Short:
    """A recording that is one window."""

    name: str
    duration_s: float
    window: Features


def model_inputs(windows: Sequence[Features]) -> dict[str, npt.NDArray[np.generic]]:
    """Stack features to the inputs of the ONNX model; the encoder's are padded to the longest of them."""
    lengths = np.array([len(it.mel) for it in windows], dtype=np.int32)
    mel = np.zeros((len(windows), lengths.max(), windows[0].mel.shape[1]), dtype=np.float32)
    for row, it in zip(mel, windows, strict=True):
        row[: len(it.mel)] = it.mel
    return {
        "logmel": np.stack([it.logmel for it in windows]),
        "mel": mel,
        "length": lengths,
        "level": np.stack([it.level for it in windows]),
    }


def _silent(name: str) -> InputError:
    return InputError(f"{name}: silent, there is no speech to hear; record it again, closer or louder")


def _chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(islice(items, size)):
        yield chunk


def _one_blas_thread() -> Any:
    # BLAS threads on top of ours slow each other down, and their number changes last digits.
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)
