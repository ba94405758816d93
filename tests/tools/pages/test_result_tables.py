"""Tables of results: each gives what its metrics hold, and names what is missing."""

import json
from pathlib import Path
from typing import Any

import pytest

from ser.errors import InputError
from tools.pages.marked_blocks import block_names
from tools.result_tables import TABLES, leakage_tests
from tools.result_tables.cells import SPEAKER_INDEPENDENT, markdown, trial_means
from tools.result_tables.experiments import distillation, dtw, leakage, whisper

PROJECT = Path(__file__).resolve().parents[3]
IT = {"uar": 0.6512, "uar_low": 0.6, "uar_high": 0.7, "uar_sd": None}


def write(folder: Path, name: str, content: dict[str, Any]) -> None:
    (folder / f"{name}.json").write_text(json.dumps(content))


def test_every_table_stands_on_a_page_and_has_even_rows() -> None:
    pages = [PROJECT / "README.md", *PROJECT.glob("docs/**/*.md"), *PROJECT.glob("experiments/*/README.md")]
    used = {name for page in pages for name in block_names(page.read_text(encoding="utf-8"))}
    assert TABLES.keys() - used <= {"shown"}
    for name in TABLES.keys() - {"shown", "model_index"}:
        lines = TABLES[name](PROJECT / "metrics").splitlines()
        assert len({line.count("|") for line in lines}) == 1, name
        assert len(lines) > 2, name


@pytest.mark.parametrize(
    "name",
    ["ladder_steps", "dtw", "distillation", "whisper", "speaker_adaptation", "robustness", "all_models"],
)
def test_results_that_are_not_there_are_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.json: cannot be read"):
        TABLES[name](tmp_path)


def test_trials_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"whisper_trials\.csv: cannot be read"):
        whisper.lda_trials(tmp_path)


def test_trials_are_averaged_over_inner_folds(tmp_path: Path) -> None:
    path = tmp_path / "trials.csv"
    path.write_text('settings,model,fold,uar\n"a, b",lda,0,0.5\n"a, b",lda,1,0.7\n"a, b",network,0,0.9\n')
    assert trial_means(path) == {("a, b", "lda"): pytest.approx(0.6), ("a, b", "network"): 0.9}


def test_a_model_without_a_name_has_its_key_in_all_tables(tmp_path: Path) -> None:
    for source in PROJECT.glob("metrics/**/*.json"):
        (tmp_path / source.relative_to(PROJECT / "metrics")).parent.mkdir(exist_ok=True)
        content = json.loads(source.read_text())
        if source.name in ("summary.json", "details.json"):
            content["luna5"]["extra_trees"] = content["luna5"]["svm_rbf"]
        if source.name == "human_comparison.json":
            content["models"]["extra_trees"] = content["models"]["svm_rbf"]
        (tmp_path / source.relative_to(PROJECT / "metrics")).write_text(json.dumps(content))
    for name in ("luna5", "humans"):
        assert "| Extra trees (`extra_trees`) |" in TABLES[name](tmp_path)
    for name in ("emotions", "genders"):
        assert "| `extra_trees` |" in TABLES[name](tmp_path)
    assert "| from scratch | Extra trees |" in TABLES["all_models"](tmp_path)
    assert {name for name in ("headline", "limits", "calibration") if not TABLES[name](tmp_path)} == set()


def test_a_table_has_a_rule_under_its_heading() -> None:
    assert markdown(["", "UAR"], [["a", "1.0"]]).splitlines() == ["| | UAR |", "|---|---|", "| a | 1.0 |"]


def test_the_ladders_tables_have_every_step_and_leak(tmp_path: Path) -> None:
    step = {"uar": 0.71234, "uar_low": 0.6, "uar_high": 0.8, "per_seed": [0.75, 0.7]}
    steps = [
        {**step, "recipe": name, "shown": by} for name, by in (("silence", "test"), ("speakers", "watched"))
    ]
    worth = {"model": "contour_cnn", "points": 0.3, "low": -0.01, "high": 0.4}
    pair = {"model": "contour_cnn", "at_most": 0.0011}
    leaks = [{**worth, "leak": leak} for leak in ("random_split", "scaling_on_all")]
    measured = {**worth, "model": "encoder_lda", "leak": "byte_identical_pair", "points": -0.002}
    content = {"rungs": steps, "leaks": [*leaks, measured], "byte_identical_pair": [pair]}
    write(tmp_path, "ladder", content)
    first, last = leakage.steps(tmp_path).splitlines()[2:]
    assert first == (
        "| 1. silence, not 0 dB, as padding | test clips | 71.2 | 60.0 to 80.0 | 2, 70.0 to 75.0 |"
    )
    assert "| validation clips | 71.2 |" in last
    cells = {line.split(" | ")[0]: line for line in leakage.inflation(tmp_path).splitlines()}
    assert cells["| random split: test speakers are in training"].endswith("| +30.0 (-1.0 to +40.0) |  |")
    assert cells["| one pair of duplicate clips"].endswith("| at most +0.1 | -0.2 (-1.0 to +40.0) |")


