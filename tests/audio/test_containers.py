"""Kinds of files, whatever they are called: heard, or named with what would read them."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import cast

import numpy as np
import pytest
from encoded_sounds import alike, by_ffmpeg, by_libsndfile, heard, needs_ffmpeg, voice

from ser.audio.containers import START_BYTES, Kind, kind_of, kind_of_file
from ser.audio.paths import find
from ser.audio.stream import open_sound
from ser.errors import InputError, UndecodableError

RATE = 48_000
SAMPLES = voice(2, rate=RATE)
AMR = b"#!AMR\n" + b"".join(bytes([0x3C]) + np.random.default_rng(it).bytes(31) for it in range(50))
"""A second of noise: there is no free encoder."""

HOW = {
    "AAC": "-c:a aac -f adts",
    "AAC in LATM": "-c:a aac -f latm",
    "MP4 or M4A": "-c:a aac -f mov",
    "Matroska or WebM": "-c:a libopus -f webm",
    "WMA": "-c:a wmav2 -f asf",
    "AVI": "-c:a mp3 -f avi",
    "FLV": "-c:a mp3 -ar 44100 -f flv",
    "MPEG transport stream": "-c:a mp2 -f mpegts",
    "MPEG program stream": "-c:a mp2 -f mpeg",
    "AC-3": "-c:a ac3 -f ac3",
    "DTS": "-strict -2 -c:a dca -f dts",
    "WavPack": "-f wv",
    "TTA": "-f tta",
    "RealMedia": "-c:a ac3 -f rm",
    "SoX": "-f sox",
    "NUT": "-f nut",
}
"""What ffmpeg alone reads, and how it is made."""
PARTLY = {
    "WAV of MP3": "-c:a libmp3lame -f wav",
    "CAF of Opus": "-c:a libopus -f caf",
    "AIFF of IMA": "-c:a adpcm_ima_qt -f aiff",
    "Ogg of Speex": "-c:a libspeex -ar 32000 -f ogg",
}
"""What libsndfile reads with some kinds of compression alone."""


def encoded(how: str) -> tuple[bytes, int]:
    words = how.split()
    rate = int(words[words.index("-ar") + 1]) if "-ar" in words else RATE
    return by_ffmpeg(SAMPLES, RATE, *words), rate


@needs_ffmpeg
@pytest.mark.parametrize("how", [*HOW.values(), *PARTLY.values()], ids=[*HOW, *PARTLY])
def test_a_file_is_heard_whatever_it_is_called(how: str, tmp_path: Path) -> None:
    content, rate = encoded(how)
    path = tmp_path / "recording.dat"
    path.write_bytes(content)
    found = heard(path, rate=rate)
    assert alike(found, voice(2, rate=rate), rate=rate, within_s=0.1)


@needs_ffmpeg
@pytest.mark.parametrize("title", HOW)
def test_without_ffmpeg_it_is_named(title: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    content, _ = encoded(HOW[title])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match=rf"^it: {title} needs ffmpeg, which is not installed; install it"):
        heard(content, rate=RATE)


@needs_ffmpeg
def test_without_ffmpeg_what_libsndfile_does_not_read_may_be_damaged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    content, _ = encoded(PARTLY["CAF of Opus"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UndecodableError, match="damaged, or CAF of a kind that needs ffmpeg, which is "):
        heard(content, rate=RATE)


@needs_ffmpeg
def test_amr_is_heard() -> None:
    assert len(heard(AMR, rate=8000)) == 8000


ID3 = b"ID3\4\0\0\0\0\1\0" + bytes(128)


@needs_ffmpeg
def test_aac_may_have_a_tag_before_it() -> None:
    content, _ = encoded(HOW["AAC"])
    assert alike(heard(ID3 + content, rate=RATE), SAMPLES, rate=RATE, within_s=0.1)


@needs_ffmpeg
def test_quicktime_needs_no_ftyp() -> None:
    content, _ = encoded(HOW["MP4 or M4A"])
    assert content[4:8] == b"ftyp"
    # Without a place that would tell where samples are: `free` takes its place.
    old = content[:4] + b"free" + content[8:]
    assert alike(heard(old, rate=RATE), SAMPLES, rate=RATE, within_s=0.1)


@needs_ffmpeg
@pytest.mark.parametrize("form", ["mp4", "matroska", "avi", "mpegts", "flv", "asf", "ogg"])
def test_a_film_without_sound_says_so(form: str) -> None:
    picture = ["-f", "lavfi", "-i", "color=size=64x64:duration=1", "-map", "1", "-f", form]
    content = by_ffmpeg(SAMPLES, RATE, *picture, *(["-c:v", "libtheora"] if form == "ogg" else []))
    with pytest.raises(InputError, match=r"^it: .* without sound; there is nothing to hear in it$"):
        heard(content, rate=RATE)


@needs_ffmpeg
def test_damage_to_the_picture_alone_is_no_matter() -> None:
    """Though ffmpeg complains of it, Matroska is whole."""
    picture = ["-f", "lavfi", "-i", "testsrc=size=320x240:duration=2", "-c:v", "mpeg4"]
    film = bytearray(by_ffmpeg(SAMPLES, RATE, *picture, "-c:a", "flac", "-f", "matroska"))
    place = film.find(b"\0\0\1\xb6")
    assert place >= 0
    while place >= 0:
        # The header of a picture, which ffmpeg looks into to find out what the film is.
        film[place : place + 30] = np.random.default_rng(0).bytes(30)
        place = film.find(b"\0\0\1\xb6", place + 4)
    assert alike(heard(bytes(film), rate=RATE), SAMPLES, rate=RATE)
    # Of sound that is damaged it is told.
    sound = bytearray(by_ffmpeg(SAMPLES, RATE, "-c:a", "flac", "-f", "matroska"))
    middle = len(sound) // 2
    sound[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
    with pytest.raises(InputError, match=r"it: damaged (after|or truncated)"):
        heard(bytes(sound), rate=RATE)


OTHERS = {
    b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n": "git lfs pull",
    b"/annex/objects/SHA256E-s1048576--abc.wav\n": "git annex get",
    b"<!DOCTYPE html><html><body>Not found</body></html>": "a web page, not a recording",
    b"\n<html><body>Sign in</body></html>": "a web page, not a recording",
    b"PK\x03\x04" + bytes(100): "unpack it",
    b"\x1f\x8b\x08" + bytes(100): "unpack it",
    b"MThd" + bytes(100): "holds notes, not sound",
    b"#EXTM3U\nhttp://example.org/a.mp3\n": "a playlist, not a recording",
}


@pytest.mark.parametrize("content", OTHERS, ids=OTHERS.values())
def test_what_is_met_in_place_of_a_recording_is_named(content: bytes) -> None:
    with pytest.raises(InputError, match=rf"^it: .*{OTHERS[content]}"):
        heard(content, rate=RATE)


@pytest.mark.parametrize(
    "change",
    [
        lambda it: b"RIFF" + bytes(99),
        lambda it: it[:20],
        lambda it: b"fLaC" + bytes(99),
        lambda it: b"caff" + bytes(99),
        lambda it: b"OggS" + bytes(99),
        lambda it: b"FORM" + bytes(4) + b"AIFF" + bytes(99),
        lambda it: bytes(9000),
        lambda it: b"Dear all,\n" * 100,
    ],
)
@pytest.mark.parametrize("installed", [pytest.param(True, marks=needs_ffmpeg), False])
def test_reasons_are_in_our_words(
    change: Callable[[bytes], bytes], installed: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    if not installed:
        monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UndecodableError, match=r"^it: no readable audio") as caught:
        heard(change(by_libsndfile(SAMPLES, RATE, "WAV")), rate=RATE)
    for word in ("internal", "SF_INFO", "recognised", "malformed", "Invalid data"):
        assert word not in str(caught.value)


def test_each_kind_has_a_name_and_a_demuxer_of_its_own() -> None:
    assert len({it.title for it in Kind}) == len(Kind)
    # None that reads a list of other files.
    assert not {it.demuxer for it in Kind} & {"concat", "hls", "dash", "imf", "image2", "tedcaptions", "sdp"}


TEXTS = [b"The free lunch", b"Der mdat", b"to\r\nskip it", b"MAC addresses:\r\n", b"MAC x\r\n", b"MP+MP2"]


@pytest.mark.parametrize("start", TEXTS)
def test_a_text_is_no_recording(start: bytes, tmp_path: Path) -> None:
    assert kind_of(start + b" and so on" * 99) is None
    (tmp_path / "notes.txt").write_bytes(start)
    assert find([str(tmp_path)]).files == []


@pytest.mark.parametrize(
    ("start", "kind"),
    [
        *((size + b"mdat", Kind.MP4) for size in (b"\0\0\0\1", b"\0\1\2\3", b"\x0a\0tt", b"\x1fABC")),
        (b"\0\0\0\x20moov", Kind.MP4),
        (b"\0\0\0\x14ftypM4A ", Kind.MP4),
        (b"MAC \x96\x0f", Kind.MONKEYS),
        (b"MP+\x07", Kind.MUSEPACK_7),
        (b"MP+\x17", Kind.MUSEPACK_7),
    ],
)
def test_with_a_size_or_a_version_it_is_one(start: bytes, kind: Kind) -> None:
    assert kind_of(start + bytes(99)) is kind


class Counting(io.BytesIO):
    """Counts the bytes that are read of it."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.count += len(content)
        return content


