"""Clips in step with a template of the same sentence: what is said falls away, how it is said remains.

RAVDESS has two sentences. By dynamic time warping every frame of a clip finds its place in a neutral clip of
the same sentence; the frames of each part of the template are then averaged. Where the sentence is not known,
it is that of the templates to which the clip is nearer.

References
----------
Sakoe H, Chiba S (1978). Dynamic programming algorithm optimization for spoken word recognition. IEEE
Transactions on Acoustics, Speech, and Signal Processing 26(1):43-49.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import librosa
import numpy as np
import numpy.typing as npt
from scipy.fft import dct

from experiments.dtw.params import Alignment

Matrix = npt.NDArray[np.float64]

SHAPE = slice(1, 16)
"""The coefficients by which clips are compared: not the first, which is the level."""


@dataclass(frozen=True)
class InStep:
    """A clip in step with the templates of one sentence.

    Attributes
    ----------
    columns : numpy.ndarray [shape=(parts * (n_mfcc + 1),)]
        Of each part of the sentence the mean MFCC, then of each the logarithm of its duration in frames.
    cost : float
        How unlike the templates the clip is: the mean distance along the path.
    """

    columns: Matrix
    cost: float


def mfcc(speech: npt.NDArray[np.floating]) -> Matrix:
    """Compute all MFCC of a log-mel [shape=(t, n_mels)] in dB: its orthonormal type-II DCT."""
    coefficients: Matrix = dct(speech.astype(np.float64), type=2, norm="ortho", axis=1)
    return coefficients


def shape_of(coefficients: Matrix) -> Matrix:
    """Standardise the coefficients of `SHAPE` over time, so that voices and rooms hardly matter."""
    chosen = coefficients[:, SHAPE]
    deviation = chosen.std(axis=0)
    shape: Matrix = (chosen - chosen.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return shape


def in_step(coefficients: Matrix, templates: Sequence[Matrix], *, settings: Alignment) -> InStep:
    """Bring a clip in step with each template of a sentence, and average.

    Parameters
    ----------
    coefficients
        MFCC of the clip, [shape=(t, n)].
    templates
        `shape_of` clips of one sentence, each of as many frames as there are parts, or more.
    settings
        The experiment's section ``alignment``.

    """
    found = [_in_step_with(coefficients, template, settings=settings) for template in templates]
    return InStep(
        columns=np.mean([it.columns for it in found], axis=0), cost=float(np.mean([it.cost for it in found]))
    )


def _in_step_with(coefficients: Matrix, template: Matrix, *, settings: Alignment) -> InStep:
    costs, path = librosa.sequence.dtw(shape_of(coefficients).T, template.T)
    frames, places = path[::-1].T
    # A path leaves out no place of the template, so that each part has a frame at least.
    part = places * settings.parts // len(template)
    own = [np.unique(frames[part == one]) for one in range(settings.parts)]
    means = [coefficients[it, : settings.n_mfcc].mean(axis=0) for it in own]
    durations = np.log([len(it) for it in own])
    return InStep(np.concatenate([*means, durations]), float(costs[-1, -1]) / len(path))
