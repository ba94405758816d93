"""Network and LDA in step together: means, and sums whose weights the training actors of each fold choose.

Each weight multiplies the logarithms of a model's probabilities. It tells how far the model's confidence can
be trusted as well as how good it is, so that an LDA, which is far too sure of itself, comes out light.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import softmax

from ser.aligned_lda import ALIGNED, AlignedFeatures, choose_and_recognise, choose_templates, sides_of
from ser.datasets import prediction_table
from ser.enrolment_search import fit_weights
from ser.errors import InputError
from ser.fold_pairs import pairs_of, split_by_pairs
from ser.fusion import KEYS
from ser.params import Aligned
from ser.ravdess import EMOTIONS
from ser.scores import COLUMNS, PROBABILITIES

Matrix = npt.NDArray[np.float64]

WEIGHTED, WEIGHTED_ENSEMBLE = "aligned_weighted", "aligned_weighted_ensemble"
"""The weighted sum of one network and the LDA in step; and, with its weights, of all networks' mean."""


def recognise_other_fold(
    features: AlignedFeatures,
    clips: pd.DataFrame,
    split: pd.DataFrame,
    *,
    protocol: str,
    fold: int,
    other: int,
    settings: Aligned,
) -> pd.DataFrame:
    """Recognise what another fold tests, by an LDA in step that met neither these clips nor those of `fold`.

    Parameters
    ----------
    features, clips, split
        As for `ser.aligned_lda.sides_of`.
    protocol
        Its name.
    fold
        For which the weights will be chosen; its templates are taken.
    other
        Whose tested clips are recognised, but for those of actors whose templates are taken: they would be in
        step with themselves.
    settings
        The section ``aligned``; the shrinkage is chosen by inner folds of those who train.

    Returns
    -------
    pandas.DataFrame
        As of `ser.datasets.prediction_table`, with `fold` for its fold.
    """
    place = pairs_of(split).index((min(fold, other), max(fold, other)))
    templates = choose_templates(clips, split, fold=fold, settings=settings)
    training, both = sides_of(features, clips, split_by_pairs(split), fold=place, templates=templates)
    found, _ = choose_and_recognise(
        training,
        both,
        copies=len(features.functionals),
        n_before=features.n_before,
        settings=settings,
    )
    table = prediction_table(both, found, protocol=protocol, model=ALIGNED, seed=0, fold=fold)
    tested = split.loc[(split["fold"] == other) & (split["role"] == "test"), "clip"]
    in_step_with = [settings.alignment.template_actors[one] for one in templates]
    return table[table["clip"].isin(set(tested)) & ~np.isin(both.actors, in_step_with)]


def choose_weights(network: pd.DataFrame, lda: pd.DataFrame, clips: pd.DataFrame) -> Matrix:
    """Find the weights of network and LDA with which the sum has the least log-loss.

    Parameters
    ----------
    network, lda
        What each says of clips that it never met: a row a clip. Those of `lda` count; there may be more.
    clips
        With the columns ``clip`` and ``emotion``.

    Returns
    -------
    numpy.ndarray [shape=(2,)]
        None below 0.

    Raises
    ------
    InputError
        Where the network does not tell of a clip once, or a probability is not a number.
    """
    network, lda = (
        it[it["clip"].isin(set(lda["clip"]))].sort_values("clip", ignore_index=True) for it in (network, lda)
    )
    if network["clip"].tolist() != lda["clip"].tolist() or network["clip"].duplicated().any():
        raise InputError("network and LDA tell of different clips of the other folds; train both again")
    logs = [_logarithms(network), _logarithms(lda)]
    if not np.isfinite(logs).all():
        raise InputError("what should choose the weights of network and LDA is not a number")
    emotions = clips.set_index("clip")["emotion"].map(EMOTIONS.index)
    return fit_weights(logs, emotions.loc[network["clip"]].to_numpy(dtype=np.int64))


def weigh(
    network: pd.DataFrame, lda: pd.DataFrame, weights: Mapping[int, Matrix], *, model: str
) -> pd.DataFrame:
    """Sum up the logarithms of both with the weights of each fold, and scale to probabilities.

    Parameters
    ----------
    network
        Predictions with any number of seeds.
    lda
        Of one seed; of the same clips in the same folds.
    weights
        Of network and LDA, by fold.
    model
        The name of the sum.

    Returns
    -------
    pandas.DataFrame
        In the form and order of `network`.

    Raises
    ------
    InputError
        Where the LDA lacks a clip.
    """
    partner = network[KEYS].merge(lda, on=KEYS, how="left", validate="many_to_one")
    if partner["model"].isna().any():
        raise InputError("the LDA lacks clips that the network recognised; train both again")
    of = np.stack([weights[fold] for fold in network["fold"]])
    logits = of[:, :1] * _logarithms(network) + of[:, 1:] * _logarithms(partner)
    weighed = network.assign(model=model)
    weighed[list(PROBABILITIES)] = softmax(logits, axis=1)
    return weighed


def together(network: pd.DataFrame, *, model: str) -> pd.DataFrame:
    """Average the networks of all seeds."""
    mean = network.groupby(KEYS, as_index=False, sort=False)[list(PROBABILITIES)].mean()
    return mean.assign(model=model, seed=0)[list(COLUMNS)]


def _logarithms(predictions: pd.DataFrame) -> Matrix:
    # Nobody is surer than that: an LDA's probabilities may be too small to be told from 0.
    return np.log(predictions[list(PROBABILITIES)].to_numpy(dtype=np.float64) + 1e-9)
