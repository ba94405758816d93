"""Pages, help texts and figures use the field's standard terms, none of the project's own."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
INSTEAD = {
    r"in step with": "aligned to, by DTW",
    r"\btaught\b": "distilled, student; hard-label baseline",
    r"told (by|of)": "student of; distilled from",
    r"\bopinions?\b": "soft labels, teacher posteriors",
    r"heard first|hears? (a|the) speaker|clips heard": "unsupervised speaker adaptation",
    r"\benrolled\b": "speaker adaptation",
    r"\bheard\b|\bhears\b|listen to\b": "trained on; input; recognised",
    r"left out in turn": "leave-one-speaker-out",
    r"(chosen|searched|tuned|settled) by inner folds": "selected on inner folds",
    r"new (speakers|voices)": "unseen speakers; held-out clips",
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
    r"(?<!percentage )points of (UAR|accuracy)": "percentage points",
    r"on both sides\b": "in training and test",
    r"in earnest": "on the recordings; for real",
    r"with a larger encoder": "transfer learning from NAME",
}
"""What no text for readers says, and what it says in its place."""
PAGES = sorted(
    path.relative_to(PROJECT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "experiments/**/README.md", "benchmarks/README.md")
    for path in PROJECT.glob(pattern)
)
SCRIPTS = sorted(
    path.relative_to(PROJECT).as_posix()
    for pattern in ("stages/*.py", "tools/**/*.py", "experiments/*/*.py", "benchmarks/*.py", "ser/cli/*.py")
    for path in PROJECT.glob(pattern)
)
"""Their docstrings are what ``--help`` shows."""
PIPELINES = sorted(
    path.relative_to(PROJECT).as_posix()
    for pattern in ("dvc.yaml", "experiments/**/dvc.yaml")
    for path in PROJECT.glob(pattern)
)
DRAWN = sorted(
    path.relative_to(PROJECT).as_posix()
    for pattern in ("ser/figures/*.py", "ser/report/*", "experiments/*/*figure*.py")
    for path in PROJECT.glob(pattern)
    if path.is_file()
)


IN_CODE = re.compile(
    r"^```.*?^```$|`[^`]+`|\]\([^)]*\)|\S*[\w{}]/\S*|\w+\.\w+", flags=re.DOTALL | re.MULTILINE
)
"""Code, names in backticks, addresses, and paths: what they are called is another question."""
MEASURED = re.compile(r"<!-- results: (?:pipeline|recognizer) -->.*?<!-- end -->", flags=re.DOTALL)
"""What the benchmarks write, as it was when they ran."""


def found_in(text: str) -> dict[str, str]:
    """The words of a text that others take the place of."""
    plain = " ".join(IN_CODE.sub("", MEASURED.sub("", text)).split())
    return {
        match[0]: instead
        for pattern, instead in INSTEAD.items()
        for match in re.finditer(pattern, plain, flags=re.IGNORECASE)
    }


def help_of(script: Path) -> str:
    """What ``--help`` of a script shows."""
    module = ast.parse(script.read_text(encoding="utf-8"))
    keywords = [it for call in ast.walk(module) if isinstance(call, ast.Call) for it in call.keywords]
    texts = [it.value for it in keywords if it.arg in ("help", "description")]
    shown = [str(text.value) for text in texts if isinstance(text, ast.Constant)]
    return "\n".join([ast.get_docstring(module) or "", *shown])


def drawn_by(file: Path) -> str:
    """The texts of a module that draws figures, or of a template."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".py":
        return text
    return "\n".join(
        node.value
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


@pytest.mark.parametrize("name", PAGES)
def test_pages(name: str) -> None:
    assert found_in((PROJECT / name).read_text(encoding="utf-8")) == {}


@pytest.mark.parametrize("name", SCRIPTS)
def test_help_of_scripts(name: str) -> None:
    assert found_in(help_of(PROJECT / name)) == {}


@pytest.mark.parametrize("name", PIPELINES)
def test_descriptions_of_stages(name: str) -> None:
    described = re.findall(
        r"^ +desc: (.+)$", (PROJECT / name).read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    assert described
    assert found_in("\n".join(described)) == {}


def test_help_of_the_makefile() -> None:
    shown = subprocess.run(["make"], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    assert found_in(shown) == {}


@pytest.mark.parametrize("name", DRAWN)
def test_figures_and_report(name: str) -> None:
    assert found_in(drawn_by(PROJECT / name)) == {}


def test_a_word_that_comes_back_is_found() -> None:
    assert found_in("The LDA in step with the sentence,\ntold by a teacher.").keys() == {
        "in step with",
        "told by",
    }
    assert found_in("`contour` and data/features/clean/contour.npy; percentage points of UAR") == {}
