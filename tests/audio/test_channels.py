"""Channels: one alone or the mean of all, by libsndfile and by ffmpeg alike."""

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from ser.audio.channels import ChannelDifference
from ser.audio.stream import Source, open_sound, resampled
from ser.errors import InputError

RATE = 44_100
Samples = npt.NDArray[np.float32]

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not on the PATH")


def noise(channels: int) -> Samples:
    return np.random.default_rng(channels).normal(0, 0.1, (RATE, channels)).astype(np.float32)


def read(
    source: Source, *, sample_rate: int | None = None, channel: int | None = None
) -> tuple[Samples, ChannelDifference]:
    with open_sound(source, sample_rate=sample_rate, channel=channel) as sound:
        assert sound.rate == RATE
        return np.concatenate(list(sound.blocks)), sound.difference


def wav(path: Path, samples: Samples) -> Path:
    soundfile.write(path, samples, RATE, format="WAV", subtype="FLOAT")
    return path


def matroska(path: Path, samples: Samples) -> Path:
    source = wav(path.with_suffix(".wav"), samples)
    subprocess.run(
        ["ffmpeg", "-v", "error", "-i", source, "-c:a", "pcm_f32le", "-f", "matroska", path], check=True
    )
    return path


@pytest.mark.parametrize("write", [wav, pytest.param(matroska, marks=needs_ffmpeg)])
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_the_mean_of_all_or_one_alone(
    channels: int, tmp_path: Path, write: Callable[[Path, Samples], Path]
) -> None:
    samples = noise(channels)
    path = write(tmp_path / "it", samples)
    np.testing.assert_array_equal(read(path)[0], samples.mean(axis=1))
    np.testing.assert_array_equal(read(samples, sample_rate=RATE)[0], samples.mean(axis=1))
    for channel in {0, channels - 1}:
        np.testing.assert_array_equal(read(path, channel=channel)[0], samples[:, channel])
        np.testing.assert_array_equal(
            read(samples, sample_rate=RATE, channel=channel)[0], samples[:, channel]
        )
    for absent in (channels, -1):
        with pytest.raises(InputError, match=rf"it: no channel {absent}; it has {channels} channel"):
            read(path, channel=absent)


def test_whether_mixed_channels_differ_is_known_once_they_were_read(tmp_path: Path) -> None:
    voice = noise(1)
    quiet = np.zeros_like(voice)
    dithered = voice + 1e-3 * noise(2)[:, :1]
    for left, right, differ in (
        (voice, voice, False),
        (quiet, quiet, False),
        (voice, dithered, False),
        (voice, quiet, True),
        (voice, -voice, True),
        # As of a codec, or of a balance that is a little off.
        (voice, voice + 0.05 * noise(2)[:, :1], False),
        (voice, 0.9 * voice, False),
        (voice, 0.5 * voice, True),
        (voice, noise(3)[:, :1], True),
    ):
        path = wav(tmp_path / "it.wav", np.concatenate([left, right], axis=1))
        with open_sound(path) as sound:
            recording = resampled(sound, sample_rate=16_000)
            assert recording.channels == 2
            for _ in recording.blocks:
                pass
        assert recording.difference.audible == differ
        # Nothing is mixed where one is chosen.
        assert not read(path, channel=1)[1].audible


def test_of_a_channel_alone_another_may_be_spoilt() -> None:
    samples = noise(2)
    samples[100, 1] = np.nan
    with pytest.raises(InputError, match="NaN"):
        read(samples, sample_rate=RATE)
    np.testing.assert_array_equal(read(samples, sample_rate=RATE, channel=0)[0], samples[:, 0])


@needs_ffmpeg
@pytest.mark.parametrize("form", ["matroska", "mov"])
@pytest.mark.parametrize(("marks", "heard"), [(["0", "default"], 1), (["default", "0"], 0), (["0", "0"], 0)])
def test_of_several_tracks_the_default_is_heard(
    form: str, marks: list[str], heard: int, tmp_path: Path
) -> None:
    made = ["ffmpeg", "-v", "error"]
    for track in (0, 1):
        # The second has more channels, for which ffmpeg alone would take it.
        made += ["-i", str(wav(tmp_path / f"{track}.wav", noise(1 + track)))]
    made += ["-map", "0", "-map", "1", "-c:a", "pcm_f32le", "-f", form]
    if form == "matroska":
        made += ["-default_mode", "passthrough"]
    for track, mark in enumerate(marks):
        made += [f"-disposition:a:{track}", mark]
    subprocess.run([*made, str(tmp_path / "film")], check=True)
    with open_sound(io.BytesIO((tmp_path / "film").read_bytes())) as sound:
        assert sound.channels == 1 + heard
        np.testing.assert_array_equal(np.concatenate(list(sound.blocks)), noise(1 + heard).mean(axis=1))
