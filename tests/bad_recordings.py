"""Recordings that are spoilt each in one way, and what whoever reads them has to say."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from voices import spoken

from ser.audio.clip_io import Pcm16

RATE = 48_000
SOUND: Pcm16 = np.round(spoken(2, rate=RATE) * 32767).astype(np.int16)
"""What they would hold: somebody speaks for two seconds."""


@dataclass(frozen=True)
class Bad:
    """One way in which a recording can be bad.

    Attributes
    ----------
    write : callable
        Writes it to a path, whatever that ends in: what is read, goes by a file's content.
    clip : str
        Of what fetch and ingest say, who want the clip of the manifest, bit for bit. A regular expression.
    heard : str or None
        Of what ``ser predict`` and ``ser serve`` say; None where they can make something of it.
    later : str or None
        Of what stages after ingest say; None where only ingest can tell that it is not as it was, and they
        make something of it.
    """

    write: Callable[[Path], object]
    clip: str
    heard: str | None = None
    later: str | None = None


def encoded(samples: np.ndarray, *, rate: int = RATE, form: str = "WAV", subtype: str = "PCM_16") -> bytes:
    """A sound file."""
    content = io.BytesIO()
    soundfile.write(content, samples, rate, format=form, subtype=subtype)
    return content.getvalue()


def _bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def _with_one(value: float) -> np.ndarray:
    samples = SOUND / 32768
    samples[RATE] = value
    return samples


_UNREADABLE = "no readable audio"
_WAV, _FLAC = encoded(SOUND), encoded(SOUND, form="FLAC")
_MIDDLE = len(_FLAC) // 2

BAD: dict[str, Bad] = {
    "empty": Bad(_bytes(b""), "empty file, 0 bytes", "empty", "empty file, 0 bytes"),
    "no sound": Bad(_bytes(b"Dear all,\n" * 100), _UNREADABLE, _UNREADABLE, _UNREADABLE),
    "zeros": Bad(_bytes(bytes(9000)), _UNREADABLE, _UNREADABLE, _UNREADABLE),
    "corrupt header": Bad(_bytes(b"RIFF" + bytes(99)), _UNREADABLE, _UNREADABLE, _UNREADABLE),
    "half a header": Bad(_bytes(_WAV[:20]), _UNREADABLE, _UNREADABLE, _UNREADABLE),
    "header alone": Bad(_bytes(_WAV[:44]), "0 frames, but at least", "truncated|0.000 s", r"0\.000 s"),
    "truncated": Bad(
        _bytes(_WAV[: len(_WAV) // 2]), "truncated or edited", r"truncated, 1\.0 of 2\.0 s are there"
    ),
    "truncated FLAC": Bad(_bytes(_FLAC[:_MIDDLE]), _UNREADABLE, "damaged|truncated", _UNREADABLE),
    "damaged FLAC": Bad(
        _bytes(_FLAC[:_MIDDLE] + bytes(999) + _FLAC[_MIDDLE + 999 :]), _UNREADABLE, "damaged", _UNREADABLE
    ),
    "silent": Bad(_bytes(encoded(SOUND * 0)), "silent, every sample is 0", "silent"),
    "too short": Bad(
        _bytes(encoded(SOUND[: RATE // 20])), "2400 frames, but at least", r"0\.050 s", r"0\.0.. s"
    ),
    "too long": Bad(
        _bytes(encoded(np.tile(SOUND, 31), form="FLAC")), "2976000 frames, but a clip has at most 60 s"
    ),
    "another rate": Bad(_bytes(encoded(SOUND, rate=44_100)), "44100 Hz, but must be 48000 Hz"),
    "an absurd rate": Bad(
        _bytes(encoded(SOUND[: RATE // 10], rate=1000)),
        "is 1000 Hz, but must be 48000 Hz",
        "is 1000 Hz, but must be from",
    ),
    "two channels": Bad(_bytes(encoded(np.stack([SOUND, SOUND // 2], 1))), "2 channels differ"),
    "eight channels": Bad(
        _bytes(encoded(np.stack([SOUND, *[SOUND // 9] * 7], 1))),
        "8 channels, but a clip has one, or two equal ones",
    ),
    "8 bit": Bad(_bytes(encoded(SOUND, subtype="PCM_U8")), "PCM_U8, but must be 16-bit"),
    "24 bit": Bad(_bytes(encoded(SOUND, subtype="PCM_24")), "PCM_24, but must be 16-bit"),
    "32 bit": Bad(_bytes(encoded(SOUND, subtype="PCM_32")), "PCM_32, but must be 16-bit"),
    "floats": Bad(_bytes(encoded(SOUND / 32768, subtype="FLOAT")), "FLOAT, but must be 16-bit"),
    "doubles": Bad(_bytes(encoded(SOUND / 32768, subtype="DOUBLE")), "DOUBLE, but must be 16-bit"),
    "NaN": Bad(
        _bytes(encoded(_with_one(np.nan), subtype="FLOAT")), "FLOAT", "NaN or infinite", "NaN or infinite"
    ),
    "infinity": Bad(
        _bytes(encoded(_with_one(-np.inf), subtype="DOUBLE")), "DOUBLE", "NaN or infinite", "NaN or infinite"
    ),
    "another recording": Bad(_bytes(encoded(SOUND[::-1])), "another checksum than the manifest's"),
}
