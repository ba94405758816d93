"""Functionals of the encoder's layers of corrupted copies of one recording, and the voices of babble in them.

A module of its own, as what a worker process keeps must be imported by its name.
"""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np

from ser.audio import clip_io as audio
from ser.audio.corruptions.mixture import Mixture
from ser.audio.endpointing import trim_silence
from ser.features.whisper_encoder import SAMPLE_RATE
from stages.layers.speech import Array, layers_of


@cache
def voice_of(path: str) -> Array:
    """Read a voice of babble [shape=(n,)] at 16 kHz, without silence at its ends.

    It is kept for as long as the process runs, as each voice is drawn for many clips.
    """
    return trim_silence(audio.load(path, sample_rate=SAMPLE_RATE), sample_rate=SAMPLE_RATE)


def layers_of_copies(path: str, copies: Sequence[str], voices: Mapping[str, str]) -> Array:
    """Compute the functionals [shape=(copies, 3, 1024)] of copies of one recording.

    Parameters
    ----------
    path
        Path of the recording.
    copies
        What happens to each copy, as `Mixture.to_json` writes it.
    voices
        Paths of the recordings that are heard as babble, by their clips' ids.
    """
    rows = []
    # All copies but those at another speed are of the same samples.
    recording = audio.load(path, sample_rate=SAMPLE_RATE)
    for text in copies:
        mixture = Mixture.from_json(text)
        samples = recording
        if mixture.speed != 1:
            # Read at another rate than it is then taken to have.
            samples = audio.load(path, sample_rate=round(SAMPLE_RATE / mixture.speed))
        heard = {clip: voice_of(voices[clip]) for clip in mixture.voices}
        rows.append(layers_of(mixture.after_speed.apply(samples, SAMPLE_RATE, voices=heard)))
    return np.stack(rows)
