"""The speaker encoder: LSTM layers as Keras computes them, and what it hears."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.errors import InputError
from ser.features import speaker_encoder
from ser.features.speaker_encoder import HOP_LENGTH, N_MELS, SAMPLE_RATE, Array, SpeakerEncoder, encoder_mel
from ser.params import load_params

PROJECT = Path(__file__).resolve().parents[2]
UNITS = 7


def random_weights() -> dict[str, Array]:
    draw = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {}
    for layer, inputs in enumerate((N_MELS, UNITS, UNITS)):
        shapes |= {
            f"lstm.weight_ih_l{layer}": (4 * UNITS, inputs),
            f"lstm.weight_hh_l{layer}": (4 * UNITS, UNITS),
            f"lstm.bias_ih_l{layer}": (4 * UNITS,),
            f"lstm.bias_hh_l{layer}": (4 * UNITS,),
        }
    return {name: draw.normal(0, 0.5, shape).astype(np.float32) for name, shape in shapes.items()}


@pytest.fixture
def encoder(monkeypatch: pytest.MonkeyPatch) -> SpeakerEncoder:
    monkeypatch.setattr(speaker_encoder, "read_torch_weights", lambda *_, **__: random_weights())
    return SpeakerEncoder.load("weights.pt")


@pytest.mark.parametrize("layer", [1, 2, 3])
def test_the_states_are_those_of_keras_lstm_layers(encoder: SpeakerEncoder, layer: int) -> None:
    deterministic_tensorflow.start(0)
    weights = random_weights()
    inputs = keras.Input((None, N_MELS))
    x = inputs
    for number in range(layer):
        lstm = keras.layers.LSTM(UNITS, return_sequences=True)
        x = lstm(x)
        lstm.set_weights(
            [
                weights[f"lstm.weight_ih_l{number}"].T,
                weights[f"lstm.weight_hh_l{number}"].T,
                weights[f"lstm.bias_ih_l{number}"] + weights[f"lstm.bias_hh_l{number}"],
            ]
        )
    mel = np.random.default_rng(1).uniform(0, 2, (30, N_MELS)).astype(np.float32)
    expected = keras.Model(inputs, x).predict_on_batch(mel[None])[0]
    states = encoder.states(mel)
    assert len(states) == 3
    np.testing.assert_allclose(states[layer - 1], expected, atol=1e-5)


def test_a_state_depends_on_no_later_frame(encoder: SpeakerEncoder) -> None:
    mel = np.random.default_rng(1).uniform(0, 2, (30, N_MELS)).astype(np.float32)
    for early, whole in zip(encoder.states(mel[:11]), encoder.states(mel), strict=True):
        np.testing.assert_allclose(early, whole[:11], atol=1e-6)


@settings(max_examples=10, deadline=None)
@given(decibels=st.floats(-60, 20), n=st.integers(400, 9000))
def test_the_level_of_the_recording_makes_no_difference(decibels: float, n: int) -> None:
    speech = np.random.default_rng(0).normal(0, 0.1, n).astype(np.float32)
    mel = encoder_mel(speech)
    assert mel.shape == (1 + n // HOP_LENGTH, N_MELS)
    gained = encoder_mel(speech * np.float32(10 ** (decibels / 20)))
    np.testing.assert_allclose(gained, mel, rtol=1e-3, atol=1e-9)


def test_a_tone_at_the_encoders_level_lies_in_its_band() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    mel = encoder_mel(tone)
    assert 10 < mel.mean(axis=0).argmax() < 20
    assert mel.max() < mel.sum(axis=1).max() < 2 * mel.max()


def test_silence_is_silence() -> None:
    assert not encoder_mel(np.zeros(4000, dtype=np.float32)).any()


def test_a_missing_package_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(speaker_encoder, "distribution", missing)
    with pytest.raises(InputError, match="make install"):
        SpeakerEncoder.load()


def test_the_installed_weights_are_the_pretrained_ones() -> None:
    path = speaker_encoder.weights_file()
    assert Path(path).stat().st_size == 17_090_379
    encoder = SpeakerEncoder.load()
    assert [layer.of_input.shape for layer in encoder.layers] == [(1024, 40), (1024, 256), (1024, 256)]
    speaker_encoder.check_weights(load_params(PROJECT / "params.yaml").encode.weights_sha256)


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "pretrained.pt"
    other.write_bytes(b"others")
    monkeypatch.setattr(speaker_encoder, "weights_file", lambda: other)
    with pytest.raises(InputError, match=r"other weights .* than encode\.weights_sha256"):
        speaker_encoder.check_weights(64 * "0")


def test_functionals_tell_of_each_layer_and_the_level(encoder: SpeakerEncoder) -> None:
    speech = np.random.default_rng(0).normal(0, 0.1, SAMPLE_RATE // 2).astype(np.float32)
    rows = speaker_encoder.speech_functionals(speech, encoder=encoder)
    assert rows.shape == (3, 4 * UNITS + 2)
    states = encoder.states(encoder_mel(speech))[1]
    np.testing.assert_allclose(rows[1, :UNITS], states.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(rows[1, 3 * UNITS : 4 * UNITS], states.min(axis=0), rtol=1e-5)
    np.testing.assert_allclose(rows[:, -2], -20, atol=0.2)
    np.testing.assert_allclose(rows[:, -1], 0.5)
    fainter = speaker_encoder.speech_functionals(speech / np.float32(10), encoder=encoder)
    np.testing.assert_allclose(fainter[:, :-2], rows[:, :-2], atol=1e-4)
    np.testing.assert_allclose(fainter[:, -2], rows[:, -2] - 20, atol=1e-3)
