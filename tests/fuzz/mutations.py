"""Sound files of every kind, damaged in every way."""

import io
import struct
from functools import cache
from typing import Literal

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
WAV_FIELDS = (
    *("magic", "riff size", "form", "fmt size", "tag", "channels", "rate", "byte rate", "block align"),
    *("bits", "data size", "odd data", "order", "doubled", "missing", "padding", "cut", "more"),
)
GUID = bytes.fromhex("000000001000800000aa00389b71")
"""What follows the tag of an extensible WAV file's subformat."""
CHUNKS = (b"fact", b"LIST", b"JUNK", b"PEAK", b"bext", b"cue ", b"smpl", b"id3 ", b"ds64", b"data", bytes(4))
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


@st.composite
def wav_files(draw: st.DrawFn, *, rates: tuple[int, ...] = RATES) -> bytes:
    """A recording of 16 bit as a WAV file that is put together from its fields, of which some are wrong."""
    wrong = draw(st.sets(st.sampled_from(WAV_FIELDS), max_size=4))
    magic = draw(st.sampled_from([b"RIFX", b"RF64", b"FFIR"])) if "magic" in wrong else b"RIFF"
    order: Literal["big", "little"] = "big" if magic == b"RIFX" else "little"

    def number(field: str, right: int, size: int) -> bytes:
        odd = st.sampled_from(NUMBERS) | st.integers(-4, 4).map(lambda by: right + by)
        return ((draw(odd) if field in wrong else right) % (1 << 8 * size)).to_bytes(size, order)

    def chunk(name: bytes, content: bytes, field: str = "") -> bytes:
        padded = len(content) % 2 == 1 and not ("padding" in wrong and draw(st.booleans()))
        return name + number(field, len(content), 4) + content + bytes(padded)

    rate, channels = draw(st.sampled_from(rates)), draw(st.integers(1, 2))
    sound = recording(("WAV", "PCM_16"), rate, channels)[44:]
    if order == "big":
        sound = np.frombuffer(sound, "<i2").astype(">i2").tobytes()
    tag = number("tag", 1, 2)
    layout = b"".join(
        number(field, right, size)
        for field, right, size in (
            ("channels", channels, 2),
            ("rate", rate, 4),
            ("byte rate", 2 * channels * rate, 4),
            ("block align", 2 * channels, 2),
            ("bits", 16, 2),
        )
    )
    extensible = struct.pack(">HHI" if order == "big" else "<HHI", 22, 16, 0) + tag + GUID
    mark = (0xFFFE).to_bytes(2, order)
    form = draw(st.sampled_from([tag + layout, tag + layout + b"\0\0", mark + layout + extensible]))
    if "fmt size" in wrong and draw(st.booleans()):
        # As it says itself; else what follows is taken for it.
        form = (form * 2)[: draw(st.integers(0, 2 * len(form)))]
        wrong.remove("fmt size")
    chunks = [chunk(b"fmt ", form, "fmt size"), chunk(b"data", sound["odd data" in wrong :], "data size")]
    for _ in range(draw(st.integers(0, 2))):
        other = chunk(draw(st.sampled_from(CHUNKS)), draw(st.binary(max_size=30)))
        chunks.insert(draw(st.integers(0, len(chunks))), other)
    if "order" in wrong:
        chunks = draw(st.permutations(chunks))
    if "doubled" in wrong:
        chunks.insert(draw(st.integers(0, len(chunks))), draw(st.sampled_from(chunks)))
    if "missing" in wrong:
        chunks.remove(draw(st.sampled_from(chunks)))
    body = (draw(st.binary(max_size=4)) if "form" in wrong else b"WAVE") + b"".join(chunks)
    content = magic + number("riff size", len(body), 4) + body
    if "cut" in wrong:
        content = content[: draw(st.integers(0, 100) | st.integers(0, len(content)))]
    return content + (draw(st.binary(max_size=50)) if "more" in wrong else b"")
