"""The export computes what Keras, NumPy and scikit-learn do, from the samples on."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

from pathlib import Path

import keras
import numpy as np
import pytest

from ser.data.ravdess import EMOTIONS
from ser.data.scaling import Scaler
from ser.export.final_model import everyone, fit_lda
from ser.export.final_network import reference
from ser.export.final_parts import LinearDiscriminant, apply_lda, read_parts, write_parts
from ser.export.onnx_graph import Graph
from ser.export.onnx_network import append_network
from ser.export.write_bundle import encoder_licence, front_end_of, onnx_of
from ser.features import logmel, speaker_encoder
from ser.features.front_end import features
from ser.models.logmel_cnn import logmel_cnn
from ser.params import load_params
from ser.recognizer.inference import model_inputs
from ser.recognizer.onnxruntime_without_telemetry import onnxruntime

PARAMS = load_params(Path(__file__).parents[2] / "params.yaml")
TOLERANCE = 1e-4


def voices(n: int) -> list[np.ndarray]:
    """Buzzes of different length, pitch and level, with silence around them."""
    draw = np.random.default_rng(0)
    found = []
    for _ in range(n):
        t = np.arange(draw.integers(8_000, 50_000)) / 16_000
        phase = 2 * np.pi * draw.uniform(90, 300) * (t + 0.02 * np.sin(draw.uniform(3, 9) * t))
        buzz = sum(np.sin(k * phase) / k for k in range(1, 9)) * (1.2 + np.sin(draw.uniform(5, 20) * t))
        samples = draw.uniform(0.02, 0.3) * buzz + draw.normal(0, 0.002, len(t))
        found.append(np.pad(samples, 2_000).astype(np.float32))
    return found


def network_with_statistics() -> keras.Model:
    """The 2-D CNN, untrained, but with moving averages as training leaves them."""
    deterministic_tensorflow.start(0)
    model = logmel_cnn(n_mels=64, settings=PARAMS.train_cnn.logmel, steps_per_epoch=1)
    draw = np.random.default_rng(1)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            n = layer.get_weights()[0].shape
            ranges = ((0.5, 1.5), (-0.3, 0.3), (-0.3, 0.3), (0.3, 2.0))
            layer.set_weights([draw.uniform(low, high, n) for low, high in ranges])
    return model


def test_the_export_computes_what_the_original_does() -> None:
    network = network_with_statistics()
    heard = voices(12)
    logmels, states = [], []
    for samples in heard:
        speech = logmel.speech_logmel(samples, settings=PARAMS.extract.logmel)
        logmels.append(logmel.fit_middle(speech, settings=PARAMS.extract.logmel))
        trimmed = speaker_encoder.speech_of(samples, trim_db=PARAMS.encode.trim_db)
        encoder = speaker_encoder.pretrained_encoder()
        states.append(speaker_encoder.speech_functionals(trimmed, encoder=encoder))
    x, rows = np.stack(logmels), np.stack(states)
    scaler = Scaler.fit(x, axes=(0, 1))
    draw = np.random.default_rng(2)
    columns = rows[:, 1]
    lda = LinearDiscriminant(
        layer=2,
        mean=columns.mean(axis=0, dtype=np.float64),
        # Columns that hardly vary have large weights: where errors would show.
        scale=columns.std(axis=0, dtype=np.float64),
        coef=draw.normal(0, 0.1, (len(EMOTIONS), columns.shape[1])),
        intercept=draw.normal(0, 1, len(EMOTIONS)),
    )
    expected = reference(network, scaler, lda, x, rows, temperature=0.8)
    assert expected.max() - expected.min() > 0.3

    front_end = front_end_of(PARAMS.extract.logmel, trim_db=PARAMS.encode.trim_db)
    model = onnx_of(network, scaler, lda, front_end=front_end, temperature=0.8)
    assert model == onnx_of(network, scaler, lda, front_end=front_end, temperature=0.8)
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    inputs = model_inputs([features(samples, settings=front_end) for samples in heard])
    probabilities, of_lda = session.run(["probabilities", "lda"], inputs)
    np.testing.assert_allclose(probabilities, expected, atol=TOLERANCE)
    np.testing.assert_allclose(of_lda, apply_lda(lda, rows), atol=TOLERANCE)
    # A recording alone, without the padding that others in its batch bring.
    alone = model_inputs([features(heard[3], settings=front_end)])
    np.testing.assert_allclose(session.run(["probabilities"], alone)[0][0], expected[3], atol=TOLERANCE)
    assert "Apache License" in encoder_licence()


def test_a_layer_without_translation_is_an_error() -> None:
    inputs = keras.Input((8, 4))
    unknown = keras.Model(inputs, keras.layers.LSTM(3)(inputs))
    with pytest.raises(ValueError, match="no translation of LSTM"):
        append_network(Graph(), unknown, "x")
    image = keras.Input((8, 8, 1))
    unpadded = keras.Model(image, keras.layers.Conv2D(2, 3)(image))
    with pytest.raises(ValueError, match="no translation of these settings"):
        append_network(Graph(), unpadded, "x")


def test_the_final_lda_learns_of_all_actors_and_survives_its_file(tmp_path: Path) -> None:
    import pandas as pd

    draw = np.random.default_rng(0)
    clips = pd.DataFrame(
        {
            "clip": [f"clip{number}" for number in range(96)],
            "emotion": [EMOTIONS[number % 8] for number in range(96)],
            "actor": [number // 8 for number in range(96)],
        }
    )
    means = draw.normal(0, 1, (8, 12))
    clean = np.stack(
        [draw.normal(0, 1, (96, 12)), means[np.arange(96) % 8] + draw.normal(0, 0.5, (96, 12))], 1
    )
    copies = [clean.astype(np.float32), (clean + draw.normal(0, 0.1, clean.shape)).astype(np.float32)]
    fold = everyone(clips, copies)
    assert len(fold.training().x) == 2 * 96
    assert not len(fold.validation)
    assert not len(fold.test)
    grids = PARAMS.train_baselines.transfer.model_copy(
        update={"inner_folds": 3, "layer": [1, 2], "lda_shrinkage": [0.5]}
    )
    lda, trials = fit_lda(fold, grids=grids)
    # Layer 1 is noise.
    assert lda.layer == 2
    assert trials["chosen"].sum() == 1
    right = apply_lda(lda, copies[0]).argmax(axis=1) == np.arange(96) % 8
    assert right.mean() > 0.9

    scaler = Scaler(mean=np.zeros(3, np.float32), deviation=np.ones(3, np.float32))
    tmp_path.joinpath("final").mkdir()
    write_parts(tmp_path / "final", scaler, lda)
    _, same = read_parts(tmp_path / "final")
    np.testing.assert_array_equal(apply_lda(same, copies[0]), apply_lda(lda, copies[0]))
