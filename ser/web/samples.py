"""Recordings to try the page with: synthetic voices, made when they are first asked for."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import soundfile

from ser.data.ravdess import SAMPLE_RATE
from ser.data.synthetic import synthesize

Signal = npt.NDArray[np.int16]

_PAUSE_S = 1.2


@dataclass(frozen=True)
class Sample:
    """A recording to try.

    Attributes
    ----------
    name : str
        Name of its file.
    title, told : str
        What it is called, and what it is.
    """

    name: str
    title: str
    told: str


SAMPLES = (
    Sample("synthetic-calm.flac", "Calm voice", "A synthetic voice of 6 s, made to sound calm."),
    Sample("synthetic-angry.flac", "Angry voice", "A synthetic voice of 4 s, made to sound angry."),
    Sample(
        "synthetic-call.flac",
        "Call of two channels",
        "Two synthetic voices take turns, one a channel: the left stays calm, the right grows angry.",
    ),
)
"""None of them is a recording: a formant synthesizer makes them, so they say nothing about real speakers."""


def sample(name: str) -> bytes | None:
    """Make a sample as a FLAC file; None where there is none of this name."""
    # Not kept for any name that a client thinks of: there is no end of them.
    return _made(name) if name in {it.name for it in SAMPLES} else None


@cache
def _made(name: str) -> bytes:
    makers = {
        "synthetic-calm.flac": lambda: _said("calm", actor=7),
        "synthetic-angry.flac": lambda: _said("angry", actor=4),
        "synthetic-call.flac": _call,
    }
    encoded = io.BytesIO()
    soundfile.write(encoded, makers[name](), SAMPLE_RATE, format="FLAC")
    return encoded.getvalue()


def _said(
    emotion: str, *, actor: int, sentences: Sequence[str] = ("01-01", "01-02", "02-01", "02-02")
) -> Signal:
    """Synthesize sentences, one after the other [shape=(n,), dtype=int16]."""
    number = {"neutral": "01-01", "calm": "02-02", "angry": "05-02"}[emotion]
    return np.concatenate([synthesize(f"03-01-{number}-{it}-{actor:02d}") for it in sentences])


def _call() -> Signal:
    """Let two voices take turns, each on a channel of its own [shape=(n, 2), dtype=int16]."""
    turns = [(0, "calm"), (1, "neutral"), (0, "calm"), (1, "angry"), (0, "calm"), (1, "angry")]
    pause = np.zeros((round(_PAUSE_S * SAMPLE_RATE), 2), dtype=np.int16)
    parts = []
    for channel, emotion in turns:
        said = _said(emotion, actor=(7, 4)[channel])
        both = np.zeros((len(said), 2), dtype=np.int16)
        both[:, channel] = said
        parts += [both, pause]
    return np.concatenate(parts)
