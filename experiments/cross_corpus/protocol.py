"""How settings are chosen without the test corpus, and how a model is scored on a corpus that it never met.

Development corpora train and choose; the test corpus is scored once, with what was chosen. A setting's score
is the mean of the UARs in two kinds of held-out clips:

- a development corpus that is left out as a whole, with the others in training;
- speakers of a development corpus who are left out, with its other speakers in training.

Where two corpora are all there is, only the second kind has both in training, so that it alone can tell one
weight of the second corpus from another, centred from not, and one blend from another. What it scores are
held-out speakers of a corpus that trains; how a choice serves a third corpus is not among what it sees.

Held-out clips are always scored as they are: what is centred is what trains.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from experiments.cross_corpus.weighted_lda import Matrix, Statistics, WeightedLda
from ser.data.fold import Array, Labels
from ser.data.ravdess import EMOTIONS
from ser.evaluation.metrics import Counts, uar

Mask = npt.NDArray[np.bool_]
Names = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Clips:
    """Clips of one or several corpora.

    Attributes
    ----------
    layers : dict of str to numpy.ndarray [shape=(n, columns)]
        Features of each clip in each layer of an encoder, or in each feature set.
    y : numpy.ndarray [shape=(n,)]
        Labels: places in `EMOTIONS`.
    corpus, actors : numpy.ndarray [shape=(n,)]
        Corpus and speaker of each clip. Speakers of two corpora are two, though they have one name.
    """

    layers: Mapping[str, Array]
    y: Labels
    corpus: Names
    actors: Names

    def take(self, rows: Mask) -> Self:
        """Give the clips where `rows` [shape=(n,)] is True."""
        layers = {name: x[rows] for name, x in self.layers.items()}
        return type(self)(layers, self.y[rows], self.corpus[rows], self.actors[rows])

    def corpora(self) -> list[str]:
        """List the corpora by the place of their first clip."""
        return list(dict.fromkeys(self.corpus.tolist()))


@dataclass(frozen=True)
class Setting:
    """What is chosen.

    Attributes
    ----------
    shrinkage : float
        Of the covariance of each layer's LDA, above 0 and at most 1.
    weight : float
        Of a clip of each corpus but the first, whose clips have 1; 0 leaves the first one alone.
    centred : bool
        Whether each other corpus is moved so that its mean, in every feature, is the first one's.
    blend : float
        From 0, the logits of a model of the first corpus alone, to 1, those of a model of all.
    """

    shrinkage: float
    weight: float
    centred: bool
    blend: float


@dataclass(frozen=True)
class Model:
    """An LDA ensemble: the mean, over layers, of blended log posteriors decides.

    Attributes
    ----------
    own, joint : dict of str to WeightedLda
        By layer, the model of the first corpus alone, and that of all.
    setting : Setting
        What was chosen; here its `blend` counts.
    emotions : tuple of str
        What the model may answer: the emotions of the first corpus, in the order of `EMOTIONS`.
    """

    own: Mapping[str, WeightedLda]
    joint: Mapping[str, WeightedLda]
    setting: Setting
    emotions: tuple[str, ...]

    def probabilities(self, layers: Mapping[str, Array]) -> Matrix:
        """Give probabilities [shape=(n, 8)] in the order of `EMOTIONS`, 0 for what is not in `emotions`."""
        places = _places(self.emotions)
        blend = self.setting.blend
        blended = [
            (1 - blend) * self.own[name].log_probabilities(x)[:, places]
            + blend * self.joint[name].log_probabilities(x)[:, places]
            for name, x in layers.items()
        ]
        mean = np.mean(blended, axis=0)  # (n, emotions)
        probabilities = np.zeros((len(mean), len(EMOTIONS)))
        shares = np.exp(mean - mean.max(axis=1, keepdims=True))
        probabilities[:, places] = shares / shares.sum(axis=1, keepdims=True)
        return probabilities


@dataclass(frozen=True)
class Fitted:
    """Statistics of training clips, from which the model of any setting is made.

    Attributes
    ----------
    layers : dict of str to list of Statistics
        By layer, those of each corpus, the first corpus first.
    """

    layers: Mapping[str, Sequence[Statistics]]
    _made: dict[tuple[float, float, bool], dict[str, WeightedLda]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def to(cls, training: Clips, *, first: str) -> Self:
        """Gather statistics of training clips.

        Parameters
        ----------
        training
            Clips of all corpora that train.
        first
            The corpus that the others are weighted and centred to; where it does not train, the one of
            which a clip comes first takes its place.

        Raises
        ------
        ValueError
            Where another corpus has an emotion that the first one lacks.
        """
        corpora = sorted(training.corpora(), key=lambda name: name != first)
        parts = [training.take(training.corpus == name) for name in corpora]
        for part in parts[1:]:
            if lacking := set(_emotions(part.y)) - set(_emotions(parts[0].y)):
                raise ValueError(f"{corpora[0]} has no clip of {', '.join(sorted(lacking))}")
        return cls(
            {name: [Statistics.of(part.layers[name], part.y) for part in parts] for name in training.layers}
        )

    def model(self, setting: Setting) -> Model:
        """Make the model of a setting."""
        statistics = next(iter(self.layers.values()))
        present = statistics[0].present
        emotions = tuple(emotion for emotion, is_there in zip(EMOTIONS, present, strict=True) if is_there)
        own = self._ldas(setting.shrinkage, 0.0, False)
        if len(statistics) == 1:
            return Model(own, own, setting, emotions)
        return Model(own, self._ldas(setting.shrinkage, setting.weight, setting.centred), setting, emotions)

    def _ldas(self, shrinkage: float, weight: float, centred: bool) -> dict[str, WeightedLda]:
        """Fit each layer's LDA once: settings that differ in their blend alone share it."""
        key = shrinkage, weight, centred
        if key not in self._made:
            self._made[key] = {
                name: _lda(corpora if weight else corpora[:1], shrinkage, weight, centred)
                for name, corpora in self.layers.items()
            }
        return self._made[key]


