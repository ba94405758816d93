"""The protocol: what is held out trains and chooses nothing, and scores are over shared emotions."""

from collections.abc import Mapping
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.cross_corpus.clips import Clips
from experiments.cross_corpus.protocol import (
    choose,
    grid,
    held_out,
    predict,
    predict_left_out_speakers,
    try_settings,
)
from experiments.cross_corpus.scores import confusion, difference, score, shared_emotions
from experiments.cross_corpus.training import CorpusStatistics, Group, Setting, Training, gather
from experiments.cross_corpus.weighted_lda import Matrix, Statistics, fit_lda
from ser.data.predictions import PROBABILITIES
from ser.data.ravdess import EMOTIONS
from ser.evaluation import cross_corpus
from ser.models.layers.linear import LinearLayers
from ser.models.shrinkage_lda import ShrinkageLda

COLUMNS = 6
SHARED = ("neutral", "happy", "sad", "angry")
HAS = {
    "ravdess": EMOTIONS,
    "nemo": ("neutral", "happy", "sad", "angry", "fearful", "surprised"),
    "emodb": SHARED,
}
COPIES = {"ravdess": ("", "babble", "noise"), "nemo": ("", "noise"), "emodb": ("",)}
VALUES: Mapping[str, list[float | bool]] = {
    "shrinkage": [0.2, 0.6],
    "weight": [0.0, 0.3, 1.0],
    "centred": [False, True],
    "copies": [False, True],
    "blend": [1.0, 0.5],
}
GRID = grid(VALUES)
BOTH = ("ravdess", "nemo")


def made_up(seed: int = 0, *, shift: float = 3.0, noise: float = 1.0, names: tuple[str, ...] = BOTH) -> Clips:
    """Emotions are the same offsets in each corpus; each corpus and each speaker has its own beside them.

    A copy is its recording with a little of what its kind adds. Four speakers are in two folds.
    """
    draw = np.random.default_rng(seed)
    emotions = draw.normal(0, 1, (8, 2, COLUMNS))
    kinds = {kind: draw.normal(0, 0.3, (2, COLUMNS)) for kind in ("babble", "noise")} | {"": 0.0}
    x, rows = [], []
    for name in names:
        of_corpus = draw.normal(0, shift, (2, COLUMNS))
        of_actors = draw.normal(0, 0.3, (4, 2, COLUMNS))
        for actor, emotion, take in product(range(4), HAS[name], range(3)):
            place = EMOTIONS.index(emotion)
            clip = emotions[place] + of_corpus + of_actors[actor] + draw.normal(0, noise, (2, COLUMNS))
            for copy in COPIES[name]:
                x.append(clip + kinds[copy])
                rows.append((place, f"{actor}-{emotion}-{take}", f"{actor:02d}", name, actor % 2, copy))
    y, clip_ids, actors, corpus, fold, copies = (np.array(it) for it in zip(*rows, strict=True))
    return Clips(np.array(x, np.float32), y, clip_ids, actors, corpus, fold, copies)


def numbers(linear: LinearLayers) -> list[bytes]:
    """All that was fitted, to the bit."""
    return [it.tobytes() for it in (linear.coefficients, linear.biases, linear.weights)]


def model(clips: Clips, setting: Setting, *, without: tuple[Group, ...] = ()) -> LinearLayers:
    return Training.of(gather(clips), first="ravdess", without=without).model(setting)


def trials_of(clips: Clips, candidates: list[Setting]) -> pd.DataFrame:
    return try_settings(clips, candidates, first="ravdess", groups=gather(clips))


# Held-out development clips.


def test_every_group_is_held_out_once_by_corpus_and_once_by_speaker() -> None:
    clips = made_up()
    parts = list(held_out(gather(clips)))
    assert [(part.kind, part.corpus) for part in parts].count(("speakers", "nemo")) == 2
    for kind in ("corpus", "speakers"):
        held = [row for part in parts if part.kind == kind for row in rows_of(part.clips_of(clips))]
        assert sorted(held) == sorted(rows_of(clips))
    for part in parts:
        test = part.clips_of(clips)
        kept = clips.take(~np.isin(rows_of(clips), rows_of(test)))
        assert set(test.corpus) == {part.corpus}
        # Of a speaker who is held out, no copy trains either; one of the other corpus has the same name.
        assert not set(test.actor) & set(kept.actor[kept.corpus == part.corpus])
        assert (part.corpus in kept.corpora) == (part.kind == "speakers")
        assert {*BOTH} - {part.corpus} <= set(kept.corpora)


