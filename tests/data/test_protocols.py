"""The protocols' promises: who is tested, who validates, and that nobody is on two sides."""

import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from ser.data.protocols import (
    AUDEERING,
    EMOBOX6,
    LOSO,
    LUNA5,
    PROTOCOLS,
    SPEAKER_INDEPENDENT,
    split_at_random,
    split_by_actor,
)
from ser.data.ravdess import ACTORS, EMOTIONS, all_clips, parse_clip
from ser.errors import InputError

CLIPS = pd.DataFrame([vars(parse_clip(name)) for name in all_clips()])
ABOUT = CLIPS.set_index("clip")
EVERY_ACTOR_TESTED = ("luna5", "emobox6", "loso")


def by_actor(protocol: str) -> pd.DataFrame:
    split = split_by_actor(CLIPS, SPEAKER_INDEPENDENT[protocol])
    return split.join(ABOUT, on="clip")


def article(*, test_size: float = 0.2, random_state: int = 0) -> pd.DataFrame:
    split = split_at_random(CLIPS, test_size=test_size, random_state=random_state)
    return split.join(ABOUT, on="clip")


def test_all_protocols_are_there() -> None:
    assert PROTOCOLS == ("article", "luna5", "emobox6", "loso", "audeering")


@pytest.mark.parametrize("protocol", SPEAKER_INDEPENDENT)
def test_no_actor_is_on_two_sides_of_a_fold(protocol: str) -> None:
    sides = by_actor(protocol).groupby(["fold", "actor"])["role"].nunique()
    assert (sides == 1).all()
    for fold in SPEAKER_INDEPENDENT[protocol]:
        assert not set(fold.test) & set(fold.validation)
        assert set(fold.test) | set(fold.validation) < set(ACTORS)


@pytest.mark.parametrize("protocol", SPEAKER_INDEPENDENT)
def test_every_clip_has_one_role_in_every_fold(protocol: str) -> None:
    split = by_actor(protocol)
    for _, fold in split.groupby("fold"):
        assert list(fold["clip"]) == all_clips()
    assert sorted(split["fold"].unique()) == list(range(len(SPEAKER_INDEPENDENT[protocol])))


@pytest.mark.parametrize("protocol", EVERY_ACTOR_TESTED)
def test_every_actor_and_so_every_clip_is_tested_exactly_once(protocol: str) -> None:
    folds = SPEAKER_INDEPENDENT[protocol]
    assert sorted(actor for fold in folds for actor in fold.test) == list(ACTORS)
    tested = by_actor(protocol).query("role == 'test'")
    assert sorted(tested["clip"]) == all_clips()


@pytest.mark.parametrize(
    ("protocol", "test", "validation"),
    [
        ("luna5", [300, 300, 300, 300, 240], [120] * 5),
        ("emobox6", [240] * 6, [0] * 6),
        ("loso", [60] * 24, [0] * 24),
        ("audeering", [240], [240]),
    ],
)
def test_the_sizes_of_folds(protocol: str, test: list[int], validation: list[int]) -> None:
    sizes = pd.crosstab(by_actor(protocol)["fold"], by_actor(protocol)["role"])
    assert sizes["test"].tolist() == test
    rest = [1440 - a - b for a, b in zip(test, validation, strict=True)]
    assert sizes["train"].tolist() == rest
    assert sizes.get("validation", pd.Series(0, index=sizes.index)).tolist() == validation


@pytest.mark.parametrize("protocol", SPEAKER_INDEPENDENT)
def test_class_counts_on_every_side(protocol: str) -> None:
    # An actor speaks 4 neutral clips and 8 of each other emotion.
    for (_, _), side in by_actor(protocol).groupby(["fold", "role"]):
        n_actors = side["actor"].nunique()
        counts = side["emotion"].value_counts().to_dict()
        assert counts == {emotion: n_actors * (4 if emotion == "neutral" else 8) for emotion in EMOTIONS}


def test_luna5_is_the_published_one() -> None:
    assert [fold.test for fold in LUNA5] == [
        (2, 5, 14, 15, 16),
        (3, 6, 7, 13, 18),
        (10, 11, 12, 19, 20),
        (8, 17, 21, 23, 24),
        (1, 4, 9, 22),
    ]
    assert [fold.validation for fold in LUNA5] == [(3, 6), (10, 11), (8, 17), (1, 14), (2, 5)]


def test_emobox6_audeering_and_loso_are_the_published_ones() -> None:
    assert [fold.test for fold in EMOBOX6] == [
        (1, 11, 20, 21),
        (4, 10, 12, 14),
        (8, 9, 19, 23),
        (3, 5, 7, 24),
        (2, 15, 16, 18),
        (6, 13, 17, 22),
    ]
    (audeering,) = AUDEERING
    assert (audeering.test, audeering.validation) == ((21, 22, 23, 24), (16, 17, 19, 20))
    train = {actor for actor in ACTORS if audeering.role(actor) == "train"}
    assert train == {*range(1, 16), 18}
    assert [fold.test for fold in LOSO] == [(actor,) for actor in ACTORS]


def test_genders_per_side() -> None:
    for protocol in ("luna5", "audeering"):
        genders = by_actor(protocol).groupby(["fold", "role"])["gender"].nunique()
        assert (genders == 2).all(), protocol
    pairs = by_actor("luna5").query("role == 'validation'").groupby("fold")["actor"].unique()
    assert all(sorted(actor % 2 for actor in pair) == [0, 1] for pair in pairs)
    # As published, fold 1 of emobox6 tests four women.
    women = [sum(actor % 2 == 0 for actor in fold.test) for fold in EMOBOX6]
    assert women == [1, 4, 1, 1, 3, 2]


def test_the_article_tests_288_clips_of_every_emotion_and_every_actor() -> None:
    split = article()
    assert list(split["clip"]) == all_clips()
    assert split["role"].value_counts().to_dict() == {"train": 1152, "test": 288}
    assert set(split["fold"]) == {0}
    tested = split[split["role"] == "test"]
    strata = tested.groupby(["emotion", "actor"]).size()
    assert len(strata) == 8 * 24
    assert set(strata.loc[["neutral"]]) == {1}
    assert set(strata.drop("neutral")) == {1, 2}
    assert tested["emotion"].value_counts().to_dict() == {
        "neutral": 24,
        "calm": 38,
        "happy": 35,
        "sad": 38,
        "angry": 39,
        "fearful": 38,
        "disgust": 37,
        "surprised": 39,
    }


def test_the_article_has_every_actor_on_both_sides() -> None:
    assert (article().groupby("actor")["role"].nunique() == 2).all()


def test_the_article_splits_as_its_notebook_does() -> None:
    # The notebook splits the table of features and labels, and stratifies by these three columns.
    train, test, _, _ = train_test_split(
        CLIPS,
        CLIPS["emotion"],
        test_size=0.2,
        random_state=0,
        stratify=CLIPS[["emotion", "gender", "actor"]],
    )
    split = article()
    assert set(split.loc[split["role"] == "test", "clip"]) == set(test["clip"])
    assert set(split.loc[split["role"] == "train", "clip"]) == set(train["clip"])


def test_the_random_split_depends_on_its_state_and_nothing_else() -> None:
    pd.testing.assert_frame_equal(article(), article())
    assert not article().equals(article(random_state=1))
    assert (article(test_size=0.5)["role"] == "test").sum() == 720


@pytest.mark.parametrize("test_size", [0.1, 0.9, 0.0001])
def test_a_side_too_small_for_the_strata_is_told_by_the_key(test_size: float) -> None:
    with pytest.raises(InputError, match=r"split\.article\.test_size"):
        article(test_size=test_size)