def _lda(corpora: Sequence[Statistics], shrinkage: float, weight: float, centred: bool) -> WeightedLda:
    main, *others = corpora
    placed = [it.moved_to(main.mean) if centred else it for it in others]
    return WeightedLda.fit([main, *placed], [1.0, *[weight] * len(others)], shrinkage=shrinkage)


def restrict(probabilities: Matrix, emotions: Sequence[str]) -> Matrix:
    """Keep the probabilities of some emotions, scaled to sum to 1; equal ones where they are all 0.

    Parameters
    ----------
    probabilities
        [shape=(n, 8)] In the order of `EMOTIONS`.
    emotions
        The k emotions that are kept.

    Returns
    -------
    numpy.ndarray [shape=(n, k)]
        In the order of `emotions`.
    """
    kept = probabilities[:, _places(emotions)]  # (n, k)
    total = kept.sum(axis=1, keepdims=True)
    shares: Matrix = np.where(total > 0, kept / np.where(total > 0, total, 1), 1 / len(emotions))
    return shares


def confusion(model: Model, clips: Clips, emotions: Sequence[str]) -> tuple[tuple[str, ...], Names, Counts]:
    """Count held-out clips of shared emotions; clips of others are left out.

    Parameters
    ----------
    model
        Fitted to other clips.
    clips
        Held-out clips of one corpus.
    emotions
        Those of the corpus, though these clips may lack some.

    Returns
    -------
    shared : tuple of str
        The k emotions that the model may answer and the corpus has, in the order of `EMOTIONS`.
    actors : numpy.ndarray [shape=(actors,)]
        Speakers of such clips, sorted.
    counts : numpy.ndarray [shape=(1, actors, k, k), dtype=int64]
        Clips by actual (axis 2) and predicted (axis 3) emotion, in the form that `ser.evaluation.bootstrap`
        reads; of equal probabilities, the first emotion's counts.
    """
    shared = tuple(emotion for emotion in model.emotions if emotion in emotions)
    clips = clips.take(np.isin(clips.y, _places(shared)))
    predicted = restrict(model.probabilities(clips.layers), shared).argmax(axis=1)
    actual = np.searchsorted(_places(shared), clips.y)
    actors, actor = np.unique(clips.actors, return_inverse=True)
    counts = np.zeros((1, len(actors), len(shared), len(shared)), dtype=np.int64)
    np.add.at(counts[0], (actor, actual, predicted), 1)
    return shared, actors, counts


def pooled_uar(counts: Counts) -> float:
    """UAR over the shared emotions, of the counts of all speakers together."""
    return float(uar(counts.sum(axis=(0, 1))))


