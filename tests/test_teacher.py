"""The teacher's opinions: of clips whose actor it did not hear, and of no other labels."""

from pathlib import Path

import numpy as np
import pytest

from ser.datasets import Array, Labels
from ser.params import Teacher, load_params
from ser.teacher import opinions

SETTINGS: Teacher = load_params(Path(__file__).parents[1] / "params.yaml").distilled.teacher
ACTORS: Labels = np.repeat(np.arange(10), 16)
EMOTIONS: Labels = np.tile(np.repeat(np.arange(8), 2), 10)


def view(*, of_emotion: float, of_clip: float = 0.0, seed: int = 0) -> Array:
    """Columns that tell emotions by some, and each clip's own by the others."""
    draw = np.random.default_rng(seed)
    means = draw.normal(0, of_emotion, (8, 12))[EMOTIONS]
    own = np.eye(8)[EMOTIONS][:, np.newaxis] * np.eye(10)[ACTORS][:, :, np.newaxis]
    told = of_clip * own.reshape(len(EMOTIONS), -1)
    return np.hstack([means + draw.normal(0, 1, means.shape), told]).astype(np.float32)


def test_it_knows_what_the_views_tell() -> None:
    found = opinions({"a": view(of_emotion=3)}, EMOTIONS, ACTORS, settings=SETTINGS)
    assert found.shape == (160, 8)
    assert found.sum(axis=1) == pytest.approx(1)
    assert (found.argmax(axis=1) == EMOTIONS).mean() > 0.95


def test_what_gives_actor_and_emotion_away_does_not_help() -> None:
    # An LDA that had heard the actor would know every emotion by these columns.
    found = opinions({"a": view(of_emotion=0, of_clip=5)}, EMOTIONS, ACTORS, settings=SETTINGS)
    assert (found.argmax(axis=1) == EMOTIONS).mean() < 0.3


def test_its_confidence_is_that_of_its_answers() -> None:
    draw = np.random.default_rng(1)
    noise = draw.normal(0, 1, (160, 100)).astype(np.float32)
    found = opinions({"a": np.hstack([view(of_emotion=0.3), noise])}, EMOTIONS, ACTORS, settings=SETTINGS)
    right = (found.argmax(axis=1) == EMOTIONS).mean()
    assert found.max(axis=1).mean() == pytest.approx(right, abs=0.15)
    assert right < 0.7


def test_every_view_is_asked() -> None:
    good, bad = view(of_emotion=1), view(of_emotion=0, seed=3)
    alone = opinions({"bad": bad}, EMOTIONS, ACTORS, settings=SETTINGS)
    both = opinions({"bad": bad, "good": good}, EMOTIONS, ACTORS, settings=SETTINGS)
    assert (both.argmax(axis=1) == EMOTIONS).mean() > 0.2 + (alone.argmax(axis=1) == EMOTIONS).mean()
