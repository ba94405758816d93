"""Scores agree with scikit-learn, intervals with a plain bootstrap; predictions that break the split stop."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, recall_score

from ser.data.predictions import (
    COLUMNS,
    PROBABILITIES,
    check_predictions,
    predicted_emotions,
    read_predictions,
)
from ser.data.protocols import LUNA5, split_by_actor
from ser.data.ravdess import EMOTIONS, all_clips, parse_clip
from ser.errors import InputError
from ser.evaluation import bootstrap, metrics, scores

CLIPS = pd.DataFrame([vars(parse_clip(clip)) for clip in all_clips()])
SPLIT = split_by_actor(CLIPS, LUNA5)
TEST = SPLIT[SPLIT["role"] == "test"].merge(CLIPS, on="clip")
ACTUAL = TEST["emotion"].map(EMOTIONS.index).to_numpy()


def predict(
    predicted: npt.NDArray[np.int64], *, test: pd.DataFrame = TEST, model: str = "lda", seed: int = 0
) -> pd.DataFrame:
    """Predictions with the given emotion on top."""
    probabilities = np.full((len(test), 8), 0.05)
    probabilities[np.arange(len(test)), predicted] = 0.65
    table = pd.DataFrame(probabilities, columns=list(PROBABILITIES))
    keys = {
        "protocol": "luna5",
        "model": model,
        "seed": seed,
        "fold": test["fold"].array,
        "clip": test["clip"].array,
    }
    return table.assign(**keys)[list(COLUMNS)]


def partly_right(share: float, *, seed: int = 0) -> npt.NDArray[np.int64]:
    """Emotions of which about this share is right."""
    rng = np.random.default_rng(seed)
    guesses: npt.NDArray[np.int64] = np.where(
        rng.random(len(TEST)) < share, ACTUAL, rng.integers(0, 8, len(TEST))
    )
    return guesses


labels = st.lists(st.tuples(st.integers(0, len(TEST) - 1), st.integers(0, 7)), min_size=1, max_size=60)


@given(labels)
def test_scores_equal_those_of_scikit_learn_over_the_emotions_that_occur(
    pairs: list[tuple[int, int]],
) -> None:
    rows, predicted = np.array(pairs).T
    test, actual = TEST.iloc[rows].reset_index(drop=True), ACTUAL[rows]
    pooled = scores.tally(predict(predicted, test=test), CLIPS).pooled
    occurring = np.unique(actual)

    recall = recall_score(actual, predicted, labels=occurring, average="macro")
    f1 = f1_score(actual, predicted, labels=occurring, average="macro", zero_division=0)
    np.testing.assert_allclose(metrics.uar(pooled), recall)
    np.testing.assert_allclose(metrics.accuracy(pooled), accuracy_score(actual, predicted))
    np.testing.assert_allclose(metrics.macro_f1(pooled), f1)


def test_counts_are_actual_by_predicted_in_the_order_of_the_emotions() -> None:
    calm_taken_for_sad = np.where(ACTUAL == 1, 3, ACTUAL)
    counts = scores.tally(predict(calm_taken_for_sad), CLIPS)
    assert counts.actors == tuple(range(1, 25))
    assert counts.genders[:2] == ("male", "female")
    expected = np.diag([4, 0, 8, 8, 8, 8, 8, 8])
    expected[1, 3] = 8
    np.testing.assert_array_equal(counts.counts, np.broadcast_to(expected, (1, 24, 8, 8)))


def test_perfect_predictions_score_one_without_doubt() -> None:
    summary = scores.summarize(scores.tally_all(predict(ACTUAL), CLIPS), samples=100, seed=0)
    assert list(summary["luna5"]["lda"].items()) == [
        (name, 1.0) for name in ("uar", "uar_low", "uar_high", "accuracy", "macro_f1")
    ]


def test_permuted_labels_score_at_chance_and_intervals_cover_it() -> None:
    means, covered = [], 0
    for state in range(20):
        shuffled = CLIPS.assign(emotion=CLIPS["emotion"].sample(frac=1, random_state=state).array)
        counts = scores.tally(predict(ACTUAL), shuffled).counts
        low, high = bootstrap.uar_interval(counts, samples=200, seed=0)
        covered += low < metrics.CHANCE < high
        means.append(metrics.uar(counts.sum(axis=1)))
    assert np.mean(means) == pytest.approx(metrics.CHANCE, abs=0.01)
    assert np.ptp(means) < 0.05
    assert covered >= 17


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_the_order_of_rows_is_without_influence(state: int) -> None:
    predictions = pd.concat([predict(partly_right(0.5, seed=seed), seed=seed) for seed in (0, 1)])
    expected = scores.tally(predictions, CLIPS)
    got = scores.tally(predictions.sample(frac=1, random_state=state), CLIPS)
    assert (got.seeds, got.actors, got.genders) == (expected.seeds, expected.actors, expected.genders)
    np.testing.assert_array_equal(got.counts, expected.counts)


def test_the_first_of_equal_probabilities_is_predicted() -> None:
    tied = predict(ACTUAL).assign(**dict.fromkeys(PROBABILITIES, 0.125))
    assert set(predicted_emotions(tied)) == {0}


def test_interval_equals_a_plain_bootstrap_over_actors() -> None:
    predicted = [partly_right(0.6, seed=seed) for seed in (0, 1)]
    table = pd.concat([predict(emotions, seed=seed) for seed, emotions in enumerate(predicted)])
    low, high = bootstrap.uar_interval(scores.tally(table, CLIPS).counts, samples=25, seed=3)

    by_actor = {actor: rows.index for actor, rows in TEST.groupby("actor")}
    means = []
    for times in np.random.default_rng(3).multinomial(24, np.full(24, 1 / 24), size=25):
        rows = np.concatenate(
            [by_actor[actor] for actor, n in zip(range(1, 25), times, strict=True) for _ in range(n)]
        )
        means.append(np.mean([recall_score(ACTUAL[rows], it[rows], average="macro") for it in predicted]))
    np.testing.assert_allclose([low, high], np.quantile(means, [0.025, 0.975]))


def test_interval_is_as_wide_as_actors_differ() -> None:
    half = np.where(TEST["actor"] <= 12, ACTUAL, (ACTUAL + 1) % 8)
    same = np.where(TEST["statement"] == "dogs", ACTUAL, (ACTUAL + 1) % 8)
    low, high = bootstrap.uar_interval(scores.tally(predict(half), CLIPS).counts, samples=2000, seed=0)
    # 24 draws of 0 or 1: a standard error of 0.102, so 0.5 -+ 0.2.
    assert (low, high) == pytest.approx((0.3, 0.7), abs=0.03)
    assert bootstrap.uar_interval(scores.tally(predict(same), CLIPS).counts, samples=100, seed=0) == (
        0.5,
        0.5,
    )


def test_details_of_two_seeds() -> None:
    women = np.where(TEST["gender"] == "female", ACTUAL, (ACTUAL + 1) % 8)
    table = pd.concat([predict(ACTUAL, seed=5), predict(women, seed=7)])
    details = scores.describe(scores.tally_all(table, CLIPS), table, CLIPS)["luna5"]["lda"]
    assert details["n"] == 1440
    assert details["seeds"] == [5, 7]
    assert details["uar_sd"] == details["accuracy_sd"] == pytest.approx(0.5 / np.sqrt(2), abs=1e-4)
    assert details["per_seed"] == {"5": {"uar": 1, "accuracy": 1}, "7": {"uar": 0.5, "accuracy": 0.5}}
    assert details["per_emotion"] == dict.fromkeys(EMOTIONS, 0.75)
    assert details["per_gender"] == {
        "female": {"uar": 1, "accuracy": 1},
        "male": {"uar": 0.5, "accuracy": 0.5},
    }
    assert details["per_actor"]["3"] == {"uar": 0.5, "accuracy": 0.5}
    assert details["per_actor"]["24"] == {"uar": 1, "accuracy": 1}


def test_one_seed_has_no_spread_and_an_absent_emotion_no_recall() -> None:
    test = TEST[TEST["emotion"] != "calm"].reset_index(drop=True)
    predicted = test["emotion"].map(EMOTIONS.index).to_numpy()
    table = predict(predicted, test=test)
    details = scores.describe(scores.tally_all(table, CLIPS), table, CLIPS)["luna5"]["lda"]
    assert details["uar_sd"] is details["accuracy_sd"] is None
    assert details["per_emotion"]["calm"] is None
    assert details["per_actor"]["1"]["uar"] == 1


def test_groups_of_clips_are_scored_over_the_emotions_that_they_have() -> None:
    """Happy is missed when strong, everything about dogs that is sad or neutral is taken for calm."""
    wrong = (TEST["emotion"] == "happy") & (TEST["intensity"] == "strong")
    calm = TEST["emotion"].isin(["neutral", "sad"]) & (TEST["statement"] == "dogs")
    table = predict(np.where(wrong, 4, np.where(calm, 1, ACTUAL)))
    details = scores.describe(scores.tally_all(table, CLIPS), table, CLIPS)["luna5"]["lda"]
    per_intensity = {name: it["uar"] for name, it in details["per_intensity"].items()}
    assert per_intensity == pytest.approx(
        {"normal": 7 / 8, "normal_without_neutral": 6.5 / 7, "strong": 5.5 / 7}, abs=1e-4
    )
    per_statement = {name: it["uar"] for name, it in details["per_statement"].items()}
    assert per_statement == pytest.approx({"kids": 7.5 / 8, "dogs": 5.5 / 8}, abs=1e-4)
    assert details["confusions"] == [
        {"actual": "neutral", "predicted": "calm", "clips": 48.0, "share": 0.5},
        {"actual": "happy", "predicted": "angry", "clips": 96.0, "share": 0.5},
        {"actual": "sad", "predicted": "calm", "clips": 96.0, "share": 0.5},
    ]


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 64))
def test_no_confusion_that_is_left_out_is_greater_than_one_that_is_listed(state: int, n: int) -> None:
    counts = np.random.default_rng(state).integers(0, 5, (2, 8, 8))
    listed = scores.top_confusions(counts, n=n)
    shares = counts.mean(axis=0) / counts.mean(axis=0).sum(axis=1, keepdims=True)
    np.fill_diagonal(shares, 0)
    expected = sorted((share for share in shares.ravel() if share > 0), reverse=True)[:n]
    assert [it["share"] for it in listed] == pytest.approx(expected, abs=1e-4)
    for it in listed:
        place = EMOTIONS.index(it["actual"]), EMOTIONS.index(it["predicted"])
        assert it["share"] == pytest.approx(shares[place], abs=1e-4)


def test_validation_predictions_are_held_to_the_validation_actors() -> None:
    validation = SPLIT[SPLIT["role"] == "validation"].merge(CLIPS, on="clip")
    table = predict(np.zeros(len(validation), dtype=np.int64), test=validation)
    check_predictions(table, {"luna5": SPLIT}, role="validation")
    with pytest.raises(InputError, match="clips not validated where the split has them: 1,"):
        check_predictions(table.iloc[1:], {"luna5": SPLIT}, role="validation")
    with pytest.raises(InputError, match="clips tested where the split does not have them: 600"):
        check_predictions(table, {"luna5": SPLIT})


def test_luna5_stands_first_and_its_best_model_on_top() -> None:
    table = pd.concat(
        [predict(partly_right(share), model=model) for model, share in {"b": 0.2, "c": 0.9, "a": 0.5}.items()]
    )
    table = pd.concat([table.assign(protocol="article"), table])
    tallies = scores.tally_all(table, CLIPS)
    assert {protocol: list(models) for protocol, models in tallies.items()} == {
        "luna5": ["c", "a", "b"],
        "article": ["c", "a", "b"],
    }
    assert next(iter(tallies)) == "luna5"
    lines = scores.format_summary(scores.summarize(tallies, samples=100, seed=0)).splitlines()
    assert [line.split()[:2] for line in lines[1:4]] == [["luna5", "c"], ["luna5", "a"], ["luna5", "b"]]


def test_confusion_pairs_are_those_of_the_first_seed() -> None:
    table = pd.concat([predict(partly_right(0.1), seed=4), predict(ACTUAL, seed=2)])
    pairs = scores.actual_and_predicted(table, CLIPS)
    assert len(pairs) == 1440
    assert (pairs["actual"] == pairs["predicted"]).all()
    assert pairs["actual"].value_counts()["neutral"] == 96


def test_whole_predictions_pass() -> None:
    two = pd.concat([predict(ACTUAL), predict(ACTUAL, model="svm_rbf", seed=3)])
    check_predictions(two, {"luna5": SPLIT})


def broken(column: str, row: int, value: str | float) -> pd.DataFrame:
    table = predict(ACTUAL)
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("predictions", "message"),
    [
        (predict(ACTUAL).drop(index=7), "clips not tested where the split has them: 1,"),
        (pd.concat([predict(ACTUAL), predict(ACTUAL).head(2)]), "clips tested more than once: 2,"),
        (broken("fold", 0, 4), "clips tested where the split does not have them: 1,"),
        (
            broken("clip", 0, "03-01-01-01-01-01-99"),
            "does not have them: 1, such as 03-01-01-01-01-01-99",
        ),
        (broken("p_calm", 0, float("nan")), "clips with probabilities outside 0 to 1: 1,"),
        (broken("p_calm", 0, float("inf")), "clips with probabilities outside 0 to 1: 1,"),
        (broken("p_calm", 0, -0.05), "clips with probabilities outside 0 to 1: 1,"),
        (broken("p_calm", 0, 0.051), "clips with probabilities that do not sum to 1: 1,"),
        (broken("protocol", 0, "loso"), "loso/lda, seed 0: unknown protocol"),
        (predict(ACTUAL).assign(protocol="article"), "luna5: no predictions"),
    ],
)
def test_predictions_that_break_the_split_stop(predictions: pd.DataFrame, message: str) -> None:
    with pytest.raises(InputError, match=message):
        check_predictions(predictions, {"luna5": SPLIT})


def test_predictions_of_clips_without_labels_stop() -> None:
    with pytest.raises(InputError, match="03-01-08-02-02-02-24"):
        scores.tally(predict(ACTUAL), CLIPS[CLIPS["clip"] != "03-01-08-02-02-02-24"])


def test_all_broken_runs_are_named_at_once() -> None:
    runs = pd.concat([broken("p_sad", 0, 2.0), predict(ACTUAL, model="svm_rbf", seed=3).drop(index=0)])
    with pytest.raises(InputError) as caught:
        check_predictions(runs, {"luna5": SPLIT})
    assert "luna5/lda, seed 0: clips with probabilities outside" in str(caught.value)
    assert "luna5/svm_rbf, seed 3: clips not tested" in str(caught.value)


def test_files_come_back_as_one_ordered_table(tmp_path: Path) -> None:
    parts = [
        predict(ACTUAL, model="svm_rbf", seed=10),
        predict(ACTUAL, model="svm_rbf", seed=2),
        predict(ACTUAL),
    ]
    for number, part in enumerate(parts):
        part.assign(extra=1).to_parquet(tmp_path / f"{number}.parquet")
    table = read_predictions(sorted(tmp_path.iterdir()))
    assert list(table.columns) == list(COLUMNS)
    assert list(dict.fromkeys(zip(table["model"], table["seed"], strict=True))) == [
        ("lda", 0),
        ("svm_rbf", 2),
        ("svm_rbf", 10),
    ]
    assert table["clip"].iloc[:288].is_monotonic_increasing


def test_all_unreadable_files_are_named_at_once(tmp_path: Path) -> None:
    good = predict(ACTUAL)
    good.to_parquet(tmp_path / "good.parquet")
    good.drop(columns=["p_sad", "fold"]).to_parquet(tmp_path / "columns.parquet")
    good.head(0).to_parquet(tmp_path / "empty.parquet")
    good.astype({"seed": float, "p_happy": str}).to_parquet(tmp_path / "types.parquet")
    (tmp_path / "text.parquet").write_text("no parquet")
    names = ("good", "columns", "empty", "types", "text", "missing")
    with pytest.raises(InputError) as caught:
        read_predictions([tmp_path / f"{name}.parquet" for name in names])
    for problem in (
        "columns.parquet: lacks the columns fold, p_sad",
        "empty.parquet: has no row",
        "types.parquet: seed must hold integers",
        "types.parquet: p_happy must hold floats",
        "text.parquet: cannot be read",
        "missing.parquet: no such file",
    ):
        assert problem in str(caught.value)
    assert "good.parquet" not in str(caught.value)


def test_scoring_loads_no_plotting_and_no_network_library() -> None:
    heavy = "{'matplotlib', 'tensorflow', 'librosa'} & set(sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys, ser.evaluation.scores; print({heavy})"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"
