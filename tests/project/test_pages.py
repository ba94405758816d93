"""What the pages link to, and the files, modules and commands that they name, are there."""

import re
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    page.relative_to(PROJECT).as_posix()
    for pattern in ("*.md", "docs/**/*.md", "experiments/**/README.md", "benchmarks/*.md")
    for page in PROJECT.glob(pattern)
)
PIPELINES = sorted(
    path.relative_to(PROJECT).as_posix()
    for pattern in ("dvc.yaml", "experiments/**/dvc.yaml")
    for path in PROJECT.glob(pattern)
)
FOLDERS = "ser|stages|experiments|tools|benchmarks|tests|docs"
TO_FILL_IN = re.compile(r"\bNAME\b")
"""As in experiments/NAME/dvc.yaml."""


def read(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def without_code(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", without_code(page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower() for heading in headings]
    found = [re.sub(r"[^\w\- ]", "", heading).replace(" ", "-") for heading in plain]
    return {
        f"{anchor}-{n}" if (n := found[:place].count(anchor)) else anchor
        for place, anchor in enumerate(found)
    }


@pytest.mark.parametrize("name", PAGES)
def test_links_pictures_and_anchors_exist(name: str) -> None:
    missing = []
    for target in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", without_code(read(name))):
        path, _, anchor = target.partition("#")
        file = (PROJECT / name).parent / path if path else PROJECT / name
        if not file.exists() or (anchor and file.suffix == ".md" and anchor not in anchors(file)):
            missing.append(target)
    assert missing == []


@pytest.mark.parametrize("name", PAGES)
def test_files_and_modules_that_are_named_exist(name: str) -> None:
    files = re.findall(rf"(?<![\w/.])((?:{FOLDERS})/[\w/.]*\.(?:py|md|yaml|lock|html|css|png))\b", read(name))
    modules = re.findall(r"\bpython -m ((?:ser|stages|experiments|tools|benchmarks)(?:\.\w+)*)", read(name))
    # What a page's own diff adds is not there yet.
    added = set(re.findall(r"^\+\+\+ b/(.+)$", read(name), flags=re.MULTILINE))
    missing = {file for file in files if not (PROJECT / file).exists()} - added
    for module in modules:
        path = PROJECT / module.replace(".", "/")
        made = path.relative_to(PROJECT).with_suffix(".py").as_posix() in added
        if not made and not any(it.is_file() for it in (path.with_suffix(".py"), path / "__main__.py")):
            missing.add(module)
    assert {it for it in missing if not TO_FILL_IN.search(it)} == set()


def commands(name: str) -> list[str]:
    """The lines of shell in a page, and what stands in backticks in its prose."""
    text = read(name)
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    quoted = re.findall(r"`([^`]+)`", without_code(text))
    return [" ".join(line.removeprefix("$ ").split()) for line in ("\n".join(blocks).splitlines() + quoted)]


@pytest.mark.parametrize("name", PAGES)
def test_commands_exist(name: str) -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", read("Makefile"), flags=re.MULTILINE))
    stages = {
        stage
        for text in map(read, PIPELINES)
        for stage in re.findall(r"^  (\w+):$", text, flags=re.MULTILINE)
    }
    for line in commands(name):
        if match := re.match(r"make ([a-z][\w-]*)(?: |$)", line):
            assert match[1] in targets, line
        for pipeline in re.findall(r"PIPELINE=([a-z][\w/]*)", line):
            assert f"experiments/{pipeline}/dvc.yaml" in PIPELINES, line
        if match := re.match(r"ser ([a-z]+)(?: |$)", line):
            assert (PROJECT / "ser" / "cli" / f"{match[1]}.py").is_file(), line
        if match := re.match(r"dvc repro((?: [a-z_]+(?:@\w+)?)+)$", line):
            assert {target.partition("@")[0] for target in match[1].split()} <= stages, line


def test_the_experiments_have_the_files_that_their_table_names() -> None:
    rows = [
        line.split(" | ") for line in read("experiments/README.md").splitlines() if "/dvc.yaml` |" in line
    ]
    listed = {f"experiments/{cells[1].strip('`')}" for cells in rows}
    assert listed == set(PIPELINES) - {"dvc.yaml"}
    for _, pipeline, scores, figures in rows:
        stages = read(f"experiments/{pipeline.strip('`')}").replace("${item.protocol}", "article")
        for folder, cell in (("metrics", scores), ("figures", figures)):
            for name in re.findall(r"`([\w/.]+)`", cell):
                path = name if name.startswith("ser/") else f"{folder}/{name}"
                assert path.replace("emobox6", "article") in stages, (pipeline, path)


def test_the_frozen_experiments_are_those_that_the_table_calls_frozen() -> None:
    frozen = {name.split("/")[1] for name in PIPELINES if "frozen: true" in read(name)}
    assert (
        set(re.findall(r"^\| \[(\w+)\]\([^)]*\), frozen", read("experiments/README.md"), re.MULTILINE))
        == frozen
    )