def rows_of(clips: Clips) -> list[str]:
    columns = (clips.corpus, clips.clip, clips.copy)
    return [" ".join(row) for row in zip(*columns, strict=True)]


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 9),
    place=st.integers(0, 5),
    scale=st.sampled_from([0.0, 1e6]),
    setting=st.sampled_from(GRID),
)
def test_held_out_clips_and_their_copies_do_not_change_the_model_that_scores_them(
    seed: int, place: int, scale: float, setting: Setting
) -> None:
    clips = made_up(seed)
    part = list(held_out(gather(clips)))[place]
    test = np.isin(rows_of(clips), rows_of(part.clips_of(clips)))
    changed = replace(
        clips, x=np.where(test[:, None, None], scale * clips.x, clips.x), y=np.where(test, 0, clips.y)
    )
    without = tuple(part.groups)
    before, after = (model(it, setting, without=without) for it in (clips, changed))
    assert numbers(before) == numbers(after)
    assert numbers(before) == numbers(model(clips.take(~test), setting))
    # So that this test can fail: training clips do change it.
    assert numbers(before) != numbers(model(replace(clips, x=2 * clips.x), setting, without=without))


def test_with_two_corpora_one_left_out_tells_nothing_but_shrinkage() -> None:
    trials = trials_of(made_up(), GRID)
    different = {
        kind: max(of["uar"].nunique() for _, of in those.groupby(["corpus", "condition", "shrinkage"]))
        for kind, those in trials.groupby("kind")
    }
    assert different["corpus"] == 1 < different["speakers"]


def test_recordings_and_copies_of_the_first_corpus_are_scored_alike() -> None:
    trials = trials_of(made_up(), GRID[:1])
    keys = zip(trials["kind"], trials["corpus"], trials["condition"], strict=True)
    assert dict(zip(keys, trials["n"], strict=True)) == {
        ("corpus", "nemo", "clean"): 72,
        ("corpus", "ravdess", "clean"): 72,  # calm and disgust are not shared
        ("corpus", "ravdess", "corrupted"): 144,
        ("speakers", "nemo", "clean"): 72,
        ("speakers", "ravdess", "clean"): 96,
        ("speakers", "ravdess", "corrupted"): 192,
    }
    assert choose(trials, GRID[:1]) == GRID[0]


def test_a_fold_without_an_emotion_of_its_corpus_counts_for_the_others() -> None:
    """As nEMO's MK0, who has no surprise."""
    clips = made_up()
    gone = (clips.corpus == "nemo") & (clips.fold == 0) & (clips.y == EMOTIONS.index("surprised"))
    trials = trials_of(clips.take(~gone), GRID[:1])
    of_nemo = trials[trials["corpus"] == "nemo"]
    assert list(of_nemo["n"]) == [66, 66]


def test_of_equal_settings_the_first_is_chosen_and_else_the_best() -> None:
    trials = trials_of(made_up(), GRID)
    means = [trials.loc[trials["setting"] == place, "uar"].mean() for place in range(len(GRID))]
    assert choose(trials, GRID) == GRID[int(np.argmax(means))]
    alone = choose(trials, GRID, {"weight": [0.0], "shrinkage": [0.6]})
    assert (alone.weight, alone.shrinkage) == (0.0, 0.6)
    with pytest.raises(ValueError, match=r"no setting has \{'weight': \[9\]\}"):
        choose(trials, GRID, {"weight": [9]})
    equal = trials.assign(uar=0.5)
    assert choose(equal, GRID) == GRID[0]


def test_without_a_second_corpus_a_setting_is_its_shrinkage() -> None:
    assert len(GRID) == 2 * (1 + 2 * 2 * 2 * 2)
    assert [it for it in GRID if it.weight == 0] == [
        Setting(shrinkage, 0.0, centred=False, copies=False, blend=1.0) for shrinkage in (0.2, 0.6)
    ]


def test_each_left_out_speaker_is_predicted_by_a_model_of_the_others() -> None:
    clips = made_up()
    groups = gather(clips)
    table = predict_left_out_speakers(clips, GRID[-1], first="ravdess", groups=groups)
    assert len(table) == 96 * 3 + 72  # RAVDESS's copies too, nEMO's not
    rows = table["corpus"] + " " + table["clip"] + " " + table["copy"]
    assert rows.is_unique
    test = clips.take((clips.corpus == "nemo") & (clips.fold == 1) & ~clips.corrupted)
    expected = predict(model(clips, GRID[-1], without=(("nemo", 1),)), test)
    found = table[(table["corpus"] == "nemo") & table["actor"].isin(["01", "03"])]
    assert found.reset_index(drop=True).equals(expected)


