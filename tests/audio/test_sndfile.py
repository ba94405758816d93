"""What libsndfile reads: in blocks as whole, joined and chained files to their end, no more than is there."""

import io
from collections.abc import Callable

import numpy as np
import pytest
import soundfile
from encoded_sounds import Samples, alike, by_ffmpeg, by_libsndfile, heard, needs_ffmpeg, voice
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.audio import sndfile
from ser.errors import InputError

ODD = {
    # Not written by libsndfile, or not read from memory.
    *(("AIFF", it) for it in ("DWVW_12", "DWVW_16", "DWVW_24")),
    # Some samples of nothing at the end of a last block that is not full come and go.
    ("PAF", "PCM_24"),
}
FORMS = [
    (form, subtype)
    for form in soundfile.available_formats()
    # Raw samples have no header; the other writes a second file beside its own.
    if form not in ("RAW", "SD2")
    for subtype in soundfile.available_subtypes(form)
    if (form, subtype) not in ODD
]


@pytest.mark.parametrize("form", FORMS, ids=" ".join)
@settings(max_examples=3)
@given(
    rate=st.sampled_from([8000, 16_000, 22_050, 24_000, 44_100, 48_000]),
    channels=st.integers(1, 2),
    seconds=st.floats(0.2, 3),
    block=st.integers(100, 10_000),
)
def test_blocks_are_what_one_read_gives(
    form: tuple[str, str], rate: int, channels: int, seconds: float, block: int
) -> None:
    samples = np.tile(voice(seconds, rate=rate)[:, None], channels)
    try:
        content = by_libsndfile(samples, rate, *form)
    except soundfile.LibsndfileError:
        # Some formats have few rates, or one channel.
        return
    noted = soundfile.info(io.BytesIO(content)).samplerate
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sndfile, "BLOCK_VALUES", 2**24)
        whole = heard(content, rate=noted)
        patch.setattr(sndfile, "BLOCK_VALUES", block * channels)
        found = heard(content, rate=noted)
    np.testing.assert_array_equal(found, whole)
    assert len(whole) >= len(samples) - 1


@pytest.mark.parametrize("form", ["WAV", "AIFF"])
def test_joined_files_of_samples_are_refused(form: str) -> None:
    one = by_libsndfile(voice(0.5, rate=8000)[:, None], 8000, form, "PCM_U8" if form == "WAV" else "PCM_S8")
    with pytest.raises(InputError, match=r"it: several sounds one after the other.*give them one by one"):
        heard(one + one, rate=8000)
    # What else follows is no sound.
    assert heard(one + b"note\0\0\0\2ab", rate=8000).size


@pytest.mark.parametrize("blocks", [1, 2, 20, 21])
def test_gsm_ends_where_its_blocks_end(blocks: int) -> None:
    samples = voice(2, rate=8000)[: 320 * blocks]
    assert len(heard(by_libsndfile(samples, 8000, "WAV", "GSM610"), rate=8000)) == 320 * blocks


ENCODERS: dict[str, tuple[int, Callable[[Samples], bytes]]] = {
    "MP3": (24_000, lambda it: by_libsndfile(it, 24_000, "MP3")),
    "Vorbis": (24_000, lambda it: by_libsndfile(it, 24_000, "OGG", "VORBIS")),
    "Opus": (48_000, lambda it: by_libsndfile(it, 48_000, "OGG", "OPUS")),
}
BY_FFMPEG: dict[str, tuple[int, Callable[[Samples], bytes]]] = {
    "MP3 of LAME": (44_100, lambda it: by_ffmpeg(it, 44_100, "-q:a", "4", "-f", "mp3")),
    "MP3 without a count": (
        44_100,
        lambda it: by_ffmpeg(it, 44_100, "-q:a", "4", "-write_xing", "0", "-f", "mp3"),
    ),
    "MP2": (32_000, lambda it: by_ffmpeg(it, 32_000, "-f", "mp2")),
    "FLAC in Ogg": (24_000, lambda it: by_ffmpeg(it, 24_000, "-c:a", "flac", "-f", "ogg")),
}
ALL = [*ENCODERS, *(pytest.param(it, marks=needs_ffmpeg) for it in BY_FFMPEG)]


@pytest.mark.parametrize("name", ALL)
def test_of_joined_files_all_are_heard(name: str) -> None:
    rate, encode = (ENCODERS | BY_FFMPEG)[name]
    one, other = voice(1.5, rate=rate), voice(2.5, rate=rate, seed=1)
    for parts in ([one, other], [other, one], [one, one, other]):
        content = b"".join(map(encode, parts))
        separate = np.concatenate([heard(encode(it), rate=rate) for it in parts])
        found = heard(content, rate=rate)
        assert len(found) == pytest.approx(len(separate), abs=0.05 * rate * len(parts))
        assert len(found) > sum(map(len, parts)) - 0.1 * rate
        # Where nothing counts the frames, a little silence of the encoder stays between them.
        assert alike(found[-rate:], separate[-rate:], rate=rate)


