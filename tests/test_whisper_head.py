"""A network on top of Whisper's frames: its layers are Whisper's, and only frames that are there count."""

# It must be imported before Keras, because it sets up TensorFlow.
from tools.whisper_head import EncoderLayer, head  # isort: split

import keras
import numpy as np
import pytest
from test_whisper_encoder import HEADS, LAYERS, UNITS, random_weights

from ser import deterministic_tensorflow
from ser.whisper_encoder import Array, WhisperEncoder

FRAMES, SPEECH = 40, 25


@pytest.fixture
def encoder() -> WhisperEncoder:
    deterministic_tensorflow.start(0)
    return WhisperEncoder(weights=random_weights(), heads=HEADS)


def build(encoder: WhisperEncoder, *, tuned_layers: int, layers: int) -> keras.Model:
    shape = (FRAMES, layers, UNITS)
    return head(shape, encoder=encoder, tuned_layers=tuned_layers, learning_rate=0.01, steps=20, seed=0)


def drawn(layers: int, n: int = 16) -> Array:
    x = np.random.default_rng(0).normal(0, 1, (n, FRAMES, layers, UNITS)).astype(np.float32)
    x[:, SPEECH:] = 0
    return x


def test_its_layers_are_those_of_whisper(encoder: WhisperEncoder) -> None:
    mel = np.random.default_rng(1).normal(0, 0.5, (2 * SPEECH, 80)).astype(np.float32)
    *before, entering, _ = encoder.states(mel)
    assert len(before) == LAYERS - 1
    left = encoder._layer(f"layer_{LAYERS - 1}", entering)
    padded = np.zeros((1, FRAMES, UNITS), dtype=np.float32)
    padded[0, :SPEECH] = entering
    there = (np.arange(FRAMES) < SPEECH).astype(np.float32)[np.newaxis]
    found = np.asarray(EncoderLayer(encoder, f"layer_{LAYERS - 1}")(padded, there))[0, :SPEECH]
    assert found == pytest.approx(left, abs=1e-4)


@pytest.mark.parametrize("tuned_layers", [0, 1])
def test_frames_that_are_not_there_do_not_count(encoder: WhisperEncoder, tuned_layers: int) -> None:
    layers = 1 if tuned_layers else LAYERS + 1
    model = build(encoder, tuned_layers=tuned_layers, layers=layers)
    x = drawn(layers, n=2)
    first = model.predict_on_batch(x)
    x[0, SPEECH - 5 :] = 0
    shorter = model.predict_on_batch(x)
    assert shorter[1] == pytest.approx(first[1], abs=1e-6)
    assert np.abs(shorter[0] - first[0]).max() > 1e-4


@pytest.mark.parametrize("tuned_layers", [0, 1])
def test_it_learns_and_only_what_it_may(encoder: WhisperEncoder, tuned_layers: int) -> None:
    layers = 1 if tuned_layers else LAYERS + 1
    model = build(encoder, tuned_layers=tuned_layers, layers=layers)
    own = [it for it in model.layers if isinstance(it, EncoderLayer)]
    assert len(own) == tuned_layers
    x, y = drawn(layers), np.eye(8, dtype=np.float32)[np.arange(16) % 8]
    before = [np.asarray(it) for layer in own for it in layer.trainable_variables]
    losses = [float(model.train_on_batch(x, y, return_dict=True)["loss"]) for _ in range(20)]
    assert losses[-1] < losses[0]
    after = [np.asarray(it) for layer in own for it in layer.trainable_variables]
    moved = [not np.array_equal(*pair) for pair in zip(before, after, strict=True)]
    assert np.mean(moved) == pytest.approx(1) if own else not moved
    again = build(encoder, tuned_layers=tuned_layers, layers=layers)
    assert float(again.train_on_batch(x, y, return_dict=True)["loss"]) == losses[0]
