"""What the pages link to, and the files and modules that they name, are there."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page.relative_to(PROJECT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "experiments/*/README.md", "benchmarks/*.md")
    for page in PROJECT.glob(pattern)
)
FOLDERS = "ser|stages|experiments|tools|benchmarks|tests|docs"
TO_FILL_IN = re.compile(r"\bNAME\b")
"""As in experiments/NAME/dvc.yaml."""


def read(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_links_and_pictures_exist(name: str) -> None:
    targets = re.findall(r"\]\((?!\w+:)([^)#\s]+)", read(name))
    missing = [target for target in targets if not ((PROJECT / name).parent / target).exists()]
    assert missing == []


@pytest.mark.parametrize("name", PAGES)
def test_files_and_modules_that_are_named_exist(name: str) -> None:
    files = re.findall(rf"(?<![\w/.])((?:{FOLDERS})/[\w/.]*\.(?:py|md|yaml|lock|html|css|png))\b", read(name))
    modules = re.findall(r"\bpython -m ((?:ser|stages|experiments|tools|benchmarks)(?:\.\w+)*)", read(name))
    missing = {file for file in files if not (PROJECT / file).exists()}
    for module in modules:
        path = PROJECT / module.replace(".", "/")
        if not any(it.is_file() for it in (path.with_suffix(".py"), path / "__main__.py")):
            missing.add(module)
    assert {it for it in missing if not TO_FILL_IN.search(it)} == set()
