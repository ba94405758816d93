"""One upload is recognised: in a thread, in memory that does not grow with its length, and with progress."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from threading import Event
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ser.audio.stream import Sound, Waveform, open_sound, resampled
from ser.errors import InputError, NoSpeechError
from ser.recognizer.channels import LEFT, MIX, NAMES, RIGHT, SPLIT, chosen, chosen_of, index_of
from ser.recognizer.judging import Recognition
from ser.recognizer.recognizer import Recognizer
from ser.web.limits import Limits
from ser.web.overview import overview
from ser.web.upload import Refusal

_FIRST_PASS = 0.15
"""Share of the work that it takes to measure the recording and to draw its picture; the rest recognises."""


class Work:
    """One recording, and how far it is.

    Parameters
    ----------
    recognizer
        The recognizer, which gives the answers.
    file
        Holds the recording; it is open, and stays so.
    name
        Name of the recording in answers and errors.
    size
        Size of the file, in bytes.
    limits
        Greatest length of a recording, in seconds.
    picture
        Whether answers are to hold waveform and log-mel.
    channels
        Which channels are answered, of `ser.recognizer.channels.CHOICES`.

    Attributes
    ----------
    done : float
        Share of the work that is done, from 0 to 1; any thread may ask.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        file: BinaryIO,
        *,
        name: str,
        size: int,
        limits: Limits,
        picture: bool = False,
        channels: str = MIX,
    ) -> None:
        self.done = 0.0
        self._recognizer = recognizer
        self._file = file
        self._name = name
        self._size = size
        self._limits = limits
        self._picture = picture
        self._choice = channels
        self._stopped = Event()

    def stop(self) -> None:
        """Come to an end soon, for nobody waits for the answer any more; any thread may ask for it."""
        self._stopped.set()

    def answers(self) -> Iterator[dict[str, Any]]:
        """Answer for each channel that was chosen, with its picture where that was asked for.

        Raises
        ------
        Refusal
            Where it is no sound (415), or too long (413).
        InputError
            As of `Recognizer.predict`.
        """
        for found, drawn in self.recognitions():
            yield found.as_dict() if drawn is None else {**found.as_dict(), "picture": drawn}

    def recognitions(self) -> Iterator[tuple[Recognition, dict[str, Any] | None]]:
        """Give the same, as they are, each with its picture."""
        expected = len(NAMES) if self._choice == SPLIT else 1
        measured = self._measure(self._first(), _Share(0, 1 / expected).part(0, _FIRST_PASS))
        channels = measured.channels
        for place, channel in enumerate(channels):
            share = _Share(place / len(channels), 1 / len(channels))
            if place:
                measured = self._measure(channel, share.part(0, _FIRST_PASS))
            yield self._recognise(measured, channel, share.part(_FIRST_PASS, 1)), measured.drawn

    def _first(self) -> str | None:
        """Give the channel to measure first, before it is known how many there are."""
        if self._choice == RIGHT:
            # Of one channel, it cannot be read.
            try:
                (channel,) = chosen(self._file, self._choice, name=self._name)
            except InputError as error:
                # As of one that is mixed, if that cannot be opened either.
                self._measure(None, _Share(0, 0))
                raise error
            return channel
        return None if self._choice == MIX else LEFT

    def _measure(self, channel: str | None, share: "_Share") -> "_Measured":
        """Decode for length and picture; keep all samples of a short recording."""
        self._file.seek(0)
        with ExitStack() as stack:
            try:
                sound = stack.enter_context(
                    open_sound(self._file, name=self._name, channel=index_of(channel))
                )
            except InputError as error:
                raise Refusal(415, str(error)) from error
            channels = chosen_of(sound.channels, self._choice, name=self._name)
            counted = _Counted(_not_too_long(sound, self._limits))
            kept: list[Waveform] = []
            short = round(self._recognizer.bundle.listening.timeline_after_s * sound.rate)
            blocks = self._told(_keeping(counted, kept, at_most=short), share)
            drawn = None
            if self._picture:
                whole = Sound(sound.name, sound.rate, blocks)
                drawn_from = resampled(whole, sample_rate=self._recognizer.sample_rate).blocks
                drawn = overview(drawn_from).as_dict()
            else:
                for _ in blocks:
                    pass
            return _Measured(
                channels=channels,
                whole=np.concatenate(kept) if kept else None,
                rate=sound.rate,
                duration_s=counted.samples / sound.rate,
                channels_differ=sound.difference.audible,
                drawn=drawn,
            )

    def _told(self, blocks: Iterator[Waveform], share: "_Share") -> Iterator[Waveform]:
        for block in blocks:
            # How long it is, nobody knows yet; how much of the file was read is near enough.
            self._tell(share, self._file.tell() / max(self._size, 1))
            yield block

    def _recognise(self, measured: "_Measured", channel: str | None, share: "_Share") -> Recognition:
        found = None
        if measured.whole is not None:
            # Of an error, the file tells more: of how many channels it is the mean.
            with suppress(NoSpeechError):
                found = self._recognizer.predict(measured.whole, measured.rate, name=self._name)
        if found is None:
            # Decoded again: the samples of a long one might not fit in memory.
            self._file.seek(0)
            found = self._recognizer.predict(
                self._file,
                name=self._name,
                channel=channel,
                progress=lambda seconds: self._tell(share, seconds / measured.duration_s),
            )
        return replace(found, channel=channel, channels_differ=measured.channels_differ)

    def _tell(self, share: "_Share", within: float) -> None:
        if self._stopped.is_set():
            raise StoppedError
        self.done = share.begin + share.length * min(within, 1.0)


