"""The README and the model card tell the committed figures, and say where everything is."""

import re
from pathlib import Path

import pytest

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
