"""The pages give the committed figures, and the model card's heading is the Hub's."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.pages import readme_results
from tools.pages.marked_blocks import block_names
from tools.result_tables import TABLES
from tools.result_tables.cells import percent

PROJECT = Path(__file__).resolve().parents[3]
PAGES = readme_results.pages_with_results(PROJECT)
PATTERNS = ("*.md", "docs/**/*.md", "experiments/*/README.md")
BY_OTHER_TOOLS = {
    "README.md": {"groups"},
    "docs/pipeline.md": {"stages"},
    "docs/crash_safety.md": {"trials", "seen"},
    "docs/formats.md": {"formats", "tried_with"},
}


def test_the_pages_with_results_are_found() -> None:
    assert {"README.md", "docs/model_card.md"} <= set(PAGES)
    assert "docs/crash_safety.md" not in PAGES


@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_block_has_a_table(pattern: str) -> None:
    for path in PROJECT.glob(pattern):
        names = set(block_names(path.read_text(encoding="utf-8")))
        others = BY_OTHER_TOOLS.get(str(path.relative_to(PROJECT)), set())
        assert names <= TABLES.keys() | others, path


@pytest.mark.parametrize("name", PAGES)
def test_pages_tell_the_committed_metrics(name: str) -> None:
    page = (PROJECT / name).read_text(encoding="utf-8")
    assert readme_results.fill(page, PROJECT / "metrics") == page, "run: python -m tools.pages.readme_results"


def test_a_wrong_figure_is_put_right() -> None:
    page = "before\n<!-- results: luna5 -->\n99.9\n<!-- end -->\nafter\n"
    filled = readme_results.fill(page, PROJECT / "metrics")
    assert "99.9" not in filled
    assert filled.startswith("before\n<!-- results: luna5 -->\n| model |")
    assert filled.endswith("|\n<!-- end -->\nafter\n")


def read(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((PROJECT / "metrics" / name).read_text(encoding="utf-8"))
    return content


def test_the_cards_heading_is_the_hubs() -> None:
    heading = yaml.safe_load((PROJECT / "docs/model_card.md").read_text(encoding="utf-8").split("---\n")[1])
    assert heading["license"] == "cc-by-nc-sa-4.0"
    assert heading["library_name"] == "onnx"
    assert heading["pipeline_tag"] == "audio-classification"
    ((result,),) = (model["results"] for model in heading["model-index"])
    told = {metric["type"]: metric["value"] for metric in result["metrics"]}
    scores = read("luna5/layers_lda.json")
    assert told == {"recall": scores["uar"], "accuracy": scores["accuracy"], "f1": scores["macro_f1"]}


def test_the_cards_sentences_tell_the_committed_metrics() -> None:
    card = " ".join((PROJECT / "docs/model_card.md").read_text(encoding="utf-8").split())
    details = read("details.json")["luna5"]["layers_lda"]
    women, men = (percent(details["per_gender"][it]["uar"]) for it in ("female", "male"))
    assert f"women better than men: a UAR of {women} and {men} %" in card
    least = min(details["per_emotion"], key=details["per_emotion"].__getitem__)
    assert f"{least.capitalize()} is recognised least, in {percent(details['per_emotion'][least])} %" in card
    found, by_fold = read("final_calibration.json"), read("calibration.json")["layers_lda"]
    assert f"It is {found['temperature']:.2f}, so that" in card
    assert "validation actors made all four worse" in card
    assert all(by_fold["after"][name] > value for name, value in by_fold["before"].items())
    assert "makes the first three slightly better, and AURC slightly worse" in card
    better = {name: found["after"][name] < value for name, value in found["before"].items()}
    assert better == {"ece": True, "nll": True, "brier": True, "aurc": False}


def test_a_block_of_yaml_is_filled() -> None:
    page = "---\na: 1\n# results: model_index\nformer: 1\n# end\n---\n# end of it\n"
    filled = readme_results.fill(page, PROJECT / "metrics")
    assert filled.startswith("---\na: 1\n# results: model_index\nmodel-index:\n")
    assert filled.endswith("\n# end\n---\n# end of it\n")
    assert "former" not in filled
