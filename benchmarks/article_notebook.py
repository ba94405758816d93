"""The article's notebook as one script, from recordings to both networks: a reference to be timed.

  python -m benchmarks.article_notebook RECORDINGS [--first-epochs 40] [--augmented-epochs 20]

It works as the notebooks do: clip by clip in one process, librosa for all sound, a row at a time into a table
of pandas, `model.fit` with the test side as validation, nothing kept between runs, TensorFlow as it comes.
Their faults are kept, too: each augmentation loop computes the spectrogram of the clean signal, which only
speed and pitch changes in place. It prints, as JSON, the seconds of each step, an epoch's apart, and the
accuracies; nothing is extrapolated.
"""

import argparse
import json
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ser.data.ravdess import parse_clip

_SAMPLE_RATE = 44_100
_COLUMNS = 259

Array = npt.NDArray[Any]


def list_recordings(folder: Path) -> pd.DataFrame:
    """List the recordings with emotion, gender and actor from their names."""
    files = sorted(folder.glob("Actor_*/*.wav"))
    rows = []
    for file in files:
        labels = parse_clip(file.stem)
        rows.append((labels.gender, labels.emotion, labels.actor, str(file)))
    return pd.DataFrame(rows, columns=["gender", "emotion", "actor", "path"])


def load(path: str) -> Array:
    """Load what the article reads of a clip."""
    import librosa

    samples, _ = librosa.load(path, res_type="kaiser_fast", duration=3, sr=_SAMPLE_RATE, offset=0.5)
    return np.asarray(samples)


def contour(samples: Array) -> Array:
    """Compute the log-mel spectrogram and its mean over the bands."""
    import librosa

    spectrogram = librosa.feature.melspectrogram(y=samples, sr=_SAMPLE_RATE, n_mels=128, fmax=8000)
    return np.asarray(np.mean(librosa.power_to_db(spectrogram), axis=0))


def noise(samples: Array) -> Array:
    """Add white noise to a copy, of a random level up to a twentieth of the peak."""
    level = np.random.uniform(high=0.05) * samples.max()  # noqa: NPY002
    return np.asarray(samples + np.random.normal(scale=level, size=len(samples)))  # noqa: NPY002


def stretch(samples: Array) -> Array:
    """Stretch time."""
    import librosa

    return np.asarray(librosa.effects.time_stretch(samples, rate=0.8))


def speed_and_pitch(samples: Array) -> Array:
    """Play faster by linear interpolation, in place: silence follows."""
    factor = 1.4 / np.random.uniform(low=0.8, high=1)  # noqa: NPY002
    faster = np.interp(np.arange(0, len(samples), factor), np.arange(len(samples)), samples)
    samples[: len(faster)] = faster
    samples[len(faster) :] = 0
    return samples


def table_of(paths: pd.Series, change: Callable[[Array], Array] | None) -> pd.DataFrame:
    """Fill a table row by row, as the notebooks do."""
    table = pd.DataFrame(columns=["feature"])
    for number, path in enumerate(paths):
        samples = load(path)
        if change is not None:
            change(samples)
        # Of `samples`, not of what `change` returns: the notebooks' fault.
        table.loc[number] = [contour(samples)]  # type: ignore[assignment]
    return pd.DataFrame(table["feature"].tolist()).reindex(columns=range(_COLUMNS))


def split(recordings: pd.DataFrame) -> tuple[list[int], list[int]]:
    """Split at random, every actor on both sides."""
    from sklearn.model_selection import train_test_split

    labels = recordings[["emotion", "gender", "actor"]]
    train, test = train_test_split(
        list(range(len(recordings))), test_size=0.2, random_state=0, stratify=labels
    )
    return train, test


