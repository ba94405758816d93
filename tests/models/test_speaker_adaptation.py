"""Speaker adaptation: only drawn clips adapt the models, and all is selected on training actors alone."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.data.fold import Part
from ser.data.ravdess import EMOTIONS
from ser.models.adaptation_search import WEIGHTED_SUM, choose, fit_weights, inner_folds
from ser.models.speaker_adaptation import LdaChoice, Speech, adapt, draw_enrolled, fit_ldas, recognise
from ser.params import AdaptationSearch

SETTINGS = AdaptationSearch(seeds=[0, 1], inner_folds=3, lda_shrinkage=[0.2, 0.9], prior_clips=[0.5, 50.0])
CHOICES = {"clear": LdaChoice(0.3, 1.0, 0.8), "noisy": LdaChoice(0.7, 2.0, 0.2)}


def speech_of(actors: tuple[int, ...], *, per_emotion: int = 3, voice: float = 3.0) -> Speech:
    """Clips whose voices differ more than their emotions, in two feature sets."""
    draw = np.random.default_rng(0)
    emotions, voices = draw.normal(0, 1, (8, 12)), draw.normal(0, voice, (100, 12))
    y = np.tile(np.repeat(np.arange(8), per_emotion), len(actors))
    who = np.repeat(np.array(actors, dtype=np.int64), 8 * per_emotion)
    noise = np.random.default_rng([1, *actors])
    clear = emotions[y] + voices[who] + noise.normal(0, 0.7, (len(y), 12))
    noisy = emotions[y, :6] + voices[who, :6] + noise.normal(0, 2.0, (len(y), 6))
    names = np.array([f"{actor:02}-{row:03}" for row, actor in enumerate(who)])
    views = {"clear": clear.astype(np.float32), "noisy": noisy.astype(np.float32)}
    return Speech(clips=names, actors=who, y=y, views=views)


TRAINING = speech_of(tuple(range(1, 13)))
TEST = speech_of((21, 30, 45))
LDAS = fit_ldas(TRAINING)


def probabilities(speech: Speech, *, n_clips: int, seed: int = 0) -> np.ndarray:
    enrolled = draw_enrolled(speech.actors, n_clips=n_clips, seed=seed)
    return recognise(LDAS, CHOICES, speech, enrolled=enrolled, n_clips=n_clips)


def uar(speech: Speech, *, n_clips: int) -> float:
    scored = ~draw_enrolled(speech.actors, n_clips=n_clips, seed=0)
    right = probabilities(speech, n_clips=n_clips).argmax(axis=1) == speech.y[scored]
    return float(np.mean([right[speech.y[scored] == emotion].mean() for emotion in range(8)]))


@given(
    others=st.lists(st.integers(1, 99), unique=True, max_size=6),
    n_clips=st.integers(0, 23),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_draw_depends_on_seed_and_actor_alone(others: list[int], n_clips: int, seed: int) -> None:
    alone = draw_enrolled(np.full(24, 7), n_clips=n_clips, seed=seed)
    assert alone.sum() == n_clips
    actors = np.repeat([*[other for other in others if other != 7], 7], 24)
    actors = np.random.default_rng(seed).permutation(actors)
    together = draw_enrolled(actors, n_clips=n_clips, seed=seed)
    np.testing.assert_array_equal(together[actors == 7], alone)
    counts = [together[actors == actor].sum() for actor in np.unique(actors)]
    assert counts == [n_clips] * len(counts)


def test_other_seeds_and_actors_get_other_draws() -> None:
    actors = np.repeat(np.arange(1, 25), 60)
    one, two = (draw_enrolled(actors, n_clips=16, seed=seed) for seed in (0, 1))
    assert len({draw_enrolled(actors, n_clips=16, seed=0)[actors == a].tobytes() for a in range(1, 25)}) == 24
    assert (one != two).any()


@given(fewer=st.integers(0, 22), seed=st.integers(0, 99))
def test_more_clips_hold_the_fewer(fewer: int, seed: int) -> None:
    few, more = (draw_enrolled(TEST.actors, n_clips=n, seed=seed) for n in (fewer, fewer + 1))
    assert (few <= more).all()


def test_a_clip_must_be_left_to_score() -> None:
    with pytest.raises(ValueError, match="actor 21 has 24 clips"):
        draw_enrolled(TEST.actors, n_clips=24, seed=0)


def test_without_a_clip_nothing_is_adapted() -> None:
    plain = []
    for view, choice in CHOICES.items():
        found = LDAS[view].discriminant(n_clips=0, prior_strength=99.0, shrinkage=choice.shrinkage)
        projected = LDAS[view].project(TEST.views[view])
        plain.append(choice.weight * (projected @ found.weights + found.bias))
    expected = np.exp(plain[0] + plain[1])
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(probabilities(TEST, n_clips=0), expected, rtol=1e-9)


@settings(deadline=None)
@given(seed=st.integers(0, 999), n_clips=st.sampled_from([0, 4, 16]))
def test_emotions_of_test_speakers_are_not_read(seed: int, n_clips: int) -> None:
    permuted = replace(TEST, y=np.random.default_rng(seed).permutation(TEST.y))
    np.testing.assert_array_equal(
        probabilities(permuted, n_clips=n_clips), probabilities(TEST, n_clips=n_clips)
    )


@settings(deadline=None)
@given(place=st.integers(0, 59), value=st.sampled_from([0.0, -1e3, 1e6]))
def test_a_scored_clip_does_not_reach_the_others(place: int, value: float) -> None:
    enrolled = draw_enrolled(TEST.actors, n_clips=4, seed=0)
    views = {view: x.copy() for view, x in TEST.views.items()}
    for x in views.values():
        x[np.flatnonzero(~enrolled)[place]] = value
    before = probabilities(TEST, n_clips=4)
    after = probabilities(replace(TEST, views=views), n_clips=4)
    assert (after[place] != before[place]).any()
    others = np.arange(len(before)) != place
    np.testing.assert_allclose(after[others], before[others], rtol=1e-9)


def test_an_enrolled_clip_reaches_its_own_speaker_alone() -> None:
    enrolled = draw_enrolled(TEST.actors, n_clips=4, seed=0)
    place = np.flatnonzero(enrolled)[0]
    views = {view: x.copy() for view, x in TEST.views.items()}
    views["clear"][place] += 5
    before = probabilities(TEST, n_clips=4)
    after = probabilities(replace(TEST, views=views), n_clips=4)
    own = (TEST.actors == TEST.actors[place])[~enrolled]
    assert (np.abs(after[own] - before[own]).max(axis=1) > 0).all()
    np.testing.assert_allclose(after[~own], before[~own], rtol=1e-9)


def test_adaptation_helps_where_voices_differ() -> None:
    assert uar(TEST, n_clips=12) > uar(TEST, n_clips=0) + 0.1


def test_probabilities_are_whole() -> None:
    found = probabilities(TEST, n_clips=8)
    assert found.shape == (len(TEST.y) - 3 * 8, len(EMOTIONS))
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found >= 0).all()


def test_a_mean_voice_stays_and_a_prior_holds_back() -> None:
    x = np.array([[2.0], [4.0], [10.0]])
    enrolled = np.array([True, True, False])
    actors = np.array([1, 1, 1])
    # The mean 3 of two clips, of which 2 / (2 + 1) is believed.
    adapted = adapt(x, actors, enrolled=enrolled, prior_strength=1.0)
    np.testing.assert_allclose(adapted, [[0.0], [2.0], [8.0]])
    np.testing.assert_array_equal(adapt(x, actors, enrolled=~(actors > 0), prior_strength=1.0), x)


def test_feature_sets_of_different_clips_are_refused() -> None:
    one = Part(clips=np.array(["a"]), actors=np.array([1]), x=np.zeros((1, 2), np.float32), y=np.array([0]))
    with pytest.raises(ValueError, match="different clips"):
        Speech.join({"one": one, "two": replace(one, clips=np.array(["b"]))})


def test_columns_beyond_those_of_the_feature_sets_join_each_of_them() -> None:
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    part = Part(clips=np.array(["a", "b"]), actors=np.array([1, 2]), x=x, y=np.array([0, 3]))
    split = Speech.split(part, {"one": 2, "two": 3})
    np.testing.assert_array_equal(split.views["one"], x[:, [0, 1, 5]])
    np.testing.assert_array_equal(split.views["two"], x[:, 2:])
    np.testing.assert_array_equal(Speech.split(part, {"one": 2, "two": 4}).views["one"], x[:, :2])


def test_held_out_actors_are_unknown_to_the_models_that_see_them() -> None:
    poisoned = inner_folds(TRAINING, n_folds=3)
    held_out = [set(fold.actors) for fold in poisoned]
    assert sum(map(len, held_out)) == len(set().union(*held_out)) == 12
    for fold in poisoned:
        own = np.isin(TRAINING.actors, list(set(fold.actors)))
        views = {view: np.where(own[:, None], 1e6, x) for view, x in TRAINING.views.items()}
        again = inner_folds(replace(TRAINING, views=views), n_folds=3)
        same = next(other for other in again if set(other.actors) == set(fold.actors))
        for view, lda in fold.ldas.items():
            np.testing.assert_array_equal(same.ldas[view].rest, lda.rest)
            np.testing.assert_array_equal(same.ldas[view].emotions, lda.emotions)


@pytest.mark.parametrize(("n_clips", "points"), [(0, 2), (8, 4)])
def test_the_log_holds_every_trial_and_the_best_is_chosen(n_clips: int, points: int) -> None:
    choices, trials = choose(inner_folds(TRAINING, n_folds=3), n_clips=n_clips, settings=SETTINGS)
    for view, choice in choices.items():
        rows = trials[trials["view"] == view]
        assert len(rows) == points
        best = rows[rows["chosen"]].iloc[0]
        assert best["inner_uar"] == rows["inner_uar"].max()
        chosen = (choice.shrinkage, choice.prior_strength, choice.weight)
        assert tuple(best[["shrinkage", "prior_clips", "weight"]]) == chosen
    assert (trials["view"] == WEIGHTED_SUM).sum() == 1
    assert trials["inner_uar"].between(0.125, 1).all()


def test_the_more_accurate_feature_set_weighs_more() -> None:
    choices, _ = choose(inner_folds(TRAINING, n_folds=3), n_clips=8, settings=SETTINGS)
    assert choices["clear"].weight > choices["noisy"].weight >= 0


def test_where_voices_differ_a_weak_prior_is_chosen() -> None:
    choices, _ = choose(inner_folds(TRAINING, n_folds=3), n_clips=8, settings=SETTINGS)
    assert choices["clear"].prior_strength == 0.5


def test_permuted_labels_come_out_near_chance() -> None:
    speech = speech_of(tuple(range(1, 19)))
    permuted = replace(speech, y=np.random.default_rng(1).permutation(speech.y))
    _, trials = choose(inner_folds(permuted, n_folds=3), n_clips=8, settings=SETTINGS)
    assert trials["inner_uar"].max() < 0.25


def test_weights_find_the_scale_of_true_log_probabilities() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 2, (20_000, 8))
    shares = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = np.array([draw.choice(8, p=share) for share in shares])
    useless = draw.normal(0, 1, (20_000, 8))
    weights = fit_weights([logits / 4, useless, -logits], y)
    # Three quarters of the truth are told by the first; the last must not count backwards.
    assert weights[0] == pytest.approx(4, rel=0.05)
    assert weights[1] == pytest.approx(0, abs=0.05)
    assert weights[2] == 0