def test_tags_in_a_row_are_limited() -> None:
    """A file may be full of them, each of 10 bytes."""
    empty = b"ID3\4\0\0\0\0\0\0"
    file = Counting(20_000 * empty)
    kind_of_file(file)
    assert file.count <= 100 * 10 + 2 * START_BYTES
    assert kind_of_file(io.BytesIO(99 * empty + b"fLaC")) is Kind.FLAC


@pytest.mark.parametrize("start", [b"", b"\xff", "\ufefftext".encode("utf-16-le"), b"G" * 100, b"abcdmoo"])
def test_what_is_no_sound_has_no_kind(start: bytes) -> None:
    assert kind_of(start) is None


def test_the_bytes_of_a_file_and_a_rate_with_samples_are_sounds() -> None:
    expected = SAMPLES
    content = by_libsndfile(SAMPLES, RATE, "WAV", "FLOAT")
    for source in (
        content,
        bytearray(content),
        (RATE, SAMPLES),
        (cast(int, np.int64(RATE)), SAMPLES.tolist()),
    ):
        np.testing.assert_array_equal(heard(source, rate=RATE), expected)
    with open_sound((RATE, SAMPLES)) as sound:
        assert sound.name == "array"
    with pytest.raises(InputError, match="needs its sample_rate"):
        heard((0.1, 0.2), rate=RATE)
