"""Show every second which emotion the last seconds of speech express, live from the microphone.

  ser listen                     from the default microphone; Ctrl-C ends it
  ser listen --device 3          from another one, of those that --devices lists
  ser listen --input talk.wav    a file stands in for the microphone, as fast as it can be read

Nothing is recorded. In a terminal one line is written over and over; elsewhere, a line a second. --json has
end_s, the seconds since the beginning, and what ser predict --json has; emotion is null where nobody speaks.

exit codes:
  0  it was ended, or the file is at its end
  1  there is no such microphone or file, or it stopped giving sound
  2  the command was called wrongly
"""

import argparse
import json
import shutil
import sys
from collections.abc import Iterator
from typing import TextIO

import numpy as np

from ser.audio.microphone import open_microphone, sounddevice
from ser.audio.stream import Sound, Waveform, open_sound
from ser.cli.options import add_model
from ser.data.ravdess import EMOTIONS
from ser.errors import NoSpeechError
from ser.recognizer.judging import Recognition
from ser.recognizer.recognizer import Recognizer

BLOCKS = " ▁▂▃▄▅▆▇█"
_PLAIN_BLOCKS = "0123456789"
_LETTERS = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``ser listen``."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--device", metavar="DEVICE", help="number, or part of the name, of a microphone")
    source.add_argument("--input", metavar="FILE", help="a recording in place of a microphone")
    source.add_argument("--devices", action="store_true", help="list the devices, and end")
    add_model(parser)
    parser.add_argument("--json", action="store_true", help="a JSON object a second")


def run(arguments: argparse.Namespace) -> int:
    """Recognise until the recording, or the user's patience, is at its end."""
    if arguments.devices:
        print(sounddevice().query_devices())
        return 0
    recognizer = Recognizer.load(arguments.bundle, model=arguments.model)
    opened = open_sound(arguments.input) if arguments.input else open_microphone(arguments.device)
    screen = _Screen(sys.stdout, as_json=arguments.json)
    with opened as sound:
        print(f"listening to {sound.name}; Ctrl-C ends it", file=sys.stderr, flush=True)
        try:
            for end_s, result in listen(recognizer, sound):
                screen.show(end_s, result)
        except KeyboardInterrupt:
            # That is how one ends it.
            pass
        finally:
            screen.close()
    return 0


def listen(recognizer: Recognizer, sound: Sound) -> Iterator[tuple[float, Recognition | None]]:
    """Recognise the last seconds of a sound, again and again.

    Parameters
    ----------
    recognizer
        The recognizer, whose bundle gives the time between answers (its hop) and the length of a window.
    sound
        Open sound of a device or a file.

    Yields
    ------
    end_s : float
        End of the window since the beginning, in seconds.
    result : Recognition or None
        The answer for the window; None where there is no speech in it.

    Raises
    ------
    InputError
        Where the device gives what is no sound.
    """
    listening = recognizer.bundle.listening
    hop, window = (round(it * sound.rate) for it in (listening.hop_s, listening.window_s))
    heard = np.zeros(0, dtype=np.float32)
    end = 0
    for piece in _even(sound.blocks, hop):
        heard = np.concatenate([heard, piece])[-window:]  # (n,), n <= window
        end += len(piece)
        try:
            result = recognizer.predict(heard, sample_rate=sound.rate, name=sound.name)
        except NoSpeechError:
            # Nobody speaks, or has only begun: that may change in a second.
            result = None
        yield end / sound.rate, result


def _even(blocks: Iterator[Waveform], size: int) -> Iterator[Waveform]:
    """Cut blocks of any length to pieces of one length, but the last."""
    rest = np.zeros(0, dtype=np.float32)
    for block in blocks:
        rest = np.concatenate([rest, block])
        while len(rest) >= size:
            yield rest[:size]
            rest = rest[size:]
    if len(rest):
        yield rest


def line(end_s: float, result: Recognition | None, *, width: int, blocks: str = BLOCKS) -> str:
    """Put a second's answer into one line of a terminal.

    Parameters
    ----------
    end_s
        End of what was recognised, in seconds since the beginning.
    result
        The answer; None where there is no speech.
    width
        Width of the terminal, in characters: the names of emotions are cut where they do not fit.
    blocks
        Characters that stand for a probability, from 0 to 1.
    """
    clock = f"{int(end_s) // 60:02d}:{int(end_s) % 60:02d}"
    if result is None:
        return f"{clock}  (no speech)"
    answer = result.certainty
    if not result.uncertain:
        answer += f": {result.emotion} {result.confidence:.0%}"
    for letters in (None, _LETTERS):
        bars = " ".join(
            emotion[:letters] + blocks[round(result.probabilities[emotion] * (len(blocks) - 1))]
            for emotion in EMOTIONS
        )
        text = f"{clock}  {answer:21}  {bars}"
        if len(text) < width:
            break
    return text[: max(width - 1, 1)]


class _Screen:
    """Where the answers appear: one line that changes, or one after the other."""

    def __init__(self, output: TextIO, *, as_json: bool) -> None:
        self._output = output
        self._as_json = as_json
        self._rewrites = output.isatty() and not as_json
        try:
            BLOCKS.encode(output.encoding or "ascii")
            self._blocks = BLOCKS
        except UnicodeEncodeError:
            self._blocks = _PLAIN_BLOCKS

    def show(self, end_s: float, result: Recognition | None) -> None:
        if self._as_json:
            answer = {"end_s": round(end_s, 3), "emotion": None} if result is None else result.as_dict()
            text = json.dumps({"end_s": round(end_s, 3), **answer}, ensure_ascii=False)
        else:
            width = shutil.get_terminal_size().columns if self._rewrites else 200
            text = line(end_s, result, width=width, blocks=self._blocks)
        # Erased to its end, as the line before may have been longer.
        print(
            f"\r{text}\033[K" if self._rewrites else text,
            end="" if self._rewrites else "\n",
            file=self._output,
        )
        self._output.flush()

    def close(self) -> None:
        if self._rewrites:
            print(file=self._output)
