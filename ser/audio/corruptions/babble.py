"""Other people talking at the same time."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from ser.audio.corruptions.corruption import Corruption, Waveform, draw_seed, uniform
from ser.audio.corruptions.speech_level import add_at_snr, power
from ser.params import BabbleRanges

_TINY = 1e-12


@dataclass(frozen=True)
class Babble(Corruption):
    """Talkers at the same level, each repeated without a pause.

    audiomentations' AddBackgroundNoise mixes in one file, at an SNR over the whole clip.

    Attributes
    ----------
    clips : tuple of str
        Ids of the talkers' recordings; `ser.data.babble_voices` says which are allowed.
    snr_db : float
        Signal-to-noise ratio, as of `add_at_snr`, in dB.
    seed : int
        Seed of the places from which the talkers begin.
    """

    kind: ClassVar[str] = "babble"
    clips: tuple[str, ...]
    snr_db: float
    seed: int

    @classmethod
    def draw(
        cls,
        rng: np.random.Generator,
        ranges: BabbleRanges,
        candidates: Mapping[int, Sequence[str]] | None = None,
    ) -> Self:
        """Draw talkers, one recording each, a ratio and a seed.

        Parameters
        ----------
        rng
            Generator that the draw takes from.
        ranges
            Numbers of talkers and ratios in dB.
        candidates
            Ids of the allowed recordings by actor: `ser.data.babble_voices` makes them.

        Raises
        ------
        ValueError
            Where there are fewer actors than talkers may be drawn.
        """
        fewest, most = ranges.talkers
        candidates = candidates or {}
        if most > len(candidates):
            raise ValueError(f"babble of {most} talkers, but only {len(candidates)} actors are allowed")
        talkers = int(rng.integers(fewest, most + 1))
        actors = rng.choice(sorted(candidates), talkers, replace=False)
        clips = tuple(str(rng.choice(candidates[int(actor)])) for actor in actors)
        return cls(clips, uniform(rng, ranges.snr_db), draw_seed(rng))

    def apply(
        self, samples: Waveform, sample_rate: int, voices: Mapping[str, Waveform] | None = None
    ) -> Waveform:
        """Add the babble.

        Parameters
        ----------
        samples, sample_rate
            As of `Corruption.apply`.
        voices
            Recordings by clip id, at the same rate and without silence at their ends; all of `clips`.
        """
        mixed = babble([(voices or {})[clip] for clip in self.clips], len(samples), seed=self.seed)
        return add_at_snr(samples, mixed, snr_db=self.snr_db, sample_rate=sample_rate)


def babble(voices: Sequence[Waveform], length: int, *, seed: int) -> npt.NDArray[np.float32]:
    """Mix talkers, each of a mean power of 1 and repeated without a pause from a drawn place on.

    Parameters
    ----------
    voices
        Speech of each talker [shape=(m,)], m at least 1, which may differ.
    length
        Length of the result, in samples.
    seed
        Seed of the places.

    Returns
    -------
    numpy.ndarray [shape=(length,), dtype=float32]
        The sum of all talkers.
    """
    rng = np.random.default_rng(seed)
    mixed = np.zeros(length)
    for voice in voices:
        # Repeated or cut: (m,) to (length,).
        repeated = np.resize(np.roll(voice, int(rng.integers(len(voice)))), length)
        mixed += repeated / np.sqrt(max(power(voice), _TINY))
    return mixed.astype(np.float32)
