"""What all corruptions share: parameters that are drawn first and kept, then applied."""

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import numpy.typing as npt

Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Corruption(ABC):
    """One corruption with all of its parameters: nothing is random any more.

    Fields are numbers, strings and tuples of them, so that JSON holds them exactly.
    """

    kind: ClassVar[str]
    """Name in JSON and in params.yaml."""

    @classmethod
    @abstractmethod
    def draw(cls, rng: np.random.Generator, ranges: Any) -> Self:
        """Draw all parameters.

        Parameters
        ----------
        rng
            Generator that the draw takes from.
        ranges
            From what is drawn: the section of `ser.params.CorruptionRanges` of this name.
        """

    @abstractmethod
    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Corrupt a recording, always in the same way.

        Parameters
        ----------
        samples
            [shape=(n,), dtype=float32] A mono recording of at least one sample; full scale is 1.
        sample_rate
            Rate of the samples, in Hz.

        Returns
        -------
        numpy.ndarray [shape=(m,), dtype=float32]
            The corrupted recording at the same rate, never clipped but where that is the corruption; m is n
            but for `Speed` and `Cut`.
        """


def generator(seed: int, *names: str) -> np.random.Generator:
    """Make a generator that depends on a seed and on names alone, such as a clip's id and a kind.

    Parameters
    ----------
    seed
        Seed from a params.yaml, 0 or above.
    *names
        What else the draws depend on.
    """
    return np.random.default_rng(seed_of(seed, *names))


def seed_of(seed: int, *names: str) -> int:
    """Give the seed, below 2**64, of `generator`, for parameters that keep a seed."""
    digest = hashlib.sha256(":".join((str(seed), *names)).encode()).digest()
    return int.from_bytes(digest[:8], "little")


def uniform(rng: np.random.Generator, interval: list[float]) -> float:
    """Draw from an `ser.params.Interval`."""
    low, high = interval
    return float(rng.uniform(low, high))


def draw_seed(rng: np.random.Generator) -> int:
    """Draw the seed of noise that is made only when it is applied."""
    return int(rng.integers(2**32))