@pytest.mark.parametrize("form", ["MP3", "OGG"])
def test_joined_files_that_differ_are_refused(form: str) -> None:
    content = by_libsndfile(voice(1, rate=24_000), 24_000, form)
    stereo = np.tile(voice(1, rate=24_000)[:, None], 2)
    for other in (by_libsndfile(stereo, 24_000, form), by_libsndfile(voice(1, rate=44_100), 44_100, form)):
        with pytest.raises(
            InputError, match=r"it: holds sounds of 24000 Hz and 1 channels, and of .*one by one"
        ):
            heard(content + other, rate=24_000)


@needs_ffmpeg
def test_joined_files_that_ffmpeg_alone_reads_are_refused() -> None:
    content = by_ffmpeg(voice(1, rate=16_000), 16_000, "-c:a", "libspeex", "-f", "ogg")
    assert len(heard(content, rate=16_000)) == pytest.approx(16_000, abs=500)
    with pytest.raises(InputError, match="it: several sounds one after the other"):
        heard(content + content, rate=16_000)


@pytest.mark.parametrize("name", ["MP3", "Vorbis", "Opus", pytest.param("MP3 of LAME", marks=needs_ffmpeg)])
@pytest.mark.parametrize("part", [0.5, 0.9])
def test_what_is_cut_is_refused(name: str, part: float) -> None:
    rate, encode = (ENCODERS | BY_FFMPEG)[name]
    content = encode(voice(3, rate=rate))
    with pytest.raises(InputError, match=r"it: truncated, .*copy it again"):
        heard(content[: round(part * len(content))], rate=rate)


@pytest.mark.parametrize("name", ["Vorbis", "Opus"])
@pytest.mark.parametrize("bytes_of_head", [1, 4, 15, 26])
def test_what_is_cut_within_the_head_of_a_page_is_refused(name: str, bytes_of_head: int) -> None:
    rate, encode = (ENCODERS | BY_FFMPEG)[name]
    content = encode(voice(3, rate=rate))
    with pytest.raises(InputError, match=r"it: truncated, .*copy it again"):
        heard(content[: content.rindex(b"OggS") + bytes_of_head], rate=rate)


TAGGED = {
    "zeros before it": lambda it: bytes(3000) + it,
    "many zeros before it": lambda it: bytes(100_000) + it,
    "ID3 before it": lambda it: b"ID3\4\0\0\0\0\1\0" + bytes(128) + it,
    "two ID3 before it": lambda it: 2 * (b"ID3\4\0\0\0\0\1\0" + bytes(128)) + it,
    "ID3 of version 1 after it": lambda it: it + b"TAG" + bytes(125),
    "APE after it": lambda it: it + b"APETAGEX" + bytes([0xD0, 7, 0, 0, 40, 0, 0, 0]) + bytes(16) + b"x" * 40,
    "text after it": lambda it: it + b"the end\n" * 20,
}


@pytest.mark.parametrize("change", TAGGED)
def test_what_is_no_frame_changes_nothing_in_mp3(change: str, capfd: pytest.CaptureFixture[str]) -> None:
    content = by_libsndfile(voice(1, rate=24_000), 24_000, "MP3")
    expected = heard(content, rate=24_000)
    np.testing.assert_array_equal(heard(TAGGED[change](content), rate=24_000), expected)
    # libmpg123 has nothing to say.
    assert capfd.readouterr().err == ""


def test_mp3_that_begins_within_a_frame_is_heard() -> None:
    samples = voice(2, rate=24_000)
    content = by_libsndfile(samples, 24_000, "MP3")
    for begins in (150, 500, 900):
        assert len(heard(content[begins:], rate=24_000)) == pytest.approx(len(samples), abs=0.2 * 24_000)


@needs_ffmpeg
def test_frames_that_nothing_counts_are_all_heard() -> None:
    """Of a variable bit rate, libmpg123 guesses their number by the first, and libsndfile stops there."""
    samples = np.concatenate([voice(1, rate=44_100), np.zeros(20 * 44_100, np.float32)])
    how = ["-q:a", "2", "-write_xing", "0", "-id3v2_version", "0", "-f", "mp3"]
    found = heard(by_ffmpeg(samples, 44_100, *how), rate=44_100)
    assert len(found) == pytest.approx(len(samples), abs=0.1 * 44_100)


@needs_ffmpeg
def test_flac_of_unknown_length_is_heard() -> None:
    samples = np.round(voice(3, rate=16_000) * 32767) / 32768
    content = by_ffmpeg(
        samples.astype(np.float32), 16_000, "-c:a", "flac", "-sample_fmt", "s16", "-f", "flac", piped=True
    )
    np.testing.assert_array_equal(heard(content, rate=16_000), samples.astype(np.float32))
    with pytest.raises(InputError, match=r"it: damaged (after|or truncated)"):
        heard(content[: len(content) // 2], rate=16_000)


@needs_ffmpeg
def test_voc_of_several_blocks_has_no_clicks() -> None:
    samples = np.round(voice(2, rate=16_000) * 32767) / 32768
    content = by_ffmpeg(samples.astype(np.float32), 16_000, "-c:a", "pcm_s16le", "-f", "voc")
    np.testing.assert_array_equal(heard(content, rate=16_000), samples.astype(np.float32))
