"""An LDA for speakers known through a few clips: its covariance is the one that is promised."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from ser.models.speaker_lda import SpeakerLda, known_share


def balanced_clips(
    *, n_speakers: int = 6, per_emotion: int = 3, columns: int = 5, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every speaker with every emotion equally often; voices, emotions and noise of about one size."""
    draw = np.random.default_rng(seed)
    y = np.tile(np.repeat(np.arange(8), per_emotion), n_speakers)
    speakers = np.repeat(np.arange(1, n_speakers + 1), 8 * per_emotion)
    voices, emotions = draw.normal(0, 2, (n_speakers + 1, columns)), draw.normal(0, 1, (8, columns))
    stretch = 10.0 ** draw.integers(-2, 3, columns)
    x = (voices[speakers] + emotions[y] + draw.normal(0, 1, (len(y), columns))) * stretch
    return x.astype(np.float32), y, speakers


def explicit_weights(
    x: np.ndarray, y: np.ndarray, speakers: np.ndarray, *, n_clips: int, share: float, shrinkage: float
) -> tuple[np.ndarray, np.ndarray]:
    """The formula as it is written, in scaled features: weights and the emotions' means."""
    names = np.unique(speakers)
    clips = x.astype(np.float64) - x.mean(axis=0, dtype=np.float64)
    offsets = np.stack([clips[speakers == name].mean(axis=0) for name in names])
    clips = clips - offsets[np.searchsorted(names, speakers)]
    scale = clips.std(axis=0)
    clips, offsets = clips / scale, offsets / scale
    means = np.stack([clips[y == emotion].mean(axis=0) for emotion in range(8)])
    rest = np.cov((clips - means[y]).T, bias=True)
    covariance = rest + (1 - share) ** 2 * offsets.T @ offsets / len(names)
    if n_clips:
        covariance = covariance + share**2 / n_clips * (rest + means.T @ means / 8)
    target = np.trace(covariance) / len(covariance) * np.eye(len(covariance))
    return np.linalg.solve((1 - shrinkage) * covariance + shrinkage * target, means.T), means


@given(
    n_clips=st.integers(0, 40),
    prior_strength=st.floats(0.1, 20),
    shrinkage=st.floats(0.01, 1),
    seed=st.integers(0, 5),
)
def test_its_weights_are_those_of_the_formula(
    n_clips: int, prior_strength: float, shrinkage: float, seed: int
) -> None:
    x, y, speakers = balanced_clips(seed=seed)
    voices = SpeakerLda.fit(x, y, speakers)
    found = voices.discriminant(n_clips=n_clips, prior_strength=prior_strength, shrinkage=shrinkage)
    share = known_share(n_clips, prior_strength)
    weights, means = explicit_weights(x, y, speakers, n_clips=n_clips, share=share, shrinkage=shrinkage)
    np.testing.assert_allclose(voices.directions @ found.weights, weights, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(found.bias, -0.5 * np.einsum("ec,ce->e", means, weights), rtol=1e-6)


def test_without_a_clip_it_is_scikit_learns_lda() -> None:
    x, y, speakers = balanced_clips()
    voices = SpeakerLda.fit(x, y, speakers)
    scaled = (x - voices.overall) / voices.scale
    # Each emotion's covariance is shrunk by itself there; without shrinkage that makes no difference.
    ordinary = LinearDiscriminantAnalysis(solver="lsqr", priors=np.full(8, 1 / 8)).fit(scaled, y)
    found = voices.discriminant(n_clips=0, prior_strength=1.0, shrinkage=0.0)
    ours = voices.project(x) @ found.weights + found.bias
    np.testing.assert_allclose(softmax(ours, axis=1), ordinary.predict_proba(scaled), atol=1e-6)


@given(n_clips=st.integers(1, 60), prior_strength=st.floats(0.1, 100))
def test_more_clips_are_believed_more(n_clips: int, prior_strength: float) -> None:
    assert 0 == known_share(0, prior_strength) < known_share(n_clips, prior_strength)
    assert known_share(n_clips, prior_strength) < known_share(n_clips + 1, prior_strength) < 1


def test_the_scale_of_a_column_changes_nothing() -> None:
    x, y, speakers = balanced_clips()
    logits = []
    for factor in (1.0, 1000.0):
        scaled = x * np.array([factor, 1, 1, 1, 1], dtype=np.float32)
        voices = SpeakerLda.fit(scaled, y, speakers)
        found = voices.discriminant(n_clips=4, prior_strength=1.0, shrinkage=0.5)
        logits.append(voices.project(scaled) @ found.weights + found.bias)
    np.testing.assert_allclose(logits[0], logits[1], rtol=1e-4, atol=1e-4)


def test_a_column_without_spread_is_harmless() -> None:
    x, y, speakers = balanced_clips()
    x[:, 2] = 7
    voices = SpeakerLda.fit(x, y, speakers)
    found = voices.discriminant(n_clips=4, prior_strength=1.0, shrinkage=0.5)
    assert np.isfinite(voices.project(x) @ found.weights + found.bias).all()


@pytest.mark.parametrize("n_clips", [0, 16])
def test_more_columns_than_clips_are_no_obstacle(n_clips: int) -> None:
    x, y, speakers = balanced_clips(n_speakers=3, per_emotion=2, columns=120)
    voices = SpeakerLda.fit(x, y, speakers)
    found = voices.discriminant(n_clips=n_clips, prior_strength=1.0, shrinkage=0.5)
    weights, _ = explicit_weights(
        x, y, speakers, n_clips=n_clips, share=known_share(n_clips, 1.0), shrinkage=0.5
    )
    np.testing.assert_allclose(voices.directions @ found.weights, weights, rtol=1e-5, atol=1e-7)
