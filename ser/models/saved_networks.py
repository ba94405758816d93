"""A trained 2-D network, read back from its architecture and weights, and applied."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

from pathlib import Path

import keras

# The network's own layers, which Keras knows once they are imported.
import ser.models.logmel_cnn  # noqa: F401
from ser.data.fold import Array
from ser.data.scaling import Scaler
from ser.errors import InputError
from ser.models import training


def load_network(folder: Path, *, seed: int, fold: int) -> keras.Model:
    """Read the network of one run.

    Parameters
    ----------
    folder
        Folder of ``architecture.json`` and ``seedS_foldF.weights.h5``.
    seed, fold
        Seed and number (0-based) of the fold of the run that trained it.

    Returns
    -------
    keras.Model
        The trained network; its input must be standardised.

    Raises
    ------
    InputError
        Where a file is missing or damaged.
    """
    deterministic_tensorflow.start(seed)
    try:
        model = keras.models.model_from_json((folder / "architecture.json").read_text(encoding="utf-8"))
        model.load_weights(folder / f"seed{seed}_fold{fold}.weights.h5")
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise InputError(
            f"{folder}: seed {seed}, fold {fold} cannot be read ({error}); train this network again"
        ) from error
    return model


def predict(model: keras.Model, scaler: Scaler, x: Array) -> Array:
    """Apply a network to log-mels.

    Parameters
    ----------
    model
        A network, as of `load_network`.
    scaler
        The scaler of the same fold: mean and deviation [shape=(bands,)], in dB.
    x
        Log-mels [shape=(n, frames, bands)] in dB.

    Returns
    -------
    numpy.ndarray [shape=(n, 8), dtype=float32]
        Probabilities, which sum to 1 in each row.
    """
    return training.predict(model, scaler.transform(x))
