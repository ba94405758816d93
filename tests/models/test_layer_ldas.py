"""The ensemble on an encoder's layers: the linear form of its LDAs, what it is fitted to, and its file."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ser.data.fold import Fold, folds
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import all_clips, parse_clip
from ser.errors import InputError
from ser.models.layers.lda import LayerLdas
from ser.models.layers.linear import LinearLayers, models_in, read_linear, softmax, write_linear
from ser.models.lda_ensemble import LdaEnsemble
from ser.params import AdaptationSearch, TrainLayers

CLIPS = pd.DataFrame([vars(parse_clip(name)) for name in all_clips() if parse_clip(name).repetition == 1])
WIDTHS = {"layer_1": 7, "layer_2": 7}
SETTINGS = TrainLayers(inner_folds=2, lda_shrinkage=[0.2, 0.8])
RECIPE = LayerLdas("layers", WIDTHS, SETTINGS)


@pytest.fixture(scope="module")
def fold() -> Fold:
    """The recordings and a noisier copy, with a trace of emotion and actor in both."""
    draw = np.random.default_rng(0)
    emotion = pd.factorize(CLIPS["emotion"])[0]
    trace = draw.normal(0, 1, (8, 14))[emotion] + draw.normal(0, 2, (25, 14))[CLIPS["actor"]] + 5
    copies = [(trace + draw.normal(0, noise, trace.shape)).astype(np.float32) for noise in (1, 2)]
    return next(folds(CLIPS, split_by_actor(CLIPS, LUNA5[:1]), copies))


def test_one_linear_map_a_layer_says_what_the_ldas_say(fold: Fold) -> None:
    search = AdaptationSearch(seeds=[0], inner_folds=2, lda_shrinkage=[0.2, 0.8], prior_clips=[1.0])
    test = fold.recordings(fold.test)
    ldas = LdaEnsemble("ldas", WIDTHS, search).fit(fold)
    fitted = RECIPE.fit(fold)
    np.testing.assert_allclose(fitted.predict(test), ldas.predict(test), atol=1e-9)
    expected = ldas.log.drop(columns=["clips", "prior_clips"])
    pd.testing.assert_frame_equal(fitted.log, expected)
    assert fitted.log["weight"].max() > 0


def test_test_clips_play_no_part_and_validation_clips_train(fold: Fold) -> None:
    def without(clips: pd.DataFrame) -> Fold:
        copies = [np.array(x) for x in fold.copies]
        for x in copies:
            x[clips.index] = np.nan
        return replace(fold, copies=copies)

    fitted, again = RECIPE.fit(fold), RECIPE.fit(without(fold.test))
    np.testing.assert_array_equal(again.linear.coefficients, fitted.linear.coefficients)
    # What is missing of a clip that trains is missing in all that is estimated.
    assert np.isnan(RECIPE.fit(without(fold.validation)).linear.coefficients).all()


def test_validation_clips_are_predicted_by_what_did_not_train_on_them(fold: Fold) -> None:
    part = fold.recordings(fold.validation)
    fitted = RECIPE.fit(fold)
    assert np.abs(fitted.predict_validation(part) - fitted.predict(part)).max() > 1e-3
    # Their labels select hyper-parameters, but are in no estimate: with others, and one shrinkage, the same.
    one = replace(RECIPE, settings=TrainLayers(inner_folds=2, lda_shrinkage=[0.5]))
    turned = fold.validation.assign(emotion=fold.validation["emotion"].to_numpy()[::-1])
    own, others = (one.fit(it).fit_without_validation() for it in (fold, replace(fold, validation=turned)))
    np.testing.assert_array_equal(own.coefficients, others.coefficients)


def test_copies_train(fold: Fold) -> None:
    recordings = replace(fold, copies=fold.copies[:1])
    found, other = (RECIPE.fit(it).linear.coefficients for it in (fold, recordings))
    assert np.abs(found - other).max() > 1e-3


@given(seed=st.integers(0, 100), n=st.integers(1, 5))
def test_probabilities_are_those_of_the_weighted_sum(seed: int, n: int) -> None:
    draw = np.random.default_rng(seed)
    linear = LinearLayers(draw.normal(size=(3, 4, 8)), draw.normal(size=(3, 8)), draw.uniform(size=3))
    x = draw.normal(0, 30, (n, 3, 4)).astype(np.float32)
    by_hand = sum(
        linear.weights[layer]
        * (x[:, layer].astype(float) @ linear.coefficients[layer] + linear.biases[layer])
        for layer in range(3)
    )
    np.testing.assert_allclose(linear.probabilities(x), softmax(np.asarray(by_hand)), atol=1e-9)
    np.testing.assert_allclose(linear.probabilities(x).sum(axis=1), 1)


def test_a_file_gives_back_what_was_written(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    linear = LinearLayers(draw.normal(size=(3, 4, 8)), draw.normal(size=(3, 8)), draw.uniform(size=3))
    write_linear(tmp_path, linear, model="some", fold=0)
    again = read_linear(tmp_path, model="some", fold=0)
    for name in ("coefficients", "biases", "weights"):
        np.testing.assert_array_equal(getattr(again, name), getattr(linear, name))
    assert models_in(tmp_path) == ["some"]


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"some_fold1\.npz.*run the stage train_layers"):
        read_linear(tmp_path, model="some", fold=1)
    (tmp_path / "some_fold1.npz").write_bytes(b"PK nothing")
    with pytest.raises(InputError, match=r"some_fold1\.npz.*run the stage train_layers"):
        read_linear(tmp_path, model="some", fold=1)
