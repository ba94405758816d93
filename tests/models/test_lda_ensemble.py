"""The ensemble of LDAs on the feature sets of a fold: what it is fitted to, and when it is adapted."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from ser.data.fold import Array, Fold, folds
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import all_clips, parse_clip
from ser.models.lda_ensemble import LdaEnsemble
from ser.models.speaker_adaptation import draw_enrolled
from ser.params import AdaptationSearch

SETTINGS = AdaptationSearch(seeds=[0, 1], inner_folds=2, lda_shrinkage=[0.5], prior_clips=[1.0])


def made_up_sets(clips: pd.DataFrame) -> dict[str, Array]:
    draw = np.random.default_rng(0)
    emotion = pd.factorize(clips["emotion"])[0]
    trace = draw.normal(0, 1, (8, 9))[emotion] + draw.normal(0, 3, (25, 9))[clips["actor"]]
    widths = {"one": 9, "two": 4}
    return {
        name: (trace[:, :width] + draw.normal(0, 1, (len(clips), width))).astype(np.float32)
        for name, width in widths.items()
    }


CLIPS = pd.DataFrame([vars(parse_clip(name)) for name in all_clips() if parse_clip(name).repetition == 1])
SETS = made_up_sets(CLIPS)
RECIPE = LdaEnsemble.of("sum", SETS, SETTINGS)


@pytest.fixture(scope="module")
def fold() -> Fold:
    return next(folds(CLIPS, split_by_actor(CLIPS, LUNA5[:1]), [np.hstack([*SETS.values()])]))


def test_validation_clips_train_and_test_clips_do_not(fold: Fold) -> None:
    without = replace(fold, copies=[np.array(fold.copies[0])])
    without.copies[0][fold.test.index] = np.nan
    fitted, again = RECIPE.fit(fold), RECIPE.fit(without)
    pd.testing.assert_frame_equal(fitted.log, again.log)
    for name, lda in fitted.ldas.items():
        np.testing.assert_array_equal(again.ldas[name].emotions, lda.emotions)
        assert len(lda.speakers) == 24 - len(LUNA5[0].test)
    assert fitted.log["view"].tolist() == ["one", "two", "all, weighted"]
    assert set(fitted.log["clips"]) == {0}


def test_unadapted_predictions_are_those_with_no_enrolment_clip(fold: Fold) -> None:
    fitted, test = RECIPE.fit_for(fold, [0, 8]), fold.recordings(fold.test)
    nobody = draw_enrolled(test.actors, n_clips=0, seed=0)
    plain = fitted.predict(test)
    np.testing.assert_array_equal(plain, fitted.predict_adapted(test, enrolled=nobody, n_clips=0))
    np.testing.assert_array_equal(plain, RECIPE.fit(fold).predict(test))
    enrolled = draw_enrolled(test.actors, n_clips=8, seed=0)
    adapted = fitted.predict_adapted(test, enrolled=enrolled, n_clips=8)
    assert len(adapted) == len(test.clips) - 8 * len(LUNA5[0].test)
    right, right_adapted = (
        (found.argmax(axis=1) == y).mean() for found, y in ((plain, test.y), (adapted, test.y[~enrolled]))
    )
    assert right_adapted > right + 0.05


def test_it_has_no_prediction_of_validation_clips(fold: Fold) -> None:
    with pytest.raises(ValueError, match="did not train on validation clips"):
        RECIPE.fit(fold).predict_validation(fold.recordings(fold.validation))
