"""What an epoch changes in the training log-mels: a copy a clip, gain, tempo, mel warp, masks, mixup.

References
----------
Masks: Park DS et al. (2019). SpecAugment. Interspeech.
Mel warp: Jaitly N, Hinton GE (2013). Vocal Tract Length Perturbation. ICML workshop.
Mixup: Zhang H et al. (2018). mixup: Beyond Empirical Risk Minimization. ICLR.
"""

import numpy as np
import numpy.typing as npt

from ser.params import LogMelCnn

Array = npt.NDArray[np.float32]


def choose_copies(x: Array, *, clean_share: float, copies: int, generator: np.random.Generator) -> Array:
    """Choose one copy of each clip: the clean one with probability `clean_share`, else any other alike.

    Parameters
    ----------
    x
        [shape=(copies * n, ...)], copy by copy, the clean one first.

    Returns
    -------
    numpy.ndarray [shape=(n, ...)]
    """
    n = len(x) // copies
    if copies == 1:
        return x
    other = generator.integers(1, copies, size=n)
    chosen = np.where(generator.random(n) < clean_share, 0, other)
    return x[chosen * n + np.arange(n)]


def distort(x: Array, *, floor_db: float, settings: LogMelCnn, generator: np.random.Generator) -> Array:
    """Change level, tempo and vocal tract length of each log-mel at random.

    Parameters
    ----------
    x
        [shape=(n, frames, bands)] in dB.
    floor_db
        The value of padding: what lies there stays there.
    """
    x = _warp(x, 1 + generator.uniform(-1, 1, len(x)) * settings.tempo_change, axis=1)
    x = _warp(x, 1 + generator.uniform(-1, 1, len(x)) * settings.mel_warp, axis=2)
    gain = generator.uniform(-settings.gain_db, settings.gain_db, (len(x), 1, 1)).astype(np.float32)
    return np.where(x > floor_db, np.maximum(x + gain, floor_db), floor_db).astype(np.float32)


def mask(x: Array, *, settings: LogMelCnn, generator: np.random.Generator) -> Array:
    """Set two bands of time and two of frequency to 0, the mean, in each scaled log-mel."""
    x = x.copy()
    for axis, widest in ((1, settings.time_mask_frames), (2, settings.frequency_mask_bands)):
        places = np.arange(x.shape[axis])
        for _ in range(2):
            width = generator.integers(0, min(widest, len(places)) + 1, (len(x), 1))
            start = generator.integers(0, x.shape[axis] - width + 1, (len(x), 1))
            hidden = (places >= start) & (places < start + width)
            x *= ~np.expand_dims(hidden, 3 - axis)
    return x


def mix(
    x: Array, y: Array, *, batch_size: int, settings: LogMelCnn, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Blend the clips of some batches, and their labels, with others of the same batch.

    Parameters
    ----------
    x, y
        Clips in the order of their batches, and one-hot labels.
    """
    x, y = x.copy(), y.copy()
    for start in range(0, len(x), batch_size):
        rows = np.arange(start, min(start + batch_size, len(x)))
        if generator.random() < settings.mixup_share:
            share = np.float32(generator.beta(settings.mixup_beta, settings.mixup_beta))
            partners = generator.permutation(rows)
            x[rows] = share * x[rows] + (1 - share) * x[partners]
            y[rows] = share * y[rows] + (1 - share) * y[partners]
    return x, y


def _warp(x: Array, factor: npt.NDArray[np.float64], *, axis: int) -> Array:
    """Stretch time (1) about its middle, or frequency (2) from 0, by linear interpolation."""
    if axis == 2:
        return _warp_from(x.transpose(0, 2, 1), factor, origin=0.0).transpose(0, 2, 1)
    return _warp_from(x, factor, origin=(x.shape[1] - 1) / 2)


def _warp_from(x: Array, factor: npt.NDArray[np.float64], *, origin: float) -> Array:
    last = x.shape[1] - 1
    places = np.clip(origin + (np.arange(last + 1) - origin) / factor[:, None], 0, last)
    below = np.minimum(places.astype(np.intp), last - 1)
    share = (places - below).astype(np.float32)[:, :, None]
    clips = np.arange(len(x))[:, None]
    start = x[clips, below]
    # In this form exact between equals: padding must come out as padding, to the bit.
    warped: Array = start + share * (x[clips, below + 1] - start)
    return warped
