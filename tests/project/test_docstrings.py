"""Docstrings say what a parameter means, not only where it comes from."""

import ast
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PACKAGES = sorted(path.parent.name for path in PROJECT.glob("ser/*/__init__.py"))


def texts(docstring: str) -> Iterator[tuple[str, str]]:
    """Give the entries of the sections Parameters and Attributes: names, and what is said of them."""
    lines = inspect.cleandoc(docstring).splitlines()
    section, names, words = "", "", list[str]()
    for line, following in zip(lines, [*lines, ""][1:], strict=True):
        if re.fullmatch("-{3,}", following):
            section, line = line, ""
        if line and not line.startswith((" ", "---")):
            if names:
                yield names, " ".join(words)
            names, words = line if section in ("Parameters", "Attributes") else "", []
        elif line.startswith(" "):
            words.append(line.strip())
    if names:
        yield names, " ".join(words)


def documented(source: Path) -> Iterator[tuple[str, str]]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, ast.get_docstring(node) or ""


def test_sections_are_read() -> None:
    docstring = """Do it.

    Parameters
    ----------
    x, y
        In metres,
        both of them.
    z

    Returns
    -------
    float
        Length.
    """
    assert list(texts(docstring)) == [("x, y", "In metres, both of them."), ("z", "")]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_parameter_is_explained_in_more_than_three_words(package: str) -> None:
    sources = sorted((PROJECT / "ser" / package).rglob("*.py"))
    short = [
        f"{source.relative_to(PROJECT)}: {name}: {names}: {text!r}"
        for source in sources
        for name, docstring in documented(source)
        for names, text in texts(docstring)
        if len(text.split()) <= 3 and not text.startswith("As of `")
    ]
    assert short == []
