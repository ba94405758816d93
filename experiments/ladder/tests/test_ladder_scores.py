"""Choosing among candidates, and the worth of leaks, on predictions whose scores are known."""

from dataclasses import asdict

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from experiments.ladder import figures
from experiments.ladder.recipes import RECIPES, RUNGS
from experiments.ladder.scores import (
    CANDIDATES,
    LEAKS,
    Run,
    candidate_table,
    choose,
    climb,
    count,
    pairs,
    with_labels,
    worths,
)
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.evaluation.metrics import CHANCE

NAMES = np.array([name for name in all_clips() if name[12:17] in ("01-01", "02-01") and name[9:11] == "01"])
CLIPS = pd.DataFrame([vars(parse_clip(name)) for name in NAMES])
CLIPS = CLIPS.assign(sha256=[str(place) for place in range(len(CLIPS))])
TRUE = CLIPS["emotion"].map(EMOTIONS.index).to_numpy()
SAMPLES = 200


def guesses(share: float, *, seed: int, n: int = len(NAMES)) -> npt.NDArray[np.int64]:
    """Predictions of which about this share is right."""
    draw = np.random.default_rng(seed)
    return np.where(draw.random(n) < share, TRUE[:n], (TRUE[:n] + draw.integers(1, 8, n)) % 8)


def table(
    recipe: str, shares: list[float], watched: list[float], *, seed: int = 0, fold: int = 0
) -> pd.DataFrame:
    run = Run("contour_cnn", recipe, seed, fold)
    predicted = np.stack([guesses(share, seed=17 * seed + place) for place, share in enumerate(shares)])
    names = [f"epoch={place + 1}" for place in range(len(shares))]
    return candidate_table(run, names=names, watched_uar=watched, clips=NAMES, predicted=predicted)


def labelled(*tables: pd.DataFrame) -> pd.DataFrame:
    return with_labels(pd.concat(tables, ignore_index=True), CLIPS)


def test_one_candidate_a_run_is_chosen_by_who_is_asked() -> None:
    shares, watched = [0.2, 0.9, 0.5, 0.3], [0.4, 0.1, 0.6, 0.6]
    rows = labelled(
        *(table("speakers", shares, watched, seed=seed, fold=fold) for seed in (0, 1) for fold in (0, 1))
    )
    for by, place in (("test", 1), ("watched", 2), ("last", 3)):
        chosen = choose(rows, by=by)  # type: ignore[arg-type]
        assert set(chosen["candidate"]) == {place}
        assert len(chosen) == 4 * len(NAMES)


@settings(max_examples=10, deadline=None)
@given(shares=st.lists(st.floats(0, 1), min_size=1, max_size=5), seed=st.integers(0, 50))
def test_choosing_on_the_test_is_never_worse_than_choosing_elsewhere(shares: list[float], seed: int) -> None:
    watched = np.random.default_rng(seed).random(len(shares)).tolist()
    rows = labelled(table("speakers", shares, watched, seed=seed))
    scores = {}
    for by in ("test", "watched", "last"):
        chosen = choose(rows, by=by)
        scores[by] = balanced_accuracy_score(chosen["emotion"], chosen["predicted"])
    assert scores["test"] >= max(scores["watched"], scores["last"]) - 1e-9


def test_counting_gives_the_known_score() -> None:
    rows = labelled(table("speakers", [0.6], [0.0]))
    counts = count(rows, actors=list(range(1, 25)))
    assert counts.shape == (1, 24, 8, 8)
    assert counts.sum() == len(NAMES)
    pooled = counts.sum(axis=(0, 1))
    recalls = np.diagonal(pooled) / pooled.sum(axis=1)
    assert recalls.mean() == pytest.approx(balanced_accuracy_score(rows["emotion"], rows["predicted"]))
    assert count(rows, actors=[3, 9]).sum() == CLIPS["actor"].isin([3, 9]).sum()


def all_rungs() -> pd.DataFrame:
    # As if each rung lost 10 points; the second of three epochs the best on the test, the first elsewhere.
    return labelled(
        *(
            table(
                name, [0.85 - 0.1 * place, 0.95 - 0.1 * place, 0.8 - 0.1 * place], [0.5, 0.4, 0.3], seed=seed
            )
            for place, name in enumerate(RUNGS)
            for seed in (0, 1)
        )
    )


def test_rungs_1_to_4_show_the_best_epoch_on_the_test_and_the_others_the_validations_choice() -> None:
    rungs = climb(all_rungs(), samples=SAMPLES, seed=0)
    assert [rung.recipe for rung in rungs] == list(RUNGS)
    for rung in rungs:
        assert rung.shown == ("test" if RUNGS[rung.recipe].watched == "test" else "watched")
        assert rung.uar == (rung.best_on_test if rung.shown == "test" else rung.by_validation)
        assert rung.best_on_test > max(rung.last_epoch, rung.by_validation or 0)
        assert rung.uar_low < rung.uar < rung.uar_high
        assert np.mean(rung.per_seed) == pytest.approx(rung.uar, abs=1e-4)
        assert rung.tested_clips == len(NAMES)
    assert [rung.by_validation is None for rung in rungs] == [True] * 4 + [False] * 3