class StoppedError(Exception):
    """The work came to an end before its time, as it was asked to."""


class _Share(NamedTuple):
    """A part of the work: where it begins, and how much it is, from 0 to 1."""

    begin: float
    length: float

    def part(self, begin: float, end: float) -> "_Share":
        """Give a part of it, from 0 to 1 within it."""
        return _Share(self.begin + begin * self.length, (end - begin) * self.length)


class _Measured(NamedTuple):
    """What the first pass finds.

    Attributes
    ----------
    channels : tuple of str or None
        The channels that are to be answered, as of `ser.recognizer.channels.chosen`.
    whole : numpy.ndarray [shape=(n,), dtype=float32] or None
        All samples of a short recording.
    rate : int
        Their rate, in Hz.
    duration_s : float
        Length of the recording, in seconds.
    channels_differ : bool
        Whether channels were mixed that differ.
    drawn : dict or None
        Its picture, where that was asked for.
    """

    channels: tuple[str | None, ...]
    whole: Waveform | None
    rate: int
    duration_s: float
    channels_differ: bool
    drawn: dict[str, Any] | None


class _Counted:
    """Blocks that are passed on, and their length so far in samples."""

    def __init__(self, blocks: Iterator[Waveform]) -> None:
        self.samples = 0
        self._blocks = blocks

    def __iter__(self) -> Iterator[Waveform]:
        for block in self._blocks:
            self.samples += len(block)
            yield block


def _keeping(blocks: Iterable[Waveform], kept: list[Waveform], *, at_most: int) -> Iterator[Waveform]:
    """Pass blocks on, and keep all of them unless they are longer than that together."""
    length = 0
    for block in blocks:
        length += len(block)
        if length <= at_most:
            kept.append(block)
        else:
            kept.clear()
        yield block


def _not_too_long(sound: Sound, limits: Limits) -> Iterator[Waveform]:
    left = limits.longest_s * sound.rate
    for block in sound.blocks:
        left -= len(block)
        if left < 0:
            raise Refusal(
                413, f"{sound.name}: longer than {_spoken(limits.longest_s)}, which is the most; cut it"
            )
        yield block


def _spoken(seconds: float) -> str:
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} s"
