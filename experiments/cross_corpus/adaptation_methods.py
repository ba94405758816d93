"""Ways to estimate an offset of the logits from recordings without labels, of which one is shipped.

All of them shrink the offset by the same prior, and take it off each layer's logits. As the classifiers are
linear, to move the logits is to move the features.
"""

from collections.abc import Callable, Mapping

import numpy as np

from ser.models.layers.linear import Matrix
from ser.recognizer.adaptation import PRIOR, gather
from ser.recognizer.bundle_format import ExportedModel

Method = Callable[[ExportedModel, Matrix], Matrix]
"""From a model and the logits of its layers [shape=(n, layers, 8)] to their offsets [shape=(layers, 8)]."""

STEPS = 8


def by_mean(model: ExportedModel, logits: Matrix) -> Matrix:
    """Centre by the mean of all clips, onto the mean of the emotions in training."""
    assert model.centres is not None
    return np.asarray((logits - model.centres.mean(axis=0)).sum(axis=0) / (len(logits) + PRIOR))


def by_one_step(model: ExportedModel, logits: Matrix) -> Matrix:
    """Take the mean residual, by the posteriors before adaptation: one step of expectation maximization."""
    return gather(model, logits).offsets


def by_many_steps(model: ExportedModel, logits: Matrix) -> Matrix:
    """Take the mean residual again and again, by the posteriors after the step before."""
    offsets = np.zeros(logits.shape[1:])
    for _ in range(STEPS):
        moved = gather(model, logits - offsets)
        offsets = (moved.residuals + len(logits) * offsets) / (len(logits) + PRIOR)
    return offsets


METHODS: Mapping[str, Method] = {"mean": by_mean, "one_step": by_one_step, "many_steps": by_many_steps}
"""By their names in metrics."""
