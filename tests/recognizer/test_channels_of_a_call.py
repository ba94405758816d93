"""Each channel of a call by itself, and what is said of their mean."""

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from voices import spoken

from ser.errors import InputError, NoSpeechError
from ser.recognizer.channels import CHOICES, LEFT, MIX, NAMES, RIGHT, SPLIT, chosen
from ser.recognizer.recognizer import Recognizer

RATE = 16_000


@pytest.fixture(scope="module")
def recognizer(bundle_folder: Path) -> Recognizer:
    return Recognizer.load(bundle_folder)


@pytest.mark.parametrize("seconds", [2.5, 8])
def test_a_channel_is_answered_as_if_it_were_alone(recognizer: Recognizer, seconds: float) -> None:
    voices = {LEFT: spoken(seconds), RIGHT: spoken(seconds, seed=2)}
    both = np.stack([voices[LEFT], voices[RIGHT]], axis=1)
    for channel, voice in voices.items():
        result = recognizer.predict(both, RATE, channel=channel)
        alone = recognizer.predict(voice, RATE)
        assert (result.channel, alone.channel) == (channel, None)
        assert {**result.as_dict(), "channel": None} == alone.as_dict()
    mixed = recognizer.predict(both, RATE)
    assert (mixed.channel, mixed.channels_differ) == (None, True)
    assert mixed.as_dict()["channels_differ"]
    same = recognizer.predict(np.stack([voices[LEFT]] * 2, axis=1), RATE)
    assert not same.channels_differ
    assert "channels_differ" not in same.as_dict()


def test_a_silent_channel_is_not_called_the_mean_of_several(recognizer: Recognizer) -> None:
    both = np.stack([spoken(2), np.zeros(2 * RATE, np.float32)], axis=1)
    with pytest.raises(NoSpeechError, match="silent, there is no speech"):
        recognizer.predict(both, RATE, channel=RIGHT)


def test_a_channel_that_is_not_there_is_refused(recognizer: Recognizer) -> None:
    with pytest.raises(InputError, match="must be left or right"):
        recognizer.predict(spoken(1), RATE, channel="middle")
    with pytest.raises(InputError, match="no channel"):
        recognizer.predict(spoken(1), RATE, channel=RIGHT)


def test_which_channels_a_choice_means() -> None:
    def wav(channels: int) -> io.BytesIO:
        file = io.BytesIO()
        soundfile.write(file, np.zeros((800, channels)), RATE, format="WAV")
        return file

    assert [chosen(wav(1), it) for it in CHOICES] == [(None,)] * 4
    assert [chosen(wav(2), it) for it in CHOICES] == [(None,), (LEFT,), (RIGHT,), NAMES]
    assert [chosen(wav(6), it) for it in (MIX, LEFT, RIGHT)] == [(None,), (LEFT,), (RIGHT,)]
    with pytest.raises(InputError, match="film: 6 channels, but two can be split"):
        chosen(wav(6), SPLIT, name="film")


def test_progress_is_the_seconds_that_were_read(recognizer: Recognizer) -> None:
    told: list[float] = []
    samples = np.tile(spoken(8), 3)
    with_progress = recognizer.predict(samples, RATE, progress=told.append)
    assert told == sorted(told)
    assert told[-1] == pytest.approx(24)
    assert with_progress == recognizer.predict(samples, RATE)
    with pytest.raises(KeyboardInterrupt):
        recognizer.predict(samples, RATE, progress=interrupt)


def interrupt(_: float) -> None:
    raise KeyboardInterrupt
