"""LDAs on functionals, on pitch, and on what a clip is in step with templates of its sentence.

Of the columns in step each sentence's mean over the training clips is subtracted, so that what remains is how
the sentence was said. The sentence of a tested clip is not told: it is that of the nearer templates.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import solve
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.covariance import empirical_covariance, shrunk_covariance
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ser.datasets import Array, Labels, Part, rows_of, take
from ser.errors import InputError
from ser.params import Aligned
from ser.ravdess import STATEMENTS

PLAIN, PITCH, ALIGNED = LDAS = ("plain_lda", "pitch_lda", "aligned_lda")
"""On functionals; on those of the pitch as well; and on what is in step, too."""

FUSED, ENSEMBLE = "aligned_fused", "aligned_ensemble"
"""The mean of one network and the LDA in step; and of the networks of all seeds together and that LDA."""

PROTOCOLS = ("luna5", "emobox6", "loso")
LABELS = ("clip", "emotion", "actor", "statement", "repetition")
"""What is read of the clips."""


@dataclass(frozen=True)
class AlignedFeatures:
    """What the stage extract_aligned leaves.

    Attributes
    ----------
    functionals : numpy.ndarray [shape=(copies, clips, n)]
    pitch : numpy.ndarray [shape=(copies, clips, p)]
    columns : numpy.ndarray [shape=(templates, copies, clips, sentences, m)]
    cost : numpy.ndarray [shape=(templates, copies, clips, sentences)]
    """

    functionals: Array
    pitch: Array
    columns: Array
    cost: Array

    @property
    def n_functionals(self) -> int:
        """Those of the log-mel."""
        return int(self.functionals.shape[-1])

    @property
    def n_before(self) -> int:
        """The columns before those in step: functionals of the log-mel and of the pitch."""
        return self.n_functionals + int(self.pitch.shape[-1])

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
            return cls(*(np.load(folder / f"{it}.npy") for it in ("functionals", "pitch", "columns", "cost")))
        except (OSError, ValueError, EOFError) as error:
            raise InputError(f"{folder}: cannot be read ({error}); run the stage extract_aligned") from error


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


def choose_templates(clips: pd.DataFrame, split: pd.DataFrame, *, fold: int, settings: Aligned) -> list[int]:
    """Find the places of the first ``settings.templates`` template actors who are not tested in a fold.

    Raises
    ------
    InputError
        Where too few are left.
    """
    tested = set(clips["actor"].iloc[rows_of(clips, split, fold=fold, role="test")])
    actors = settings.alignment.template_actors
    places = [place for place, actor in enumerate(actors) if actor not in tested]
    if len(places) < settings.templates:
        raise InputError(
            f"params.yaml: aligned.alignment.template_actors: fewer than {settings.templates} "
            f"(aligned.templates) of {actors} are not tested in fold {fold}"
        )
    return places[: settings.templates]


def nearer_sentences(features: AlignedFeatures, templates: list[int]) -> Labels:
    """Find each clip's sentence, as recorded: its place in `STATEMENTS`."""
    found: Labels = features.cost[templates, 0].sum(axis=0).argmin(axis=1)
    return found


def sides_of(
    features: AlignedFeatures, clips: pd.DataFrame, split: pd.DataFrame, *, fold: int, templates: list[int]
) -> tuple[Part, Part]:
    """Give both sides of a fold, that of training copy by copy, the clean one first; validation actors train.

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
    templates
        The places of their actors, see `choose_templates`.
    """
    told = clips["statement"].map(STATEMENTS.index).to_numpy()
    training = [_joined(features, told, templates, copy=copy) for copy in range(len(features.functionals))]
    heard = _joined(features, nearer_sentences(features, templates), templates, copy=0)
    together = split.replace({"role": {"validation": "train"}})
    return (
        take(clips, together, training, fold=fold, role="train"),
        take(clips, split, [heard], fold=fold, role="test"),
    )


def _joined(features: AlignedFeatures, sentences: Labels, templates: list[int], *, copy: int) -> Array:
    clips = np.arange(len(sentences))
    in_step = [features.columns[place, copy][clips, sentences] for place in templates]
    sentence = sentences[:, np.newaxis].astype(np.float32)
    return np.hstack([features.functionals[copy], features.pitch[copy], *in_step, sentence])


def first_columns(part: Part, n: int) -> Part:
    """Take the first columns alone, and the sentence for the form's sake: it then changes nothing."""
    return replace(part, x=part.x[:, [*range(n), part.x.shape[1] - 1]])


class LdaPath:
    """Shrinkage LDAs of one training side, of any shrinkage: the covariance, which takes the time, is shared.

    Parameters
    ----------
    x, y
        [shape=(n, columns + 1)] and [shape=(n,)], training clips in all copies.
    n_before
        After so many columns those in step begin.
    """

    def __init__(self, x: Array, y: Labels, *, n_before: int) -> None:
        self._prepare = make_pipeline(SentenceMean(first=n_before), StandardScaler())
        prepared = self._prepare.fit_transform(x).astype(np.float64)
        self._classes, counts = np.unique(y, return_counts=True)
        self._log_priors = np.log(counts / len(y))
        self._means = np.stack([prepared[y == label].mean(axis=0) for label in self._classes])
        within = prepared - self._means[np.searchsorted(self._classes, y)]
        self._covariance = empirical_covariance(within, assume_centered=True)

    def log_probabilities(self, x: Array, *, shrinkage: float) -> npt.NDArray[np.float64]:
        """Recognise clips [shape=(n, columns + 1)] by the LDA of one shrinkage: [shape=(n, classes)]."""
        covariance = shrunk_covariance(self._covariance, shrinkage)
        weights = solve(covariance, self._means.T, assume_a="pos")
        offsets = self._log_priors - 0.5 * np.einsum("kd,dk->k", self._means, weights)
        logs: npt.NDArray[np.float64] = log_softmax(self._prepare.transform(x) @ weights + offsets, axis=1)
        return logs


def choose_and_recognise(
    training: Part, test: Part, *, copies: int, n_before: int, settings: Aligned
) -> tuple[npt.NDArray[np.float64], pd.DataFrame]:
    """Choose the shrinkage by inner folds of training actors, fit on all of them, and recognise.

    Parameters
    ----------
    training, test
        The first copy by copy, the clean one first.
    copies
        Of a training clip.
    n_before
        After so many columns those in step begin.
    settings
        The section ``aligned``.

    Returns
    -------
    probabilities : numpy.ndarray [shape=(n, 8)]
        Of the tested clips.
    trials : pandas.DataFrame
        A row a shrinkage: ``lda_shrinkage``, ``inner_uar`` (mean over the inner folds), ``chosen``.
    """
    scores = []
    for fitted, held_out in GroupKFold(settings.inner_folds).split(training.x, training.y, training.actors):
        path = LdaPath(training.x[fitted], training.y[fitted], n_before=n_before)
        clean = held_out[held_out < len(training.x) // copies]
        logs = [path.log_probabilities(training.x[clean], shrinkage=it) for it in settings.lda_shrinkage]
        scores.append([balanced_accuracy_score(training.y[clean], it.argmax(axis=1)) for it in logs])
    inner_uar = np.mean(scores, axis=0)
    best = int(inner_uar.argmax())
    path = LdaPath(training.x, training.y, n_before=n_before)
    found = np.exp(path.log_probabilities(test.x, shrinkage=settings.lda_shrinkage[best]))
    trials = pd.DataFrame(
        {
            "lda_shrinkage": settings.lda_shrinkage,
            "inner_uar": inner_uar,
            "chosen": np.arange(len(inner_uar)) == best,
        }
    )
    return found, trials
