"""Selecting candidates, and the inflation by leaks, on predictions whose scores are known."""

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score

from experiments.ladder import figures
from experiments.ladder.recipes import RECIPES, STEPS
from experiments.ladder.runs import CANDIDATES, Candidates, Run, candidate_table
from experiments.ladder.scores import (
    LEAKS,
    LONG_STEPS,
    bound_duplicates,
    count,
    inflations,
    score_steps,
    select,
    with_labels,
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
    recipe: str, shares: list[float], monitored: list[float], *, seed: int = 0, fold: int = 0
) -> pd.DataFrame:
    run = Run("contour_cnn", recipe, seed, fold)
    predicted = np.stack([guesses(share, seed=17 * seed + place) for place, share in enumerate(shares)])
    names = [f"epoch={place + 1}" for place in range(len(shares))]
    return candidate_table(run, CLIPS["clip"], Candidates(names, monitored, predicted))


def labelled(*tables: pd.DataFrame) -> pd.DataFrame:
    return with_labels(pd.concat(tables, ignore_index=True), CLIPS)


def test_one_candidate_a_run_is_selected_in_the_way_asked_for() -> None:
    shares, monitored = [0.2, 0.9, 0.5, 0.3], [0.4, 0.1, 0.6, 0.6]
    rows = labelled(
        *(table("speakers", shares, monitored, seed=seed, fold=fold) for seed in (0, 1) for fold in (0, 1))
    )
    for by, place in (("test", 1), ("monitored", 2), ("last", 3)):
        selected = select(rows, by=by)  # type: ignore[arg-type]
        assert set(selected["candidate"]) == {place}
        assert len(selected) == 4 * len(NAMES)


@settings(max_examples=10, deadline=None)
@given(shares=st.lists(st.floats(0, 1), min_size=1, max_size=5), seed=st.integers(0, 50))
def test_selecting_on_the_test_clips_is_never_worse_than_elsewhere(shares: list[float], seed: int) -> None:
    monitored = np.random.default_rng(seed).random(len(shares)).tolist()
    rows = labelled(table("speakers", shares, monitored, seed=seed))
    scores = {}
    for by in ("test", "monitored", "last"):
        selected = select(rows, by=by)
        scores[by] = balanced_accuracy_score(selected["emotion"], selected["predicted"])
    assert scores["test"] >= max(scores["monitored"], scores["last"]) - 1e-9


def test_counting_gives_the_known_score() -> None:
    rows = labelled(table("speakers", [0.6], [0.0]))
    counts = count(rows, actors=list(range(1, 25)))
    assert counts.shape == (1, 24, 8, 8)
    assert counts.sum() == len(NAMES)
    pooled = counts.sum(axis=(0, 1))
    recalls = np.diagonal(pooled) / pooled.sum(axis=1)
    assert recalls.mean() == pytest.approx(balanced_accuracy_score(rows["emotion"], rows["predicted"]))
    assert count(rows, actors=[3, 9]).sum() == CLIPS["actor"].isin([3, 9]).sum()


def all_steps() -> pd.DataFrame:
    # As if each step lost 10 points; the second of three epochs the best on the test, the first elsewhere.
    return labelled(
        *(
            table(
                name, [0.85 - 0.1 * place, 0.95 - 0.1 * place, 0.8 - 0.1 * place], [0.5, 0.4, 0.3], seed=seed
            )
            for place, name in enumerate(STEPS)
            for seed in (0, 1)
        )
    )


def test_steps_1_to_4_show_the_best_epoch_on_the_test_clips_and_the_others_that_of_validation_clips() -> None:
    steps = score_steps(all_steps(), samples=SAMPLES, seed=0)
    assert [step["recipe"] for step in steps] == list(STEPS)
    for step in steps:
        assert step["shown"] == ("test" if STEPS[step["recipe"]].monitored == "test" else "watched")
        assert step["uar"] == step["best_on_test" if step["shown"] == "test" else "by_validation"]
        assert step["best_on_test"] > max(step["last_epoch"], step["by_validation"] or 0)
        assert step["uar_low"] < step["uar"] < step["uar_high"]
        assert np.mean(step["per_seed"]) == pytest.approx(step["uar"], abs=1e-4)
        assert step["tested_clips"] == len(NAMES)
    assert [step["by_validation"] is None for step in steps] == [True] * 4 + [False] * 3


