"""Unsupervised adaptation of a model to a set-up or a speaker, by recordings without labels.

Another room, microphone, language or voice moves the logits of all recordings alike. How far is estimated by
one step of expectation maximization: a recording's logits are compared with those that training recordings of
each emotion have on average, weighted with the emotions' probabilities before adaptation. The mean of these
residuals, shrunk towards 0 by a prior, is taken off the logits, layer by layer.

Weighted in this way, a folder of one emotion is not mistaken for an offset, as it is where features are
centred by their mean. Its answers get worse all the same, though less: see `Adaptation.one_sided`.
"""

from dataclasses import dataclass, replace
from math import fsum, prod

import numpy as np
import numpy.typing as npt

from ser.data.ravdess import EMOTIONS
from ser.errors import InputError
from ser.models.layers.linear import LinearLayers, Matrix, softmax
from ser.recognizer.bundle_format import ExportedModel

PRIOR = 10.0
"""Number of windows without an offset that are counted in with the recordings."""
FEWEST = 8
"""Smallest number of windows to adapt with: of fewer, nothing tells how many emotions they have."""
ONE_SIDED_BELOW = 5.0
"""Effective number of emotions below which the recordings look one-sided."""


@dataclass(frozen=True)
class Adaptation:
    """What is kept of the recordings that a model is adapted with: sums.

    Attributes
    ----------
    windows : int
        Number of windows of speech; a short recording is one.
    residuals : numpy.ndarray [shape=(layers, 8), dtype=float64]
        Sum over windows of the residuals of each layer's logits.
    emotions : float
        Of how many emotions the windows look, as of `effective_number`, once they are adapted to.
    """

    windows: int
    residuals: Matrix
    emotions: float

    @property
    def one_sided(self) -> bool:
        """Whether most windows look like one emotion or two: adapted answers may then be worse."""
        return self.emotions < ONE_SIDED_BELOW

    @property
    def offsets(self) -> Matrix:
        """What is taken off each layer's logits [shape=(layers, 8)]."""
        return np.asarray(self.residuals / (self.windows + PRIOR))


def centres_of(linear: LinearLayers, x: npt.NDArray[np.floating], y: npt.NDArray[np.integer]) -> Matrix:
    """Compute the logits of the mean training recording of each emotion.

    Parameters
    ----------
    linear
        The classifiers of each layer.
    x
        [shape=(n, layers, columns)] Features of training recordings, some of each emotion.
    y
        [shape=(n,)] Their labels, places in `EMOTIONS`.

    Returns
    -------
    numpy.ndarray [shape=(8, layers, 8), dtype=float64]
        By emotion and layer, the logit of each emotion.
    """
    means = [x[y == place].mean(axis=0, dtype=np.float64) for place in range(len(EMOTIONS))]
    return linear.layer_logits(np.stack(means))


def gather(model: ExportedModel, logits: Matrix) -> Adaptation:
    """Gather what an adaptation needs to know; the order of the windows makes no difference.

    Parameters
    ----------
    model
        The model before adaptation.
    logits
        [shape=(n, layers, 8)] Its layers' logits for each window.

    Raises
    ------
    InputError
        Where the model came without centres.
    """
    if model.centres is None:
        raise InputError("this model cannot be adapted, as it was exported without centres; export it again")
    ensemble = model.linear.weights @ logits / model.temperature  # (n, 8)
    residuals = logits - np.einsum("ne,elk->nlk", softmax(ensemble), model.centres)  # (n, layers, 8)
    found = Adaptation(len(logits), _sums(residuals), emotions=0.0)
    offset = model.linear.weights @ found.offsets / model.temperature  # (8,)
    return replace(found, emotions=effective_number(softmax(ensemble - offset)))


def effective_number(posteriors: Matrix) -> float:
    """Tell of how many emotions windows look.

    Parameters
    ----------
    posteriors
        [shape=(n, 8)] Probabilities of the emotions of each window.

    Returns
    -------
    float
        Exponential of the entropy of their mean: from 1, for one emotion, to 8, for all alike; 0 of none.
    """
    if not len(posteriors):
        return 0.0
    mean = _sums(posteriors) / len(posteriors)
    present = mean[mean > 0]
    return float(np.exp(-np.sum(present * np.log(present))))


def adapted(model: ExportedModel, adaptation: Adaptation) -> ExportedModel:
    """Give the model with the offsets of an adaptation in its layers' biases."""
    linear = replace(model.linear, biases=model.linear.biases - adaptation.offsets)
    return replace(model, linear=linear)


def _sums(rows: Matrix) -> Matrix:
    """Add rows [shape=(n, ...)]: [shape=(...)]."""
    columns = rows.reshape(len(rows), prod(rows.shape[1:])).T
    # Each sum is rounded once, so that the order of the rows does not change its last digits.
    return np.reshape([fsum(column) for column in columns], rows.shape[1:])