@dataclass(frozen=True)
class HeldOut:
    """Clips that a setting is scored on, and those that train meanwhile.

    Attributes
    ----------
    kind : str
        ``corpus`` where a whole corpus is held out, ``speakers`` where some of its speakers are.
    corpus : str
        The corpus that is scored.
    training, test : numpy.ndarray [shape=(n,)]
        True for the clips that train, and for those that are scored.
    """

    kind: str
    corpus: str
    training: Mask
    test: Mask


def held_out(clips: Clips, *, n_folds: int) -> Iterator[HeldOut]:
    """Give all ways in which development clips are held out.

    Speakers of each corpus are dealt into folds in the order of their names, and a fold of one corpus is held
    out with all other corpora in training.

    Parameters
    ----------
    clips
        All development clips.
    n_folds
        Folds of speakers, at most the speakers of the smallest corpus.
    """
    corpora = clips.corpora()
    for name in corpora:
        there = clips.corpus == name
        if len(corpora) > 1:
            yield HeldOut("corpus", name, ~there, there)
        speakers = np.unique(clips.actors[there])
        if len(speakers) < n_folds:
            raise ValueError(f"{name} has {len(speakers)} speakers, fewer than {n_folds} folds")
        for fold in range(n_folds):
            test = there & np.isin(clips.actors, speakers[fold::n_folds])
            yield HeldOut("speakers", name, ~test, test)


def try_settings(
    development: Clips, settings: Sequence[Setting], *, first: str, n_folds: int
) -> pd.DataFrame:
    """Score settings on held-out development clips.

    Returns
    -------
    pandas.DataFrame
        A row a setting, kind and corpus: ``setting`` (its place), its four values, ``kind``, ``corpus``,
        ``n`` (clips of shared emotions) and ``uar``, of the folds' clips together.
    """
    emotions = {name: _emotions(development.y[development.corpus == name]) for name in development.corpora()}
    counts: dict[tuple[int, str, str], Counts] = {}
    for part in held_out(development, n_folds=n_folds):
        fitted = Fitted.to(development.take(part.training), first=first)
        test = development.take(part.test)
        for place, setting in enumerate(settings):
            _, _, found = confusion(fitted.model(setting), test, emotions[part.corpus])
            key = place, part.kind, part.corpus
            counts[key] = counts.get(key, 0) + found.sum(axis=(0, 1))
    rows = [
        {"setting": place, **vars(settings[place]), "kind": kind, "corpus": corpus}
        | {"n": int(of.sum()), "uar": float(uar(of))}
        for (place, kind, corpus), of in counts.items()
    ]
    return pd.DataFrame(rows).sort_values(["setting", "kind", "corpus"], ignore_index=True)


def choose(trials: pd.DataFrame, settings: Sequence[Setting]) -> Setting:
    """Choose the setting with the highest mean of its UARs in `try_settings`; of equal ones, the first."""
    means = trials.groupby("setting")["uar"].mean()  # by the setting's place, ascending
    return settings[int(means.to_numpy().argmax())]


@dataclass(frozen=True)
class Outcome:
    """What came out of `run`.

    Attributes
    ----------
    trials : pandas.DataFrame
        All settings on held-out development clips, see `try_settings`.
    model : Model
        That of the chosen setting, fitted to all development clips.
    emotions, actors, counts
        Its `confusion` on the test corpus.
    """

    trials: pd.DataFrame
    model: Model
    emotions: tuple[str, ...]
    actors: Names
    counts: Counts


def run(
    clips: Clips,
    settings: Sequence[Setting],
    *,
    first: str = "ravdess",
    test: str = "emodb",
    n_folds: int = 3,
) -> Outcome:
    """Choose a setting on all corpora but `test`, fit it to them, and score it on `test` once.

    Parameters
    ----------
    clips
        Clips of all corpora.
    settings
        Candidates; of equally good ones the first is chosen, so begin with the simplest.
    first
        The corpus that the others are weighted and centred to.
    test
        The corpus that trains and chooses nothing.
    n_folds
        Folds of development speakers.
    """
    development = clips.take(clips.corpus != test)
    trials = try_settings(development, settings, first=first, n_folds=n_folds)
    model = Fitted.to(development, first=first).model(choose(trials, settings))
    tested = clips.take(clips.corpus == test)
    return Outcome(trials, model, *confusion(model, tested, _emotions(tested.y)))


def _emotions(y: Labels) -> tuple[str, ...]:
    return tuple(EMOTIONS[place] for place in np.unique(y))


def _places(emotions: Sequence[str]) -> Labels:
    return np.array([EMOTIONS.index(emotion) for emotion in emotions], dtype=np.int64)