def test_a_leak_inflates_by_the_difference_and_by_nothing_where_there_is_none() -> None:
    rows = labelled(
        table("speakers", [0.5, 0.6], [0.9, 0.1]),
        table("speakers", [0.5, 0.6], [0.9, 0.1], seed=1),
        table("scaled_on_all", [0.5, 0.6], [0.9, 0.1], seed=1),
        table("own_validation", [0.9], [0.9]),
        table("permuted", [0.125], [0.9]),
    )
    found = {it["leak"]: it for it in inflations(rows, samples=SAMPLES, seed=0)}
    assert set(found) == {"scaling_on_all", "chosen_on_test", "random_split", "permuted_labels"}
    none = found["scaling_on_all"]
    assert [none[key] for key in ("points", "low", "high", "seeds")] == [0, 0, 0, 1]
    assert found["chosen_on_test"]["points"] > 0.03
    assert found["random_split"]["low"] > 0.2
    for it in found.values():
        assert it["points"] == pytest.approx(it["uar"] - it["honest_uar"], abs=1.1e-4)
        assert it["low"] <= it["points"] <= it["high"]
        assert it["actors"] == 24
    assert found["permuted_labels"]["honest_uar"] == CHANCE
    assert found["permuted_labels"]["low"] < 0 < found["permuted_labels"]["high"]


def test_only_actors_tested_with_the_leak_and_without_are_compared() -> None:
    some = table("speakers", [0.5], [0.0])
    rows = labelled(some[some["clip"].str[-2:].isin(["01", "07"])], table("own_validation", [0.9], [0.0]))
    found = {it["leak"]: it for it in inflations(rows, samples=SAMPLES, seed=0)}
    assert found["random_split"]["actors"] == 2


@pytest.mark.parametrize(("together", "right"), [(False, True), (False, False), (True, True)])
def test_duplicate_clips_count_where_one_trains_and_the_other_is_tested(together: bool, right: bool) -> None:
    one, two = 0, 24
    assert TRUE[one] == TRUE[two]
    clips = CLIPS.assign(sha256=CLIPS["sha256"].replace(str(two), str(one)))
    rows = labelled(table("own_validation", [1.0], [0.0]))
    rows.loc[rows["clip"] == NAMES[one], "predicted"] = TRUE[one] if right else (TRUE[one] + 1) % 8
    if not together:
        rows = rows[rows["clip"] != NAMES[two]]
    of_emotion = (rows["emotion"] == TRUE[one]).sum()
    assert bound_duplicates(rows, clips) == [
        {
            "model": "contour_cnn",
            "splits": 1,
            "apart": 0 if together else 1,
            "recognised": int(right and not together),
            "at_most": round(1 / of_emotion / 8, 4) if right and not together else 0,
        }
    ]


def test_a_table_of_candidates_has_a_row_a_candidate_and_clip() -> None:
    rows = table("speakers", [0.1, 0.2, 0.3], [0.0, 0.5, 1.0], fold=3)
    assert list(rows.columns) == list(CANDIDATES)
    assert len(rows) == 3 * len(NAMES)
    assert rows.groupby("candidate")["watched_uar"].first().tolist() == [0.0, 0.5, 1.0]
    assert rows[rows["candidate"] == 2]["predicted"].tolist() == guesses(0.3, seed=2).tolist()


def test_all_that_is_drawn_has_a_name() -> None:
    assert list(figures.STEPS) == list(STEPS)
    assert list(figures.LONG_STEPS) == list(LONG_STEPS)
    assert set(figures.LEAKS) == set(LEAKS)
    assert {runs[0] for it in LEAKS.values() for runs in (it.leaking, it.honest) if runs} <= set(RECIPES)
    assert "contour_cnn" in figures.MODELS


def test_the_figures_show_every_step_and_every_inflation() -> None:
    steps = score_steps(all_steps(), samples=SAMPLES, seed=0)
    (axes,) = figures.draw_steps(steps).axes
    assert len(axes.get_yticklabels()) == len(STEPS)
    written = " ".join(text.get_text() for text in axes.texts)
    assert all(f"{100 * step['uar']:.1f}  (" in written for step in steps)
    leaks = inflations(all_steps(), samples=SAMPLES, seed=0)
    (axes,) = figures.draw_inflations(leaks).axes
    written = " ".join(text.get_text() for text in axes.texts)
    assert all(f"{100 * leak['points']:+.1f}" in written for leak in leaks)
