"""The DTW LDA, fitted to soft labels.

It is `experiments.dtw.lda` but for the labels: a clip counts for each emotion as much as its label says.
"""

from functools import reduce
from operator import add

import numpy as np
import pandas as pd
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold

from experiments.dtw.lda import LdaPath, Matrix, Sums
from experiments.dtw.params import AlignedLda
from ser.data.fold import Array, Part
from ser.data.ravdess import STATEMENTS

TAUGHT_LDA = "taught_lda"
"""Its name in predictions."""


def sums_over(x: Array, labels: Matrix) -> Sums:
    """Sum up clips [shape=(n, columns + 1)], of which the last column is the sentence.

    Parameters
    ----------
    x
        See above.
    labels
        [shape=(n, 8)], each row summing to 1.
    """
    columns, sentences = x[:, :-1].astype(np.float64), x[:, -1].astype(int)
    own = [sentences == place for place in range(len(STATEMENTS))]
    return Sums(
        counts=np.stack([labels[it].sum(axis=0) for it in own]),
        of_columns=np.stack([labels[it].T @ columns[it] for it in own]),
        of_products=columns.T @ columns,
    )


def choose_and_recognise(
    training: Part, labels: Matrix, test: Part, *, copies: int, n_before: int, settings: AlignedLda
) -> tuple[Matrix, pd.DataFrame]:
    """Choose the shrinkage by inner folds of training actors, fit on all of them, and recognise.

    The inner folds are scored on hard labels. The teacher's posteriors for a clip may rest on
    the labels of training actors whom an inner fold holds out, so that their UAR is some points too good and
    says nothing of the gain by distillation; it serves to select the shrinkage alone.

    Parameters
    ----------
    training, test
        The first copy by copy, the clean one first.
    labels
        [shape=(n, 8)], of the training clips in all copies.
    copies
        Of a training clip.
    n_before
        The number of columns before the DTW-aligned ones.
    settings
        The experiment's section ``lda``.

    Returns
    -------
    probabilities : numpy.ndarray [shape=(n, 8)]
        Of the tested clips.
    trials : pandas.DataFrame
        A row a shrinkage: ``lda_shrinkage``, ``inner_uar`` (mean over the inner folds), ``chosen``.
    """
    inner = GroupKFold(settings.inner_folds).split(training.x, training.y, training.actors)
    held_out = [rows for _, rows in inner]
    sums = [sums_over(training.x[rows], labels[rows]) for rows in held_out]
    scores = np.empty((len(held_out), len(settings.shrinkage)))
    for place, rows in enumerate(held_out):
        path = LdaPath(reduce(add, sums[:place] + sums[place + 1 :]), n_before=n_before)
        clean = rows[rows < len(training.x) // copies]
        for column, shrinkage in enumerate(settings.shrinkage):
            found = path.log_probabilities(training.x[clean], shrinkage=shrinkage).argmax(axis=1)
            scores[place, column] = balanced_accuracy_score(training.y[clean], found)
    inner_uar = scores.mean(axis=0)
    best = int(inner_uar.argmax())
    whole = LdaPath(reduce(add, sums), n_before=n_before)
    logs = whole.log_probabilities(test.x, shrinkage=settings.shrinkage[best])
    trials = {"lda_shrinkage": settings.shrinkage, "inner_uar": inner_uar}
    return np.exp(logs), pd.DataFrame(trials).assign(chosen=np.arange(len(inner_uar)) == best)
