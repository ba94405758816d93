"""Speech codecs of 8 kHz, by libsndfile."""

import io
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import soundfile
import soxr

from ser.audio.corruptions.corruption import Corruption, Waveform, uniform
from ser.audio.corruptions.telephone import LINE_RATE, from_line
from ser.params import CodecRanges

# AIFF and AU, not WAV: GSM 6.10 in WAV comes back up to 540 samples longer, in AIFF as long as it was.
_FORMATS = {
    "mu_law": ("AU", "ULAW"),
    "a_law": ("AU", "ALAW"),
    "gsm": ("AIFF", "GSM610"),
    "opus": ("OGG", "OPUS"),
}
# What libsndfile makes of compression levels 1 and 0, in kbit/s a channel.
_LEAST_KBIT_S, _MOST_KBIT_S = 6.0, 256.0
_LOUDEST = 1 - 2**-15


@dataclass(frozen=True)
class Codec(Corruption):
    """Resample to 8 kHz, code, decode, and resample back; no packet is lost.

    audiomentations has MP3 alone, which no telephone uses. What exceeds full scale is clipped first:
    libsndfile 1.2.2 would wrap it round to the opposite sign in G.711 and GSM.

    Attributes
    ----------
    code : str
        ``mu_law`` and ``a_law`` (G.711), ``gsm`` (GSM 6.10 full rate) or ``opus``.
    kbit_s : float
        Bit rate of Opus, 6 to 256 kbit/s; the others have one rate, and ignore it.
    """

    kind: ClassVar[str] = "codec"
    code: str
    kbit_s: float

    @classmethod
    def draw(cls, rng: np.random.Generator, ranges: CodecRanges) -> Self:
        """Draw a codec and a bit rate."""
        return cls(str(rng.choice(ranges.codes)), uniform(rng, ranges.opus_kbit_s))

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Code and decode the recording."""
        line = soxr.resample(samples, sample_rate, LINE_RATE) if sample_rate != LINE_RATE else samples
        coded = code_and_decode(line, code=self.code, kbit_s=self.kbit_s)
        return from_line(coded, sample_rate=sample_rate, length=len(samples))


def code_and_decode(line: Waveform, *, code: str, kbit_s: float) -> Waveform:
    """Code and decode samples [shape=(m,)] of 8 kHz, m at least 1, to as many samples without delay."""
    encoded = io.BytesIO()
    file_format, subtype = _FORMATS[code]
    level = {"compression_level": (_MOST_KBIT_S - kbit_s) / (_MOST_KBIT_S - _LEAST_KBIT_S)}
    held = np.clip(line, -_LOUDEST, _LOUDEST)
    soundfile.write(
        encoded, held, LINE_RATE, format=file_format, subtype=subtype, **(level if code == "opus" else {})
    )
    encoded.seek(0)
    decoded: Waveform = soundfile.read(encoded, dtype="float32")[0]
    return decoded
