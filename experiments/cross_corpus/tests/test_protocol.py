"""The protocol: the test corpus trains and chooses nothing, and scores are over shared emotions."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.cross_corpus.protocol import (
    Clips,
    Fitted,
    Model,
    Outcome,
    Setting,
    choose,
    confusion,
    held_out,
    pooled_uar,
    restrict,
    run,
    try_settings,
)
from experiments.cross_corpus.weighted_lda import Statistics, WeightedLda
from ser.data.ravdess import EMOTIONS
from ser.evaluation import cross_corpus
from ser.models.shrinkage_lda import ShrinkageLda

COLUMNS = 6
SHARED = ("neutral", "happy", "sad", "angry")
HAS = {
    "ravdess": EMOTIONS,
    "nemo": ("neutral", "happy", "sad", "angry", "fearful", "surprised"),
    "emodb": SHARED,
}
GRID = [
    Setting(shrinkage=shrinkage, weight=weight, centred=centred, blend=blend)
    for shrinkage, weight, centred, blend in product((0.2, 0.6), (0.3, 1.0), (False, True), (0.0, 0.5, 1.0))
]


def made_up(
    seed: int = 0, *, shift: float = 3.0, noise: float = 1.0, names: tuple[str, ...] = tuple(HAS)
) -> Clips:
    """Emotions are the same offsets in each corpus; each corpus and each speaker has its own beside them."""
    draw = np.random.default_rng(seed)
    emotions = draw.normal(0, 1, (8, 2 * COLUMNS))
    x, y, corpus, actors = [], [], [], []
    for name in names:
        of_corpus = draw.normal(0, shift, 2 * COLUMNS)
        for actor in range(4):
            of_actor = draw.normal(0, 0.3, 2 * COLUMNS)
            for emotion, _ in product(HAS[name], range(3)):
                place = EMOTIONS.index(emotion)
                x.append(emotions[place] + of_corpus + of_actor + draw.normal(0, noise, 2 * COLUMNS))
                y.append(place)
                corpus.append(name)
                actors.append(f"{actor:02d}")
    rows = np.array(x, dtype=np.float32)
    layers = {"low": rows[:, :COLUMNS], "high": rows[:, COLUMNS:]}
    return Clips(layers, np.array(y), np.array(corpus), np.array(actors))


def numbers(model: Model) -> list[bytes]:
    """All that was fitted, to the bit."""
    return [
        array.tobytes()
        for ldas in (model.own, model.joint)
        for name in sorted(ldas)
        for array in (ldas[name].weights, ldas[name].bias)
    ]


def assert_same_but_for_the_test(before: Outcome, after: Outcome) -> None:
    assert before.trials.equals(after.trials)
    assert before.model.setting == after.model.setting
    assert before.model.emotions == after.model.emotions
    assert numbers(before.model) == numbers(after.model)


# What the test corpus may not do.


@settings(max_examples=8, deadline=None)
@given(
    seed=st.integers(0, 9),
    scale=st.sampled_from([0.0, 1.0, 1e6]),
    label=st.sampled_from([0, 2, 3, 4]),
    kept=st.integers(1, 48),
    first=st.booleans(),
)
def test_no_change_to_the_test_corpus_changes_what_is_fitted_or_chosen(
    seed: int, scale: float, label: int, kept: int, first: bool
) -> None:
    """Other features, other labels, fewer clips, clips in another place: its counts alone may differ."""
    clips = made_up(seed)
    expected = run(clips, GRID[:6:2], n_folds=2)
    test = np.flatnonzero(clips.corpus == "emodb")
    others = np.flatnonzero(clips.corpus != "emodb")
    draw = np.random.default_rng(seed)
    layers = {name: x.copy() for name, x in clips.layers.items()}
    for x in layers.values():
        x[test] = scale * draw.standard_cauchy((len(test), COLUMNS))
    y = clips.y.copy()
    y[test] = label
    rows = np.concatenate([test[:kept], others] if first else [others, test[:kept]])
    changed = Clips(
        {name: x[rows] for name, x in layers.items()}, y[rows], clips.corpus[rows], clips.actors[rows]
    )
    assert_same_but_for_the_test(expected, run(changed, GRID[:6:2], n_folds=2))


def test_what_the_test_would_prefer_is_not_chosen() -> None:
    """The test corpus is labelled so that the chosen setting is always wrong on it."""
    clips = made_up(1, shift=0.3)
    chosen = run(clips, GRID[::4], n_folds=2)
    is_test = clips.corpus == "emodb"
    probabilities = restrict(chosen.model.probabilities(clips.take(is_test).layers), SHARED)
    wrong = (probabilities.argmax(axis=1) + 1) % len(SHARED)
    y = clips.y.copy()
    y[is_test] = [EMOTIONS.index(SHARED[place]) for place in wrong]
    again = run(replace(clips, y=y), GRID[::4], n_folds=2)
    assert again.emotions == SHARED
    assert_same_but_for_the_test(chosen, again)
    assert pooled_uar(again.counts) == 0


def test_a_development_corpus_does_change_what_is_fitted() -> None:
    """So that the tests above can fail."""
    clips = made_up(0)
    before = run(clips, GRID[:6], n_folds=2)
    layers = {name: np.where((clips.corpus == "nemo")[:, None], 2 * x, x) for name, x in clips.layers.items()}
    after = run(replace(clips, layers=layers), GRID[:6], n_folds=2)
    assert numbers(before.model) != numbers(after.model)
    assert not before.trials.equals(after.trials)


# Held-out development clips.


def test_every_clip_is_held_out_once_by_corpus_and_once_by_speaker_and_never_trains_meanwhile() -> None:
    clips = made_up(names=("ravdess", "nemo"))
    parts = list(held_out(clips, n_folds=2))
    for kind in ("corpus", "speakers"):
        times = sum(part.test.astype(int) for part in parts if part.kind == kind)
        assert np.all(times == 1)
    for part in parts:
        assert not (part.training & part.test).any()
        speakers = {(c, a) for c, a in zip(clips.corpus[part.test], clips.actors[part.test], strict=True)}
        trained = {
            (c, a) for c, a in zip(clips.corpus[part.training], clips.actors[part.training], strict=True)
        }
        assert not speakers & trained
        assert set(clips.corpus[part.test]) == {part.corpus}
        assert (part.corpus in clips.corpus[part.training]) == (part.kind == "speakers")
        # A speaker of the other corpus has the same name, and trains.
        others = set(clips.corpus) - {part.corpus}
        assert {c for c, _ in trained} >= others


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 9), fold=st.integers(0, 5), scale=st.sampled_from([0.0, 1e6]))
def test_held_out_clips_do_not_change_the_model_that_scores_them(seed: int, fold: int, scale: float) -> None:
    clips = made_up(seed, names=("ravdess", "nemo"))
    part = list(held_out(clips, n_folds=2))[fold]
    layers = {name: np.where(part.test[:, None], scale * x, x) for name, x in clips.layers.items()}
    changed = replace(clips, layers=layers, y=np.where(part.test, 0, clips.y))
    before, after = (
        Fitted.to(it.take(part.training), first="ravdess").model(GRID[-1]) for it in (clips, changed)
    )
    assert numbers(before) == numbers(after)


def test_with_two_corpora_one_left_out_tells_nothing_of_weight_centring_and_blend() -> None:
    trials = try_settings(made_up(names=("ravdess", "nemo")), GRID, first="ravdess", n_folds=2)
    assert len(trials) == len(GRID) * 4
    different = {
        kind: max(of["uar"].nunique() for _, of in those.groupby(["corpus", "shrinkage"]))
        for kind, those in trials.groupby("kind")
    }
    assert different["corpus"] == 1 < different["speakers"]


def test_a_fold_without_an_emotion_of_its_corpus_counts_for_the_others() -> None:
    """As nEMO's MK0, who has no surprise."""
    clips = made_up(names=("ravdess", "nemo"))
    gone = (clips.corpus == "nemo") & (clips.actors == "00") & (clips.y == EMOTIONS.index("surprised"))
    trials = try_settings(clips.take(~gone), GRID[:1], first="ravdess", n_folds=4)
    assert dict(zip(zip(trials["kind"], trials["corpus"], strict=True), trials["n"], strict=True)) == {
        ("corpus", "nemo"): 69,
        ("corpus", "ravdess"): 72,  # calm and disgust are not shared
        ("speakers", "nemo"): 69,
        ("speakers", "ravdess"): 96,
    }


