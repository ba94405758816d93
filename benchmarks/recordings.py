"""The recordings that a benchmark listens to, as 16-bit WAV, RAVDESS's own format, and as FLAC."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile

from ser.audio.paths import find
from ser.data.ravdess import SAMPLE_RATE, all_clips
from ser.data.synthetic import synthesize
from ser.errors import InputError

FORMATS = ("wav", "flac")


@dataclass(frozen=True)
class Recordings:
    """A folder of recordings in one format.

    Attributes
    ----------
    folder : Path
    files : tuple of Path
    audio_s : float
        Their length in all, in seconds.
    sample_rate : int
        Of the first, in Hz.
    """

    folder: Path
    files: tuple[Path, ...]
    audio_s: float
    sample_rate: int


def spread(items: Sequence[str], *, at_most: int) -> list[str]:
    """Take at most so many items, evenly spread."""
    step = -(-len(items) // at_most)
    return list(items[::step]) if items else []


def write_recordings(folder: Path, *, source: Path | None, at_most: int) -> dict[str, Recordings]:
    """Write recordings in each of `FORMATS`.

    Parameters
    ----------
    folder
        Where; a folder a format is made there.
    source
        A folder with recordings, however deep; None for synthetic clips.
    at_most
        How many are taken, evenly spread.

    Returns
    -------
    dict
        By format.

    Raises
    ------
    InputError
        Where the source holds none, or one that libsndfile does not read.
    """
    for name in FORMATS:
        (folder / name).mkdir(parents=True)
    if source is None:
        chosen = spread(all_clips(), at_most=at_most)
        sounds = ((synthesize(clip), SAMPLE_RATE) for clip in chosen)
    else:
        found = find([str(source)])
        if found.problems:
            raise found.problems[0]
        sounds = (_read(file) for file in spread(found.files, at_most=at_most))
    seconds, rates = 0.0, []
    for number, (samples, rate) in enumerate(sounds):
        for name in FORMATS:
            soundfile.write(folder / name / f"{number:04d}.{name}", samples, rate, subtype="PCM_16")
        seconds += len(samples) / rate
        rates.append(rate)
    return {
        name: Recordings(folder / name, tuple(sorted((folder / name).iterdir())), seconds, rates[0])
        for name in FORMATS
    }


def write_long(path: Path, recordings: Recordings, *, minutes: float) -> float:
    """Write one long mono WAV: the recordings one after another, again and again.

    Only those of the first one's sample rate are taken.

    Returns
    -------
    float
        Its length in seconds.
    """
    rate = recordings.sample_rate
    missing = round(minutes * 60 * rate)
    written = missing
    with soundfile.SoundFile(path, "w", rate, 1, subtype="PCM_16") as long:
        for samples in _endless(recordings.files, rate):
            long.write(samples[:missing])
            missing -= len(samples)
            if missing <= 0:
                break
    return written / rate


def _endless(files: Iterable[Path], sample_rate: int) -> Iterable[np.ndarray]:
    for file in cycle(files):
        samples, rate = soundfile.read(file, dtype="int16", always_2d=True)
        if rate == sample_rate:
            yield samples[:, 0]


def _read(file: str) -> tuple[np.ndarray, int]:
    try:
        samples, rate = soundfile.read(file, dtype="int16")
    except soundfile.LibsndfileError as error:
        raise InputError(f"{file}: cannot be read ({error}); choose a folder of WAV or FLAC files") from error
    return samples, rate
