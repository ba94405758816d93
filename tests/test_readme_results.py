"""The README and the model card tell the committed figures, and say where everything is."""

import json
import re
from pathlib import Path

import pytest

from ser.errors import InputError
from tools import readme_results

PROJECT = Path(__file__).resolve().parents[1]


@pytest.mark.parametrize("name", readme_results.PAGES)
def test_pages_tell_the_committed_metrics(name: str) -> None:
    page = (PROJECT / name).read_text(encoding="utf-8")
    assert "<!-- results: " in page
    assert readme_results.fill(page, PROJECT / "metrics") == page, "run: python -m tools.readme_results"


@pytest.mark.parametrize("name", [*readme_results.PAGES, "docs/dataset_card.md", "CONTRIBUTING.md"])
def test_links_and_pictures_exist(name: str) -> None:
    page = PROJECT / name
    targets = re.findall(r"\]\(([^)#:\s]+)\)", page.read_text(encoding="utf-8"))
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


def test_a_wrong_figure_is_put_right() -> None:
    page = "before\n<!-- results: luna5 -->\n99.9\n<!-- end -->\nafter\n"
    filled = readme_results.fill(page, PROJECT / "metrics")
    assert "99.9" not in filled
    assert filled.startswith("before\n<!-- results: luna5 -->\n| model |")
    assert filled.endswith("|\n<!-- end -->\nafter\n")


def test_the_ladders_tables_tell_every_rung_and_leak(tmp_path: Path) -> None:
    rung = {"uar": 0.71234, "uar_low": 0.6, "uar_high": 0.8, "per_seed": [0.75, 0.7]}
    rungs = [
        {**rung, "recipe": name, "shown": by} for name, by in (("silence", "test"), ("speakers", "watched"))
    ]
    worth = {"model": "contour_cnn", "points": 0.3, "low": -0.01, "high": 0.4}
    pair = {"model": "contour_cnn", "at_most": 0.0011}
    leaks = [{**worth, "leak": leak} for leak in ("random_split", "scaling_on_all")]
    measured = {**worth, "model": "encoder_lda", "leak": "byte_identical_pair", "points": -0.002}
    content = {"rungs": rungs, "leaks": [*leaks, measured], "byte_identical_pair": [pair]}
    (tmp_path / "ladder.json").write_text(json.dumps(content))
    climbed, leaked = readme_results.ladder_table(tmp_path).split("\n\n")
    first, last = climbed.splitlines()[2:]
    assert first == (
        "| 1. silence, not 0 dB, as padding | test clips | 71.2 | 60.0 to 80.0 | 2, 70.0 to 75.0 |"
    )
    assert "| validation clips | 71.2 |" in last
    cells = {line.split(" | ")[0]: line for line in leaked.splitlines()}
    assert cells["| random split, so that test speakers are known"].endswith("| +30.0 (-1.0 to +40.0) |  |")
    assert cells["| the byte-identical pair"].endswith("| at most +0.1 | -0.2 (-1.0 to +40.0) |")


def test_results_that_are_not_there_are_named(tmp_path: Path) -> None:
    for name in ("ladder", "enrolled", "robustness"):
        with pytest.raises(InputError, match=rf"{name}\.\w+: cannot be read"):
            readme_results.fill(f"<!-- results: {name} -->\n<!-- end -->\n", tmp_path)