def network(*, kernel: int, dropout: float, output: str, learning_rate: float) -> Any:
    """Build one of the article's networks, compiled."""
    import keras
    from keras import layers

    penalty = keras.regularizers.L2(0.01)
    model = keras.Sequential(
        [
            layers.Input((_COLUMNS, 1)),
            layers.Conv1D(64, kernel, activation="relu"),
            layers.Conv1D(
                128, kernel, activation="relu", kernel_regularizer=penalty, bias_regularizer=penalty
            ),
            layers.MaxPooling1D(8),
            layers.Dropout(dropout),
            layers.Conv1D(128, kernel, activation="relu"),
            layers.MaxPooling1D(8),
            layers.Dropout(dropout),
            layers.Flatten(),
            layers.Dense(256, activation="relu"),
            layers.Dropout(dropout),
            layers.Dense(8, activation=output),
        ]
    )
    optimizer = keras.optimizers.Adam(learning_rate=learning_rate)
    model.compile(loss="categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"])
    return model


def train(
    model: Any, tables: list[pd.DataFrame], labels: Array, sides: tuple[list[int], list[int]], **fit: int
) -> tuple[float, float]:
    """Train on all copies of the training rows.

    Returns
    -------
    epoch_s : float
        The median epoch but the first, which also builds the graph; the first where there is no other.
    accuracy : float
        Of the test side after the last epoch.
    """
    import keras

    rows, tested = sides
    x = np.concatenate([table.to_numpy()[rows] for table in tables])
    mean, deviation = np.nanmean(x, axis=0), np.nanstd(x, axis=0)
    # Filled before scaling: a missing end becomes 0 dB.
    x_train = (np.nan_to_num(x) - mean) / deviation
    x_test = (np.nan_to_num(tables[0].to_numpy()[tested]) - mean) / deviation
    names = sorted(set(labels))
    one_hot = np.eye(len(names))[[names.index(label) for label in labels]]
    y_train, y_test = np.tile(one_hot[rows], (len(tables), 1)), one_hot[tested]
    times = [time.perf_counter()]
    clock = keras.callbacks.LambdaCallback(on_epoch_end=lambda *_: times.append(time.perf_counter()))
    history = model.fit(
        x_train[..., None],
        y_train,
        validation_data=(x_test[..., None], y_test),
        callbacks=[clock],
        verbose=0,
        **fit,
    )
    epochs = [end - start for start, end in pairwise(times)]
    return median(epochs[1:] or epochs), float(history.history["val_accuracy"][-1])


def run(folder: Path, *, first_epochs: int, augmented_epochs: int) -> dict[str, float]:
    """Go through the notebooks' steps.

    Returns
    -------
    dict
        ``clips``; ``features_s``, ``augmentation_s``, ``first_epoch_s``, ``augmented_epoch_s`` in seconds;
        ``first_accuracy`` and ``augmented_accuracy`` after the epochs that were asked for.
    """
    recordings = list_recordings(folder)
    sides, labels = split(recordings), recordings["emotion"].to_numpy()
    contour(load(recordings["path"][0]))
    start = time.perf_counter()
    clean = table_of(recordings["path"], None)
    features_s = time.perf_counter() - start

    copies = [table_of(recordings["path"], change) for change in (noise, stretch, speed_and_pitch)]
    augmentation_s = time.perf_counter() - start - features_s

    first = network(kernel=10, dropout=0.4, output="sigmoid", learning_rate=1e-3)
    first_s, first_accuracy = train(first, [clean], labels, sides, batch_size=32, epochs=first_epochs)
    second = network(kernel=20, dropout=0.2, output="softmax", learning_rate=1e-4)
    second_s, second_accuracy = train(
        second, [clean, *copies], labels, sides, batch_size=8, epochs=augmented_epochs
    )
    return {
        "clips": len(recordings),
        "features_s": features_s,
        "augmentation_s": augmentation_s,
        "first_epoch_s": first_s,
        "augmented_epoch_s": second_s,
        "first_accuracy": first_accuracy,
        "augmented_accuracy": second_accuracy,
    }


def main() -> None:
    """Run the steps and print what they took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recordings", type=Path, help="a folder of Actor_XX with WAV files")
    parser.add_argument("--first-epochs", type=int, default=40, metavar="N", help="(default: 40)")
    parser.add_argument("--augmented-epochs", type=int, default=20, metavar="N", help="(default: 20)")
    given = parser.parse_args()
    taken = run(
        given.recordings,
        first_epochs=given.first_epochs,
        augmented_epochs=given.augmented_epochs,
    )
    print(json.dumps(taken, indent=2))


if __name__ == "__main__":
    main()
