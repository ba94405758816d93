"""A trained model as ONNX, the front end that it was trained with, and its licences."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # noqa: F401

# isort: split

from importlib.metadata import distribution

import keras

from ser.data.scaling import Scaler
from ser.errors import InputError
from ser.export.final_parts import LinearDiscriminant
from ser.export.onnx_graph import Graph, standardize, write_model
from ser.export.onnx_network import append_network
from ser.features import speaker_encoder
from ser.features.front_end import FrontEndSettings, MelSettings
from ser.params import LogMelParams
from ser.recognizer.bundle_format import ENCODER_LICENCE, MODEL, WEIGHTS_LICENCE

LICENCE_ADDRESS = "https://creativecommons.org/licenses/by-nc-sa/4.0/"
LICENCE = {
    "weights": f"CC BY-NC-SA 4.0, {LICENCE_ADDRESS}, as the recordings that they were trained on: RAVDESS, "
    f"Livingstone SR, Russo FA (2018), doi 10.1371/journal.pone.0196391; see {WEIGHTS_LICENCE}",
    "speaker_encoder": "Apache License 2.0: the lower LSTM layers of the voice encoder of Resemblyzer 0.1.4, "
    f"Jemine C, unchanged but for the order of the gates; see {ENCODER_LICENCE}",
    "code": "MIT",
}
WEIGHTS_TEXT = f"""\
The weights in {MODEL}, but for those of the speaker encoder, were trained by the ravdess-ser pipeline on the
Ryerson Audio-Visual Database of Emotional Speech and Song (RAVDESS) and are shared under the licence of its
recordings:

    Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International (CC BY-NC-SA 4.0)
    {LICENCE_ADDRESS}

Whoever shares them, changed or not, names the source and what was changed, keeps to this licence, and earns
no money with them. They come without any warranty.

Attribution: Livingstone SR, Russo FA (2018). The Ryerson Audio-Visual Database of Emotional Speech and Song
(RAVDESS): A dynamic, multimodal set of facial and vocal expressions in North American English. PLoS ONE
13(5): e0196391. https://doi.org/10.1371/journal.pone.0196391
Recordings: https://doi.org/10.5281/zenodo.1188976
What was changed: the recordings are not in it; models were trained on the speech of all 24 actors.

The layers of the speaker encoder are under the Apache License 2.0, see {ENCODER_LICENCE}.
"""


def front_end_of(logmel: LogMelParams, *, trim_db: float) -> FrontEndSettings:
    """Gather the settings with which the training features were computed.

    Parameters
    ----------
    logmel
        The section ``extract.logmel``: rates in Hz, lengths in samples.
    trim_db
        Threshold of the encoder's trimming, in dB below the loudest frame: ``encode.trim_db``.

    Raises
    ------
    InputError
        Where the network and the encoder have different sample rates.
    """
    rate = speaker_encoder.SAMPLE_RATE
    if logmel.sample_rate != rate:
        raise InputError(
            f"params.yaml: extract.logmel.sample_rate must be {rate}, as the speaker encoder's, to export"
        )
    bands = logmel.model_dump(
        include={"sample_rate", "n_fft", "win_length", "hop_length", "n_mels", "fmin", "fmax"}
    )
    n_fft = speaker_encoder.N_FFT
    return FrontEndSettings(
        logmel=MelSettings(**bands),
        trim_db=logmel.trim_db,
        floor_db=logmel.network_floor_db,
        n_frames=logmel.n_frames,
        encoder=MelSettings(
            rate, n_fft, n_fft, speaker_encoder.HOP_LENGTH, speaker_encoder.N_MELS, fmin=0.0, fmax=rate / 2
        ),
        encoder_trim_db=trim_db,
        encoder_level_dbfs=speaker_encoder.LEVEL_DBFS,
    )


def onnx_of(
    network: keras.Model,
    scaler: Scaler,
    lda: LinearDiscriminant,
    *,
    front_end: FrontEndSettings,
    temperature: float,
) -> bytes:
    """Write a trained model as ONNX; equal models give equal bytes.

    Parameters
    ----------
    network, scaler, lda
        The trained network, the scaler of its input, and the fitted LDA.
    front_end
        Settings of the features, from `front_end_of`.
    temperature
        Divides the logarithms of the mean of the two models' probabilities, above 0.

    Returns
    -------
    bytes
        An ONNX file with the inputs and outputs of `ser.export.onnx_graph.write_model`.
    """
    graph = Graph()
    return write_model(
        graph,
        append_network(graph, network, standardize(graph, "logmel", scaler)),
        encoder=speaker_encoder.pretrained_encoder(),
        lda=lda,
        temperature=temperature,
        logmel_shape=(front_end.n_frames, front_end.logmel.n_mels),
    )


def encoder_licence() -> str:
    """Read the licence that comes with the speaker encoder's weights.

    Raises
    ------
    InputError
        Where the package has none under its name.
    """
    licence = distribution("resemblyzer").read_text("LICENSE")
    if not licence:
        raise InputError("the package resemblyzer has no LICENSE; its weights are not to be shared without")
    return licence
