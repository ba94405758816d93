"""Augmentation of training log-mels in each epoch: speed, tempo, warp, tilt, gain, noise, crop, masks, mixup.

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


def choose_copies(x: Array, *, copies: int, generator: np.random.Generator) -> Array:
    """Choose one copy of each clip, each as likely.

    Parameters
    ----------
    x
        [shape=(copies * n, ...)] Features, copy by copy, the clean one first.
    copies
        Number of copies of each clip, the recording included.
    generator
        Source of all that is drawn.

    Returns
    -------
    numpy.ndarray [shape=(n, ...), dtype=float32]
        The chosen copy of each clip, in the order of the clips.
    """
    n = len(x) // copies
    chosen: Array = x[generator.integers(0, copies, size=n) * n + np.arange(n)]  # (n, ...)
    return chosen


def distort(x: Array, *, floor_db: float, settings: LogMelCnn, generator: np.random.Generator) -> Array:
    """Change tempo, vocal tract length, level and spectral tilt of each log-mel, and put noise under some.

    Parameters
    ----------
    x
        [shape=(n, frames, bands)] Log-mels in dB.
    floor_db
        Value of padding, in dB: what lies there stays there, unless noise is added.
    settings
        The section ``train_cnn.logmel``: ranges of what is drawn, in dB or as proportions.
    generator
        Source of all that is drawn.

    Returns
    -------
    numpy.ndarray [shape=(n, frames, bands), dtype=float32]
        In dB, not below `floor_db`.
    """
    n, _, bands = x.shape
    # (n,) each
    tempo, length = 1 + generator.uniform(-1, 1, (2, n)) * [[settings.tempo_change], [settings.mel_warp]]
    x = _warp(_warp(x, tempo, axis=1), length, axis=2)  # (n, frames, bands)
    # (n, 1, bands)
    tilt = generator.uniform(-settings.tilt_db, settings.tilt_db, (n, 1, 1)) * np.linspace(-1, 1, bands)
    gain = generator.uniform(-settings.gain_db, settings.gain_db, (n, 1, 1))
    x = np.where(x > floor_db, x + (gain + tilt).astype(np.float32), np.float32(floor_db))
    noisy = _with_noise(x, settings=settings, generator=generator)
    return np.maximum(noisy, np.float32(floor_db), dtype=np.float32)


def _with_noise(x: Array, *, settings: LogMelCnn, generator: np.random.Generator) -> Array:
    """Add the power of stationary noise, of random level and slope, to a proportion of the clips."""
    n, frames, bands = x.shape
    level = generator.uniform(settings.noise_min_db, settings.noise_max_db, (n, 1, 1))
    slope = generator.uniform(-15, 5, (n, 1, 1)) * np.linspace(0, 1, bands)  # (n, 1, bands)
    noisy = np.flatnonzero(generator.random(n) < settings.noise_share)  # (m,), row numbers
    ripple = generator.standard_normal((len(noisy), frames, bands), dtype=np.float32) * np.float32(2)
    noise = (level + slope)[noisy].astype(np.float32) + ripple  # (m, frames, bands)
    per_db = np.float32(np.log(10) / 10)
    x = x.copy()
    x[noisy] = np.logaddexp(x[noisy] * per_db, noise * per_db) / per_db
    return x


def crop(x: Array, *, settings: LogMelCnn, generator: np.random.Generator) -> Array:
    """Take an excerpt of each log-mel, from anywhere in it; a shorter one stays as it is.

    A network that averages over time can still be applied to complete clips, and an epoch costs less.

    Parameters
    ----------
    x
        [shape=(n, frames, bands)] Log-mels in dB.
    settings
        The section ``train_cnn.logmel``: ``crop_frames``, the length of an excerpt, 0 for none.
    generator
        Source of all that is drawn.

    Returns
    -------
    numpy.ndarray [shape=(n, min(crop_frames, frames), bands), dtype=float32]
        The excerpts in dB.
    """
    n, frames, _ = x.shape
    length = min(settings.crop_frames or frames, frames)
    start = generator.integers(0, frames - length + 1, (n, 1))
    # Indices of shape (n, 1) and (n, length) give (n, length, bands).
    excerpt: Array = x[np.arange(n)[:, None], start + np.arange(length)]
    return excerpt


def mask(x: Array, *, settings: LogMelCnn, generator: np.random.Generator) -> Array:
    """Set two bands of time and two of frequency to 0, the mean, in each scaled log-mel.

    Parameters
    ----------
    x
        [shape=(n, frames, bands)] Standardised log-mels.
    settings
        The section ``train_cnn.logmel``: greatest widths, in frames and in mel bands.
    generator
        Source of all that is drawn.

    Returns
    -------
    numpy.ndarray [shape=(n, frames, bands), dtype=float32]
        A copy with masks.
    """
    x = x.copy()
    for axis, widest in ((1, settings.time_mask_frames), (2, settings.frequency_mask_bands)):
        places = np.arange(x.shape[axis])  # (frames,) or (bands,)
        for _ in range(2):
            width = generator.integers(0, min(widest, len(places)) + 1, (len(x), 1))
            start = generator.integers(0, x.shape[axis] - width + 1, (len(x), 1))
            hidden = (places >= start) & (places < start + width)  # (n, frames) or (n, bands)
            x *= ~np.expand_dims(hidden, 3 - axis)  # (n, frames, 1) or (n, 1, bands)
    return x


def mix(
    x: Array, y: Array, *, batch_size: int, settings: LogMelCnn, generator: np.random.Generator
) -> tuple[Array, Array]:
    """Mixup: blend the clips of some batches, and their labels, with others of the same batch.

    Parameters
    ----------
    x, y
        Log-mels [shape=(n, frames, bands)] in the order of their batches, and one-hot labels [shape=(n, 8)].
    batch_size
        Number of clips in a batch; the last may be smaller.
    settings
        The section ``train_cnn.logmel``: the proportion of batches, and the beta distribution's parameter.
    generator
        Source of all that is drawn.

    Returns
    -------
    x, y : numpy.ndarray
        Copies of the same shapes; the labels of blended clips are soft, and sum to 1.
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
    """Stretch `axis` of [shape=(n, frames, bands)]: time (1) about its middle, or frequency (2) from 0.

    Clip i is stretched by ``factor[i]``, by linear interpolation; what lies beyond an end has its value.
    """
    if axis == 2:
        return _warp_from(x.transpose(0, 2, 1), factor, origin=0.0).transpose(0, 2, 1)
    return _warp_from(x, factor, origin=(x.shape[1] - 1) / 2)


def _warp_from(x: Array, factor: npt.NDArray[np.float64], *, origin: float) -> Array:
    last = x.shape[1] - 1
    # Where each point of the result lies in x: (n, length), the length being that of axis 1.
    places = np.clip(origin + (np.arange(last + 1) - origin) / factor[:, None], 0, last)
    below = np.minimum(places.astype(np.intp), last - 1)
    share = (places - below).astype(np.float32)[:, :, None]  # (n, length, 1)
    clips = np.arange(len(x))[:, None]
    start = x[clips, below]  # (n, length, others)
    # In this form exact between equals: padding must come out as padding, to the bit.
    warped: Array = start + share * (x[clips, below + 1] - start)
    return warped
