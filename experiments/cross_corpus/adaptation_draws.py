"""Which clips a model is adapted with: a mix of emotions, drawn with a seed from the clips of one set-up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ser.data.fold import Labels
from ser.data.ravdess import EMOTIONS

Shares = npt.NDArray[np.float64]
"""Proportion of each emotion in a mix [shape=(8,)], in the order of `EMOTIONS`; their sum is 1."""
Rows = npt.NDArray[np.intp]

NEUTRAL = EMOTIONS.index("neutral")
MOSTLY = 0.7
"""Share of the neutral clips in the mix ``neutral_70``."""


def mixes(emotions: Sequence[str]) -> Mapping[str, Sequence[Shares]]:
    """List the mixes of a corpus.

    Parameters
    ----------
    emotions
        Those of the corpus, neutral among them.

    Returns
    -------
    dict of str to sequence of numpy.ndarray [shape=(8,)]
        ``balanced``, ``neutral_70``, ``neutral`` alone, and ``one_emotion``: each other one alone.
    """
    has = np.isin(EMOTIONS, emotions)  # (8,)
    alone = np.eye(len(EMOTIONS))
    others = has & ~alone[NEUTRAL].astype(bool)
    return {
        "balanced": [has / has.sum()],
        "neutral_70": [MOSTLY * alone[NEUTRAL] + (1 - MOSTLY) * others / others.sum()],
        "neutral": [alone[NEUTRAL]],
        "one_emotion": [alone[place] for place in np.flatnonzero(others)],
    }


@dataclass(frozen=True)
class Draw:
    """Clips of one set-up, some to adapt with and the others to score.

    Attributes
    ----------
    adapted_with, scored : numpy.ndarray [shape=(clips,)]
        Their rows; no clip is in both.
    """

    adapted_with: Rows
    scored: Rows


def draw(y: Labels, pool: Rows, shares: Shares, *, n_clips: int, seed: Sequence[int]) -> Draw | None:
    """Draw clips of a mix.

    Parameters
    ----------
    y
        [shape=(n,)] Labels: places in `EMOTIONS`.
    pool
        [shape=(m,)] Rows of the set-up's clips.
    shares
        [shape=(8,)] The mix. Numbers of clips are rounded down, and which emotions get one more is drawn.
    n_clips
        How many clips to draw.
    seed
        Of the draw: whole numbers.

    Returns
    -------
    Draw or None
        None where an emotion has too few clips.
    """
    generator = np.random.default_rng(seed)
    exact = n_clips * shares
    counts = np.floor(exact + 1e-9).astype(int)  # (8,)
    if left := n_clips - counts.sum():
        fractions = np.maximum(exact - counts, 0)
        counts[generator.choice(len(counts), size=left, replace=False, p=fractions / fractions.sum())] += 1
    chosen = []
    for place in np.flatnonzero(counts):
        candidates = pool[y[pool] == place]
        if len(candidates) < counts[place]:
            return None
        chosen.append(generator.permutation(candidates)[: counts[place]])
    rows = np.concatenate(chosen)
    return Draw(rows, np.setdiff1d(pool, rows))
