"""From a recording to windows with speech: one for a short one, overlapping ones for a long one."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ser.audio.endpointing import trim_silence
from ser.audio.stream import Sound
from ser.errors import NoSpeechError
from ser.features.front_end import Array, frame_power
from ser.features.whisper_encoder import SAMPLE_RATE, WhisperEncoder
from ser.features.whisper_front_end import LONGEST_S
from ser.recognizer.bundle_format import ListeningSettings
from ser.recognizer.reasons import sound_faults
from ser.recognizer.voice_activity import POSSIBLE_PROBABILITY, SpeechDetector

# 40 ms and 16 ms: the frames whose levels are measured.
_LEVEL_FRAME, _LEVEL_HOP = 640, 256


@dataclass(frozen=True)
class Window:
    """What the encoder makes of the speech in a window.

    Attributes
    ----------
    functionals : numpy.ndarray [shape=(layers, columns), dtype=float32]
        Mean and standard deviation over time of each layer's states.
    speech_s : float
        Length of the speech in seconds, silence at both ends cut off.
    faults : frozenset of str
        What its sound suffers from, as of `ser.recognizer.reasons.sound_faults`.
    """

    functionals: Array
    speech_s: float
    faults: frozenset[str]


@dataclass(frozen=True)
class Clip:
    """A short recording, taken as one window.

    Attributes
    ----------
    name : str
        Name of the recording in answers and errors.
    duration_s : float
        Length of the recording, in seconds.
    window : Window
        What the encoder makes of it.
    speech_s : float
        Length of its speech in seconds, silence at both ends cut off; 0 where there may be none.
    """

    name: str
    duration_s: float
    window: Window
    speech_s: float


@dataclass(frozen=True)
class Hop:
    """A step of a long recording, usually of one second, and the window that begins with it.

    Attributes
    ----------
    start_s, end_s : float
        Start and end of the hop in the recording, in seconds.
    level_dbfs : float
        Level of the hop's loudest frame, in dBFS.
    speech : bool
        Whether there is speech within the hop.
    window : Window or None
        What the encoder makes of that window; None where it is without speech, or an earlier window reaches
        to the recording's end.
    """

    start_s: float
    end_s: float
    level_dbfs: float
    speech: bool
    window: Window | None


class WindowReader:
    """Cuts recordings at 16 kHz into windows, and encodes those with speech.

    Parameters
    ----------
    listening
        The lengths of windows, and the threshold of silence.
    encoder
        The encoder, which reads one window a call: no window can change the answer for another.
    """

    def __init__(self, listening: ListeningSettings, encoder: WhisperEncoder) -> None:
        self._listening = listening
        self._encoder = encoder
        self._detector = SpeechDetector()

    def check_length(self, samples: Array, sound: Sound) -> None:
        """Refuse a recording that is too short to answer for.

        Parameters
        ----------
        samples
            [shape=(n,)] All samples of the recording, at 16 kHz.
        sound
            The recording, for its name in errors.

        Raises
        ------
        NoSpeechError
            Where it is shorter than the bundle's ``shortest_s``.
        """
        duration_s = len(samples) / SAMPLE_RATE
        if duration_s < self._listening.shortest_s:
            raise NoSpeechError(
                f"{sound.name}: {duration_s:.3f} s of sound, but at least {self._listening.shortest_s} s are "
                "needed"
            )

    def clip(self, samples: Array, sound: Sound) -> Clip:
        """Take a short recording as one window.

        Parameters
        ----------
        samples
            [shape=(n,)] All samples of the recording, at 16 kHz; full scale is 1.
        sound
            The recording, for its name in the answer and in errors.

        Returns
        -------
        Clip
            The encoded recording, with the length of its speech.

        Raises
        ------
        NoSpeechError
            Where it is too short, silent, or without speech.
        """
        self.check_length(samples, sound)
        samples = _without_offset(samples)
        speech = trim_silence(samples, sample_rate=SAMPLE_RATE)  # (m,), m <= n
        level_dbfs = _level_dbfs(samples)
        # Speech is mostly found from its beginning; where not, what comes before may help.
        certain = self._audible(level_dbfs) and (
            self._detector.has_speech(speech) or self._detector.has_speech(samples)
        )
        possible = certain or (
            self._audible(level_dbfs) and self._detector.has_speech(samples, probability=POSSIBLE_PROBABILITY)
        )
        if not possible:
            raise self.no_speech(sound, level_dbfs)
        window = self._encode(speech, samples)
        duration_s = len(samples) / SAMPLE_RATE
        return Clip(sound.name, duration_s, window, speech_s=window.speech_s if certain else 0.0)

    def window(self, samples: Array) -> Window:
        """Encode a window [shape=(n,)], whether there is speech in it or not."""
        samples = _without_offset(samples)
        return self._encode(trim_silence(samples, sample_rate=SAMPLE_RATE), samples)

    def hops(self, blocks: Iterator[Array]) -> Iterator[Hop]:
        """Cut a recording of any length into overlapping windows, in constant memory.

        Parameters
        ----------
        blocks
            Samples block by block [shape=(n,)], at 16 kHz; full scale is 1.

        Yields
        ------
        Hop
            The hops in order, without gaps, to the end of the recording.
        """
        window, hop, shortest = (
            round(it * SAMPLE_RATE)
            for it in (self._listening.window_s, self._listening.hop_s, self._listening.shortest_s)
        )
        start = 0
        buffer = np.zeros(0, dtype=np.float32)
        for block in blocks:
            buffer = np.concatenate([buffer, block])  # (samples that wait,)
            # What is left at the end is then never too short for a window.
            while len(buffer) >= window + shortest:
                yield self._hop(buffer[:window], start, hop)
                buffer, start = buffer[hop:], start + hop
        last_window = True
        while len(buffer):
            # The last window contains all that is left; hops that begin later in it have none of their own.
            length = hop if len(buffer) >= hop + shortest else len(buffer)
            yield self._hop(buffer, start, length, has_window=last_window)
            buffer, start, last_window = buffer[length:], start + length, False

    def no_speech(self, sound: Sound, level_dbfs: float) -> NoSpeechError:
        """Make the error that says why there is no answer, and what to do.

        Parameters
        ----------
        sound
            The recording, for its name and its number of channels.
        level_dbfs
            Level of its loudest frame, in dBFS.
        """
        if self._audible(level_dbfs):
            return NoSpeechError(f"{sound.name}: no speech heard; record it again, closer to whoever speaks")
        if sound.channels > 1:
            return NoSpeechError(
                f"{sound.name}: silent, the mean of its {sound.channels} channels at least; if they cancel "
                "each other, give one of them, else record it again, closer or louder"
            )
        return NoSpeechError(
            f"{sound.name}: silent, there is no speech to hear; record it again, closer or louder"
        )

    def _hop(self, window: Array, start: int, length: int, *, has_window: bool = True) -> Hop:
        """Describe the first `length` samples of a window [shape=(n,)] that begins at sample `start`."""
        window = _without_offset(window)
        level_dbfs = _level_dbfs(window[:length])
        speech = self._audible(level_dbfs) and self._detector.has_speech(window[:length])
        encoded = has_window and (
            speech or (self._audible(_level_dbfs(window)) and self._detector.has_speech(window))
        )
        return Hop(
            start_s=start / SAMPLE_RATE,
            end_s=(start + min(length, len(window))) / SAMPLE_RATE,
            level_dbfs=level_dbfs,
            speech=speech,
            window=self._encode(trim_silence(window, sample_rate=SAMPLE_RATE), window) if encoded else None,
        )

    def _encode(self, speech: Array, samples: Array) -> Window:
        """Encode speech [shape=(m,)] without silence at the ends of `samples` [shape=(n,)], as recorded."""
        # As in training. A window is far shorter, but for settings of somebody's own.
        speech = speech[: round(LONGEST_S * SAMPLE_RATE)]
        [functionals] = self._encoder.functionals([speech])
        faults = sound_faults(samples, speech, sample_rate=SAMPLE_RATE)
        return Window(functionals, len(speech) / SAMPLE_RATE, faults)

    def _audible(self, level_dbfs: float) -> bool:
        return level_dbfs >= self._listening.silence_dbfs


def _without_offset(samples: Array) -> Array:
    """Take the mean off samples [shape=(n,)]: a sound card's offset is no sound, but has a level."""
    return samples - np.float32(np.mean(samples, dtype=np.float64))


def _level_dbfs(samples: Array) -> float:
    """Level in dBFS of the loudest frame of samples [shape=(n,)]."""
    power = frame_power(samples, frame=_LEVEL_FRAME, hop=_LEVEL_HOP)  # (1 + n // hop,)
    return float(10 * np.log10(max(power.max(), 1e-20)))
