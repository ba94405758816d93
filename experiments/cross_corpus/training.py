"""Models of a first corpus and of others with weights, from statistics of their training clips.

Of the first corpus, recordings and corrupted copies always train; whether those of others do is chosen.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np

from experiments.cross_corpus.clips import Clips
from experiments.cross_corpus.weighted_lda import Statistics, fit_lda
from ser.data.ravdess import EMOTIONS
from ser.models.layers.linear import LinearLayers, Matrix

Group = tuple[str, int]
"""Speakers who are held out together: their corpus, and the number of the fold."""


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
        Whether each other corpus is moved so that the mean of its recordings, in every feature, is the first
        one's. Its copies are moved by the same offset.
    copies : bool
        Whether corrupted copies of the other corpora train.
    blend : float
        From 0, the logits of a model of the first corpus alone, to 1, those of a model of all.
    """

    shrinkage: float
    weight: float
    centred: bool
    copies: bool
    blend: float


@dataclass(frozen=True)
class CorpusStatistics:
    """Statistics of training clips of one corpus.

    Attributes
    ----------
    recordings, copies : sequence of Statistics
        Of the recordings, of which there is one, and of their corrupted copies, which may be none, by layer.
    """

    recordings: Sequence[Statistics]
    copies: Sequence[Statistics]

    @classmethod
    def of(cls, clips: Clips) -> Self:
        """Gather them from rows of one corpus."""
        parts = clips.take(~clips.corrupted), clips.take(clips.corrupted)
        layers = range(clips.x.shape[1])
        return cls(*([Statistics.of(part.x[:, layer], part.y) for layer in layers] for part in parts))

    @classmethod
    def pool(cls, groups: Sequence[Self]) -> Self:
        """Give the statistics of several groups of clips together."""
        weights = [1.0] * len(groups)
        recordings, copies = (
            [Statistics.pool(of_layer, weights) for of_layer in zip(*by_group, strict=True)]
            for by_group in ([it.recordings for it in groups], [it.copies for it in groups])
        )
        return cls(recordings, copies)

    def with_copies(self) -> list[Statistics]:
        """Pool recordings and copies, by layer: a clip's weight of 1 is spread evenly over them."""
        share = self.recordings[0].n / (self.recordings[0].n + self.copies[0].n)
        pairs = zip(self.recordings, self.copies, strict=True)
        return [Statistics.pool(pair, [share, share]) for pair in pairs]


@dataclass(frozen=True)
class Training:
    """Statistics of all training clips, from which the model of any setting is made.

    Attributes
    ----------
    first : CorpusStatistics
        Of the corpus that the others are weighted and centred to.
    others : sequence of CorpusStatistics
        Of the other corpora, which may be none.
    """

    first: CorpusStatistics
    others: Sequence[CorpusStatistics]
    _made: dict[tuple[float, float, bool, bool], tuple[Matrix, Matrix]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _pooled: dict[tuple[float, bool, bool], list[Statistics]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(
        cls, groups: Mapping[Group, CorpusStatistics], *, first: str, without: Collection[Group] = ()
    ) -> Self:
        """Pool groups of speakers.

        Parameters
        ----------
        groups
            Statistics of every group.
        first
            The corpus that the others are weighted and centred to; where it does not train, the one that
            comes first in `groups` takes its place.
        without
            Held-out groups, of which nothing is read.

        Raises
        ------
        ValueError
            Where another corpus has an emotion that the first one lacks.
        """
        kept: dict[str, list[CorpusStatistics]] = {}
        for (corpus, fold), statistics in groups.items():
            if (corpus, fold) not in without:
                kept.setdefault(corpus, []).append(statistics)
        names = sorted(kept, key=lambda name: name != first)
        main, *others = (CorpusStatistics.pool(kept[name]) for name in names)
        present = main.recordings[0].present
        for other in others:
            lacking = other.recordings[0].present & ~present
            if lacking.any():
                raise ValueError(f"{names[0]} has no clip of {', '.join(np.array(EMOTIONS)[lacking])}")
        return cls(main, others)

    def model(self, setting: Setting) -> LinearLayers:
        """Make the model of a setting: the mean, over layers, of blended logits decides.

        An emotion that the first corpus lacks has a bias of minus infinity.
        """
        own = self._ldas(setting.shrinkage, 0.0, False, False)
        joint = own
        if self.others and setting.weight:
            joint = self._ldas(setting.shrinkage, setting.weight, setting.centred, setting.copies)
        coefficients, biases = (
            (1 - setting.blend) * alone + setting.blend * together
            for alone, together in zip(own, joint, strict=True)
        )
        biases = np.where(self.first.recordings[0].present, biases, -np.inf)
        return LinearLayers(coefficients, biases, np.full(len(biases), 1 / len(biases)))

    def _ldas(self, shrinkage: float, weight: float, centred: bool, copies: bool) -> tuple[Matrix, Matrix]:
        """Fit each layer's LDA once: settings that differ in their blend alone share it."""
        key = weight, centred, copies
        if (shrinkage, *key) not in self._made:
            if key not in self._pooled:
                self._pooled[key] = self._pool(*key)
            fitted = [fit_lda(of_layer, shrinkage=shrinkage) for of_layer in self._pooled[key]]
            coefficients, biases = (np.stack(it) for it in zip(*fitted, strict=True))
            self._made[shrinkage, *key] = coefficients, biases
        return self._made[shrinkage, *key]

    def _pool(self, weight: float, centred: bool, copies: bool) -> list[Statistics]:
        """Pool all corpora by layer."""
        main = self.first.with_copies()
        if not weight:
            return main
        others = []
        for other in self.others:
            rows = other.with_copies() if copies else other.recordings
            if centred:
                pairs = zip(self.first.recordings, other.recordings, strict=True)
                offsets = [here.mean - there.mean for here, there in pairs]
                rows = [it.moved_by(offset) for it, offset in zip(rows, offsets, strict=True)]
            others.append(rows)
        weights = [1.0, *[weight] * len(others)]
        return [Statistics.pool(of_layer, weights) for of_layer in zip(main, *others, strict=True)]


def gather(clips: Clips) -> dict[Group, CorpusStatistics]:
    """Gather the statistics of each group of speakers, the groups by the place of their first row."""
    groups = dict.fromkeys(zip(clips.corpus.tolist(), clips.fold.tolist(), strict=True))
    return {
        (corpus, fold): CorpusStatistics.of(clips.take((clips.corpus == corpus) & (clips.fold == fold)))
        for corpus, fold in groups
    }
