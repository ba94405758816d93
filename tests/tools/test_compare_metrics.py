"""Comparing reproduced metrics with committed ones."""

import json
from pathlib import Path

import pytest

from ser.errors import InputError
from tools import compare_metrics, machine

SUMMARY = {
    "article": {"cnn": {"uar": 0.5, "accuracy": 0.52}, "dummy": {"uar": 0.125, "accuracy": 0.1181}},
    "luna5": {"lda": {"uar": 0.58, "accuracy": 0.6}},
}
FOLDS = "model,seed,fold,n,uar,accuracy\nlogmel_cnn,0,0,40,0.65,0.66\nlda,0,0,40,0.58,0.6\n"


def metrics(folder: Path, *, summary: object = SUMMARY, folds: str | None = FOLDS) -> Path:
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps(summary))
    if folds is not None:
        (folder / "luna5_folds.csv").write_text(folds)
    return folder


def changed(protocol: str, model: str, **figures: float) -> dict[str, dict[str, dict[str, float]]]:
    return {protocol: {model: SUMMARY[protocol][model] | figures}}


@pytest.mark.parametrize("exact", [True, False])
def test_equal_metrics_agree(tmp_path: Path, exact: bool, capsys: pytest.CaptureFixture[str]) -> None:
    compare_metrics.report(metrics(tmp_path / "new"), metrics(tmp_path / "old"), exact=exact)
    out = capsys.readouterr().out
    assert "All 10 figures agree" in out
    assert out.count("equal") == 10


