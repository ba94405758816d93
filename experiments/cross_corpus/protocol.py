"""How settings are chosen on development corpora alone, by clips that are held out.

A setting's score is the mean of the UARs in two kinds of held-out clips:

- a development corpus that is left out as a whole, with the others in training;
- speakers of a development corpus who are left out, with its other speakers in training.

Of a corpus its recordings are scored, and of the first corpus its corrupted copies too, which count alike.

Where two corpora are all there is, only the second kind has both in training, so that it alone can tell one
weight of the second corpus from another, centred from not, its copies from none, and one blend from another.
What it scores are held-out speakers of a corpus that trains; how a choice serves a third corpus is not among
what it sees.

Held-out clips are always scored as they are: what is centred is what trains.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product

import numpy as np
import pandas as pd
from tqdm import tqdm

from experiments.cross_corpus.clips import Clips
from experiments.cross_corpus.scores import confusion, shared_emotions
from experiments.cross_corpus.training import CorpusStatistics, Group, Setting, Training
from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS
from ser.evaluation.metrics import Counts, uar
from ser.models.layers.linear import LinearLayers

Candidates = Mapping[str, Sequence[float | bool]]
"""By an attribute of `Setting`, some of its values."""


def grid(values: Candidates) -> list[Setting]:
    """Combine all values, the first ones first. With a weight of 0 nothing else but shrinkage counts.

    Parameters
    ----------
    values
        Of every attribute of `Setting`, all its values.
    """
    points = [dict(zip(values, point, strict=True)) for point in product(*values.values())]
    settings = [Setting(**point) for point in points]  # type: ignore[arg-type]
    alone = (it if it.weight else replace(it, centred=False, copies=False, blend=1.0) for it in settings)
    return list(dict.fromkeys(alone))


@dataclass(frozen=True)
class HeldOut:
    """Groups of speakers who are scored while all others train.

    Attributes
    ----------
    kind : str
        ``corpus`` where a whole corpus is held out, ``speakers`` where some of its speakers are.
    corpus : str
        The corpus that is scored.
    groups : frozenset of Group
        Who is held out.
    """

    kind: str
    corpus: str
    groups: frozenset[Group]

    def clips_of(self, clips: Clips) -> Clips:
        """Give the rows that are held out."""
        folds = [fold for _, fold in self.groups]
        return clips.take((clips.corpus == self.corpus) & np.isin(clips.fold, folds))


def held_out(groups: Iterable[Group]) -> Iterator[HeldOut]:
    """Give all ways in which groups of development speakers are held out.

    Parameters
    ----------
    groups
        All of them, at least two a corpus.
    """
    by_corpus: dict[str, list[Group]] = {}
    for group in groups:
        by_corpus.setdefault(group[0], []).append(group)
    for corpus, of_corpus in by_corpus.items():
        if len(by_corpus) > 1:
            yield HeldOut("corpus", corpus, frozenset(of_corpus))
        for group in of_corpus:
            yield HeldOut("speakers", corpus, frozenset({group}))


def without_other_copies(clips: Clips, *, first: str) -> Clips:
    """Give what is scored: all recordings, and the copies of the first corpus."""
    return clips.take(~clips.corrupted | (clips.corpus == first))


def try_settings(
    development: Clips,
    settings: Sequence[Setting],
    *,
    first: str,
    groups: Mapping[Group, CorpusStatistics],
) -> pd.DataFrame:
    """Score settings on held-out development clips.

    Parameters
    ----------
    development
        Recordings and copies of all development corpora.
    settings
        Candidates.
    first
        The corpus that the others are weighted and centred to, and whose copies are scored.
    groups
        Statistics of `development`, as of `gather`.

    Returns
    -------
    pandas.DataFrame
        A row a setting, kind, corpus and condition: ``setting`` (its place), its values, ``kind``,
        ``corpus``, ``condition`` (``clean`` or ``corrupted``), ``n`` (rows of shared emotions) and ``uar``,
        of the folds' clips together.
    """
    to_score = without_other_copies(development, first=first)
    counts: dict[tuple[int, str, str, str], Counts] = {}
    for part in tqdm(list(held_out(groups)), desc="development", unit="part"):
        training = Training.of(groups, first=first, without=part.groups)
        of_corpus = to_score.take(to_score.corpus == part.corpus)
        scored = part.clips_of(of_corpus)
        # As floats of 64 bit once, rather than in each of the products.
        scored = replace(scored, x=scored.x.astype(np.float64))
        for place, setting in enumerate(settings):
            by_condition = _count(training.model(setting), scored, of_corpus.emotions)
            for condition, found in by_condition.items():
                key = place, part.kind, part.corpus, condition
                counts[key] = counts.get(key, 0) + found
    rows = [
        {"setting": place, **asdict(settings[place]), "kind": kind, "corpus": corpus, "condition": condition}
        | {"n": int(of.sum()), "uar": float(uar(of))}
        for (place, kind, corpus, condition), of in counts.items()
    ]
    return pd.DataFrame(rows).sort_values(["setting", "kind", "corpus", "condition"], ignore_index=True)


def _count(linear: LinearLayers, scored: Clips, emotions: Sequence[str]) -> dict[str, Counts]:
    """Count answers [shape=(k, k)] by condition, over the emotions that a model and a corpus share."""
    shared = shared_emotions(linear, emotions)
    probabilities = linear.probabilities(scored.x)
    counts = {}
    for condition, rows in (("clean", ~scored.corrupted), ("corrupted", scored.corrupted)):
        if rows.any():
            answers = probabilities[rows], scored.y[rows], scored.actor[rows]
            counts[condition] = confusion(*answers, emotions=shared)[1].sum(axis=(0, 1))
    return counts


def choose(trials: pd.DataFrame, settings: Sequence[Setting], among: Candidates | None = None) -> Setting:
    """Choose the setting with the highest mean of its UARs in `try_settings`; of equal ones, the first.

    Parameters
    ----------
    trials, settings
        As of `try_settings`, the simplest settings first.
    among
        Values that the chosen setting may have; of an attribute that is left out, all.

    Raises
    ------
    ValueError
        Where no setting has such values.
    """
    allowed = [
        all(getattr(setting, name) in values for name, values in (among or {}).items())
        for setting in settings
    ]
    if not any(allowed):
        raise ValueError(f"no setting has {among}")
    means = trials.groupby("setting")["uar"].mean().to_numpy()  # by the setting's place, ascending
    return settings[int(np.where(allowed, means, -np.inf).argmax())]


def predict(linear: LinearLayers, clips: Clips) -> pd.DataFrame:
    """Tabulate a model's predictions.

    Returns
    -------
    pandas.DataFrame
        A row a recording or copy: ``corpus``, ``copy`` (its kind, empty for the recording), ``clip``,
        ``actor``, ``emotion``, and the probabilities ``p_neutral`` to ``p_surprised``.
    """
    about = {name: getattr(clips, name) for name in ("corpus", "copy", "clip", "actor")}
    emotion = np.array(EMOTIONS)[clips.y]
    table = pd.DataFrame({**about, "emotion": emotion})
    table[list(PROBABILITIES)] = linear.probabilities(clips.x)
    return table


def predict_left_out_speakers(
    development: Clips, setting: Setting, *, first: str, groups: Mapping[Group, CorpusStatistics]
) -> pd.DataFrame:
    """Predict each development clip by a model that was trained on all clips but those of its group.

    Parameters
    ----------
    development, first, groups
        As of `try_settings`.
    setting
        The setting of the models.

    Returns
    -------
    pandas.DataFrame
        As of `predict`; the copies of `first` are among the rows, and no others.
    """
    scored = without_other_copies(development, first=first)
    tables = [
        predict(Training.of(groups, first=first, without=part.groups).model(setting), part.clips_of(scored))
        for part in held_out(groups)
        if part.kind == "speakers"
    ]
    return pd.concat(tables, ignore_index=True)