def test_of_equal_settings_the_first_is_chosen_and_else_the_best() -> None:
    trials = try_settings(made_up(names=("ravdess", "nemo")), GRID, first="ravdess", n_folds=2)
    means = [trials.loc[trials["setting"] == place, "uar"].mean() for place in range(len(GRID))]
    assert choose(trials, GRID) == GRID[int(np.argmax(means))]
    # Without a blend, weight and centring change nothing.
    same = [setting for setting in GRID if setting.blend == 0 and setting.shrinkage == 0.2]
    trials = try_settings(made_up(names=("ravdess", "nemo")), same, first="ravdess", n_folds=2)
    assert choose(trials, same) == same[0]


def test_a_corpus_too_small_for_the_folds_is_refused() -> None:
    with pytest.raises(ValueError, match="nemo has 4 speakers, fewer than 5 folds"):
        list(held_out(made_up(names=("nemo",)), n_folds=5))


def test_an_emotion_that_the_first_corpus_lacks_is_refused() -> None:
    clips = made_up(names=("ravdess", "nemo"))
    with pytest.raises(ValueError, match="nemo has no clip of calm, disgust"):
        Fitted.to(clips, first="nemo")


# Scores.


def test_a_second_corpus_with_the_same_offsets_of_emotions_helps_on_a_third() -> None:
    scores = []
    for seed in range(6):
        clips = made_up(seed, shift=0.0, noise=2.0)
        fitted = Fitted.to(clips.take(clips.corpus != "emodb"), first="ravdess")
        test = clips.take(clips.corpus == "emodb")
        models = [fitted.model(Setting(0.2, weight=1.0, centred=False, blend=blend)) for blend in (0.0, 1.0)]
        scores.append([pooled_uar(confusion(model, test, SHARED)[2]) for model in models])
    alone, together = np.mean(scores, axis=0)
    assert together > alone + 0.02


