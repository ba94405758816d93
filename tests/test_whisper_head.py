"""A network on top of Whisper's frames: its layers are Whisper's, and only frames that are there count."""

# It must be imported before Keras, because it sets up TensorFlow.
from tools.whisper_head import EncoderLayer, head  # isort: split

from pathlib import Path

import keras
import numpy as np
import pytest
import soundfile
from test_whisper_encoder import HEADS, LAYERS, UNITS, random_weights
from voices import spoken

from ser import audio, deterministic_tensorflow, whisper_encoder
from ser.speaker_encoder import speech_of
from ser.whisper_encoder import Array, WhisperEncoder, whisper_mel
from tools import search_head

FRAMES, SPEECH = 40, 25


@pytest.fixture
def encoder() -> WhisperEncoder:
    deterministic_tensorflow.start(0)
    return WhisperEncoder(weights=random_weights(), heads=HEADS)


def build(encoder: WhisperEncoder, *, tuned_layers: int, layers: int, frames: int = FRAMES) -> keras.Model:
    shape = (frames, layers, UNITS)
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
    padded = build(encoder, tuned_layers=tuned_layers, layers=layers)
    whole = build(encoder, tuned_layers=tuned_layers, layers=layers, frames=SPEECH)
    for ours, theirs in zip(whole.weights, padded.weights, strict=True):
        ours.assign(theirs)
    x = drawn(layers, n=3)
    expected = whole.predict_on_batch(x[:, :SPEECH])
    assert padded.predict_on_batch(x) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("tuned_layers", [0, 1])
def test_it_learns_and_only_what_it_may(encoder: WhisperEncoder, tuned_layers: int) -> None:
    layers = 1 if tuned_layers else LAYERS + 1
    model = build(encoder, tuned_layers=tuned_layers, layers=layers)
    own = [it for it in model.layers if isinstance(it, EncoderLayer)]
    assert len(own) == tuned_layers
    weights = [it.copy() for it in encoder.weights.values()]
    x, y = drawn(layers), np.eye(8, dtype=np.float32)[np.arange(16) % 8]
    before = [np.asarray(it) for layer in own for it in layer.own.values()]
    assert len(before) == tuned_layers * sum(name.startswith("layer_0/") for name in encoder.weights)
    losses = [float(model.train_on_batch(x, y, return_dict=True)["loss"]) for _ in range(20)]
    assert losses[-1] < losses[0]
    after = [np.asarray(it) for layer in own for it in layer.own.values()]
    moved = [not np.array_equal(*pair) for pair in zip(before, after, strict=True)]
    assert all(moved)
    assert all(np.array_equal(x, y) for x, y in zip(encoder.weights.values(), weights, strict=True))
    again = build(encoder, tuned_layers=tuned_layers, layers=layers)
    assert float(again.train_on_batch(x, y, return_dict=True)["loss"]) == losses[0]


def test_it_reads_all_layers_or_what_enters_the_first_that_is_tuned(
    encoder: WhisperEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whisper_encoder, "pretrained_whisper", lambda: encoder)
    path = str(tmp_path / "a.wav")
    soundfile.write(path, spoken(1.5, rate=48_000), 48_000, subtype="PCM_16")
    speech = speech_of(audio.load(path, sample_rate=16_000), trim_db=32)
    states = encoder.states(whisper_mel(speech))
    frozen = search_head.states_of(path, 1.0, trim_db=32, tuned_layers=0)
    assert np.array_equal(frozen, np.stack(states, axis=1))
    entering = search_head.states_of(path, 1.0, trim_db=32, tuned_layers=1)
    assert np.array_equal(entering[:, 0], states[LAYERS - 1])
    slower = search_head.states_of(path, 0.8, trim_db=32, tuned_layers=0)
    assert len(slower) == pytest.approx(len(frozen) / 0.8, rel=0.05)