# Models.


def test_an_emotion_that_the_first_corpus_lacks_is_refused() -> None:
    with pytest.raises(ValueError, match="nemo has no clip of calm, disgust"):
        Training.of(gather(made_up()), first="nemo")


def test_a_second_corpus_with_the_same_offsets_of_emotions_helps_on_a_third() -> None:
    scores = []
    for seed in range(16):
        clips = made_up(seed, shift=0.0, noise=2.0, names=(*BOTH, "emodb"))
        training = Training.of(gather(clips.take(clips.corpus != "emodb")), first="ravdess")
        test = clips.take(clips.corpus == "emodb")
        models = [
            training.model(Setting(0.2, weight, centred=False, copies=True, blend=1.0))
            for weight in (0.0, 1.0)
        ]
        scores.append([score(predict(it, test), samples=100, seed=0)["uar"] for it in models])
    alone, together = np.mean(scores, axis=0)
    assert together > alone + 0.02


def test_a_model_of_one_corpus_answers_its_emotions_alone() -> None:
    clips = made_up()
    alone = model(clips, GRID[0], without=(("ravdess", 0), ("ravdess", 1)))
    assert shared_emotions(alone, EMOTIONS) == HAS["nemo"]
    probabilities = alone.probabilities(clips.x)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities[:, [EMOTIONS.index("calm"), EMOTIONS.index("disgust")]] == 0).all()


def test_a_blend_is_a_mean_of_logits() -> None:
    training = Training.of(gather(made_up()), first="ravdess")
    own, half, joint = (
        training.model(setting)
        for setting in (replace(GRID[-1], weight=0.0), GRID[-1], replace(GRID[-1], blend=1.0))
    )
    np.testing.assert_allclose(half.coefficients, (own.coefficients + joint.coefficients) / 2)
    np.testing.assert_allclose(half.biases, (own.biases + joint.biases) / 2)


def test_settings_share_only_what_they_have_in_common() -> None:
    training = Training.of(gather(made_up()), first="ravdess")
    together = [numbers(training.model(setting)) for setting in GRID]
    assert together == [numbers(model(made_up(), setting)) for setting in GRID]
    assert len({tuple(it) for it in together}) == len(GRID)


def test_a_clip_weighs_the_same_with_its_copies_as_without() -> None:
    """Copies that are equal to their recordings change nothing: a clip's weight is spread over them."""
    clips = made_up()
    recordings = clips.take(~clips.corrupted)
    twice = Clips.join([recordings, replace(recordings, copy=np.full(len(recordings.y), "again"))])
    for setting in GRID[-4:]:
        expected, found = model(recordings, replace(setting, copies=False)), model(twice, setting)
        np.testing.assert_allclose(found.coefficients, expected.coefficients, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(found.biases, expected.biases, rtol=1e-6, atol=1e-9)


def test_centring_moves_recordings_to_the_first_corpus_and_copies_with_them() -> None:
    clips = made_up()
    main, other = (clips.corpus == name for name in BOTH)
    means = [clips.x[rows & ~clips.corrupted].mean(axis=0, dtype=np.float64) for rows in (main, other)]
    moved = np.where(other[:, None, None], clips.x + (means[0] - means[1]), clips.x)
    setting = Setting(0.3, 0.5, centred=True, copies=True, blend=1.0)
    found = model(clips, setting)
    expected = model(replace(clips, x=moved), replace(setting, centred=False))
    np.testing.assert_allclose(found.coefficients, expected.coefficients, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.biases, expected.biases, rtol=1e-4, atol=1e-5)


# Scores.


def test_emotions_that_are_not_shared_are_left_out_of_clips_and_answers() -> None:
    y = np.array([0, 1, 2, 6, 4])
    probabilities = np.full((5, 8), 0.01)
    probabilities[:, 1] = 0.9  # calm, which is not shared
    probabilities[[0, 2, 4], [0, 2, 3]] = 0.05
    actors, counts = confusion(probabilities, y, np.array(["a", "a", "b", "a", "b"]), emotions=SHARED)
    assert list(actors) == ["a", "b"]
    of_a, of_b = np.zeros((2, 4, 4), dtype=int)
    of_a[0, 0] = 1  # the clips of calm and disgust are not counted
    of_b[1, 1] = of_b[3, 2] = 1
    np.testing.assert_array_equal(counts, [[of_a, of_b]])


@given(
    values=st.lists(st.floats(0, 1), min_size=8, max_size=8),
    kept=st.sets(st.sampled_from(EMOTIONS), min_size=1),
)
def test_the_answer_is_that_of_ser_evaluate(values: list[float], kept: set[str]) -> None:
    emotions = [emotion for emotion in EMOTIONS if emotion in kept]
    restricted = cross_corpus.restrict(dict(zip(EMOTIONS, values, strict=True)), emotions)
    y = np.array([EMOTIONS.index(emotions[0])])
    _, counts = confusion(np.array([values]), y, np.array(["a"]), emotions=emotions)
    # Scaled values may round to equal ones.
    answer = emotions[int(counts[0, 0, 0].argmax())]
    assert restricted[answer] == max(restricted.values())


def test_a_score_counts_what_the_predictions_say() -> None:
    clips = made_up(names=("emodb",))
    right = predict(model(made_up(), GRID[0]), clips)
    right[list(PROBABILITIES)] = np.eye(8)[clips.y]
    wrong = right.assign(**dict.fromkeys(PROBABILITIES, 1.0))  # neutral, the first
    assert score(right, samples=100, seed=0) == {
        **{"uar": 1.0, "uar_low": 1.0, "uar_high": 1.0},
        **{"n": 48, "speakers": 4, "emotions": list(SHARED)},
    }
    assert difference(right, wrong, samples=100, seed=0) == {"uar": 0.75, "low": 0.75, "high": 0.75}


# The weighted LDA.


def log_posteriors(fitted: tuple[Matrix, Matrix], x: Matrix) -> Matrix:
    logits = x @ fitted[0] + fitted[1]
    return np.asarray(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))


