"""Pages, help texts and figures use the field's standard terms, none of the project's own."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from ser.cli import parser

PROJECT = Path(__file__).resolve().parents[2]
INSTEAD = {
    r"in step with": "aligned to, by DTW",
    r"\b(un)?taught\b": "distilled, student; hard-label baseline",
    r"told (by|of)": "student of; distilled from",
    r"\bopinions?\b": "soft labels, teacher posteriors",
    r"heard first|hears? (a|the) speaker|clips heard": "unsupervised speaker adaptation",
    r"\benrol(s|led|ment)?\b": "speaker adaptation",
    r"left out in turn": "leave-one-speaker-out",
    r"(chosen|searched|tuned|settled) by inner folds": "selected on inner folds",
    r"new (speakers|voices)|who is tested": "unseen speakers; held-out clips",
    r"\bsurest\b|too sure": "most confident; overconfident",
    r"suspect it": "leakage tests",
    r"shuffled labels": "permuted labels",
    r"\brungs?\b": "steps",
    r"byte-identical": "duplicate clips",
    r"\bcontours?\b": "frame-mean log-mel",
    r"degraded recordings": "corruptions",
    r"\bviews\b": "feature sets",
    r"\bmend(s|ed)?\b": "repair",
    r"learn(s|ed)? of\b|learned from": "trained on",
    r"points of (UAR|accuracy)": "percentage points",
    r"(both|other) sides\b": "training and test",
    r"in earnest": "on the recordings; for real",
    r"larger encoders?": "transfer learning from NAME",
}
"""What no text for readers says, and what it says in its place."""
PAGES = sorted(
    path.relative_to(PROJECT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "experiments/*/README.md", "benchmarks/README.md")
    for path in PROJECT.glob(pattern)
)
SCRIPTS = sorted(
    path.relative_to(PROJECT).as_posix()
    for pattern in ("stages/*.py", "tools/**/*.py", "experiments/*/*.py", "benchmarks/*.py", "ser/cli/*.py")
    for path in PROJECT.glob(pattern)
)
"""Their docstrings are what ``--help`` shows."""
DRAWN = sorted(
    path.relative_to(PROJECT).as_posix()
    for pattern in ("ser/figures/*.py", "ser/report/*", "experiments/*/*figure*.py")
    for path in PROJECT.glob(pattern)
    if path.is_file()
)


def found_in(text: str) -> dict[str, str]:
    """The words of a text that others take the place of."""
    plain = " ".join(text.split())
    return {
        match[0]: instead
        for pattern, instead in INSTEAD.items()
        for match in re.finditer(pattern, plain, flags=re.IGNORECASE)
    }


def prose(page: str) -> str:
    """A page without what is not its own wording: code, names in backticks, addresses, and what others measured."""
    for pattern in (r"^```.*?^```$", r"<!-- results: (?:pipeline|recognizer) -->.*?<!-- end -->"):
        page = re.sub(pattern, "", page, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"`[^`]+`|\]\([^)]*\)", "", page)


@pytest.mark.parametrize("name", PAGES)
def test_pages(name: str) -> None:
    assert found_in(prose((PROJECT / name).read_text(encoding="utf-8"))) == {}


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_of_scripts(name: str) -> None:
    module = ast.parse((PROJECT / name).read_text(encoding="utf-8"))
    helps = [
        keyword.value.value
        for call in ast.walk(module)
        if isinstance(call, ast.Call)
        for keyword in call.keywords
        if keyword.arg in ("help", "description") and isinstance(keyword.value, ast.Constant)
    ]
    assert found_in(" ".join([ast.get_docstring(module) or "", *map(str, helps)])) == {}


def test_help_of_the_makefile() -> None:
    shown = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert found_in(shown) == {}
