"""The 2-D CNN beside the LDAs that are adapted to a speaker.

The CNN was trained without adaptation. From the clips of a speaker only its bias for this speaker is
estimated, how much its logits lean to each emotion whatever the clip: that part is subtracted, and what
remains is averaged with the LDAs, both weighted the same.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.special import softmax

from ser.data.fold import Labels
from ser.data.predictions import PROBABILITIES
from ser.models.adaptation_search import mean_uar
from ser.models.speaker_adaptation import Mask, adapt
from ser.models.speaker_lda import Matrix


def network_logits(predictions: pd.DataFrame, clips: Iterable[str], *, fold: int) -> Matrix:
    """Average the logits of all seeds of a network for some clips.

    Parameters
    ----------
    predictions
        Of `ser.evaluation.scores.read_predictions`, of one model.
    clips
        Ids of n clips, all of which it predicts in this fold.
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
    probabilities: Matrix, logits: Matrix, actors: Labels, *, enrolled: Mask, prior_strength: float
) -> Matrix:
    """Average the LDAs' probabilities with the network's, which is adapted to the speaker as well.

    Parameters
    ----------
    probabilities
        [shape=(clips that are not enrolled, 8)], of `ser.models.speaker_adaptation.recognise`.
    logits
        [shape=(n, 8)], of `network_logits`, of all clips of these actors.
    actors
        Who speaks in each clip [shape=(n,)].
    enrolled
        Whether each clip is an adaptation clip [shape=(n,)].
    prior_strength
        In clips, as of `ser.models.speaker_lda.known_share`, for the network's bias.
    """
    adapted = adapt(logits, actors, enrolled=enrolled, prior_strength=prior_strength)[~enrolled]
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
    """Select the network's prior strength on speakers that neither it nor these LDAs were trained on.

    Parameters
    ----------
    probabilities
        Of the LDAs, a draw each.
    logits, actors
        As of `join_network`.
    y
        The labels [shape=(n,)].
    draws
        Which clips are adaptation clips, [shape=(n,)] each.
    grid
        What to try; of equal ones the first is chosen.

    Returns
    -------
    prior_strength : float
    trials : pandas.DataFrame
        A row a point of the grid: ``prior_clips`` (the strength), ``uar`` (mean over draws), ``chosen``.
    """
    labels = [y[~enrolled] for enrolled in draws]
    uars = []
    for prior_strength in grid:
        joined = [
            join_network(of_draw, logits, actors, enrolled=enrolled, prior_strength=prior_strength)
            for of_draw, enrolled in zip(probabilities, draws, strict=True)
        ]
        uars.append(mean_uar(labels, joined))
    best = int(np.argmax(uars))
    trials = pd.DataFrame({"prior_clips": grid, "uar": uars, "chosen": np.arange(len(grid)) == best})
    return grid[best], trials
