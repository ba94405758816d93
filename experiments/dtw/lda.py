"""LDAs on functionals, on F0, and on segments that are DTW-aligned to reference utterances.

From the aligned columns each sentence's mean over the training clips is subtracted, so that what remains is
expression rather than content. The sentence of a test clip is not given: it is that of the reference
utterances with the lower cost.
"""

from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.linalg import solve
from scipy.special import log_softmax
from sklearn.covariance import shrunk_covariance
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import GroupKFold

from experiments.dtw.params import AlignedLda
from ser.data.fold import Array, Labels, Part, rows_of, take
from ser.data.ravdess import EMOTIONS, STATEMENTS
from ser.errors import InputError

Matrix = npt.NDArray[np.float64]

PLAIN, PITCH, ALIGNED = LDAS = ("plain_lda", "pitch_lda", "aligned_lda")
"""On functionals; on those of F0 as well; and on DTW-aligned segments, too."""

FUSED, ENSEMBLE = "aligned_fused", "aligned_ensemble"
"""Late fusion of one CNN and the DTW LDA; and of the CNNs of all seeds together and that LDA."""

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
        """The number of columns before the aligned ones: functionals of the log-mel and of F0."""
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


def choose_templates(
    clips: pd.DataFrame, split: pd.DataFrame, *, fold: int, actors: list[int], count: int
) -> list[int]:
    """Find the places of the first ``count`` reference actors who are not tested in a fold.

    Raises
    ------
    InputError
        Where too few are left.
    """
    tested = set(clips["actor"].iloc[rows_of(clips, split, fold=fold, role="test")])
    places = [place for place, actor in enumerate(actors) if actor not in tested]
    if len(places) < count:
        raise InputError(
            f"experiments/dtw/params.yaml: alignment.template_actors: fewer than {count} (lda.templates) of "
            f"{actors} are not tested in fold {fold}"
        )
    return places[:count]


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


@dataclass(frozen=True)
class Sums:
    """Sufficient statistics of an LDA for some clips; those of several sets together are their sum.

    Attributes
    ----------
    counts : numpy.ndarray [shape=(sentences, emotions)]
        Clips, each in all copies.
    of_columns : numpy.ndarray [shape=(sentences, emotions, columns)]
    of_products : numpy.ndarray [shape=(columns, columns)]
        Of any two columns, over all clips.
    """

    counts: Matrix
    of_columns: Matrix
    of_products: Matrix

    @classmethod
    def over(cls, x: Array, y: Labels) -> Self:
        """Sum up clips [shape=(n, columns + 1)], of which the last column is the sentence."""
        columns, sentences = x[:, :-1].astype(np.float64), x[:, -1].astype(int)
        counts = np.zeros((len(STATEMENTS), len(EMOTIONS)))
        of_columns = np.zeros((*counts.shape, columns.shape[1]))
        for place in np.ndindex(counts.shape):
            own = (sentences == place[0]) & (y == place[1])
            counts[place], of_columns[place] = own.sum(), columns[own].sum(axis=0)
        return cls(counts, of_columns, columns.T @ columns)

    def __add__(self, other: Self) -> Self:
        """Sum up the clips of both."""
        return type(self)(
            self.counts + other.counts,
            self.of_columns + other.of_columns,
            self.of_products + other.of_products,
        )


class LdaPath:
    """Shrinkage LDAs of the same clips, of any shrinkage, on standardised columns.

    From the aligned columns each sentence's mean over these clips is subtracted first.

    Parameters
    ----------
    sums
        Over the training clips in all copies.
    n_before
        The number of columns before the DTW-aligned ones.

    Raises
    ------
    InputError
        Where an emotion has no clip.
    """

    def __init__(self, sums: Sums, *, n_before: int) -> None:
        of_sentence, n = sums.counts.sum(axis=1), sums.counts.sum()
        of_emotion = sums.counts.sum(axis=0)
        if not of_emotion.all():
            missing = [EMOTIONS[place] for place in np.flatnonzero(of_emotion == 0)]
            raise InputError(f"no training clip is {' or '.join(missing)}")
        totals = sums.of_columns.sum(axis=1)
        said = totals / np.maximum(of_sentence, 1)[:, np.newaxis]
        said[:, :n_before] = 0
        # Products of what remains, once a sentence's mean is off: (x - a)(x - a)' = xx' - xa' - ax' + aa'.
        crossed = totals.T @ said
        products = sums.of_products - crossed - crossed.T + (said.T * of_sentence) @ said
        remaining = (sums.of_columns - sums.counts[..., np.newaxis] * said[:, np.newaxis]).sum(axis=0)
        mean = remaining.sum(axis=0) / n
        variance = np.maximum(np.diag(products) / n - mean**2, 0)
        # A column without spread is 0 but for rounding; it keeps its unit.
        scale = np.sqrt(np.where(variance > 1e-9 * (mean**2 + 1e-9), variance, 1))
        means = remaining / of_emotion[:, np.newaxis]
        within = (products - (means.T * of_emotion) @ means) / n
        self._said, self._mean, self._scale = said, mean, scale
        self._covariance = within / np.outer(scale, scale)
        self._means = (means - mean) / scale
        self._log_priors = np.log(of_emotion / n)

    def log_probabilities(self, x: Array, *, shrinkage: float) -> Matrix:
        """Recognise clips [shape=(n, columns + 1)] by the LDA of one shrinkage: [shape=(n, emotions)]."""
        covariance = shrunk_covariance(self._covariance, shrinkage)
        weights = solve(covariance, self._means.T, assume_a="pos")
        offsets = self._log_priors - 0.5 * np.einsum("kd,dk->k", self._means, weights)
        prepared = (x[:, :-1] - self._said[x[:, -1].astype(int)] - self._mean) / self._scale
        logs: Matrix = log_softmax(prepared @ weights + offsets, axis=1)
        return logs


def choose_and_recognise(
    training: Part, test: Part, *, copies: int, n_before: int, settings: AlignedLda
) -> tuple[Matrix, pd.DataFrame]:
    """Choose the shrinkage by inner folds of training actors, fit on all of them, and recognise.

    Parameters
    ----------
    training, test
        The first copy by copy, the clean one first.
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
    sums = [Sums.over(training.x[rows], training.y[rows]) for rows in held_out]
    scores = []
    for place, rows in enumerate(held_out):
        others = [it for other, it in enumerate(sums) if other != place]
        path = LdaPath(reduce(add, others), n_before=n_before)
        clean = rows[rows < len(training.x) // copies]
        logs = [path.log_probabilities(training.x[clean], shrinkage=it) for it in settings.shrinkage]
        scores.append([balanced_accuracy_score(training.y[clean], it.argmax(axis=1)) for it in logs])
    inner_uar = np.mean(scores, axis=0)
    best = int(inner_uar.argmax())
    path = LdaPath(reduce(add, sums), n_before=n_before)
    found = np.exp(path.log_probabilities(test.x, shrinkage=settings.shrinkage[best]))
    trials = pd.DataFrame(
        {
            "lda_shrinkage": settings.shrinkage,
            "inner_uar": inner_uar,
            "chosen": np.arange(len(inner_uar)) == best,
        }
    )
    return found, trials