def test_emotions_that_are_not_shared_are_left_out_of_clips_and_answers() -> None:
    clips = made_up(names=("ravdess", "nemo"))
    model = Fitted.to(clips.take(clips.corpus == "nemo"), first="ravdess").model(GRID[0])
    assert model.emotions == HAS["nemo"]
    test = clips.take(clips.corpus == "ravdess")
    assert (
        model.probabilities(test.layers)[:, [EMOTIONS.index("calm"), EMOTIONS.index("disgust")]] == 0
    ).all()
    shared, actors, counts = confusion(model, test, EMOTIONS)
    assert shared == HAS["nemo"]
    assert list(actors) == ["00", "01", "02", "03"]
    assert counts.sum() == 4 * 6 * 3
    np.testing.assert_array_equal(counts.sum(axis=(0, 1, 3)), 12)


@given(
    values=st.lists(st.floats(0, 1), min_size=8, max_size=8),
    kept=st.sets(st.sampled_from(EMOTIONS), min_size=1),
)
def test_probabilities_are_restricted_as_ser_evaluate_does(values: list[float], kept: set[str]) -> None:
    emotions = [emotion for emotion in EMOTIONS if emotion in kept]
    expected = cross_corpus.restrict(dict(zip(EMOTIONS, values, strict=True)), emotions)
    found = restrict(np.array([values]), emotions)[0]
    np.testing.assert_allclose(found, list(expected.values()), atol=1e-12)


