"""Decoding, checking and writing of sound files, on files that the tests make."""

import errno
import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ser.audio import clip_io as audio
from ser.errors import InputError

RATE = 48_000
NOISE = np.random.default_rng(0).integers(-9000, 9000, RATE // 2, dtype=np.int16)


@settings(deadline=None)
@given(samples=arrays(np.int16, st.integers(4800, 6000)), suffix=st.sampled_from([".wav", ".flac"]))
def test_16_bit_samples_come_back_bit_for_bit(
    tmp_path_factory: pytest.TempPathFactory, samples: audio.Pcm16, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"round_trip{suffix}"
    samples[0] = 1
    audio.write_pcm16(path, samples, sample_rate=RATE)
    np.testing.assert_array_equal(audio.read_pcm16(path, sample_rate=RATE), samples)
    stream = io.BytesIO(path.read_bytes())
    np.testing.assert_array_equal(audio.read_pcm16("elsewhere", sample_rate=RATE, stream=stream), samples)


def test_wav_is_the_plain_44_byte_header_and_the_samples(tmp_path: Path) -> None:
    audio.write_pcm16(tmp_path / "a.wav", NOISE, sample_rate=RATE)
    size = NOISE.nbytes
    header = b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt "
    header += struct.pack("<IHHIIHH", 16, 1, 1, RATE, 2 * RATE, 2, 16) + b"data" + struct.pack("<I", size)
    assert (tmp_path / "a.wav").read_bytes() == header + NOISE.astype("<i2").tobytes()


def test_floats_are_rounded_and_clipped(tmp_path: Path) -> None:
    floats = np.resize([0.5, -0.5, 0.6 / 32768, 1.0, 2.0, -1.0, -2.0], RATE)
    audio.write_pcm16(tmp_path / "a.wav", floats, sample_rate=RATE)
    written = audio.read_pcm16(tmp_path / "a.wav", sample_rate=RATE)
    assert written[:7].tolist() == [16384, -16384, 1, 32767, 32767, -32768, -32768]


def test_two_equal_channels_become_one(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([NOISE, NOISE], axis=1), RATE)
    np.testing.assert_array_equal(audio.read_pcm16(tmp_path / "a.wav", sample_rate=RATE), NOISE)


def damaged(keep: Callable[[bytes], bytes], *, suffix: str = ".wav") -> Callable[[Path], Path]:
    """A file whose bytes were changed."""

    def make(folder: Path) -> Path:
        path = folder / f"clip{suffix}"
        audio.write_pcm16(path, NOISE, sample_rate=RATE)
        path.write_bytes(keep(path.read_bytes()))
        return path

    return make


def sound(samples: Any, *, rate: int = RATE, subtype: str = "PCM_16", name: str = "clip.wav") -> Any:
    """A sound file that is none of ours."""

    def make(folder: Path) -> Path:
        soundfile.write(folder / name, samples, rate, subtype=subtype)
        return folder / name

    return make


DIFFERING = np.stack([NOISE, NOISE[::-1]], axis=1)
NAN = np.where(np.arange(RATE) == 9, np.nan, 0.1)
BAD = {
    "missing": (lambda folder: folder / "clip.wav", "no such file"),
    "empty": (damaged(lambda content: b""), "empty file, 0 bytes"),
    "text": (damaged(lambda content: b"not a sound"), "no readable audio"),
    "header only": (damaged(lambda content: content[:44]), "0 frames, but at least"),
    "half a header": (damaged(lambda content: content[:20]), "no readable audio"),
    "truncated flac": (
        damaged(lambda content: content[: len(content) // 2], suffix=".flac"),
        "no readable audio",
    ),
    "corrupt flac": (
        damaged(lambda content: content[:9000] + bytes(500) + content[9500:], suffix=".flac"),
        "no readable audio",
    ),
    "silent": (sound(np.zeros(RATE, np.int16)), "silent"),
    "too short": (sound(NOISE[: RATE // 10 - 1]), "4799 frames, but at least 0.1 s"),
    "too long": (sound(np.ones(61 * RATE, np.int16), name="clip.flac"), "at most 60 s"),
    "wrong rate": (sound(NOISE, rate=44_100), "44100 Hz, but must be 48000 Hz"),
    "stereo that differs": (sound(DIFFERING), "its 2 channels differ"),
    "8 bit": (sound(NOISE, subtype="PCM_U8"), "PCM_U8, but must be 16-bit"),
    "24 bit": (sound(NOISE, subtype="PCM_24"), "PCM_24"),
    "32 bit": (sound(NOISE, subtype="PCM_32"), "PCM_32"),
    "float": (sound(NOISE / 32768, subtype="FLOAT"), "FLOAT"),
    "NaN": (sound(NAN, subtype="DOUBLE"), "DOUBLE"),
}


@pytest.mark.parametrize(("make", "says"), BAD.values(), ids=BAD)
def test_what_is_no_clip_is_refused_by_name(tmp_path: Path, make: Callable[[Path], Path], says: str) -> None:
    path = make(tmp_path)
    with pytest.raises(InputError, match=says) as caught:
        audio.read_pcm16(path, sample_rate=RATE)
    assert str(caught.value).startswith(f"{path}: ")


def test_an_empty_stream_is_said_to_be_empty() -> None:
    with pytest.raises(InputError, match=r"a\.wav: empty file"):
        audio.read_pcm16("a.wav", sample_rate=RATE, stream=io.BytesIO())


def test_a_full_disk_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "a.wav").symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left") as caught:
        audio.write_pcm16(tmp_path / "a.wav", NOISE, sample_rate=RATE)
    assert caught.value.errno == errno.ENOSPC


def test_load_cuts_the_window_and_averages_channels(tmp_path: Path) -> None:
    left = np.linspace(-0.5, 0.5, RATE, dtype=np.float32)
    soundfile.write(tmp_path / "a.wav", np.stack([left, np.zeros_like(left)], axis=1), RATE, subtype="FLOAT")
    window = audio.load(tmp_path / "a.wav", sample_rate=RATE, offset_s=0.25, duration_s=0.5)
    np.testing.assert_array_equal(window, left[RATE // 4 : 3 * RATE // 4] / 2)
    assert window.dtype == np.float32


def test_load_resamples_without_moving_the_pitch(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    audio.write_pcm16(tmp_path / "a.wav", tone, sample_rate=RATE)
    resampled = audio.load(tmp_path / "a.wav", sample_rate=16_000)
    assert len(resampled) == 16_000
    assert np.abs(np.fft.rfft(resampled)).argmax() == 1000


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (sound(NAN, subtype="DOUBLE"), "NaN or infinite"),
        (sound(np.where(np.isnan(NAN), np.inf, NAN), subtype="FLOAT"), "NaN or infinite"),
        (sound(NOISE[:100]), "0.002 s of sound"),
        (damaged(lambda content: b""), "empty file"),
        (lambda folder: folder / "clip.wav", "no such file"),
    ],
)
def test_load_refuses_what_no_model_can_hear(tmp_path: Path, make: Callable[[Path], Path], says: str) -> None:
    with pytest.raises(InputError, match=says):
        audio.load(make(tmp_path), sample_rate=16_000)


def test_load_refuses_a_window_behind_the_end(tmp_path: Path) -> None:
    audio.write_pcm16(tmp_path / "a.wav", NOISE, sample_rate=RATE)
    with pytest.raises(InputError, match=r"0\.000 s of sound"):
        audio.load(tmp_path / "a.wav", sample_rate=RATE, offset_s=9.0)


def test_levels_in_dbfs() -> None:
    constant = np.full(1000, -32768, np.int16)
    assert audio.peak_dbfs(constant) == audio.rms_dbfs(constant) == 0
    sine = np.round(16384 * np.sin(2 * np.pi * np.arange(4800) / 48)).astype(np.int16)
    assert audio.peak_dbfs(sine) == pytest.approx(-6.0206, abs=1e-4)
    assert audio.rms_dbfs(sine) == pytest.approx(-6.0206 - 3.0103, abs=1e-3)
