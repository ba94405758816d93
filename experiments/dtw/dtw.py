"""DTW alignment to reference utterances of the same sentence: content drops out, expression remains.

RAVDESS has two sentences. By dynamic time warping every frame of a clip is mapped to a frame of a neutral
clip of the same sentence; the clip's frames are then averaged in each segment of that reference utterance.
Where the sentence is not given, it is that of the reference utterances with the lower alignment cost.

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
    """A clip aligned by DTW to the reference utterances of one sentence.

    Attributes
    ----------
    columns : numpy.ndarray [shape=(parts * (n_mfcc + 1),)]
        Of each part of the sentence the mean MFCC, then of each the logarithm of its duration in frames.
    cost : float
        The alignment cost: the mean distance along the warping path.
    """

    columns: Matrix
    cost: float


def mfcc(speech: npt.NDArray[np.floating]) -> Matrix:
    """Compute all MFCC of a log-mel [shape=(t, n_mels)] in dB: its orthonormal type-II DCT."""
    coefficients: Matrix = dct(speech.astype(np.float64), type=2, norm="ortho", axis=1)
    return coefficients


def shape_of(coefficients: Matrix) -> Matrix:
    """Standardise the coefficients of `SHAPE` over time, so that speakers and rooms hardly matter."""
    chosen = coefficients[:, SHAPE]
    deviation = chosen.std(axis=0)
    shape: Matrix = (chosen - chosen.mean(axis=0)) / np.where(deviation > 0, deviation, 1)
    return shape


def in_step(coefficients: Matrix, templates: Sequence[Matrix], *, settings: Alignment) -> InStep:
    """Align a clip to each reference utterance of a sentence, and average.

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
    # A path skips no frame of the reference, so that each segment has a frame at least.
    part = places * settings.parts // len(template)
    own = [np.unique(frames[part == one]) for one in range(settings.parts)]
    means = [coefficients[it, : settings.n_mfcc].mean(axis=0) for it in own]
    durations = np.log([len(it) for it in own])
    return InStep(np.concatenate([*means, durations]), float(costs[-1, -1]) / len(path))
