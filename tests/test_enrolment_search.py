"""What is chosen for enrolled speakers is chosen by training actors who are held out."""

from dataclasses import replace

import numpy as np
import pytest
from test_enrolment import TRAINING, speech_of

from ser.enrolment_search import ALL_VIEWS, choose, fit_weights, inner_folds
from ser.params import Enrolled

SETTINGS = Enrolled(
    clips=[0, 8], seeds=[0, 1], inner_folds=3, lda_shrinkage=[0.2, 0.9], prior_clips=[0.5, 50.0]
)


def test_held_out_actors_are_unknown_to_the_models_that_see_them() -> None:
    poisoned = inner_folds(TRAINING, n_folds=3)
    held_out = [set(fold.actors) for fold in poisoned]
    assert sum(map(len, held_out)) == len(set().union(*held_out)) == 12
    for fold in poisoned:
        own = np.isin(TRAINING.actors, list(set(fold.actors)))
        views = {view: np.where(own[:, None], 1e6, x) for view, x in TRAINING.views.items()}
        again = inner_folds(replace(TRAINING, views=views), n_folds=3)
        same = next(other for other in again if set(other.actors) == set(fold.actors))
        for view, voices in fold.voices.items():
            np.testing.assert_array_equal(same.voices[view].rest, voices.rest)
            np.testing.assert_array_equal(same.voices[view].emotions, voices.emotions)


@pytest.mark.parametrize(("n_clips", "points"), [(0, 2), (8, 4)])
def test_the_log_holds_every_trial_and_the_best_is_chosen(n_clips: int, points: int) -> None:
    choices, trials = choose(inner_folds(TRAINING, n_folds=3), n_clips=n_clips, settings=SETTINGS)
    for view, choice in choices.items():
        rows = trials[trials["view"] == view]
        assert len(rows) == points
        best = rows[rows["chosen"]].iloc[0]
        assert best["inner_uar"] == rows["inner_uar"].max()
        chosen = (choice.shrinkage, choice.prior_clips, choice.weight)
        assert tuple(best[["shrinkage", "prior_clips", "weight"]]) == chosen
    assert (trials["view"] == ALL_VIEWS).sum() == 1
    assert trials["inner_uar"].between(0.125, 1).all()


def test_the_view_that_tells_more_weighs_more() -> None:
    choices, _ = choose(inner_folds(TRAINING, n_folds=3), n_clips=8, settings=SETTINGS)
    assert choices["clear"].weight > choices["noisy"].weight >= 0


def test_where_voices_differ_a_weak_prior_is_chosen() -> None:
    choices, _ = choose(inner_folds(TRAINING, n_folds=3), n_clips=8, settings=SETTINGS)
    assert choices["clear"].prior_clips == 0.5


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