def test_a_leak_is_worth_the_difference_and_nothing_where_there_is_none() -> None:
    rows = labelled(
        table("speakers", [0.5, 0.6], [0.9, 0.1]),
        table("speakers", [0.5, 0.6], [0.9, 0.1], seed=1),
        table("scaled_on_all", [0.5, 0.6], [0.9, 0.1], seed=1),
        table("own_validation", [0.9], [0.9]),
        table("permuted", [0.125], [0.9]),
    )
    found = {worth.leak: worth for worth in worths(rows, samples=SAMPLES, seed=0)}
    assert set(found) == {"scaling_on_all", "chosen_on_test", "random_split", "permuted_labels"}
    none = found["scaling_on_all"]
    assert (none.points, none.low, none.high, none.seeds) == (0, 0, 0, 1)
    assert found["chosen_on_test"].points > 0.03
    assert found["random_split"].low > 0.2
    for worth in found.values():
        assert worth.points == pytest.approx(worth.uar - worth.honest_uar, abs=1.1e-4)
        assert worth.low <= worth.points <= worth.high
        assert worth.actors == 24
    assert found["permuted_labels"].honest_uar == CHANCE
    assert found["permuted_labels"].low < 0 < found["permuted_labels"].high


def test_only_actors_on_both_sides_are_compared() -> None:
    some = table("speakers", [0.5], [0.0])
    rows = labelled(some[some["clip"].str[-2:].isin(["01", "07"])], table("own_validation", [0.9], [0.0]))
    (worth,) = (it for it in worths(rows, samples=SAMPLES, seed=0) if it.leak == "random_split")
    assert worth.actors == 2


@pytest.mark.parametrize(("together", "right"), [(False, True), (False, False), (True, True)])
def test_the_pair_counts_where_its_clips_lie_apart(together: bool, right: bool) -> None:
    one, two = 0, 24
    assert TRUE[one] == TRUE[two]
    clips = CLIPS.assign(sha256=CLIPS["sha256"].replace(str(two), str(one)))
    rows = labelled(table("own_validation", [1.0], [0.0]))
    rows.loc[rows["clip"] == NAMES[one], "predicted"] = TRUE[one] if right else (TRUE[one] + 1) % 8
    if not together:
        rows = rows[rows["clip"] != NAMES[two]]
    (pair,) = pairs(rows, clips)
    assert (pair.splits, pair.apart, pair.recognised) == (
        1,
        0 if together else 1,
        int(right and not together),
    )
    of_emotion = (rows["emotion"] == TRUE[one]).sum()
    assert pair.at_most == (round(1 / of_emotion / 8, 4) if right and not together else 0)


def test_a_table_of_candidates_has_a_row_a_candidate_and_clip() -> None:
    rows = table("speakers", [0.1, 0.2, 0.3], [0.0, 0.5, 1.0], fold=3)
    assert list(rows.columns) == list(CANDIDATES)
    assert len(rows) == 3 * len(NAMES)
    assert rows.groupby("candidate")["watched_uar"].first().tolist() == [0.0, 0.5, 1.0]
    assert rows[rows["candidate"] == 2]["predicted"].tolist() == guesses(0.3, seed=2).tolist()


def test_all_that_is_drawn_has_a_name() -> None:
    assert list(figures.STEPS) == list(RUNGS)
    assert set(figures.LEAKS) == set(LEAKS)
    assert {
        recipe for it in LEAKS.values() for side in (it.leaking, it.honest) if side for recipe in side[:1]
    } <= set(RECIPES)
    assert "contour_cnn" in figures.MODELS


def test_the_figures_show_every_rung_and_every_worth() -> None:
    rungs = climb(all_rungs(), samples=SAMPLES, seed=0)
    (axes,) = figures.draw_steps([asdict(rung) for rung in rungs]).axes
    assert len(axes.get_yticklabels()) == len(RUNGS)
    written = " ".join(text.get_text() for text in axes.texts)
    assert all(f"{100 * rung.uar:.1f}  (" in written for rung in rungs)
    leaks = worths(all_rungs(), samples=SAMPLES, seed=0)
    (axes,) = figures.draw_inflations([asdict(leak) for leak in leaks]).axes
    written = " ".join(text.get_text() for text in axes.texts)
    assert all(f"{100 * leak.points:+.1f}" in written for leak in leaks)
