"""The training loop: all epochs, one by one; a killed run goes on, and ends at the same weights."""

import hashlib
import json
import struct
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import keras
import numpy as np
import numpy.typing as npt
from sklearn.metrics import recall_score
from tqdm import tqdm

from ser.files import write_arrays

Array = npt.NDArray[np.float32]
Epoch = Callable[[np.random.Generator], tuple[Array, Array]]
"""Draws an epoch's inputs [shape=(n, ...)] and labels [shape=(n, 8)], in the order of their batches."""
History = list[dict[str, float]]
"""The learning curve, a row an epoch."""

_DAMAGED = (
    *(OSError, ValueError, EOFError, LookupError, NotImplementedError),
    *(BadZipFile, struct.error, zlib.error),
)
"""What NumPy and zipfile raise on a file with wrong bytes, wherever these lie."""


@dataclass(frozen=True)
class Run:
    """One training.

    Attributes
    ----------
    name : str
        Text before the progress bar.
    seed : int
        Seed of the epochs' draws.
    epochs, batch_size : int
        Number of epochs, and of clips in a batch; the last batch of an epoch may be smaller.
    draw_epoch : callable
        See `Epoch`. All that is random in it comes from the generator that it is given.
    monitored : tuple of numpy.ndarray
        Inputs [shape=(m, ...)] and one-hot labels [shape=(m, 8)] that are scored after each epoch; nothing is
        selected by them.
    checkpoint : Path
        File of the state after each epoch; whoever keeps the trained model deletes it then.
    identity : str
        Fingerprint of all that the result depends on; a checkpoint of another identity is not resumed.
    bar_position : int
        Line of the progress bar, 0-based, so that parallel runs do not overwrite each other's.
    """

    name: str
    seed: int
    epochs: int
    batch_size: int
    draw_epoch: Epoch
    monitored: tuple[Array, Array]
    checkpoint: Path
    identity: str
    bar_position: int = 0


def train(model: keras.Model, run: Run) -> History:
    """Train a compiled model in place.

    Parameters
    ----------
    model
        From inputs [shape=(n, ...)] to class scores [shape=(n, 8)]; compiled with the metric ``accuracy``.
    run
        Data and settings of the training.

    Returns
    -------
    list of dict
        The learning curve, a row an epoch: ``epoch`` (1-based), ``loss``, ``accuracy``, ``val_loss``,
        ``val_accuracy`` and ``val_uar`` as fractions.
    """
    model.optimizer.build(model.trainable_variables)
    history = _resume(model, run)
    bar = tqdm(
        total=run.epochs,
        initial=len(history),
        desc=run.name,
        unit="epoch",
        position=run.bar_position,
        leave=False,
        mininterval=0.5 if sys.stderr.isatty() else 30.0,
    )
    with bar:
        for epoch in range(len(history) + 1, run.epochs + 1):
            # A generator of its own for each epoch, so that a resumed run draws what an unbroken one would.
            x, y = run.draw_epoch(np.random.default_rng([run.seed, epoch]))
            row = {"epoch": float(epoch), **_fit(model, x, y, batch_size=run.batch_size)}
            row |= _monitor(model, *run.monitored)
            history.append(row)
            _save(model, run, history)
            bar.update()
            bar.set_postfix(val_loss=f"{row['val_loss']:.3f}", val_uar=f"{row['val_uar']:.3f}", refresh=False)
    return history


def identity_of(*parts: Any) -> str:
    """Fingerprint of arrays, files (`Path`) and anything with a stable ``repr``."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(np.ascontiguousarray(part).tobytes())
        elif isinstance(part, Path):
            digest.update(part.read_bytes())
        else:
            digest.update(repr(part).encode())
    return digest.hexdigest()


def predict(model: keras.Model, x: Array, *, batch_size: int = 256) -> Array:
    """Apply a network to `x` [shape=(n, ...)], batch by batch: class scores [shape=(n, 8)]."""
    starts = range(0, len(x), batch_size)
    return np.concatenate([model.predict_on_batch(x[start : start + batch_size]) for start in starts])


# Batch by batch rather than by Keras' fit: as fast, and no input pipeline is built anew each epoch.
def _fit(model: keras.Model, x: Array, y: Array, *, batch_size: int) -> dict[str, float]:
    totals = {"loss": 0.0, "accuracy": 0.0}
    for start in range(0, len(x), batch_size):
        batch = slice(start, min(start + batch_size, len(x)))
        scores = model.train_on_batch(x[batch], y[batch], return_dict=True)
        for name in totals:
            totals[name] += float(scores[name]) * (batch.stop - batch.start) / len(x)
    return totals


def _monitor(model: keras.Model, x: Array, y: Array) -> dict[str, float]:
    scores = model.test_on_batch(x, y, return_dict=True)
    predicted = predict(model, x).argmax(axis=1)  # (m, 8) to (m,)
    uar = recall_score(y.argmax(axis=1), predicted, average="macro", zero_division=0)
    return {
        "val_loss": float(scores["loss"]),
        "val_accuracy": float(scores["accuracy"]),
        "val_uar": float(uar),
    }


def _state(model: keras.Model) -> list[Any]:
    # Weights, moving averages, the state of each dropout's generator, and all that the optimizer knows.
    return [*model.variables, *model.optimizer.variables]


def _save(model: keras.Model, run: Run, history: History) -> None:
    arrays = {f"state{place}": np.asarray(variable) for place, variable in enumerate(_state(model))}
    about = json.dumps({"identity": run.identity, "history": history})
    write_arrays(run.checkpoint, about=np.array(about), **arrays)


def _resume(model: keras.Model, run: Run) -> History:
    if not run.checkpoint.exists():
        return []
    try:
        with np.load(run.checkpoint, allow_pickle=False) as stored:
            arrays = dict(stored)
        about = json.loads(str(arrays["about"]))
    except _DAMAGED:
        # Damaged by what else the machine went through: a new start costs time, but gives the same result.
        return []
    if about["identity"] != run.identity:
        return []
    for place, variable in enumerate(_state(model)):
        variable.assign(arrays[f"state{place}"])
    history: History = about["history"]
    return history
