"""From a file or samples to the emotion that the speech expresses, by the exported model, without TensorFlow.

Synthetic speech, and noise without speech:

>>> import numpy as np
>>> from ser import NoSpeechError, Recognizer
>>> from ser.data.synthetic import synthesize
>>> recognizer = Recognizer.load()
>>> result = recognizer.predict(synthesize("03-01-05-02-01-01-12"), sample_rate=48_000)
>>> result.emotion, result.confidence > 0.5
('angry', True)
>>> result.uncertain                     # less than a second of speech
True
>>> noise = np.random.default_rng(0).normal(0, 0.1, 48_000)
>>> try:
...     recognizer.predict(noise, sample_rate=16_000)
... except NoSpeechError as error:
...     print(error)
array: no speech heard; record it again, closer to whoever speaks
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Self, TypeAlias

import numpy as np
import numpy.typing as npt

from ser.audio.stream import Recording, Source, is_samples, open_sound, resampled
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.features.front_end import Array, Features, features
from ser.recognizer.blas_threads import BLAS
from ser.recognizer.bundle_format import SHIPPED, Bundle, read_bundle
from ser.recognizer.inference import BATCH, Model, chunks
from ser.recognizer.judging import Judge, Recognition, ScoredHop, Segment, Summary
from ser.recognizer.ordered_threads import Later, OrderedThreads
from ser.recognizer.voice_activity import RATE
from ser.recognizer.windows import Clip, WindowReader

_Outcome: TypeAlias = Recognition | InputError


class Recognizer:
    """Recognises the emotion in recordings of speech; may be used by several threads at once.

    Parameters
    ----------
    bundle
        The exported model, with its front end and settings.

    Raises
    ------
    InputError
        Where the model and the speech detector have different sample rates.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        if self.sample_rate != RATE:
            raise InputError(f"a model must listen at {RATE} Hz, but this one does at {self.sample_rate} Hz")
        self._windows = WindowReader(bundle)
        self._model = Model(bundle.model)
        self._judge = Judge(bundle)

    @classmethod
    def load(cls, folder: Path | str = SHIPPED) -> Self:
        """Load an exported model.

        Parameters
        ----------
        folder
            Folder of ``model.onnx`` and ``recognizer.json``; by default that of the package's own model.

        Raises
        ------
        InputError
            Where it is missing or damaged.
        """
        return cls(read_bundle(folder))

    @property
    def sample_rate(self) -> int:
        """Sample rate of the model's input, in Hz; any other is resampled."""
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
            A file, an open binary stream, or samples [shape=(n,)] or [shape=(n, channels)]; full scale is 1
            for floats, and for integers that of their type.
        sample_rate
            Rate of samples, in Hz; not given otherwise.
        name
            Name of a stream or of samples in the result and in errors.

        Returns
        -------
        Recognition
            The answer; for a long recording with its segments.

        Raises
        ------
        NoSpeechError
            Where it is too short, silent, or without speech.
        InputError
            Where it is no readable audio, or holds NaN.
        """
        return self._predict(source, sample_rate, name)

    def predict_many(
        self, sources: Iterable[Source], *, sample_rate: int | None = None, jobs: int = 1
    ) -> Generator[Recognition | InputError]:
        """Recognise many recordings, in their order.

        Up to `BATCH` short ones make a batch of the network; a long one is processed alone, and does not
        delay those before it.

        Parameters
        ----------
        sources
            Recordings, each as of `predict`; they may be a generator, which is read only as far as needed:
            `BATCH` of them for each of the jobs, and as many that wait.
        sample_rate
            Rate of those that are samples, in Hz.
        jobs
            Number of parallel threads, at least 1.

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

        def work(group: list[Source]) -> list[Later[_Outcome]]:
            return self._predict_group(group, sample_rate, threads)

        threads = OrderedThreads(work, jobs=jobs)
        yield from threads.results(chunks(iter(sources), max(min(most, BATCH), 1)))

    def predict_proba(
        self, sources: Iterable[Source], *, sample_rate: int | None = None, jobs: int = 1
    ) -> npt.NDArray[np.float64]:
        """Give the calibrated probabilities of many recordings [shape=(n, 8)]; columns as of `classes_`.

        Parameters
        ----------
        sources, sample_rate, jobs
            n recordings, rate of samples in Hz, and number of threads, as of `predict_many`.

        Returns
        -------
        numpy.ndarray [shape=(n, 8), dtype=float64]
            Each row sums to 1.

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
        """Recognise a recording segment by segment while it is read, in constant memory, however long it is.

        Windows overlap; the probabilities of a segment are the mean over all windows that contain it, which
        smooths them. Segments without speech are left out.

        Parameters
        ----------
        source, sample_rate, name
            The recording, rate of samples in Hz, and name of a stream or samples, as of `predict`.

        Yields
        ------
        Segment
            Each segment with speech, in order.

        Raises
        ------
        InputError
            As of `predict`; where there is no speech at all, at the end.
        """
        shortest_s = self.bundle.listening.shortest_s
        with open_sound(source, sample_rate=sample_rate, name=name) as sound:
            recording = resampled(sound, sample_rate=self.sample_rate, whole_up_to_s=shortest_s)
            if recording.whole is not None:
                self._windows.check_length(recording.whole, recording)
            loudest_dbfs, spoken = -np.inf, False
            for hop, segment in self._judge.timeline(self._scored(recording.blocks)):
                loudest_dbfs = max(loudest_dbfs, hop.level_dbfs)
                if segment is not None:
                    spoken = True
                    yield segment
            if not spoken:
                raise self._windows.no_speech(recording, loudest_dbfs)

    def features_of(self, source: Source, sample_rate: int | None = None) -> Features:
        """Compute the model's inputs from a recording as one window, whether there is speech in it or not.

        Parameters
        ----------
        source, sample_rate
            The recording, and the rate of samples in Hz, as of `predict`.

        Returns
        -------
        Features
            Inputs of `probabilities`.

        Raises
        ------
        InputError
            Where it is too short, no readable audio, or holds NaN.
        """
        with BLAS.held(), open_sound(source, sample_rate=sample_rate) as sound:
            samples = resampled(sound, sample_rate=self.sample_rate, whole_up_to_s=np.inf).whole
            assert samples is not None
            self._windows.check_length(samples, sound)
            return features(samples, settings=self.bundle.front_end)

    def probabilities(self, windows: Sequence[Features]) -> npt.NDArray[np.float32]:
        """Apply the model to the features of n windows; give calibrated probabilities [shape=(n, 8)]."""
        return self._model.probabilities(windows)

    def _predict(
        self,
        source: Source,
        sample_rate: int | None,
        name: str | None = None,
        *,
        check: Callable[[], None] | None = None,
    ) -> Recognition:
        with BLAS.held():
            with self._opened(source, sample_rate, name, check=check) as recording:
                if recording.whole is None:
                    return self._predict_long(recording)
                clip = self._windows.clip(recording.whole, recording)
            return self._predict_clips([clip])[0]

    def _predict_group(
        self, sources: list[Source], sample_rate: int | None, threads: OrderedThreads[Source, _Outcome]
    ) -> list[Later[_Outcome]]:
        """Recognise the short recordings of a group together; leave the long ones for later."""
        clips: dict[int, Clip] = {}
        outcomes: dict[int, Later[_Outcome]] = {}
        with BLAS.held():
            for place, source in enumerate(sources):
                threads.check()
                rate = sample_rate if is_samples(source) else None
                try:
                    with self._opened(source, rate, check=threads.check) as recording:
                        if recording.whole is not None:
                            clips[place] = self._windows.clip(recording.whole, recording)
                        elif is_samples(source) or isinstance(source, str | PathLike):
                            alone = partial(self._predict_alone, source, rate, threads.check)
                            outcomes[place] = threads.later(alone)
                        else:
                            # Its beginning has been read, and a stream cannot be read again.
                            outcomes[place] = _known(self._predict_long(recording))
                except InputError as error:
                    outcomes[place] = _known(error)
            for place, result in zip(clips, self._predict_clips(list(clips.values())), strict=True):
                outcomes[place] = _known(result)
        return [outcomes[place] for place in range(len(sources))]

    def _predict_alone(self, source: Source, sample_rate: int | None, check: Callable[[], None]) -> _Outcome:
        try:
            return self._predict(source, sample_rate, check=check)
        except InputError as error:
            return error

    @contextmanager
    def _opened(
        self,
        source: Source,
        sample_rate: int | None,
        name: str | None = None,
        *,
        check: Callable[[], None] | None = None,
    ) -> Iterator[Recording]:
        """Open a recording at the model's rate, all of a short one; `check` is called for each block."""
        longest_s = self.bundle.listening.timeline_after_s
        with open_sound(source, sample_rate=sample_rate, name=name) as sound:
            recording = resampled(sound, sample_rate=self.sample_rate, whole_up_to_s=longest_s)
            yield recording if check is None else replace(recording, blocks=_checked(recording.blocks, check))

    def _predict_clips(self, clips: Sequence[Clip]) -> list[Recognition]:
        """Answer for short recordings, all at once."""
        rows = self._model.probabilities([clip.features for clip in clips])  # (n, 8)
        return [self._judge.clip(clip, row) for clip, row in zip(clips, rows, strict=True)]

    def _predict_long(self, recording: Recording) -> Recognition:
        """Answer for a long recording while it is read."""
        summary = Summary()
        for hop, segment in self._judge.timeline(self._scored(recording.blocks)):
            summary.add(hop, segment)
        if not summary.segments:
            raise self._windows.no_speech(recording, summary.level_dbfs)
        return self._judge.whole(recording.name, summary)

    def _scored(self, blocks: Iterator[Array]) -> Iterator[ScoredHop]:
        """Apply the model to the windows of a long recording, `BATCH` hops at once."""
        hops = self._windows.hops(blocks)
        while True:
            with BLAS.held():
                batch = list(islice(hops, BATCH))
                windows = [hop.features for hop in batch if hop.features is not None]
                rows = iter(self._model.probabilities(windows))  # (windows, 8)
            if not batch:
                return
            for hop in batch:
                row, speech_s = (next(rows), hop.features.speech_s) if hop.features else (None, 0.0)
                yield ScoredHop(hop.start_s, hop.end_s, hop.level_dbfs, hop.speech, row, speech_s)


def _known(outcome: _Outcome) -> Later[_Outcome]:
    return lambda: outcome


def _checked(blocks: Iterator[Array], check: Callable[[], None]) -> Iterator[Array]:
    for block in blocks:
        check()
        yield block
