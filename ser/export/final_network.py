"""The network that is exported: trained on all actors, and applied as a reference for the export."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

from pathlib import Path

import keras

from ser.data.fold import Array, Fold
from ser.data.scaling import Scaler
from ser.errors import InputError
from ser.evaluation.calibration import Values, scale
from ser.export.final_parts import LinearDiscriminant, apply_lda
from ser.models import training
from ser.models.cnn_runs import fit, training_data
from ser.models.logmel_cnn import NETWORKS
from ser.params import LogMelCnn

_ARCHITECTURE, _WEIGHTS = "architecture.json", "network.weights.h5"


def train_network(fold: Fold, *, settings: LogMelCnn, seed: int, folder: Path, checkpoint: Path) -> Scaler:
    """Train on all clips to the last epoch, and keep the network.

    Parameters
    ----------
    fold
        Fold of `ser.export.final_model.everyone`, with log-mels [shape=(clips, frames, bands)] in dB.
    settings
        The section ``train_cnn.logmel`` of params.yaml.
    seed
        Seed of the initial weights and of all that is drawn.
    folder
        Existing folder for the architecture and the weights.
    checkpoint
        File of the state after each epoch, from which a killed run goes on.

    Returns
    -------
    Scaler
        Standardises the network's input: mean and deviation [shape=(bands,)], in dB.
    """
    network = NETWORKS["logmel"]
    data = training_data(fold, network)
    fitted = fit(network, settings, data, seed=seed, name="final", checkpoint=checkpoint)
    (folder / _ARCHITECTURE).write_text(fitted.network.to_json(indent=1) + "\n", encoding="utf-8")
    fitted.network.save_weights(folder / _WEIGHTS)
    return fitted.scaler


def read_network(folder: Path) -> keras.Model:
    """Read the network that `train_network` wrote.

    Parameters
    ----------
    folder
        Folder of its architecture and weights.

    Raises
    ------
    InputError
        Where a file is missing or damaged.
    """
    deterministic_tensorflow.start(0)
    try:
        model = keras.models.model_from_json((folder / _ARCHITECTURE).read_text(encoding="utf-8"))
        model.load_weights(folder / _WEIGHTS)
    except (OSError, ValueError, TypeError, LookupError) as error:
        raise InputError(f"{folder}: network cannot be read ({error}); run the stage train_final") from error
    return model


def reference(
    network: keras.Model,
    scaler: Scaler,
    lda: LinearDiscriminant,
    logmels: Array,
    states: Array,
    *,
    temperature: float,
) -> Values:
    """Compute the probabilities that an export must reproduce, by Keras and the fitted LDA.

    Parameters
    ----------
    network, scaler, lda
        The trained network, the scaler of its input, and the fitted LDA.
    logmels
        [shape=(n, frames, bands)] Inputs of the network, in dB.
    states
        [shape=(n, layers, columns)] Statistics over time of the encoder's hidden states.
    temperature
        Divides the logarithms of the two models' mean, above 0.

    Returns
    -------
    numpy.ndarray [shape=(n, 8), dtype=float64]
        Calibrated probabilities, which sum to 1 in each row.
    """
    heard = training.predict(network, scaler.transform(logmels))  # (n, 8)
    return scale((heard.astype(float) + apply_lda(lda, states)) / 2, temperature)
