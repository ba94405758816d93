"""Several corruptions one after the other, and their parameters as JSON."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Self

from ser.audio.corruptions.babble import Babble
from ser.audio.corruptions.click import Click
from ser.audio.corruptions.clipping import Clipping
from ser.audio.corruptions.codec import Codec
from ser.audio.corruptions.colored_noise import ColoredNoise
from ser.audio.corruptions.corruption import Corruption, Waveform, generator
from ser.audio.corruptions.cut import Cut
from ser.audio.corruptions.dc_offset import DcOffset
from ser.audio.corruptions.hum import Hum
from ser.audio.corruptions.level import Level
from ser.audio.corruptions.room import Room
from ser.audio.corruptions.speed import Speed
from ser.audio.corruptions.telephone import Telephone
from ser.params import BabbleRanges, CorruptionRanges

KINDS: Mapping[str, type[Corruption]] = {
    it.kind: it
    for it in (
        *(Speed, Cut, Room, Babble, ColoredNoise, Hum, Click, Level, DcOffset, Clipping, Telephone, Codec),
    )
}
"""Every corruption by its name, in the order in which sound meets them: speaker, room, microphone, line."""


@dataclass(frozen=True)
class Mixture:
    """Corruptions that are applied in their order; of none, the recording as it is.

    An SNR is relative to what comes in, earlier corruptions included.

    Attributes
    ----------
    corruptions : tuple of Corruption
        Each with its parameters.
    """

    corruptions: tuple[Corruption, ...] = ()

    @classmethod
    def draw(
        cls,
        ranges: CorruptionRanges,
        *names: str,
        seed: int,
        candidates: Mapping[int, Sequence[str]] | None = None,
    ) -> Self:
        """Draw the parameters of every corruption, each from a generator of its own.

        Parameters
        ----------
        ranges
            From what to draw; the order of `KINDS` is that of the corruptions.
        *names
            What the draws depend on beside the seed and the corruption's name, such as a clip's id. With the
            same names, noise is the same at every SNR.
        seed
            Seed from a params.yaml, 0 or above.
        candidates
            For babble: ids of the allowed recordings by actor, as of `ser.data.babble_voices`.

        Raises
        ------
        ValueError
            Where babble is to be drawn from fewer actors than talkers.
        """
        drawn: list[Corruption] = []
        for kind, corruption in KINDS.items():
            within = getattr(ranges, kind)
            rng = generator(seed, *names, kind)
            if isinstance(within, BabbleRanges):
                drawn.append(Babble.draw(rng, within, candidates))
            elif within is not None:
                drawn.append(corruption.draw(rng, within))
        return cls(tuple(drawn))

    def apply(
        self, samples: Waveform, sample_rate: int, *, voices: Mapping[str, Waveform] | None = None
    ) -> Waveform:
        """Corrupt a recording, always in the same way.

        Parameters
        ----------
        samples, sample_rate
            As of `Corruption.apply`.
        voices
            For `Babble`: its recordings by clip id, at the same rate, without silence at their ends.
        """
        for corruption in self.corruptions:
            if isinstance(corruption, Babble):
                samples = corruption.apply(samples, sample_rate, voices)
            else:
                samples = corruption.apply(samples, sample_rate)
        return samples

    @property
    def speed(self) -> float:
        """Factor of the speed that it begins with, else 1.

        Who reads the recording at a rate that is as many times lower has applied it, as exactly as the
        resampling is; the rest is `after_speed`.
        """
        first = self.corruptions[:1]
        return first[0].factor if first and isinstance(first[0], Speed) else 1.0

    @property
    def after_speed(self) -> Self:
        """Give what follows a speed that it begins with."""
        return type(self)(self.corruptions[1:]) if self.speed != 1 else self

    @property
    def voices(self) -> tuple[str, ...]:
        """Ids of the clips that its babble needs."""
        return tuple(clip for it in self.corruptions if isinstance(it, Babble) for clip in it.clips)

    def to_json(self) -> str:
        """Write all parameters, so that `from_json` gives an equal mixture: floats to the last bit."""
        return json.dumps([{"kind": it.kind, **asdict(it)} for it in self.corruptions])

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote."""
        return cls(tuple(map(_read, json.loads(text))))


def _read(content: Mapping[str, str | float | Sequence[str | float]]) -> Corruption:
    # JSON has no tuples.
    fields = {name: tuple(it) if isinstance(it, list) else it for name, it in content.items()}
    return KINDS[str(fields.pop("kind"))](**fields)
