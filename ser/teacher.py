"""What a large pretrained encoder thinks of training clips: the teacher of a small network.

The teacher is an LDA on each layer of `ser.encoder_views`; their mean log-probability decides. Of every
training clip it is asked in an inner fold in which it had not heard the actor: an opinion on a clip that it
has learned would be little more than the label.

References
----------
Hinton G, Vinyals O, Dean J (2015). Distilling the Knowledge in a Neural Network. NIPS workshop.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ser.calibration import fit_temperature
from ser.datasets import Array, Labels
from ser.params import Teacher
from ser.ravdess import EMOTIONS
from ser.shrinkage_lda import ShrinkageLda

Matrix = npt.NDArray[np.float64]


def opinions(views: Mapping[str, Array], y: Labels, actors: Labels, *, settings: Teacher) -> Matrix:
    """Ask of each training clip a teacher that was taught by the other inner folds' actors.

    Parameters
    ----------
    views
        Training clips as each layer sees them, each [shape=(n, columns)].
    y, actors
        Their emotions, as places in `EMOTIONS`, and who speaks.
    settings
        The section ``distilled.teacher``.

    Returns
    -------
    numpy.ndarray [shape=(n, 8)]
        Probabilities, at the temperature that fits them best to the labels of these clips.
    """
    logs = np.zeros((len(y), len(EMOTIONS)))
    for learned, asked in GroupKFold(settings.inner_folds).split(y, groups=actors):
        for x in views.values():
            lda = make_pipeline(StandardScaler(), ShrinkageLda(shrinkage=settings.lda_shrinkage))
            lda.fit(x[learned], y[learned])
            logs[asked] += lda.predict_log_proba(x[asked]) / len(views)
    said: Matrix = softmax(logs / fit_temperature(softmax(logs, axis=1), y), axis=1)
    return said
