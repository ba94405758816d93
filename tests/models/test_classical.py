"""The classical models: nothing of the tested actors reaches them, and their probabilities are honest."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sklearn.metrics import recall_score
from sklearn.model_selection import GridSearchCV

from ser.data.fold import Fold, Part
from ser.data.ravdess import EMOTIONS
from ser.models import classical as baselines
from ser.models.classical import ARTICLE_SETTINGS, Grids, Search, article_model, model_and_grid, models_of
from ser.params import Luna5Baselines, TransferBaselines

GRIDS = Luna5Baselines(
    inner_folds=3,
    lda_shrinkage=[0.1, 0.9],
    logistic_c=[0.0001, 0.1],
    svm_c=[1.0, 10.0],
    svm_gamma=[0.0001, 0.03],
)
TEST_ACTORS = (2, 5, 9)


def clips_of(actors: range | tuple[int, ...], *, seed: int = 0, per_emotion: int = 2) -> Part:
    """Features with a weak trace of the emotion and a strong one of the actor."""
    draw = np.random.default_rng(seed)
    emotions = draw.normal(0, 1, (8, 10))
    voices = draw.normal(0, 2, (25, 10))
    y = np.tile(np.repeat(np.arange(8), per_emotion), len(actors))
    speakers = np.repeat(np.array(actors, dtype=np.int64), 8 * per_emotion)
    noise = np.random.default_rng([seed, len(actors)]).normal(0, 1.0, (len(y), 10))
    return Part(
        clips=np.array([f"clip{row}" for row in range(len(y))]),
        actors=speakers,
        x=(emotions[y] + 0.3 * voices[speakers] + noise).astype(np.float32),
        y=y.astype(np.int64),
    )


TRAINING = clips_of(tuple(actor for actor in range(1, 13) if actor not in TEST_ACTORS))
TEST = clips_of(TEST_ACTORS)


@dataclass(frozen=True)
class Searched:
    """The trials of a search, and the probabilities of the test clips."""

    trials: pd.DataFrame
    probabilities: npt.NDArray[np.floating]


def search(name: str, *, training: Part, test: Part, grids: Grids = GRIDS) -> Searched:
    """Fit and apply a model to a fold that is made of two parts."""
    n = len(training.y)
    both = [np.concatenate(pair) for pair in zip(vars(training).values(), vars(test).values(), strict=True)]
    clips, actors, x, y = both
    table = pd.DataFrame({"clip": clips, "actor": actors, "emotion": np.array(EMOTIONS)[y]})
    fold = Fold(0, table[:n], table[:0], table[n:], [x])
    tuned = Search(name, grids).fit(fold)
    return Searched(tuned.log, tuned.predict(fold.recordings(fold.test)))


def uar(part: Part, probabilities: np.ndarray) -> float:
    return float(recall_score(part.y, probabilities.argmax(axis=1), average="macro"))


@pytest.mark.parametrize("name", models_of("luna5"))
def test_poisoned_test_rows_change_no_choice_and_no_other_prediction(name: str) -> None:
    before = search(name, training=TRAINING, test=TEST)
    poisoned_x = TEST.x.copy()
    poisoned_x[1:] = 1e6
    poison = replace(TEST, x=poisoned_x, y=np.zeros_like(TEST.y), actors=np.zeros_like(TEST.actors))
    after = search(name, training=TRAINING, test=poison)
    assert after.trials.equals(before.trials)
    np.testing.assert_allclose(after.probabilities[0], before.probabilities[0], rtol=1e-9)


@pytest.mark.parametrize("name", models_of("luna5"))
def test_the_best_point_of_the_whole_grid_is_chosen(name: str) -> None:
    trials = search(name, training=TRAINING, test=TEST).trials
    _, grid = model_and_grid(name, grids=GRIDS)
    assert len(trials) == np.prod([len(values) for values in grid.values()])
    assert trials["chosen"].sum() == 1
    assert trials.loc[trials["chosen"], "inner_uar"].item() == trials["inner_uar"].max()
    assert trials["inner_uar"].min() < trials["inner_uar"].max()
    assert trials["parameters"].is_unique


@pytest.mark.parametrize("name", models_of("luna5"))
def test_no_actor_is_on_both_sides_of_an_inner_fold(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[list[tuple[np.ndarray, np.ndarray]]] = []

    class Watched(GridSearchCV):  # type: ignore[misc]
        def fit(self, x: np.ndarray, y: np.ndarray) -> "Watched":
            used.append(self.cv)
            super().fit(x, y)
            return self

    monkeypatch.setattr(baselines, "GridSearchCV", Watched)
    search(name, training=TRAINING, test=TEST)
    (folds,) = used
    assert len(folds) == GRIDS.inner_folds
    for inner_training, held_out in folds:
        assert not set(TRAINING.actors[inner_training]) & set(TRAINING.actors[held_out])
    assert sorted(np.concatenate([held_out for _, held_out in folds])) == list(range(len(TRAINING.y)))


@pytest.mark.filterwarnings("ignore:y_pred contains classes not in y_true")
def test_the_inner_score_is_of_actors_never_trained_on() -> None:
    # Labels that follow the actor alone: whoever has met the actor knows, and whoever has not is at chance.
    clips = clips_of(range(1, 17))
    voices = np.eye(17, dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, 0.05, (len(clips.y), 17)).astype(np.float32)
    known = replace(clips, x=voices[clips.actors] + noise, y=clips.actors % 8)
    result = search("lda", training=known, test=replace(known, x=voices[known.actors]))
    assert uar(known, result.probabilities) == 1
    assert result.trials["inner_uar"].max() < 0.3


def test_the_svms_probabilities_leave_its_decisions_as_they_are() -> None:
    result = search("svm_rbf", training=TRAINING, test=TEST)
    chosen = result.trials.loc[result.trials["chosen"], "parameters"].item()
    settings = {f"svc__{key}": float(value) for key, value in (part.split("=") for part in chosen.split())}
    plain, _ = model_and_grid("svm_rbf", grids=GRIDS)
    plain.set_params(**settings).fit(TRAINING.x, TRAINING.y)
    np.testing.assert_array_equal(result.probabilities.argmax(axis=1), plain.predict(TEST.x))


@pytest.mark.parametrize("name", models_of("luna5"))
def test_probabilities_sum_to_1_and_beat_chance(name: str) -> None:
    probabilities = search(name, training=TRAINING, test=TEST).probabilities
    assert probabilities.shape == (len(TEST.y), 8)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-6)
    assert (probabilities >= 0).all()
    assert uar(TEST, probabilities) > 0.4


@pytest.mark.parametrize("name", models_of("luna5"))
def test_permuted_labels_come_out_near_chance(name: str) -> None:
    test = clips_of(tuple(range(13, 25)), per_emotion=4)
    permuted = replace(TRAINING, y=np.random.default_rng(1).permutation(TRAINING.y))
    result = search(name, training=permuted, test=test)
    # 384 test clips at a chance of 0.125; three standard errors are 0.05, and actors are alike.
    assert uar(test, result.probabilities) < 0.22
    assert result.trials["inner_uar"].max() < 0.25


@pytest.mark.parametrize("name", models_of("luna5"))
def test_the_same_search_twice_is_the_same_to_the_bit(name: str) -> None:
    one, two = (search(name, training=TRAINING, test=TEST) for _ in range(2))
    np.testing.assert_array_equal(one.probabilities, two.probabilities)


def test_a_scaler_is_part_of_each_model() -> None:
    pipelines = [model_and_grid(name, grids=GRIDS)[0] for name in models_of("luna5")]
    pipelines += [article_model(name, seed=0) for name in ARTICLE_SETTINGS]
    assert {pipeline.steps[0][0] for pipeline in pipelines} == {"standardscaler"}


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(ValueError, match=r"svm_rbf.*got 'oracle'"):
        model_and_grid("oracle", grids=GRIDS)


def test_the_articles_dummy_guesses_by_class_frequency() -> None:
    skewed = replace(TRAINING, y=np.where(np.arange(len(TRAINING.y)) % 4 > 0, 6, TRAINING.y))
    guesses = article_model("dummy", seed=0).fit(skewed.x, skewed.y).predict(np.zeros((4000, 10)))
    assert (guesses == 6).mean() == pytest.approx((skewed.y == 6).mean(), abs=0.03)


def test_the_articles_tree_is_scikit_learns_default_and_learns_by_heart() -> None:
    tree = article_model("decision_tree", seed=3).fit(TRAINING.x, TRAINING.y)
    assert tree.score(TRAINING.x, TRAINING.y) == 1
    parameters = tree[-1].get_params()
    assert parameters.pop("random_state") == 3
    defaults = type(tree[-1])().get_params()
    assert {key: value for key, value in defaults.items() if key != "random_state"} == parameters


@pytest.mark.parametrize("name", ARTICLE_SETTINGS)
def test_the_seed_alone_decides_the_articles_baselines(name: str) -> None:
    def predicted(seed: int) -> list[list[float]]:
        model = article_model(name, seed=seed).fit(TRAINING.x, TRAINING.y)
        probabilities: list[list[float]] = model.predict_proba(TEST.x).tolist()
        return probabilities

    assert predicted(0) == predicted(0)
    assert any(predicted(seed) != predicted(0) for seed in (1, 2, 3))


def test_the_encoders_layer_is_chosen_by_the_training_actors() -> None:
    draw = np.random.default_rng(0)
    # Only the second of three layers tells anything.
    training, test = (
        replace(part, x=np.stack([draw.normal(size=part.x.shape), part.x, 0 * part.x], axis=1))
        for part in (TRAINING, TEST)
    )
    grids = TransferBaselines(inner_folds=2, layer=[1, 2, 3], lda_shrinkage=[0.5])
    result = search("encoder_lda", training=training, test=test, grids=grids)
    assert list(result.trials["parameters"]) == [f"layer={layer} shrinkage=0.5" for layer in (1, 2, 3)]
    assert list(result.trials["chosen"]) == [False, True, False]
    alone = GRIDS.model_copy(update={"inner_folds": 2, "lda_shrinkage": [0.5]})
    expected = search("lda", training=TRAINING, test=TEST, grids=alone)
    np.testing.assert_allclose(result.probabilities, expected.probabilities, rtol=1e-4)
