"""Soft labels: the posteriors of larger models, pretrained elsewhere, for the training clips of smaller ones.

An emotion that was acted is not always recognisable. A teacher fitted to other training actors estimates
how probable each emotion is in each training clip; a student trained on these soft labels beside the hard
ones depends less on doubtful clips. The teacher is applied to training clips alone, and is not needed at
prediction.

References
----------
Hinton G, Vinyals O, Dean J (2015). Distilling the Knowledge in a Neural Network. arXiv:1503.02531.
"""

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold

from experiments.speaker_adaptation.params import AdaptationParams
from ser.data.fold import Part
from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS
from ser.models.adaptation_search import choose, inner_folds
from ser.models.speaker_adaptation import Speech, recognise
from ser.models.speaker_lda import Matrix

TEACHER = "teacher"
"""The name of the teacher in its table of posteriors."""


def opinions(training: Speech, settings: AdaptationParams) -> Matrix:
    """Say of each training clip how probable each emotion is, by models that never met its speaker.

    The teacher is the per-layer LDA ensemble on both encoders that `ser.models.encoder_views` describes.

    Parameters
    ----------
    training
        Of one fold: no clip of it is tested.
    settings
        experiments/speaker_adaptation/params.yaml: the grids, and into how many parts the actors are divided.

    Returns
    -------
    numpy.ndarray [shape=(n, 8)]
        In the order of the clips and of `EMOTIONS`.
    """
    inner = inner_folds(training, n_folds=settings.inner_folds)
    choices, _ = choose(inner, n_clips=0, settings=settings)
    found = np.empty((len(training.clips), len(EMOTIONS)))
    # As inner_folds divides them.
    divided = GroupKFold(settings.inner_folds).split(training.clips, groups=training.actors)
    for fold, (_, rows) in zip(inner, divided, strict=True):
        nobody = np.zeros(len(rows), dtype=np.bool_)
        found[rows] = recognise(fold.voices, choices, training.at(rows), enrolled=nobody, n_clips=0)
    return found


def taught_labels(part: Part, told: pd.DataFrame, *, share: float) -> Matrix:
    """Blend hard labels with soft ones.

    Parameters
    ----------
    part
        Training clips, copy by copy; every copy of a clip has the same labels.
    told
        A row a training clip of the same fold: ``clip`` and `PROBABILITIES`.
    share
        Weight of the soft labels: 0 for hard labels alone.

    Returns
    -------
    numpy.ndarray [shape=(n, 8)]
        Each row sums to 1.

    Raises
    ------
    KeyError
        Where a clip has no soft label.
    """
    by_clip = told.set_index("clip")[list(PROBABILITIES)]
    heard: Matrix = by_clip.loc[part.clips.tolist()].to_numpy(dtype=np.float64)
    meant: Matrix = np.eye(len(EMOTIONS))[part.y]
    return (1 - share) * meant + share * heard
