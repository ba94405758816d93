"""Clips as the layers of two pretrained encoders see them, and new speakers recognised by all these views.

Each layer is a view with an LDA of its own; the sum of their logits decides. Shrinkage and weight of each
view are chosen by inner folds of training actors, see `ser.enrolment_search`.
"""

import numpy as np
import pandas as pd

from ser.datasets import Array, read_features, take
from ser.enrolment import Speech, fit_voices, recognise
from ser.enrolment_search import choose, inner_folds
from ser.params import Enrolled
from ser.speaker_lda import Matrix

ENCODERS = {"whisper": "whisper", "speaker": "whisper_speaker"}
"""By what the names of their views begin with, the features."""


def read_encoder_views() -> dict[str, Array]:
    """Read every layer of both encoders, e.g. ``whisper_1``, the input of Whisper's first layer."""
    views: dict[str, Array] = {}
    for encoder, name in ENCODERS.items():
        (layers,) = read_features(name, ["clean"])
        views |= {f"{encoder}_{place + 1}": layers[:, place] for place in range(layers.shape[1])}
    return views


def sides_of(
    views: dict[str, Array], clips: pd.DataFrame, split: pd.DataFrame, *, fold: int
) -> tuple[Speech, Speech]:
    """Give training and test side of a fold; nothing is chosen by validation actors, so they train."""
    together = split.replace({"role": {"validation": "train"}})
    training, test = (
        Speech.join({name: take(clips, together, [x], fold=fold, role=role) for name, x in views.items()})
        for role in ("train", "test")
    )
    return training, test


def recognise_new(training: Speech, test: Speech, *, settings: Enrolled) -> Matrix:
    """Choose, fit and apply, for speakers of whom nothing was heard before.

    Returns
    -------
    numpy.ndarray [shape=(n, 8)]
        Probabilities.
    """
    choices, _ = choose(inner_folds(training, n_folds=settings.inner_folds), n_clips=0, settings=settings)
    nobody = np.zeros(len(test.actors), dtype=np.bool_)
    return recognise(fit_voices(training), choices, test, enrolled=nobody, n_clips=0)
