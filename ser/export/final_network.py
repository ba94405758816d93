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
        Of `ser.export.final_model.everyone`, with log-mels [shape=(clips, frames, bands)].
    settings
        The section ``train_cnn.logmel`` of params.yaml.
    seed
        Of the weights and all that is drawn.
    folder
        Where the architecture and the weights are written.
    checkpoint
        Where the state after each epoch is kept, for a run after a kill.

    Returns
    -------
    Scaler
        Of the network's input.
    """
    network = NETWORKS["logmel"]
    data = training_data(fold, network)
    fitted = fit(network, settings, data, seed=seed, name="final", checkpoint=checkpoint)
    (folder / _ARCHITECTURE).write_text(fitted.network.to_json(indent=1) + "\n", encoding="utf-8")
    fitted.network.save_weights(folder / _WEIGHTS)
    return fitted.scaler


def read_network(folder: Path) -> keras.Model:
    """Read what `train_network` kept.

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
    """Compute what an export must: calibrated probabilities [shape=(n, 8)], by Keras and the fitted LDA.

    Parameters
    ----------
    network, scaler, lda
        The trained network, the scaler of its input, and the fitted LDA.
    logmels
        [shape=(n, frames, bands)] in dB.
    states
        [shape=(n, layers, columns)], of the encoder.
    temperature
        Divides the logarithms of the two models' mean.
    """
    heard = training.predict(network, scaler.transform(logmels))
    return scale((heard.astype(float) + apply_lda(lda, states)) / 2, temperature)
