"""What becomes of each recording that a user names: an answer, or the reason why there is none."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import BinaryIO

from ser.audio.stream import seekable
from ser.errors import InputError, NoSpeechError
from ser.recognizer.channels import chosen
from ser.recognizer.judging import Recognition
from ser.recognizer.ordered_threads import OrderedThreads
from ser.recognizer.recognizer import Progress, Recognizer
from ser.recognizer.rows import ERROR, NO_SPEECH, OK

STDIN = "-"
"""The name that stands for standard input."""
STDIN_NAME = "standard input"
"""What answers call it."""


@dataclass(frozen=True)
class Outcome:
    """What became of a recording, or of a channel of one.

    Attributes
    ----------
    file : str
        Name of the recording.
    channel : str or None
        The channel, as of a `Recognition`; None where no channel was chosen, or none could be.
    answer : Recognition or InputError
        The answer, or why there is none.
    """

    file: str
    channel: str | None
    answer: Recognition | InputError

    @property
    def status(self) -> str:
        """Which of `OK`, `NO_SPEECH` and `ERROR` it is."""
        if isinstance(self.answer, Recognition):
            return OK
        return NO_SPEECH if isinstance(self.answer, NoSpeechError) else ERROR

    @property
    def reason(self) -> str:
        """Why there is no answer, without the recording's name; empty where there is one."""
        return "" if isinstance(self.answer, Recognition) else str(self.answer).removeprefix(f"{self.file}: ")

    def complaint(self) -> str:
        """Name recording, channel and reason in a line, as for standard error."""
        channel = f"{self.channel} channel: " if self.channel else ""
        return f"{self.file}: {channel}{self.reason}"


def outcomes(
    recognizer: Recognizer,
    items: Iterable[str | Outcome],
    *,
    channels: str,
    shortest_stretch_s: float,
    jobs: int,
    progress: Progress | None = None,
) -> Iterator[list[Outcome]]:
    """Recognise recordings, in their order.

    Parameters
    ----------
    recognizer
        The recognizer that answers.
    items
        Paths, of which one may be `STDIN`, and what is known to be no recording, which is handed through.
    channels
        Which of them are answered, of `ser.recognizer.channels.CHOICES`.
    shortest_stretch_s
        Least length of the answers' stretches, in seconds.
    jobs
        Number of parallel threads, at least 1.
    progress
        Called with the seconds that were read of the recording; for one recording alone.

    Yields
    ------
    list of Outcome
        All of one recording: one, or one for each channel.
    """

    def work(item: str | Outcome, told: Progress) -> list[Outcome]:
        if isinstance(item, Outcome):
            return [item]
        return [
            it
            if isinstance(it.answer, InputError)
            else replace(it, answer=replace(it.answer, shortest_stretch_s=shortest_stretch_s))
            for it in _of_recording(recognizer, item, channels, told)
        ]

    def in_threads(some: list[str | Outcome]) -> Iterator[list[Outcome]]:
        threads = OrderedThreads[str | Outcome, list[Outcome]](
            lambda item: work(item, progress or (lambda _: threads.check())), jobs=jobs
        )
        yield from threads.results(some)

    everything = list(items)
    place = everything.index(STDIN) if STDIN in everything else len(everything)
    yield from in_threads(everything[:place])
    for item in everything[place : place + 1]:
        # By this thread, which Ctrl-C reaches while nothing comes.
        yield work(item, progress or (lambda _: None))
    yield from in_threads(everything[place + 1 :])


def _of_recording(recognizer: Recognizer, file: str, choice: str, told: Progress) -> Iterator[Outcome]:
    name = STDIN_NAME if file == STDIN else file
    try:
        with _again(file) as source:
            for channel in chosen(source, choice, name=name):
                try:
                    answer: Recognition | InputError = recognizer.predict(
                        source, name=name, channel=channel, progress=told
                    )
                except InputError as error:
                    answer = error
                yield Outcome(name, channel, answer)
    except InputError as error:
        yield Outcome(name, None, error)


@contextmanager
def _again(file: str) -> Iterator[str | BinaryIO]:
    """Give what can be opened more than once: the path, or standard input, copied where it is a pipe."""
    if file != STDIN:
        yield file
        return
    if sys.stdin is None:
        raise InputError(f"{STDIN_NAME}: closed; there is nothing to listen to")
    with seekable(sys.stdin.buffer) as stream:
        yield stream
