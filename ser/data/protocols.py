"""Evaluation protocols: the training, validation and test clips of each fold.

``article`` splits clips at random, so every actor is in training and test. All others split *actors*: no
actor has two roles in a fold, and (but for ``audeering``, a single split) every actor is tested exactly once.

References
----------
LUNA5: Luna-Jimenez C et al. (2021). Multimodal Emotion Recognition on RAVDESS Dataset Using Transfer
Learning. Sensors 21(22):7665. The validation actors of a fold are always tested in another.
EMOBOX6: Ma Z et al. (2024). EmoBox: Multilingual Multi-corpus Speech Emotion Recognition Toolkit and
Benchmark. Interspeech.
AUDEERING: the audEERING group's fixed train/dev/test actors.
"""

from dataclasses import dataclass

import pandas as pd
from sklearn.model_selection import train_test_split

from ser.data.ravdess import ACTORS
from ser.errors import InputError


@dataclass(frozen=True)
class ActorFold:
    """One fold of a speaker-independent protocol.

    Attributes
    ----------
    test, validation : tuple of int
        Numbers of the test and of the validation actors, 1 to 24; all other actors train.
    """

    test: tuple[int, ...]
    validation: tuple[int, ...] = ()

    def role(self, actor: int) -> str:
        """Role of an actor: one of `ser.data.fold.ROLES`."""
        if actor in self.test:
            return "test"
        return "validation" if actor in self.validation else "train"


LUNA5 = (
    ActorFold(test=(2, 5, 14, 15, 16), validation=(3, 6)),
    ActorFold(test=(3, 6, 7, 13, 18), validation=(10, 11)),
    ActorFold(test=(10, 11, 12, 19, 20), validation=(8, 17)),
    ActorFold(test=(8, 17, 21, 23, 24), validation=(1, 14)),
    ActorFold(test=(1, 4, 9, 22), validation=(2, 5)),
)
EMOBOX6 = (
    ActorFold(test=(1, 11, 20, 21)),
    ActorFold(test=(4, 10, 12, 14)),
    ActorFold(test=(8, 9, 19, 23)),
    ActorFold(test=(3, 5, 7, 24)),
    ActorFold(test=(2, 15, 16, 18)),
    ActorFold(test=(6, 13, 17, 22)),
)
LOSO = tuple(ActorFold(test=(actor,)) for actor in ACTORS)
AUDEERING = (ActorFold(test=(21, 22, 23, 24), validation=(16, 17, 19, 20)),)

SPEAKER_INDEPENDENT = {"luna5": LUNA5, "emobox6": EMOBOX6, "loso": LOSO, "audeering": AUDEERING}
PROTOCOLS = ("article", *SPEAKER_INDEPENDENT)


def split_by_actor(clips: pd.DataFrame, folds: tuple[ActorFold, ...]) -> pd.DataFrame:
    """Give every clip its role in every fold of a speaker-independent protocol.

    Parameters
    ----------
    clips
        With the columns ``clip`` and ``actor``.
    folds
        The actors of each fold: one of `SPEAKER_INDEPENDENT`.

    Returns
    -------
    pandas.DataFrame
        Columns ``fold`` (0-based), ``clip`` and ``role`` (one of `ser.data.fold.ROLES`); rows in the order of
        `clips`, fold by fold.
    """
    parts = [
        pd.DataFrame({"fold": number, "clip": clips["clip"], "role": clips["actor"].map(fold.role)})
        for number, fold in enumerate(folds)
    ]
    return pd.concat(parts, ignore_index=True)


def split_at_random(clips: pd.DataFrame, *, test_size: float, random_state: int) -> pd.DataFrame:
    """Split as the article does: clips at random, stratified by emotion, gender and actor.

    There is no validation role: the article's training monitors its test set.

    Parameters
    ----------
    clips
        With the columns ``clip``, ``emotion``, ``gender`` and ``actor``; its order matters.
    test_size
        Proportion of the clips to test on, between 0 and 1.
    random_state
        Seed of scikit-learn's ``train_test_split``.

    Returns
    -------
    pandas.DataFrame
        As of `split_by_actor`, with fold 0 alone.

    Raises
    ------
    InputError
        Where training or test set is too small to hold a clip of each actor with each emotion.
    """
    try:
        _, tested = train_test_split(
            clips["clip"],
            test_size=test_size,
            random_state=random_state,
            stratify=clips[["emotion", "gender", "actor"]],
        )
    except ValueError as error:
        raise InputError(f"params.yaml: split.article.test_size = {test_size}: {error}") from error
    role = clips["clip"].isin(set(tested)).map({True: "test", False: "train"})
    return pd.DataFrame({"fold": 0, "clip": clips["clip"], "role": role})