def test_models_with_dtw_have_their_gains(tmp_path: Path) -> None:
    ldas = {"plain_lda": IT | {"uar": 0.61}, "pitch_lda": IT | {"uar": 0.62}, "aligned_lda": IT}
    networks = {"logmel_cnn": IT | {"uar": 0.6}, "aligned_fused": IT | {"uar": 0.69}}
    several = {"aligned_fused": IT | {"uar": 0.69, "uar_sd": 0.0042}, "aligned_ensemble": IT | {"uar": 0.7}}
    found: dict[str, Any] = dict.fromkeys(SPEAKER_INDEPENDENT, ldas | networks)
    found["luna5"] = ldas | networks | several
    found["adds"] = {
        protocol: {
            what: {"uar": 0.01 * place + 0.001 * number, "low": -0.01, "high": 0.08}
            for place, what in enumerate(("pitch", "in_step", "network"), start=1)
        }
        for number, protocol in enumerate(SPEAKER_INDEPENDENT)
    }
    found["sentences_found"] = dict.fromkeys(SPEAKER_INDEPENDENT, 0.987)
    write(tmp_path, "aligned", found)
    table = dtw.scores(tmp_path).splitlines()
    assert "| late fusion: CNN and DTW LDA | 69.0 ± 0.4 | 60.0 to 70.0 | 69.0 | 69.0 |" in table
    assert "| late fusion: three CNNs and DTW LDA | 70.0 | 60.0 to 70.0 |  |  |" in table
    assert "| LDA on functionals | 61.0 | 60.0 to 70.0 | 61.0 | 61.0 |" in table
    gains = dtw.gains(tmp_path).splitlines()
    assert "| the CNN | +3.0 (-1.0 to +8.0) | +3.1 (-1.0 to +8.0) | +3.2 (-1.0 to +8.0) |" in gains
    assert gains[-1] == "| sentence identified, % of test clips | 98.7 | 98.7 | 98.7 |"


def test_students_stand_beside_hard_label_baselines(tmp_path: Path) -> None:
    both = {"aligned_lda": IT, "taught_lda": IT | {"uar": 0.67}}
    gain = {"uar": 0.01, "low": -0.01, "high": 0.03}
    of_lda = {"lda": gain}
    found = {
        "luna5": both | dict.fromkeys(distillation.MODELS, IT | {"uar_sd": 0.004}) | both,
        "emobox6": both | {"taught_cnn": IT, "taught_fused": IT | {"uar": 0.7}},
        "loso": both,
        "article": both | {"taught_fused": IT | {"uar": 0.8}},
        "adds": {"luna5": dict.fromkeys(distillation.GAINS, gain), "emobox6": of_lda, "loso": of_lda},
    }
    write(tmp_path, "taught", found)
    lines = distillation.scores(tmp_path).splitlines()
    assert "| DTW LDA, student | 67.0 | 60.0 to 70.0 | 67.0 | 67.0 | 67.0 |" in lines
    assert "| late fusion, students | 65.1 ± 0.4 | 60.0 to 70.0 | 70.0 |  | 80.0 |" in lines
    assert "| log-mel CNN, hard-label baseline | 65.1 ± 0.4 | 60.0 to 70.0 |  |  |  |" in lines
    assert "| log-mel CNN | +1.0 (-1.0 to +3.0) |  |  |" in distillation.gains(tmp_path).splitlines()
    assert "| DTW LDA | 65.1 | 67.0 (60.0 to 70.0) | +1.0 (-1.0 to +3.0) |" in distillation.brief(tmp_path)


def test_a_leak_would_show_in_its_table(tmp_path: Path) -> None:
    for name in leakage_tests.FILES:
        write(tmp_path, name, json.loads((PROJECT / "metrics" / f"{name}.json").read_text()))
    for name in ("summary", "whisper", "aligned", "taught"):
        write(tmp_path, name, json.loads((PROJECT / "metrics" / f"{name}.json").read_text()))
    checks = json.loads((tmp_path / "taught_leaks.json").read_text())
    checks |= {"canary_uar": 0.991, "network_unseen_largest_difference": 2e-9}
    write(tmp_path, "taught_leaks", checks | {"permuted_uar_by_seed": {"0": 0.5}})
    lines = leakage_tests.tests(tmp_path).splitlines()
    (student,) = (line for line in lines if line.startswith("| DTW LDA, student |"))
    assert student.split(" | ")[1:5:2] == ["50.0", "99.1"]
    (network,) = (line for line in lines if line.startswith("| log-mel CNN, student"))
    assert network.endswith("| 2e-09 |")