def test_one_corpus_gives_the_shrinkage_lda_of_standardised_columns() -> None:
    clips = made_up(names=("ravdess",))
    x = clips.x[:, 0].astype(np.float64) * [1, 2, 3, 4, 5, 100]
    ours = fit_lda(Statistics.of(x, clips.y), shrinkage=0.3)
    # As many clips of each emotion, so that its priors are equal too.
    theirs = ShrinkageLda(shrinkage=0.3).fit((x - x.mean(axis=0)) / x.std(axis=0), clips.y)
    expected = theirs.predict_log_proba((x - x.mean(axis=0)) / x.std(axis=0))
    np.testing.assert_allclose(log_posteriors(ours, x), expected, atol=1e-5)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_weight_is_a_number_of_copies(times: int) -> None:
    clips = made_up()
    x, y, is_nemo = clips.x[:, 1].astype(np.float64), clips.y, clips.corpus == "nemo"
    parts = [Statistics.of(x[~is_nemo], y[~is_nemo]), Statistics.of(x[is_nemo], y[is_nemo])]
    pooled = Statistics.pool(parts, [1.0, float(times)])
    rows = np.concatenate([np.flatnonzero(~is_nemo), *[np.flatnonzero(is_nemo)] * times])
    copied = Statistics.of(x[rows], y[rows])
    np.testing.assert_allclose(pooled.counts, copied.counts)
    np.testing.assert_allclose(pooled.means, copied.means, atol=1e-9)
    np.testing.assert_allclose(pooled.scatter, copied.scatter, rtol=1e-9, atol=1e-7)


def test_moving_statistics_is_moving_clips() -> None:
    clips = made_up(names=("nemo",))
    x = clips.x[:, 0].astype(np.float64)
    moved = Statistics.of(x + np.arange(COLUMNS), clips.y)
    by_statistics = Statistics.of(x, clips.y).moved_by(np.arange(COLUMNS, dtype=np.float64))
    np.testing.assert_allclose(by_statistics.means, moved.means, atol=1e-9)
    np.testing.assert_allclose(by_statistics.scatter, moved.scatter, atol=1e-9)
    np.testing.assert_allclose(by_statistics.mean, (x + np.arange(COLUMNS)).mean(axis=0))


def test_groups_without_copies_are_pooled_with_those_that_have_some() -> None:
    clips = made_up(names=("ravdess",))
    pooled = CorpusStatistics.pool([CorpusStatistics.of(it) for it in (clips.take(~clips.corrupted), clips)])
    assert (pooled.recordings[0].n, pooled.copies[0].n) == (192, 192)
    assert pooled.with_copies()[1].n == pytest.approx(pooled.recordings[1].n)


@pytest.mark.parametrize("shrinkage", [0.0, -0.1, 1.1])
def test_shrinkage_outside_its_range_is_refused(shrinkage: float) -> None:
    clips = made_up(names=("emodb",))
    with pytest.raises(ValueError, match=f"got {shrinkage}"):
        fit_lda(Statistics.of(clips.x[:, 0], clips.y), shrinkage=shrinkage)
