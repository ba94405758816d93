"""From the functionals of a window to posterior probabilities: of all layers together, and of each alone."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from ser.models.layers.linear import softmax
from ser.recognizer.bundle_format import ExportedModel

Posteriors: TypeAlias = npt.NDArray[np.float64]
"""Of a window, or the mean over windows [shape=(1 + layers, 8)]: first the calibrated probabilities of the
ensemble, then those of each layer's own LDA, neither weighted nor calibrated. Each row sums to 1."""


def posteriors(model: ExportedModel, functionals: npt.NDArray[np.float32]) -> Posteriors:
    """Apply a model to one window, so that no other one can matter.

    Parameters
    ----------
    model
        The classifiers, the layers' weights, and the temperature.
    functionals
        [shape=(layers, columns)] What the encoder makes of the window.
    """
    (layers,) = model.linear.layer_logits(functionals[None])  # (layers, 8)
    ensemble = model.linear.weights @ layers / model.temperature  # (8,)
    return softmax(np.vstack([ensemble, layers]))
