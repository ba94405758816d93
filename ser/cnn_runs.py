"""One training of one network: from features and a fold to predictions, a learning curve and weights."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ser import deterministic_tensorflow, networks, training
from ser import logmel_augmentation as augmentation
from ser.datasets import Array, Part, Scaler, prediction_table, read_features, read_split, take
from ser.normalization import INPUTS, read_scaler
from ser.params import ArticleCnn, LogMelCnn
from ser.ravdess import EMOTIONS


@dataclass(frozen=True)
class Network:
    """A network of this project.

    Attributes
    ----------
    model : str
        Its name in predictions and metrics.
    input : str
        A key of `ser.normalization.INPUTS`.
    watched : str
        The role that the learning curve follows: the article's networks watch their test set.
    """

    model: str
    input: str
    watched: str


NETWORKS = {
    "article": Network("cnn", "contour", watched="test"),
    "article_augmented": Network("cnn_augmented", "contour_augmented", watched="test"),
    "logmel": Network("logmel_cnn", "logmel", watched="validation"),
}


@dataclass(frozen=True)
class Result:
    """What a run leaves: test predictions and learning curve as tables, and the architecture as JSON."""

    predictions: pd.DataFrame
    curve: pd.DataFrame
    architecture: str


def folds_of(name: str) -> list[int]:
    """List the folds of a network's protocol."""
    _, split = read_split(INPUTS[NETWORKS[name].input].protocol)
    return sorted(split["fold"].unique().tolist())


def run(
    name: str,
    settings: ArticleCnn | LogMelCnn,
    *,
    seed: int,
    fold: int,
    folder: Path,
    checkpoints: Path,
    bar_position: int = 0,
) -> Result:
    """Train a network on one fold with one seed, predict the fold's test clips, and keep the model.

    Parameters
    ----------
    name
        A key of `NETWORKS`.
    settings
        Its section of ``train_cnn``.
    seed, fold
        Which run.
    folder
        Where ``seedS_foldF.weights.h5`` is written.
    checkpoints
        Folder of the checkpoints.
    bar_position
        The progress bar's line.
    """
    network = NETWORKS[name]
    wanted = INPUTS[network.input]
    clips, split = read_split(wanted.protocol)
    copies = read_features(wanted.features, list(wanted.copies))
    scaler = read_scaler(f"data/normalized/{network.input}.npz", fold=fold)

    training_part = take(clips, split, copies, fold=fold, role="train")
    watched = take(clips, split, copies[:1], fold=fold, role=network.watched)
    test = take(clips, split, copies[:1], fold=fold, role="test")

    deterministic_tensorflow.start(seed)
    if isinstance(settings, ArticleCnn):
        model = networks.article_cnn(n_frames=test.x.shape[1], settings=settings)
        epoch = _contour_epoch(scaler.transform(training_part.x), training_part)
    else:
        n = len(training_part.x) // len(copies)
        model = networks.logmel_cnn(
            n_frames=test.x.shape[1],
            n_mels=test.x.shape[2],
            settings=settings,
            steps_per_epoch=-(-n // settings.batch_size),
        )
        epoch = _logmel_epoch(training_part, scaler.transform, copies=len(copies), settings=settings)

    curve = training.train(
        model,
        training.Run(
            name=f"{network.model} seed {seed} fold {fold}",
            seed=seed,
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            draw_epoch=epoch,
            watched=(scaler.transform(watched.x), _one_hot(watched)),
            patience=settings.patience if isinstance(settings, LogMelCnn) else None,
            checkpoint=checkpoints / f"seed{seed}_fold{fold}.npz",
            identity=_identity(scaler, training_part, watched, settings, seed),
            bar_position=bar_position,
        ),
    )
    folder.mkdir(parents=True, exist_ok=True)
    model.save_weights(folder / f"seed{seed}_fold{fold}.weights.h5")

    probabilities = training.predict(model, scaler.transform(test.x))
    about: dict[str, Any] = {"model": network.model, "seed": seed, "fold": fold}
    return Result(
        predictions=prediction_table(test, probabilities, protocol=wanted.protocol, **about),
        curve=pd.DataFrame(curve).astype({"epoch": int}).assign(**about)[[*about, *curve[0]]],
        architecture=model.to_json(indent=1),
    )


def _one_hot(part: Part) -> Array:
    return np.eye(len(EMOTIONS), dtype=np.float32)[part.y]


def _contour_epoch(scaled: Array, part: Part) -> training.Epoch:
    labels = _one_hot(part)

    def draw(generator: np.random.Generator) -> tuple[Array, Array]:
        order = generator.permutation(len(scaled))
        return scaled[order], labels[order]

    return draw


def _logmel_epoch(part: Part, scale: Any, *, copies: int, settings: LogMelCnn) -> training.Epoch:
    n = len(part.x) // copies
    labels = _one_hot(part)[:n]
    floor_db = float(part.x.min())

    def draw(generator: np.random.Generator) -> tuple[Array, Array]:
        x = augmentation.choose_copies(
            part.x, clean_share=settings.clean_share, copies=copies, generator=generator
        )
        order = generator.permutation(n)
        x = augmentation.distort(x[order], floor_db=floor_db, settings=settings, generator=generator)
        x = augmentation.mask(scale(x), settings=settings, generator=generator)
        return augmentation.mix(
            x, labels[order], batch_size=settings.batch_size, settings=settings, generator=generator
        )

    return draw


def _identity(scaler: Scaler, part: Part, watched: Part, settings: Any, seed: int) -> str:
    modules = (augmentation, deterministic_tensorflow, networks, training)
    return training.identity_of(
        *(scaler.mean, scaler.deviation, part.x, part.y, watched.x, watched.y),
        *(settings, seed, deterministic_tensorflow.VERSIONS),
        *(Path(file) for file in (__file__, *(module.__file__ or "" for module in modules))),
    )
