"""Features of the corpora as `Clips`, each row with the fold in which its speaker is held out."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments.cross_corpus.clips import Clips, Names
from ser.data.fold import Array, Labels, emotion_index
from ser.errors import InputError
from ser.files import read_table
from stages.inputs import read_split
from stages.layers.inputs import read_layers

FOLDER = Path("data/cross_corpus")
FIRST, SECOND, TEST = "ravdess", "nemo", "emodb"
"""The corpus that others are weighted and centred to, the one that may train beside it, and the one that no
model is trained on or chosen by."""


def read_development(copies: Sequence[str], *, n_folds: int, with_copies: bool) -> Clips:
    """Read the corpora that train and choose.

    Parameters
    ----------
    copies
        Names of RAVDESS's copies, as in ``encode_layers.copies``.
    n_folds, with_copies
        Of nEMO, as of `read_corpus`.
    """
    second = read_corpus(SECOND, n_folds=n_folds, with_copies=with_copies)
    return Clips.join([read_ravdess(copies), second])


def read_ravdess(copies: Sequence[str]) -> Clips:
    """Read RAVDESS with its copies.

    Speakers are held out as LUNA5 tests them: a copy's babble is of actors of the same fold, so that whoever
    is held out is heard in no copy that trains.

    Parameters
    ----------
    copies
        Names of the copies, as in ``encode_layers.copies``.
    """
    widths, features = read_layers(copies)
    x = np.stack(features)  # (1 + copies, clips, layers * columns)
    clips, split = read_split("luna5")
    fold = clips["clip"].map(split[split["role"] == "test"].set_index("clip")["fold"])
    return _rows(
        x.reshape(*x.shape[:2], len(widths), -1),
        emotion_index(clips),
        clip=clips["clip"].to_numpy(str),
        actor=clips["actor"].to_numpy(str),
        corpus="ravdess",
        fold=fold.to_numpy(np.int64),
        copies=copies,
    )


def read_corpus(name: str, *, n_folds: int = 1, with_copies: bool = False) -> Clips:
    """Read another corpus; its speakers are dealt into folds in the order of their names.

    Parameters
    ----------
    name
        Of `experiments.cross_corpus.corpora.CORPORA`.
    n_folds
        Folds of speakers, at most as many as there are speakers.
    with_copies
        Whether its corrupted copies are read as well.

    Raises
    ------
    InputError
        Where a file is missing, of other clips than the table, or there are fewer speakers than folds.
    """
    clips = read_table(FOLDER / name / "clips.parquet", ("clip", "actor", "emotion"))
    x = [_read_array(FOLDER / name / "layers.npy")[None]]
    copies: list[str] = []
    if with_copies:
        x.append(_read_array(FOLDER / name / "copies.npy"))
        copies = list(read_table(FOLDER / name / "draws.parquet", ("copy",))["copy"].unique())
    if [it.shape[:2] for it in x] != [(1, len(clips)), (len(copies), len(clips))][: len(x)]:
        raise InputError(f"{FOLDER / name}: features of other clips than the table's; encode them again")
    speakers, speaker = np.unique(clips["actor"].to_numpy(str), return_inverse=True)
    if len(speakers) < n_folds:
        raise InputError(f"{name} has {len(speakers)} speakers, fewer than {n_folds} folds")
    return _rows(
        np.concatenate(x),
        emotion_index(clips),
        clip=clips["clip"].to_numpy(str),
        actor=speakers[speaker],
        corpus=name,
        fold=speaker % n_folds,
        copies=copies,
    )


def _read_array(path: Path) -> Array:
    try:
        array: Array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read ({error}); run the stage that writes it") from error
    return array


def _rows(
    x: Array, y: Labels, *, clip: Names, actor: Names, corpus: str, fold: Labels, copies: Sequence[str]
) -> Clips:
    """Put recordings and copies, x [shape=(1 + copies, clips, layers, columns)], below one another."""
    n_times = len(x)
    return Clips(
        x=x.reshape(-1, *x.shape[2:]),
        y=np.tile(y, n_times),
        clip=np.tile(clip, n_times),
        actor=np.tile(actor, n_times),
        corpus=np.full(n_times * len(y), corpus),
        fold=np.tile(fold, n_times),
        copy=np.repeat(np.array(["", *copies]), len(y)),
    )
