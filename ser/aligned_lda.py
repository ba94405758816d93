"""An LDA on functionals and on what a clip is in step with a template of its sentence.

Of the columns in step each sentence's mean over the training clips is subtracted, so that what remains is how
the sentence was said. The sentence of a tested clip is not told: it is that of the nearer templates.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from ser.datasets import Array, Labels, Part, rows_of, take
from ser.errors import InputError
from ser.params import Aligned, Alignment
from ser.ravdess import STATEMENTS
from ser.shrinkage_lda import ShrinkageLda

ALIGNED, PLAIN = "aligned_lda", "plain_lda"
"""The model that hears in step, and the same on functionals alone."""


@dataclass(frozen=True)
class AlignedFeatures:
    """What the stage extract_aligned leaves.

    Attributes
    ----------
    functionals : numpy.ndarray [shape=(copies, clips, n)]
    columns : numpy.ndarray [shape=(templates, copies, clips, sentences, m)]
    cost : numpy.ndarray [shape=(templates, copies, clips, sentences)]
    """

    functionals: Array
    columns: Array
    cost: Array

    @classmethod
    def read(cls) -> Self:
        """Read ``data/features/aligned``.

        Raises
        ------
        InputError
            Where a file is missing or no array.
        """
        folder = Path("data/features/aligned")
        try:
            return cls(*(np.load(folder / f"{it}.npy") for it in ("functionals", "columns", "cost")))
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"features cannot be read ({error}); run the stage extract_aligned") from error


class SentenceMean(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Subtract each sentence's mean from some columns.

    Parameters
    ----------
    first
        The first of these columns. The last column of all is the sentence's number; it is dropped.
    """

    def __init__(self, *, first: int = 0) -> None:
        self.first = first

    def fit(self, x: Array, _y: Labels | None = None) -> Self:
        """Learn the mean of each sentence."""
        sentences = x[:, -1].astype(int)
        self.means_ = np.zeros((len(STATEMENTS), x.shape[1] - 1), dtype=np.float64)
        for sentence in np.unique(sentences):
            own = x[sentences == sentence, self.first : -1]
            self.means_[sentence, self.first :] = own.mean(axis=0, dtype=np.float64)
        return self

    def transform(self, x: Array) -> Array:
        """Turn [shape=(n, columns + 1)] into [shape=(n, columns)]."""
        centred: Array = (x[:, :-1] - self.means_[x[:, -1].astype(int)]).astype(np.float32)
        return centred


def choose_template(clips: pd.DataFrame, split: pd.DataFrame, *, fold: int, settings: Alignment) -> int:
    """Find the place of the first template actor who is not tested in a fold.

    Raises
    ------
    InputError
        Where all of them are.
    """
    tested = set(clips["actor"].iloc[rows_of(clips, split, fold=fold, role="test")])
    places = [place for place, actor in enumerate(settings.template_actors) if actor not in tested]
    if not places:
        raise InputError(
            f"params.yaml: aligned.alignment.template_actors: all of them are tested in fold {fold}"
        )
    return places[0]


def sides_of(
    features: AlignedFeatures, clips: pd.DataFrame, split: pd.DataFrame, *, fold: int, template: int
) -> tuple[Part, Part]:
    """Give training side, copy by copy, and test side of a fold; validation actors train.

    Parameters
    ----------
    features
        Of all clips.
    clips
        With the columns ``clip``, ``emotion``, ``actor`` and ``statement``; tested clips' is not used.
    split
        A protocol's folds.
    fold
        Which one.
    template
        The place of its actor, see `choose_template`.
    """
    columns, cost = features.columns[template], features.cost[template]
    told = clips["statement"].map(STATEMENTS.index).to_numpy()
    training = [_joined(x, each, told) for x, each in zip(features.functionals, columns, strict=True)]
    heard = _joined(features.functionals[0], columns[0], cost[0].argmin(axis=1))
    together = split.replace({"role": {"validation": "train"}})
    return (
        take(clips, together, training, fold=fold, role="train"),
        take(clips, split, [heard], fold=fold, role="test"),
    )


def _joined(functionals: Array, columns: Array, sentences: Labels) -> Array:
    own = columns[np.arange(len(sentences)), sentences]
    return np.hstack([functionals, own, sentences[:, np.newaxis].astype(np.float32)])


def without_alignment(part: Part, *, n_functionals: int) -> Part:
    """Take the functionals alone, and the sentence for the form's sake: it then changes nothing."""
    kept = [*range(n_functionals), part.x.shape[1] - 1]
    return Part(part.clips, part.actors, part.x[:, kept], part.y)


def choose_and_fit(
    training: Part, *, copies: int, n_functionals: int, settings: Aligned
) -> tuple[Pipeline, pd.DataFrame]:
    """Choose the shrinkage by inner folds of training actors, and fit on all of them.

    Parameters
    ----------
    training
        Copy by copy, the clean one first.
    copies
        How many.
    n_functionals
        After so many columns those in step begin.
    settings
        The section ``aligned``.

    Returns
    -------
    model : sklearn.pipeline.Pipeline
    trials : pandas.DataFrame
        A row a shrinkage: ``lda_shrinkage``, ``inner_uar`` (mean over the inner folds), ``chosen``.
    """
    model = make_pipeline(SentenceMean(first=n_functionals), StandardScaler(), ShrinkageLda())
    clean = len(training.x) // copies
    divided = GroupKFold(settings.inner_folds).split(training.x, training.y, training.actors)
    folds = [(fitted, held_out[held_out < clean]) for fitted, held_out in divided]
    grid = {"shrinkagelda__shrinkage": settings.lda_shrinkage}
    search = GridSearchCV(model, grid, scoring="balanced_accuracy", cv=folds)
    search.fit(training.x, training.y)
    trials = pd.DataFrame(
        {
            "lda_shrinkage": settings.lda_shrinkage,
            "inner_uar": search.cv_results_["mean_test_score"],
            "chosen": np.arange(len(settings.lda_shrinkage)) == search.best_index_,
        }
    )
    return search.best_estimator_, trials
