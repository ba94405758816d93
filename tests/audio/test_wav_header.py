"""Lengths in headers: cut files are refused, and those whose writer did not know it are heard to the end."""

import struct
from pathlib import Path

import numpy as np
import pytest
from encoded_sounds import by_ffmpeg, by_libsndfile, heard, needs_ffmpeg, voice

from ser.audio.stream import open_sound
from ser.errors import InputError

RATE = 16_000
SAMPLES = voice(2, rate=RATE)
FORMS = ["WAV", "WAVEX", "RF64", "W64", "AIFF", "AU", "CAF", "VOC", "NIST", "SVX"]


def encoded(form: str) -> bytes:
    return by_libsndfile(SAMPLES, RATE, form, "PCM_16")


@pytest.mark.parametrize("form", FORMS)
def test_a_file_cut_short_is_refused(form: str) -> None:
    content = encoded(form)
    for part in (0.5, 0.9):
        length = round(part * (len(content) - 2 * len(SAMPLES))) + round(part * 2 * len(SAMPLES))
        with pytest.raises(InputError, match=r"it: truncated, [01]\.\d of 2\.0 s are there; copy it again"):
            heard(content[:length], rate=RATE)
    assert len(heard(content, rate=RATE)) == len(SAMPLES)


def noted(form: str, size: int) -> bytes:
    """A file in which a writer into a pipe noted a size."""
    content = bytearray(encoded(form))
    place, order = {
        "WAV": (content.find(b"data") + 4, "<I"),
        "AIFF": (content.find(b"SSND") + 4, ">I"),
        "AU": (8, ">I"),
        "W64": (content.find(b"data") + 16, "<Q"),
        "RF64": (content.find(b"ds64") + 16, "<Q"),
        "CAF": (content.find(b"data") + 4, ">Q"),
    }[form]
    struct.pack_into(order, content, place, size)
    if form == "RF64":
        struct.pack_into("<Q", content, place - 8, size)
    if form == "W64":
        struct.pack_into("<Q", content, 16, size)
    return bytes(content)


UNKNOWN = {
    "WAV": [0, 0x7FFF_F000, 2**32 - 1],
    "AIFF": [0, 0x7F00_0000, 0x7F00_0008, 0x7FFF_FFFF, 2**32 - 1],
    "AU": [0, 0x7FFF_FFFF, 2**32 - 2, 2**32 - 1],
    "W64": [0, 24, 2**63 - 1, 2**64 - 1],
    "RF64": [0, 2**32 - 1, 2**63 - 1, 2**64 - 1],
    "CAF": [0, 2**63 - 1, 2**64 - 1],
}


@pytest.mark.parametrize(
    ("form", "size"), [(form, size) for form, sizes in UNKNOWN.items() for size in sizes]
)
def test_a_size_that_nobody_knew_is_that_of_the_file(form: str, size: int) -> None:
    found = heard(noted(form, size), rate=RATE)
    np.testing.assert_array_equal(found, heard(encoded(form), rate=RATE))


IMPOSSIBLE = {
    "CAF": b"caff\0\1\0\0desc" + struct.pack(">q", 2**63 - 1) + bytes(100),
    "W64": encoded("W64")[:40] + b"fmt " + bytes(12) + struct.pack("<Q", 2**62) + bytes(100),
    "SPHERE of no header": b"NIST_1A\n0000010\n" + bytes(2000),
    "SPHERE of too many digits": b"NIST_1A\n0032768\nsample_count -i %s\n" % (b"9" * 5000)
    + b"channel_count -i 1\nsample_n_bytes -i 2\n".ljust(40_000, b"\0"),
}


@pytest.mark.parametrize("form", IMPOSSIBLE)
def test_a_place_that_cannot_be_is_a_damaged_header(form: str, tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(IMPOSSIBLE[form])
    with pytest.raises(InputError, match="no readable audio"), open_sound(path) as sound:
        sum(map(len, sound.blocks))


@needs_ffmpeg
@pytest.mark.parametrize(
    "how",
    [
        "wav",
        "wav -rf64 always",
        "w64",
        "aiff",
        "au",
        "caf -c:a pcm_s16be",
        "voc",
        "wav -c:a libgsm_ms -ar 8000",
    ],
)
def test_what_ffmpeg_writes_into_a_pipe_is_heard(how: str) -> None:
    form, *rest = how.split()
    rate = 8000 if "8000" in rest else RATE
    content = by_ffmpeg(voice(1.64, rate=rate), rate, *rest, "-f", form, piped=True)
    assert len(heard(content, rate=rate)) == round(1.64 * rate)


@needs_ffmpeg
def test_an_avi_cut_short_is_refused() -> None:
    content = by_ffmpeg(SAMPLES, RATE, "-f", "avi")
    with pytest.raises(InputError, match=r"it: truncated, \d+ of \d+ bytes are there; copy it again"):
        heard(content[: len(content) // 2], rate=RATE)