def test_a_blend_is_a_mean_of_log_posteriors() -> None:
    clips = made_up(names=("ravdess", "nemo"))
    fitted = Fitted.to(clips, first="ravdess")
    own, half, joint = (
        fitted.model(replace(GRID[0], blend=blend)).probabilities({"low": clips.layers["low"]})
        for blend in (0.0, 0.5, 1.0)
    )
    expected = np.sqrt(own * joint)
    np.testing.assert_allclose(half, expected / expected.sum(axis=1, keepdims=True), atol=1e-12)


def test_settings_share_only_what_they_have_in_common() -> None:
    clips = made_up(names=("ravdess", "nemo"))
    shared = Fitted.to(clips, first="ravdess")
    together = [numbers(shared.model(setting)) for setting in GRID]
    alone = [numbers(Fitted.to(clips, first="ravdess").model(setting)) for setting in GRID]
    assert together == alone
    assert len({tuple(it) for it in together}) == 8  # blends apart


# The weighted LDA.


def test_one_corpus_gives_the_shrinkage_lda_of_standardised_columns() -> None:
    clips = made_up(names=("ravdess",))
    x = clips.layers["low"].astype(np.float64) * [1, 2, 3, 4, 5, 100]
    ours = WeightedLda.fit([Statistics.of(x, clips.y)], [1.0], shrinkage=0.3)
    # As many clips of each emotion, so that its priors are equal too.
    theirs = ShrinkageLda(shrinkage=0.3).fit((x - x.mean(axis=0)) / x.std(axis=0), clips.y)
    expected = theirs.predict_log_proba((x - x.mean(axis=0)) / x.std(axis=0))
    np.testing.assert_allclose(ours.log_probabilities(x), expected, atol=1e-5)


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_weight_is_a_number_of_copies(times: int) -> None:
    clips = made_up(names=("ravdess", "nemo"))
    x, y, is_nemo = clips.layers["high"], clips.y, clips.corpus == "nemo"
    parts = [Statistics.of(x[~is_nemo], y[~is_nemo]), Statistics.of(x[is_nemo], y[is_nemo])]
    weighted = WeightedLda.fit(parts, [1.0, float(times)], shrinkage=0.4)
    rows = np.concatenate([np.flatnonzero(~is_nemo), *[np.flatnonzero(is_nemo)] * times])
    copied = WeightedLda.fit([Statistics.of(x[rows], y[rows])], [1.0], shrinkage=0.4)
    np.testing.assert_allclose(weighted.log_probabilities(x), copied.log_probabilities(x), atol=1e-4)


def test_moving_statistics_is_moving_clips() -> None:
    clips = made_up(names=("ravdess", "nemo"))
    x, y, is_nemo = clips.layers["low"].astype(np.float64), clips.y, clips.corpus == "nemo"
    main, other = Statistics.of(x[~is_nemo], y[~is_nemo]), Statistics.of(x[is_nemo], y[is_nemo])
    np.testing.assert_allclose(main.mean, x[~is_nemo].mean(axis=0))
    moved = Statistics.of(x[is_nemo] - x[is_nemo].mean(axis=0) + x[~is_nemo].mean(axis=0), y[is_nemo])
    by_statistics = other.moved_to(main.mean)
    np.testing.assert_allclose(by_statistics.means, moved.means, atol=1e-9)
    np.testing.assert_allclose(by_statistics.scatter, moved.scatter, atol=1e-9)
    np.testing.assert_allclose(by_statistics.mean, main.mean)


def test_an_emotion_that_nobody_has_gets_no_probability() -> None:
    clips = made_up(names=("emodb",))
    lda = WeightedLda.fit([Statistics.of(clips.layers["low"], clips.y)], [1.0], shrinkage=0.5)
    probabilities = np.exp(lda.log_probabilities(clips.layers["low"]))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities[:, [1, 5, 6, 7]] == 0).all()


@pytest.mark.parametrize("shrinkage", [0.0, -0.1, 1.1])
def test_shrinkage_outside_its_range_is_refused(shrinkage: float) -> None:
    clips = made_up(names=("emodb",))
    with pytest.raises(ValueError, match=f"got {shrinkage}"):
        WeightedLda.fit([Statistics.of(clips.layers["low"], clips.y)], [1.0], shrinkage=shrinkage)
