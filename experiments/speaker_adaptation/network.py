"""The 2-D CNN beside the LDAs that are adapted to a speaker.

The CNN was trained without adaptation. From the clips of a speaker only its bias for this speaker is
estimated, how much its logits lean to each emotion whatever the clip: that part is subtracted, and what
remains is averaged with the LDAs, both weighted the same.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax

from ser.data.fold import Labels
from ser.data.predictions import PROBABILITIES
from ser.models.adaptation_search import mean_uar
from ser.models.speaker_adaptation import Mask, adapt
from ser.models.speaker_lda import Matrix


def network_logits(predictions: pd.DataFrame, clips: npt.NDArray[np.str_], *, fold: int) -> Matrix:
    """Average what all seeds of a network say of some clips.

    Parameters
    ----------
    predictions
        Of `ser.evaluation.scores.read_predictions`, of one model.
    clips
        [shape=(n,)], all of which it predicts in this fold.
    fold
        Whose network.

    Returns
    -------
    numpy.ndarray [shape=(n, 8)]
        Logarithms of probabilities, less their mean over the emotions.

    Raises
    ------
    KeyError
        Where a clip is not predicted.
    """
    own = predictions[predictions["fold"] == fold]
    seeds = [
        of_seed.set_index("clip").loc[list(clips), list(PROBABILITIES)] for _, of_seed in own.groupby("seed")
    ]
    # A probability that float32 rounds to 0 must not veto.
    logs = np.log(np.maximum(np.stack([np.asarray(of_seed, np.float64) for of_seed in seeds]), 1e-7))
    logits = logs.mean(axis=0)
    return np.asarray(logits - logits.mean(axis=1, keepdims=True))


def join_network(
    probabilities: Matrix, logits: Matrix, actors: Labels, *, enrolled: Mask, prior_clips: float
) -> Matrix:
    """Average the LDAs' probabilities with the network's, after it too was adapted to the speaker.

    Parameters
    ----------
    probabilities
        [shape=(clips that are not enrolled, 8)], of `ser.models.speaker_adaptation.recognise`.
    logits
        [shape=(n, 8)], of `network_logits`, of all clips of these actors.
    actors
        [shape=(n,)]
    enrolled
        [shape=(n,)]
    prior_clips
        As of `ser.models.speaker_lda.known_share`, for what the network leans to.
    """
    adapted = adapt(logits, actors, enrolled=enrolled, prior_clips=prior_clips)[~enrolled]
    return np.asarray((probabilities + softmax(adapted, axis=1)) / 2)


def choose_prior(
    probabilities: Sequence[Matrix],
    logits: Matrix,
    actors: Labels,
    y: Labels,
    *,
    draws: Sequence[Mask],
    grid: Sequence[float],
) -> tuple[float, pd.DataFrame]:
    """Choose `prior_clips` by speakers whom neither the network nor these LDAs met.

    Parameters
    ----------
    probabilities
        Of the LDAs, a draw each.
    logits, actors
        As of `join_network`.
    y
        [shape=(n,)], the emotions.
    draws
        [shape=(n,)] each: which clips are enrolled.
    grid
        What to try; of equal ones the first is chosen.

    Returns
    -------
    prior_clips : float
    trials : pandas.DataFrame
        A row a point of the grid: ``prior_clips``, ``uar`` (mean over draws), ``chosen``.
    """
    labels = [y[~enrolled] for enrolled in draws]
    uars = []
    for prior_clips in grid:
        joined = [
            join_network(of_draw, logits, actors, enrolled=enrolled, prior_clips=prior_clips)
            for of_draw, enrolled in zip(probabilities, draws, strict=True)
        ]
        uars.append(mean_uar(labels, joined))
    best = int(np.argmax(uars))
    trials = pd.DataFrame({"prior_clips": grid, "uar": uars, "chosen": np.arange(len(grid)) == best})
    return grid[best], trials
