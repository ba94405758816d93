"""Examples follow the rule, whatever the predictions are."""

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.evaluation import listening_examples as examples

CLIPS = pd.DataFrame([vars(parse_clip(clip)) for clip in all_clips()])


def predict(state: int, clips: pd.DataFrame = CLIPS, *, seed: int = 0) -> pd.DataFrame:
    probabilities = np.random.default_rng(state).dirichlet(np.ones(8), len(clips))
    table = pd.DataFrame(probabilities, columns=list(PROBABILITIES))
    return table.assign(seed=seed, clip=clips["clip"].array)


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_no_clip_that_is_left_out_was_surer(state: int, two_seeds: bool) -> None:
    runs = [predict(state), predict(state + 1, seed=1)][: 1 + two_seeds]
    chosen = examples.choose(pd.concat(runs), CLIPS)
    mean = np.mean([run[list(PROBABILITIES)].to_numpy() for run in runs], axis=0)
    right = np.array(EMOTIONS)[mean.argmax(axis=1)] == CLIPS["emotion"]
    assert list(chosen["emotion"]) == [emotion for emotion in EMOTIONS for _ in range(2)]
    for row in chosen.to_dict("records"):
        rivals = (CLIPS["emotion"] == row["emotion"]) & (right == row["right"])
        assert np.isclose(row["confidence"], mean[rivals].max())
        place = CLIPS.index[CLIPS["clip"] == row["clip"]].item()
        assert np.isclose(mean[place].max(), row["confidence"])
        assert row["predicted"] == EMOTIONS[mean[place].argmax()]
        assert (row["predicted"] == row["emotion"]) == row["right"]


def test_an_emotion_never_recognised_has_a_mistake_alone() -> None:
    sad = CLIPS[CLIPS["emotion"] == "sad"]
    certain = pd.DataFrame(np.tile(np.eye(8)[4], (len(sad), 1)), columns=list(PROBABILITIES))
    chosen = examples.choose(certain.assign(seed=0, clip=sad["clip"].array), CLIPS)
    row = chosen[["emotion", "right", "predicted"]].to_dict("records")
    assert row == [{"emotion": "sad", "right": False, "predicted": "angry"}]
    # Of equally sure ones, the first by name.
    assert chosen["clip"].item() == sad["clip"].min()