def test_only_what_was_reproduced_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = metrics(tmp_path / "new", summary={"luna5": SUMMARY["luna5"]}, folds=None)
    compare_metrics.report(new, metrics(tmp_path / "old"), exact=True)
    assert "All 2 figures agree" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("summary", "exact", "agrees"),
    [
        (changed("article", "cnn", uar=0.52), False, True),
        (changed("article", "cnn", uar=0.48), False, True),
        (changed("article", "cnn", uar=0.5201), False, False),
        (changed("article", "cnn", uar=0.5001), True, False),
        (changed("luna5", "lda", accuracy=0.6001), False, False),
        (changed("article", "dummy", accuracy=0.1180), False, False),
        ({"article": {"new_network": {"uar": 0.5}}}, False, False),
        ({"article": {"cnn": {"uar": 0.5, "new_metric": 0.5}}}, False, False),
    ],
)
def test_networks_have_a_tolerance_on_another_machine(
    tmp_path: Path, summary: object, exact: bool, agrees: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    new, old = metrics(tmp_path / "new", summary=summary, folds=None), metrics(tmp_path / "old")
    if agrees:
        compare_metrics.report(new, old, exact=exact)
    else:
        with pytest.raises(InputError, match="figures differ"):
            compare_metrics.report(new, old, exact=exact)
    assert capsys.readouterr().out.count("DIFFERS") == (0 if agrees else 1)


@pytest.mark.parametrize(("accuracy", "agrees"), [(0.71, True), (0.7101, False)])
def test_two_clips_of_a_small_fold_may_differ(tmp_path: Path, accuracy: float, agrees: bool) -> None:
    new = metrics(tmp_path / "new", summary={}, folds=FOLDS.replace("0.66", str(accuracy)))
    comparisons = compare_metrics.compare(
        compare_metrics.read_figures(new),
        compare_metrics.read_figures(metrics(tmp_path / "old")),
        exact=False,
    )
    assert [row.key for row in comparisons if not row.agrees] == (
        [] if agrees else [("luna5 fold 0", "logmel_cnn", "accuracy")]
    )


SEEDS = "0,0,40,0.65,0.6", "1,0,40,0.67828427,0.6", "0,1,40,0.5,0.6", "1,1,40,0.52828427,0.6"
"""On both folds two seeds lie 0.0283 apart: their deviation is 0.02."""


@pytest.mark.parametrize(
    ("seeds", "offset", "agrees"),
    [([0], 0.084, True), ([0], -0.086, False), ([0, 1], 0.059, True), ([0, 1], 0.061, False)],
)
def test_networks_may_differ_as_other_seeds_do(
    tmp_path: Path, seeds: list[int], offset: float, agrees: bool
) -> None:
    """By three deviations of the difference of two seeds, or of two means of two."""
    header = FOLDS.splitlines()[0]
    rows = [header, *(f"logmel_cnn,{row}" for row in SEEDS), "lda,0,0,40,0.58,0.6"]
    old = compare_metrics.read_figures(metrics(tmp_path / "old", folds="\n".join(rows)))
    keys = [compare_metrics.Key(f"luna5 fold 0 seed {seed}", "logmel_cnn", "uar") for seed in seeds]
    assert old[keys[0]].deviation == pytest.approx(0.02)
    # The one half of them above, the other below: only the mean counts.
    moved = {key: old[key].value + offset + swing for key, swing in zip(keys, (0.1, -0.1), strict=False)}
    if len(seeds) == 1:
        moved = {key: value - 0.1 for key, value in moved.items()}
    new = {key: compare_metrics.Figure(value) for key, value in moved.items()}
    (comparison,) = compare_metrics.compare(new, old, exact=False)
    assert comparison.agrees == agrees
    assert not any(it.agrees for it in compare_metrics.compare(new, old, exact=True))


def test_classical_models_and_figures_of_no_commit_are_compared_one_by_one(tmp_path: Path) -> None:
    old = compare_metrics.read_figures(metrics(tmp_path / "old"))
    lda = compare_metrics.Key("luna5 fold 0 seed 0", "lda", "uar")
    unknown = compare_metrics.Key("luna5 fold 4 seed 0", "logmel_cnn", "uar")
    new = {lda: compare_metrics.Figure(0.5801), unknown: compare_metrics.Figure(0.6)}
    compared = compare_metrics.compare(new, old, exact=False)
    assert [(it.key, it.agrees) for it in compared] == [(lda, False), (unknown, False)]


def test_a_mean_over_seeds_may_differ_less(tmp_path: Path) -> None:
    folder = metrics(tmp_path / "old")
    details = {
        "article": {"cnn": {"uar_sd": 0.04, "seeds": [0, 1, 2, 3]}, "dummy": {"uar_sd": None, "seeds": [0]}}
    }
    (folder / "details.json").write_text(json.dumps(details))
    old = compare_metrics.read_figures(folder)
    allowed = {
        model: compare_metrics.allowed_difference(model, old[compare_metrics.Key("article", model, "uar")])
        for model in ("cnn", "dummy")
    }
    assert allowed == {"cnn": pytest.approx(3 * 2**0.5 * 0.02), "dummy": 0.0}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("details.json", "{"),
        ("summary.json", "{"),
        ("summary.json", '{"article": {"cnn": {"uar": null}}}'),
        ("summary.json", '{"article": {"cnn": 1}}'),
        ("luna5_folds.csv", "model,seed\ncnn,0\n"),
        ("luna5_folds.csv", ""),
    ],
)
def test_malformed_metrics_are_named(tmp_path: Path, name: str, content: str) -> None:
    folder = metrics(tmp_path / "new")
    (folder / name).write_text(content)
    with pytest.raises(InputError, match=name):
        compare_metrics.read_figures(folder)


def test_a_folder_without_metrics_is_no_agreement(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nothing to compare"):
        compare_metrics.read_figures(tmp_path)


def test_the_kind_of_machine_decides(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = machine.describe()
    assert not compare_metrics.same_machine(tmp_path)
    assert "no such file" in capsys.readouterr().out
    (tmp_path / "machine.json").write_text(json.dumps(here))
    assert compare_metrics.same_machine(tmp_path)
    there = here | {"packages": here["packages"] | {"numpy": "1.0"}, "python": "2.7"}
    (tmp_path / "machine.json").write_text(json.dumps(there))
    assert not compare_metrics.same_machine(tmp_path)
    assert "(packages.numpy, python)" in capsys.readouterr().out
    (tmp_path / "machine.json").write_text("{")
    with pytest.raises(InputError, match="not JSON"):
        compare_metrics.same_machine(tmp_path)


def test_differences_names_missing_keys() -> None:
    assert machine.differences({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "d": 3}}) == ["a.c", "a.d"]
