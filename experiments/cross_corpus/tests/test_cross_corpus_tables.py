"""The tables of results, before and after the models were scored."""

import json
from pathlib import Path

import pytest

from tools.result_tables import TABLES
from tools.result_tables.experiments import cross_corpus

MODELS = ("chosen", "ravdess", "uncentred", "centred")
IT = {"uar": 0.65, "uar_low": 0.6, "uar_high": 0.7}
MORE = {"uar": 0.05, "low": -0.01, "high": 0.12}


@pytest.fixture
def metrics(tmp_path: Path) -> Path:
    """Of a run in which all models had the same scores."""
    scores, gains = dict.fromkeys(MODELS, IT), dict.fromkeys(MODELS[1:], MORE)
    setting = {"shrinkage": 0.3, "weight": 0.1, "centred": True, "copies": False, "blend": 1.0}
    alone = setting | {"weight": 0.0, "centred": False}
    found = {
        "development": {"settings": 125, "uar": {key: {"mean": 0.7} for key in MODELS}},
        "chosen": setting,
        "compared": {
            "ravdess": alone,
            "uncentred": setting | {"centred": False},
            "centred": setting | {"weight": 0.3},
        },
        "emodb": scores,
        "nemo": {"ravdess": IT},
        "nemo_speakers": scores,
        "ravdess": {"clean": scores, "corrupted": scores},
        "differences": {
            "emodb": gains,
            "nemo_speakers": gains,
            "ravdess": {"clean": gains, "corrupted": gains},
        },
    }
    (tmp_path / "cross_corpus.json").write_text(json.dumps(found))
    run = IT | {"uar": 0.5, "scale": "standard", "classifier": "svm", "train": ["ravdess", "nemo"]}
    runs = [run, run | {"uar": 0.4, "scale": "speaker", "classifier": "xgb", "train": ["ravdess"]}]
    (tmp_path / "peers.json").write_text(json.dumps({"rows": runs}))
    return tmp_path


def test_what_was_not_scored_is_called_so(tmp_path: Path) -> None:
    for name in ("cross_corpus", "cross_corpus_gains", "cross_corpus_settings", "cross_corpus_peers"):
        heading, _, *rows = TABLES[name](tmp_path).splitlines()
        assert all(row.count("|") == heading.count("|") for row in rows)
        assert all("not measured yet" in row for row in rows)


def test_scores_stand_below_what_was_tested(metrics: Path) -> None:
    _, _, chosen, alone, *_ = cross_corpus.scores(metrics).splitlines()
    it = "65.0 (60.0 to 70.0)"
    # nEMO is seen by the chosen model.
    assert chosen == f"| best of all settings | {it} |  | {it} | {it} | {it} |"
    assert alone == f"| RAVDESS alone | {it} | {it} | {it} | {it} | {it} |"
    *_, last = cross_corpus.gains(metrics).splitlines()
    assert last == "| RAVDESS and nEMO, centred | " + " | ".join(["+5.0 (-1.0 to +12.0)"] * 4) + " |"


def test_a_model_of_the_chosen_setting_has_no_row_of_its_own(metrics: Path) -> None:
    path = metrics / "cross_corpus.json"
    found = json.loads(path.read_text())
    found["compared"]["uncentred"] = found["chosen"]
    path.write_text(json.dumps(found))
    for table in (cross_corpus.scores, cross_corpus.settings):
        assert [row.split(" | ")[0] for row in table(metrics).splitlines()[2:]] == [
            "| best of all settings",
            "| RAVDESS alone",
            "| RAVDESS and nEMO, centred",
        ]
    assert len(cross_corpus.gains(metrics).splitlines()) == 2 + 2


def test_a_setting_of_one_corpus_has_its_shrinkage_alone(metrics: Path) -> None:
    _, _, chosen, alone, *_ = cross_corpus.settings(metrics).splitlines()
    assert chosen == "| best of all settings | 0.3 | 0.1 | yes | no | 1 | 70.0 |"
    assert alone == "| RAVDESS alone | 0.3 | 0 |  |  |  | 70.0 |"


def test_peers_stand_below_the_models_of_the_same_training(metrics: Path) -> None:
    _, _, own, svm, _, _, xgb = cross_corpus.peers(metrics).splitlines()
    assert own == "| LDAs on Whisper's layers | 65.0 (60.0 to 70.0) | 65.0 (60.0 to 70.0) |"
    assert svm == "| nkululeko, SVM | not measured yet | 50.0 (60.0 to 70.0) |"
    assert xgb == "| nkululeko, XGBoost, scaled per speaker | 40.0 (60.0 to 70.0) | not measured yet |"
