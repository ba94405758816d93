"""Sound files of every kind, damaged in every way."""

import io
from functools import cache

import numpy as np
import soundfile
from hypothesis import strategies as st
from voices import spoken

FORMS = (
    *(("WAV", it) for it in ("PCM_16", "PCM_U8", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM")),
    *(("AIFF", it) for it in ("PCM_16", "PCM_24", "FLOAT", "ULAW")),
    *(("WAVEX", "PCM_16"), ("FLAC", "PCM_16"), ("FLAC", "PCM_24"), ("AU", "PCM_16"), ("W64", "PCM_16")),
    *(("RF64", "PCM_16"), ("CAF", "PCM_16"), ("OGG", "VORBIS"), ("MP3", "MPEG_LAYER_III")),
)
RATES = (8000, 16_000, 48_000)
STARTS = (
    b"RIFF",
    b"RIFX",
    b"FORM",
    b"fLaC",
    b"OggS",
    b"ID3\x03",
    b"\xff\xfb\x90\x00",
    b".snd",
    b"caff",
    b"riff",
)
NUMBERS = (0, 1, 2, 3, 8, 16, 24, 32, 64, 255, 1024, 0x7FFF, 0x8000, 0xFFFF, 2**31 - 1, 2**31, 2**32 - 1)


@cache
def recording(form: tuple[str, str], rate: int, channels: int) -> bytes:
    """Somebody speaks for half a second."""
    sound = spoken(0.5, rate=rate)
    encoded = io.BytesIO()
    table = np.tile(sound[:, None], channels)
    soundfile.write(encoded, table, rate, format=form[0], subtype=form[1])
    return encoded.getvalue()


@st.composite
def files(draw: st.DrawFn, *, forms: tuple[tuple[str, str], ...] = FORMS) -> bytes:
    """A recording with some bytes, mostly of its header, replaced, put in, removed, doubled, or cut off."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(STARTS)) + draw(st.binary(max_size=200))
    content = recording(draw(st.sampled_from(forms)), draw(st.sampled_from(RATES)), draw(st.integers(1, 2)))
    for _ in range(draw(st.integers(1, 4))):
        header = draw(st.integers(0, 3)) > 0
        place = draw(st.integers(0, min(len(content), 100 if header else len(content))))
        content = draw(_damaged(content, place))
    return content


@st.composite
def _damaged(draw: st.DrawFn, content: bytes, place: int) -> bytes:
    length = draw(st.integers(0, 8))
    before, rest = content[:place], content[place:]
    match draw(st.sampled_from(["number", "bytes", "insert", "remove", "double", "cut", "append"])):
        case "number":
            size = draw(st.sampled_from([2, 4, 8]))
            number = draw(st.sampled_from(NUMBERS)) % (1 << 8 * size)
            order = draw(st.sampled_from(["little", "big"]))
            return before + number.to_bytes(size, "little" if order == "little" else "big") + rest[size:]
        case "bytes":
            new = draw(st.binary(min_size=1, max_size=8))
            return before + new + rest[len(new) :]
        case "insert":
            return before + draw(st.binary(min_size=1, max_size=16)) + rest
        case "remove":
            return before + rest[length:]
        case "double":
            return before + rest[: 10 * length] + rest
        case "cut":
            return before
        case _:
            return content + draw(st.binary(max_size=50))
