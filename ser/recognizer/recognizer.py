"""From a file or samples to the emotion heard in it, by the exported model; no TensorFlow is needed.

A voice that is made up, and noise, in which there is none:

>>> import numpy as np
>>> from ser import NoSpeechError, Recognizer
>>> from ser.data.synthetic import synthesize
>>> recognizer = Recognizer.load()
>>> result = recognizer.predict(synthesize("03-01-05-02-01-01-12"), sample_rate=48_000)
>>> result.emotion, result.confidence > 0.5
('angry', True)
>>> result.uncertain                     # less than a second was spoken
True
>>> noise = np.random.default_rng(0).normal(0, 0.1, 48_000)
>>> try:
...     recognizer.predict(noise, sample_rate=16_000)
... except NoSpeechError as error:
...     print(error)
array: no speech heard; record it again, closer to whoever speaks
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from pathlib import Path
from threading import Event
from typing import Any, Self, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from ser.audio.stream import Sound, Source, is_samples, open_sound, resampled
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError, NoSpeechError
from ser.features.front_end import Array, Features, encoder_speech, features, frame_power
from ser.recognizer.blas_threads import BLAS
from ser.recognizer.bundle_format import SHIPPED, Bundle, read_bundle
from ser.recognizer.onnxruntime_without_telemetry import onnxruntime
from ser.recognizer.voice_activity import POSSIBLE_PROBABILITY, RATE, SpeechDetector

T = TypeVar("T")

BATCH = 4
"""Windows that the model hears at once, of one recording or of several: more are hardly faster."""


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
        By emotion, in the order of `ser.data.ravdess.EMOTIONS`; calibrated, they sum to 1.
    uncertain : bool
        Whether the confidence is too low, or the speech too short, to rely on.
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
        As of a `Segment`; of a long recording from the mean of its windows with speech, each counted once.
    segments : tuple of Segment
        Of a long recording, those with speech, all of them: some 2 MB an hour; `Recognizer.timeline` gives
        them one by one. Else none.
    no_speech : tuple of (float, float)
        Of a long recording, from when to when, in seconds, no speech is heard.
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


@dataclass(frozen=True)
class _Piece:
    """A hop of a long recording, and the window that begins with it.

    Attributes
    ----------
    start, end : int
        Of the piece, in samples.
    level_dbfs : float
        Of the piece's loudest frame.
    speech : bool
        Whether there is any in the piece.
    window : Features or None
        None where the window is without speech, or an earlier one reaches to the recording's end.
    """

    start: int
    end: int
    level_dbfs: float
    speech: bool
    window: Features | None


@dataclass(frozen=True)
class _Heard:
    """A piece after the model has heard it: no segment where there is no speech, no row without a window."""

    piece: _Piece
    segment: Segment | None
    row: Array | None


@dataclass(frozen=True)
class _Ready:
    """A short recording before the model has heard it."""

    name: str
    duration_s: float
    window: Features
    speech_s: float


class _PutOff(Exception):
    """Raised for a long recording that is to be worked on alone."""


_Outcome: TypeAlias = Recognition | InputError


class Recognizer:
    """Recognises the emotion in recordings of speech; may be used by several threads at once.

    Parameters
    ----------
    bundle
        The exported model.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        if self.sample_rate != RATE:
            raise InputError(f"a model must listen at {RATE} Hz, but this one does at {self.sample_rate} Hz")
        self._detector = SpeechDetector()
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

    @property
    def classes_(self) -> npt.NDArray[np.str_]:
        """The emotions, in the order of `predict_proba`'s columns [shape=(8,)]."""
        return np.array(EMOTIONS)

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
        NoSpeechError
            Where it is too short, silent, or without speech.
        InputError
            Where it is no readable audio, or holds NaN.
        """
        with BLAS.held():
            heard = self._hear(source, sample_rate, name)
            return self._recognise([heard])[0] if isinstance(heard, _Ready) else heard

    def predict_many(
        self, sources: Iterable[Source], *, sample_rate: int | None = None, jobs: int = 1
    ) -> Generator[Recognition | InputError]:
        """Recognise many recordings, in their order.

        Up to `BATCH` short ones are read before the model hears them together; a long one is worked on alone,
        and does not hold back those before it.

        Parameters
        ----------
        sources
            As of `predict`; they may be a generator, which is read only as far as needed: `BATCH`
            of them for each of the jobs, and as many that wait.
        sample_rate
            Of those that are samples, in Hz.
        jobs
            Threads that work side by side.

        Yields
        ------
        Recognition or InputError
            The error, not raised, of a recording that cannot be recognised, so that the others are.

        Raises
        ------
        TypeError
            Where `sources` is the name of one file.
        """
        if isinstance(sources, str | Path):
            raise TypeError(f"{sources}: give a list of recordings, or one of them to predict")
        most = -(-len(sources) // jobs) if isinstance(sources, Sized) else BATCH
        groups = _chunks(iter(sources), max(min(most, BATCH), 1))
        stop = Event()
        if jobs == 1:
            for group in groups:
                for outcome in self._attempt(group, sample_rate, stop):
                    yield outcome() if callable(outcome) else outcome
            return
        pool = ThreadPoolExecutor(jobs)

        def work(group: list[Source]) -> list[_Outcome | Future[_Outcome]]:
            attempted = self._attempt(group, sample_rate, stop)
            return [pool.submit(it) if callable(it) else it for it in attempted]

        try:
            waiting: deque[Future[list[_Outcome | Future[_Outcome]]]] = deque()
            for group in groups:
                # Held for what waits as well: to limit and to free BLAS again and again costs as much as it
                # saves. With the last recording, not only with this generator, it is free.
                BLAS.hold()
                waiting.append(pool.submit(work, group))
                waiting[-1].add_done_callback(lambda _: BLAS.release())
                while waiting and (waiting[0].done() or len(waiting) >= 2 * jobs):
                    yield from _finished(waiting.popleft())
            while waiting:
                yield from _finished(waiting.popleft())
        finally:
            # Who stops early waits neither for recordings that nobody has begun with nor for long ones.
            stop.set()
            pool.shutdown(cancel_futures=True)

    def predict_proba(
        self, sources: Iterable[Source], *, sample_rate: int | None = None, jobs: int = 1
    ) -> npt.NDArray[np.float64]:
        """Give the calibrated probabilities of many recordings [shape=(n, 8)]; columns as of `classes_`.

        Parameters
        ----------
        sources, sample_rate, jobs
            As of `predict_many`.

        Raises
        ------
        InputError
            Of the first recording that cannot be recognised.
        """
        rows = []
        for result in self.predict_many(sources, sample_rate=sample_rate, jobs=jobs):
            if isinstance(result, InputError):
                raise result
            rows.append(list(result.probabilities.values()))
        return np.array(rows, dtype=np.float64).reshape(len(rows), len(EMOTIONS))

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

        Raises
        ------
        InputError
            As of `predict`; where there is no speech at all, at the end.
        """
        shortest_s = self.bundle.listening.shortest_s
        with open_sound(source, sample_rate=sample_rate, name=name) as sound:
            samples = resampled(sound, sample_rate=self.sample_rate, whole_up_to_s=shortest_s)
            if isinstance(samples, np.ndarray):
                self._check_length(samples, sound)
                samples = iter([samples])
            loudest_dbfs, spoken = -np.inf, False
            for heard in self._listen(samples):
                loudest_dbfs = max(loudest_dbfs, heard.piece.level_dbfs)
                if heard.segment is not None:
                    spoken = True
                    yield heard.segment
            if not spoken:
                raise self._nothing_heard(sound, loudest_dbfs)

    def features_of(self, source: Source, sample_rate: int | None = None) -> Features:
        """Compute what the model reads of a recording taken as one window, whether anybody speaks or not.

        Parameters
        ----------
        source, sample_rate
            As of `predict`.
        """
        with BLAS.held(), open_sound(source, sample_rate=sample_rate) as sound:
            samples = resampled(sound, sample_rate=self.sample_rate, whole_up_to_s=np.inf)
            assert isinstance(samples, np.ndarray)
            self._check_length(samples, sound)
            return features(samples, settings=self.bundle.front_end)

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

    def _attempt(
        self, sources: list[Source], sample_rate: int | None, stop: Event
    ) -> list[_Outcome | Callable[[], _Outcome]]:
        """Recognise short recordings together; of a long one, give what is left to be called."""
        heard: list[_Ready | _Outcome | Callable[[], _Outcome]] = []
        with BLAS.held():
            for source in sources:
                if stop.is_set():
                    raise CancelledError
                rate = sample_rate if is_samples(source) else None
                # What is no stream can be read from its start again.
                again = is_samples(source) or isinstance(source, str | Path)
                try:
                    heard.append(self._hear(source, rate, stop=stop, put_off=again))
                except _PutOff:
                    heard.append(partial(self._attempt_alone, source, rate, stop))
                except InputError as error:
                    heard.append(error)
            recognised = iter(self._recognise([it for it in heard if isinstance(it, _Ready)]))
        return [next(recognised) if isinstance(it, _Ready) else it for it in heard]

    def _attempt_alone(self, source: Source, sample_rate: int | None, stop: Event) -> _Outcome:
        try:
            with BLAS.held():
                heard = self._hear(source, sample_rate, stop=stop)
                return self._recognise([heard])[0] if isinstance(heard, _Ready) else heard
        except InputError as error:
            return error

    def _hear(
        self,
        source: Source,
        sample_rate: int | None,
        name: str | None = None,
        *,
        stop: Event | None = None,
        put_off: bool = False,
    ) -> _Ready | Recognition:
        """Read a recording: a short one up to the model, a long one to its end, unless it is put off."""
        listening = self.bundle.listening
        with open_sound(source, sample_rate=sample_rate, name=name) as sound:
            samples = resampled(sound, sample_rate=self.sample_rate, whole_up_to_s=listening.timeline_after_s)
            if not isinstance(samples, np.ndarray):
                if put_off:
                    raise _PutOff
                return self._recognise_long(sound, samples if stop is None else _until(stop, samples))
            self._check_length(samples, sound)
            speech = encoder_speech(samples, settings=self.bundle.front_end)
            certainly = self._check_speech(samples, speech, sound)
            window = features(samples, settings=self.bundle.front_end, speech=speech)
            speech_s = _speech_s(window) if certainly else 0.0
            return _Ready(sound.name, len(samples) / self.sample_rate, window, speech_s)

    def _recognise(self, ready: Sequence[_Ready]) -> list[Recognition]:
        """Let the model hear short recordings, all at once."""
        rows = self.probabilities([it.window for it in ready])
        return [
            Recognition(it.name, it.duration_s, *self._judge(row, speech_s=it.speech_s))
            for it, row in zip(ready, rows, strict=True)
        ]

    def _check_length(self, samples: Array, sound: Sound) -> None:
        duration_s = len(samples) / self.sample_rate
        shortest_s = self.bundle.listening.shortest_s
        if duration_s < shortest_s:
            raise NoSpeechError(
                f"{sound.name}: {duration_s:.3f} s of sound, but at least {shortest_s} s are needed"
            )

    def _check_speech(self, samples: Array, speech: Array, sound: Sound) -> bool:
        """Refuse what holds no speech; tell whether it certainly does."""
        level_dbfs = self._level_dbfs(samples)
        if level_dbfs >= self.bundle.listening.silence_dbfs:
            # It mostly hears speech from its beginning; where not, what comes before may help.
            if self._detector.hears_speech(speech) or self._detector.hears_speech(samples):
                return True
            if self._detector.hears_speech(samples, probability=POSSIBLE_PROBABILITY):
                return False
        raise self._nothing_heard(sound, level_dbfs)

    def _nothing_heard(self, sound: Sound, level_dbfs: float) -> NoSpeechError:
        if level_dbfs >= self.bundle.listening.silence_dbfs:
            return NoSpeechError(f"{sound.name}: no speech heard; record it again, closer to whoever speaks")
        if sound.channels > 1:
            return NoSpeechError(
                f"{sound.name}: silent, the mean of its {sound.channels} channels at least; if they cancel "
                "each other, give one of them, else record it again, closer or louder"
            )
        return NoSpeechError(
            f"{sound.name}: silent, there is no speech to hear; record it again, closer or louder"
        )

    def _recognise_long(self, sound: Sound, blocks: Iterator[Array]) -> Recognition:
        segments: list[Segment] = []
        pauses: list[tuple[float, float]] = []
        total, count = np.zeros(len(EMOTIONS)), 0
        speech_s, level_dbfs, duration_s = 0.0, -np.inf, 0.0
        for heard in self._listen(blocks):
            start_s, duration_s = (it / self.sample_rate for it in (heard.piece.start, heard.piece.end))
            level_dbfs = max(level_dbfs, heard.piece.level_dbfs)
            if heard.row is not None and heard.piece.window is not None:
                total, count = total + heard.row, count + 1
                speech_s = max(speech_s, _speech_s(heard.piece.window))
            if heard.segment is not None:
                segments.append(heard.segment)
            elif pauses and pauses[-1][1] == start_s:
                pauses[-1] = (pauses[-1][0], duration_s)
            else:
                pauses.append((start_s, duration_s))
        if not segments:
            raise self._nothing_heard(sound, level_dbfs)
        judged = self._judge(total / count, speech_s=speech_s)
        return Recognition(sound.name, duration_s, *judged, tuple(segments), tuple(pauses))

    def _listen(self, blocks: Iterator[Array]) -> Iterator[_Heard]:
        """Hear a long recording piece by piece."""
        listening = self.bundle.listening
        before: deque[_Heard] = deque(maxlen=round(listening.window_s / listening.hop_s))
        pieces = self._pieces(blocks)
        while True:
            with BLAS.held():
                batch = list(islice(pieces, BATCH))
                windows = [piece.window for piece in batch if piece.window is not None]
                rows = iter(self.probabilities(windows))
            if not batch:
                return
            for piece in batch:
                before.append(_Heard(piece, None, next(rows) if piece.window is not None else None))
                yield replace(before[-1], segment=self._segment(before))

    def _segment(self, before: Sequence[_Heard]) -> Segment | None:
        """Judge the last piece by all windows that hold it."""
        piece = before[-1].piece
        loudest = max(it.piece.level_dbfs for it in before)
        threshold = max(self.bundle.listening.silence_dbfs, loudest - self.bundle.front_end.trim_db)
        rows = [it.row for it in before if it.row is not None]
        if not piece.speech or piece.level_dbfs < threshold or not rows:
            return None
        speech_s = max(_speech_s(it.piece.window) for it in before if it.piece.window is not None)
        judged = self._judge(np.mean(rows, axis=0), speech_s=speech_s)
        return Segment(piece.start / self.sample_rate, piece.end / self.sample_rate, *judged)

    def _pieces(self, blocks: Iterator[Array]) -> Iterator[_Piece]:
        listening, rate = self.bundle.listening, self.sample_rate
        window, hop, shortest = (
            round(it * rate) for it in (listening.window_s, listening.hop_s, listening.shortest_s)
        )
        start = 0
        buffer = np.zeros(0, dtype=np.float32)
        for block in blocks:
            buffer = np.concatenate([buffer, block])
            # What is left at the end is then never too short to be heard.
            while len(buffer) >= window + shortest:
                yield self._piece(buffer[:window], start, hop)
                buffer, start = buffer[hop:], start + hop
        last = True
        while len(buffer):
            # The last window holds all that is left; what begins later in it has no window of its own.
            length = hop if len(buffer) >= hop + shortest else len(buffer)
            yield self._piece(buffer, start, length, heard=last)
            buffer, start, last = buffer[length:], start + length, False

    def _piece(self, window: Array, start: int, length: int, *, heard: bool = True) -> _Piece:
        silence_dbfs = self.bundle.listening.silence_dbfs
        level_dbfs = self._level_dbfs(window[:length])
        speech = level_dbfs >= silence_dbfs and self._detector.hears_speech(window[:length])
        if heard and not speech:
            heard = self._level_dbfs(window) >= silence_dbfs and self._detector.hears_speech(window)
        return _Piece(
            start=start,
            end=start + min(length, len(window)),
            level_dbfs=level_dbfs,
            speech=speech,
            window=features(window, settings=self.bundle.front_end) if heard else None,
        )

    def _level_dbfs(self, samples: Array) -> float:
        mel = self.bundle.front_end.logmel
        power = frame_power(samples, frame=mel.win_length, hop=mel.hop_length)
        return float(10 * np.log10(max(power.max(), 1e-20)))

    def _judge(
        self, row: npt.NDArray[np.floating], *, speech_s: float
    ) -> tuple[str, float, dict[str, float], bool]:
        exact = np.asarray(row, dtype=np.float64) / np.sum(row, dtype=np.float64)
        place = int(exact.argmax())
        confidence = float(exact[place])
        probabilities = dict(zip(EMOTIONS, exact.tolist(), strict=True))
        unsure = confidence < self.bundle.uncertain_below or speech_s < self.bundle.listening.sure_from_s
        return EMOTIONS[place], confidence, probabilities, unsure


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


def _speech_s(window: Features) -> float:
    """Length of its speech in seconds, silence at both ends cut off."""
    return float(window.level[1])


def _finished(group: Future[list[_Outcome | Future[_Outcome]]]) -> Iterator[_Outcome]:
    for outcome in group.result():
        yield outcome.result() if isinstance(outcome, Future) else outcome


def _until(stop: Event, blocks: Iterator[Array]) -> Iterator[Array]:
    for block in blocks:
        if stop.is_set():
            raise CancelledError
        yield block


def _chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(islice(items, size)):
        yield chunk
