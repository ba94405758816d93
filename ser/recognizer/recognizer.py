"""From a file or samples to the emotion that the speech expresses, by an exported model, without TensorFlow.

Synthetic speech, and noise without speech:

>>> import numpy as np
>>> from ser import NoSpeechError, Recognizer
>>> from ser.data.synthetic import synthesize
>>> recognizer = Recognizer.load()
>>> result = recognizer.predict(synthesize("03-01-05-02-01-01-12"), sample_rate=48_000)
>>> result.emotion, result.confidence > 0.5
('angry', True)
>>> result.certainty, result.reasons[0]  # less than a second of speech
('not sure', 'short')
>>> noise = np.random.default_rng(0).normal(0, 0.1, 48_000)
>>> try:
...     recognizer.predict(noise, sample_rate=16_000)
... except NoSpeechError as error:
...     print(error)
array: no speech heard; record it again, closer to whoever speaks
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from ser.audio.stream import Recording, Source, is_samples, open_sound, resampled
from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.features.front_end import Array
from ser.features.whisper_encoder import SAMPLE_RATE, WhisperEncoder, read_encoder
from ser.models.layers.linear import Matrix
from ser.recognizer.adaptation import FEWEST, Adaptation, adapted, gather
from ser.recognizer.blas_threads import BLAS
from ser.recognizer.bundle_format import SHIPPED, Bundle, ExportedModel, encoder_sha256, read_bundle
from ser.recognizer.channels import index_of
from ser.recognizer.judging import Judge, Recognition, ScoredHop, Summary
from ser.recognizer.onnxruntime_without_telemetry import open_session
from ser.recognizer.ordered_threads import OrderedThreads
from ser.recognizer.posteriors import posteriors
from ser.recognizer.segment import Segment
from ser.recognizer.windows import WindowReader

Progress = Callable[[float], None]
"""Takes the seconds of sound that were read so far."""


class Recognizer:
    """Recognises the emotion in recordings of speech; may be used by several threads at once.

    Parameters
    ----------
    bundle
        Exported models, and their settings.
    model
        Name of the one that answers.

    Attributes
    ----------
    bundle : Bundle
        As it was given.
    model : ExportedModel
        The one that answers.

    Raises
    ------
    InputError
        Where the bundle has no such model, or was made for another encoder than the package's.
    """

    sample_rate = SAMPLE_RATE
    """Sample rate of the encoder's input, in Hz; any other is resampled."""

    def __init__(self, bundle: Bundle, *, model: str | None = None) -> None:
        self.bundle = bundle
        self.model = bundle.model(model)
        if bundle.encoder_sha256 != encoder_sha256():
            raise InputError("the models are for another encoder than this package has; export them again")
        self._windows = _window_reader(bundle)
        self._judge = Judge(bundle.listening, self.model.thresholds)

    def __getstate__(self) -> tuple[Bundle, ExportedModel, Judge]:
        """Give what goes to another process: all but the encoder, which each loads from the package."""
        return self.bundle, self.model, self._judge

    def __setstate__(self, state: tuple[Bundle, ExportedModel, Judge]) -> None:
        """Load the encoder anew."""
        self.bundle, self.model, self._judge = state
        self._windows = _window_reader(self.bundle)

    def __copy__(self) -> Self:
        """Share the encoder, which several threads may use."""
        found = object.__new__(type(self))
        found.bundle, found.model = self.bundle, self.model
        found._windows, found._judge = self._windows, self._judge
        return found

    @classmethod
    def load(cls, folder: Path | str = SHIPPED, *, model: str | None = None) -> Self:
        """Load an exported model.

        Parameters
        ----------
        folder
            Folder of a bundle; by default the package's own.
        model
            Name of one of its models; by default the first.

        Raises
        ------
        InputError
            Where it is missing or damaged.
        """
        return cls(read_bundle(folder), model=model)

    @property
    def classes_(self) -> npt.NDArray[np.str_]:
        """The emotions, in the order of `predict_proba`'s columns [shape=(8,)]."""
        return np.array(EMOTIONS)

    def predict(
        self,
        source: Source,
        sample_rate: int | None = None,
        *,
        name: str | None = None,
        channel: str | None = None,
        progress: Progress | None = None,
    ) -> Recognition:
        """Recognise the emotion in one recording.

        Parameters
        ----------
        source
            A file, the bytes of one, an open binary stream, samples [shape=(n,)] or [shape=(n, channels)], or
            a tuple of their sample rate and samples. Full scale is 1 for floats, and for integers that of
            their type.
        sample_rate
            Rate of samples, in Hz; not given otherwise.
        name
            Name of a stream or of samples in the result and in errors.
        channel
            The channel to answer, of `ser.recognizer.channels.NAMES`; None for the mean of all.
        progress
            Called with the seconds of sound that were read so far, block by block; what it raises ends it.

        Returns
        -------
        Recognition
            The answer; for a long recording with its segments.

        Raises
        ------
        NoSpeechError
            Where it is too short, silent, or without speech.
        InputError
            Where it is no readable audio, holds NaN, or has no such channel.
        """
        opened = self._opened(source, sample_rate, name, channel=channel, progress=progress)
        with BLAS.held(), opened as recording:
            if recording.whole is None:
                found = self._predict_long(recording)
            else:
                clip = self._windows.clip(recording.whole, recording)
                found = self._judge.clip(clip, posteriors(self.model, clip.window.functionals))
            return replace(found, channel=channel, channels_differ=recording.difference.audible)

    def predict_many(
        self, sources: Iterable[Source], *, sample_rate: int | None = None, jobs: int = 1
    ) -> Generator[Recognition | InputError]:
        """Recognise many recordings, in their order; each has the answer that it has alone.

        Parameters
        ----------
        sources
            Recordings, each as of `predict`; they may be a generator, which is read only as far as needed, as
            of `OrderedThreads.results`.
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

        def work(source: Source) -> Recognition | InputError:
            try:
                rate = sample_rate if is_samples(source) else None
                return self.predict(source, rate, progress=lambda _: threads.check())
            except InputError as error:
                return error

        threads = OrderedThreads(work, jobs=jobs)
        yield from threads.results(sources)

    def adaptation(self, sources: Iterable[Source], *, jobs: int = 1) -> Adaptation:
        """Gather what recordings of one set-up, or of one speaker, have in common.

        Parameters
        ----------
        sources
            Files or streams. Those that cannot be recognised are left out, for `predict_many` says why. Of a
            long recording, windows that do not overlap are read.
        jobs
            Number of parallel threads, at least 1.

        Raises
        ------
        InputError
            Where there are fewer than `FEWEST` windows with speech, or the model cannot be adapted.
        """

        def work(source: Source) -> Matrix:
            try:
                return self._window_logits(source, check=threads.check)
            except InputError:
                return nothing

        nothing = np.empty((0, *self.model.linear.biases.shape))
        threads = OrderedThreads(work, jobs=jobs)
        logits = np.concatenate([nothing, *threads.results(sources)])  # (windows, layers, 8)
        if len(logits) < FEWEST:
            raise InputError(
                f"{len(logits)} windows of speech are too few to adapt with; give {FEWEST} or more: a short "
                "recording is one, a long one has one for each 3 s of speech"
            )
        return gather(self.model, logits)

    def adapted(self, adaptation: Adaptation) -> Self:
        """Give a recognizer whose model is adapted; this one stays as it is."""
        found = copy(self)
        found.model = adapted(self.model, adaptation)
        return found

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

    def features_of(self, source: Source, sample_rate: int | None = None) -> Array:
        """Compute the model's input from a recording as one window, whether there is speech in it or not.

        Parameters
        ----------
        source, sample_rate
            The recording, and the rate of samples in Hz, as of `predict`. Of more than 30 s of speech, the
            first are read.

        Returns
        -------
        numpy.ndarray [shape=(layers, columns), dtype=float32]
            Mean and standard deviation over time of the states of each of the encoder's layers.

        Raises
        ------
        InputError
            Where it is too short, no readable audio, or holds NaN.
        """
        with BLAS.held(), open_sound(source, sample_rate=sample_rate) as sound:
            samples = resampled(sound, sample_rate=self.sample_rate, whole_up_to_s=np.inf).whole
            assert samples is not None
            self._windows.check_length(samples, sound)
            return self._windows.window(samples).functionals

    def _window_logits(self, source: Source, *, check: Callable[[], None]) -> Matrix:
        """Give each layer's logits for windows with speech that do not overlap [shape=(n, layers, 8)]."""
        listening = self.bundle.listening
        with BLAS.held(), self._opened(source, None, progress=lambda _: check()) as recording:
            if recording.whole is None:
                step = round(listening.window_s / listening.hop_s)
                hops = islice(self._windows.hops(recording.blocks), 0, None, step)
                windows = [hop.window for hop in hops if hop.speech and hop.window is not None]
            else:
                clip = self._windows.clip(recording.whole, recording)
                windows = [clip.window] if clip.speech_s else []
            logits = [self.model.linear.layer_logits(it.functionals[None]) for it in windows]
        return np.concatenate([np.empty((0, *self.model.linear.biases.shape)), *logits])

    @contextmanager
    def _opened(
        self,
        source: Source,
        sample_rate: int | None,
        name: str | None = None,
        *,
        channel: str | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Recording]:
        """Open a recording at the model's rate, all of a short one; `progress` is told of each block."""
        longest_s = self.bundle.listening.timeline_after_s
        opened = open_sound(source, sample_rate=sample_rate, name=name, channel=index_of(channel))
        with opened as sound:
            recording = resampled(sound, sample_rate=self.sample_rate, whole_up_to_s=longest_s)
            if channel is not None:
                recording = replace(recording, channels=1)
            if progress is not None:
                recording = replace(recording, blocks=self._told(recording.blocks, progress))
            yield recording

    def _told(self, blocks: Iterator[Array], progress: Progress) -> Iterator[Array]:
        read = 0
        for block in blocks:
            read += len(block)
            progress(read / self.sample_rate)
            yield block

    def _predict_long(self, recording: Recording) -> Recognition:
        """Answer for a long recording while it is read."""
        summary = Summary()
        for hop, segment in self._judge.timeline(self._scored(recording.blocks)):
            summary.add(hop, segment)
        if not summary.segments:
            raise self._windows.no_speech(recording, summary.level_dbfs)
        return self._judge.whole(recording.name, summary)

    def _scored(self, blocks: Iterator[Array]) -> Iterator[ScoredHop]:
        """Apply the model to the windows of a long recording, one after the other."""
        hops = self._windows.hops(blocks)
        while True:
            # Not held while the caller has the hop, who may come back late, or never.
            with BLAS.held():
                hop = next(hops, None)
                if hop is None:
                    return
                about = hop.start_s, hop.end_s, hop.level_dbfs, hop.speech
                scored = ScoredHop(*about, posteriors=None, speech_s=0.0)
                if hop.window is not None:
                    row = posteriors(self.model, hop.window.functionals)
                    scored = ScoredHop(*about, row, hop.window.speech_s, hop.window.faults)
            yield scored


def _window_reader(bundle: Bundle) -> WindowReader:
    return WindowReader(bundle.listening, WhisperEncoder(open_session(read_encoder())))
