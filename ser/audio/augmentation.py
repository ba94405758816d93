"""The article's three augmentations as audiomentations transforms, drawn per clip so that it can be replayed.

Each transform draws its parameters first and then applies them; what was drawn is kept in a table. The two
that audiomentations lacks (noise relative to the clip's peak, and speed-and-pitch by linear interpolation)
are here.

The article augments in memory at 44.1 kHz. Here a copy is made at the recordings' 48 kHz and kept as 16-bit
FLAC, so that one can listen to it; it is resampled where features are computed.
"""

import hashlib
import json
import random

import numpy as np
import numpy.typing as npt
from audiomentations import TimeStretch
from audiomentations.core.transforms_interface import BaseWaveformTransform

from ser.params import NoiseParams, SpeedPitchParams, StretchParams

Waveform = npt.NDArray[np.float32]
Settings = NoiseParams | StretchParams | SpeedPitchParams


class AddPeakRelativeNoise(BaseWaveformTransform):  # type: ignore[misc]
    """Add Gaussian noise of standard deviation ``max_amplitude * U(0, 1) * max(samples)``.

    Parameters
    ----------
    max_amplitude
        Largest standard deviation of the noise, as a proportion of the clip's greatest sample, above 0 to 1.
    p
        Probability of acting at all, from 0 to 1.
    """

    supports_multichannel = True

    def __init__(self, *, max_amplitude: float, p: float = 0.5):
        super().__init__(p)
        if not 0 < max_amplitude <= 1:
            raise ValueError(f"max_amplitude must be above 0 and at most 1, got {max_amplitude}")
        self.max_amplitude = max_amplitude

    def randomize_parameters(self, samples: Waveform, sample_rate: int) -> None:
        """Draw the amplitude, up to `max_amplitude`, and the seed of the noise itself."""
        super().randomize_parameters(samples, sample_rate)
        if self.parameters["should_apply"]:
            self.parameters["amplitude"] = self.max_amplitude * random.uniform(0, 1)
            self.parameters["noise_seed"] = random.randrange(2**32)

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Add the drawn noise."""
        noise = np.random.default_rng(self.parameters["noise_seed"]).standard_normal(
            samples.shape, dtype=np.float32
        )
        # (n,), or (channels, n), as the samples are.
        noisy: Waveform = samples + np.float32(self.parameters["amplitude"]) * samples.max() * noise
        return noisy


class SpeedAndPitch(BaseWaveformTransform):  # type: ignore[misc]
    """Change speed and pitch together by linear-interpolation resampling; the end is filled with zeros.

    Parameters
    ----------
    factor
        Speed-up before the drawn change of length, above 0; 1 leaves the speed.
    min_length_change, max_length_change
        The speed-up is ``factor / U(min_length_change, max_length_change)``.
    p
        Probability of acting at all, from 0 to 1.
    """

    supports_multichannel = False

    def __init__(self, *, factor: float, min_length_change: float, max_length_change: float, p: float = 0.5):
        super().__init__(p)
        if factor <= 0:
            raise ValueError(f"factor must be above 0, got {factor}")
        if not 0 < min_length_change <= max_length_change:
            raise ValueError(
                "0 < min_length_change <= max_length_change must hold, "
                f"got {min_length_change}, {max_length_change}"
            )
        self.factor = factor
        self.min_length_change = min_length_change
        self.max_length_change = max_length_change

    def randomize_parameters(self, samples: Waveform, sample_rate: int) -> None:
        """Draw the speed-up."""
        super().randomize_parameters(samples, sample_rate)
        if self.parameters["should_apply"]:
            change = random.uniform(self.min_length_change, self.max_length_change)
            self.parameters["speed"] = self.factor / change

    def apply(self, samples: Waveform, sample_rate: int) -> Waveform:
        """Resample, then cut or zero-fill to the former length."""
        positions = np.arange(0, len(samples), self.parameters["speed"])  # (ceil(n / speed),), in samples
        resampled = np.interp(positions, np.arange(len(samples)), samples)[: len(samples)]
        result = np.zeros_like(samples)  # (n,)
        result[: len(resampled)] = resampled
        return result


def make_transform(settings: Settings) -> BaseWaveformTransform:
    """Build the transform that a section of ``augment`` in params.yaml describes; it acts on every clip."""
    match settings:
        case NoiseParams():
            return AddPeakRelativeNoise(max_amplitude=settings.max_amplitude, p=1.0)
        case StretchParams():
            # Longer, not cut to the former length, and by librosa's phase vocoder: as in the article.
            return TimeStretch(
                min_rate=settings.rate,
                max_rate=settings.rate,
                leave_length_unchanged=False,
                method="librosa_phase_vocoder",
                p=1.0,
            )
        case SpeedPitchParams():
            return SpeedAndPitch(
                factor=settings.factor,
                min_length_change=settings.min_length_change,
                max_length_change=settings.max_length_change,
                p=1.0,
            )


def draw(
    transform: BaseWaveformTransform, samples: Waveform, *, sample_rate: int, seed: int, clip: str
) -> tuple[Waveform, str]:
    """Transform a clip by a draw that depends on the seed, the clip and the transform's kind, nothing else.

    Parameters
    ----------
    transform
        Made by `make_transform`; it keeps this draw in place of its last.
    samples
        [shape=(n,), dtype=float32] A mono clip; full scale is 1.
    sample_rate
        Rate of the samples, in Hz.
    seed
        Seed of the variant, from params.yaml.
    clip
        The clip's id: its file name without ending.

    Returns
    -------
    samples : numpy.ndarray [shape=(m,), dtype=float32]
        The copy, at the same rate; m is n but for a time stretch.
    drawn : str
        The drawn parameters as JSON, for `replay`.
    """
    kind = type(transform).__name__
    digest = hashlib.sha256(f"{seed}:{clip}:{kind}".encode()).digest()
    # audiomentations draws from the global generators of random and NumPy.
    state = int.from_bytes(digest[:4], "little")
    random.seed(state)
    np.random.seed(state)  # noqa: NPY002
    transform.unfreeze_parameters()
    result = transform(samples, sample_rate)
    return result, json.dumps(transform.parameters, sort_keys=True)


def replay(transform: BaseWaveformTransform, samples: Waveform, *, sample_rate: int, drawn: str) -> Waveform:
    """Apply a transform with drawn parameters: the same samples give the same result.

    Parameters
    ----------
    transform
        Made by `make_transform` of the same settings.
    samples
        [shape=(n,), dtype=float32] The clip of which the copy was made; full scale is 1.
    sample_rate
        Rate of the samples, in Hz.
    drawn
        JSON that `draw` returned.

    Returns
    -------
    numpy.ndarray [shape=(m,), dtype=float32]
        The copy that `draw` returned.
    """
    transform.parameters = json.loads(drawn)
    transform.freeze_parameters()
    result: Waveform = transform(samples, sample_rate)
    return result
