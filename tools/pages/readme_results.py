"""Write the committed results into README.md, docs/ and the experiments' READMEs, between ``results`` marks.

A block between ``<!-- results: NAME -->`` and ``<!-- end -->``, or the same as comments of YAML, is replaced
by the table of that name in tools/result_tables; blocks that another tool writes stay as they are. Run it
after `dvc repro`; a test fails where a page gives other figures than metrics/ does.
"""

from pathlib import Path

from stages import command
from tools.pages.marked_blocks import block_names, fill_blocks
from tools.result_tables import TABLES

_PAGES = ("README.md", "docs/**/*.md", "experiments/*/README.md")


def pages_with_results(project: Path) -> list[str]:
    """List the pages of a project that hold a block of this tool, as paths relative to its root."""
    found = sorted({path for pattern in _PAGES for path in project.glob(pattern)})
    return [
        str(path.relative_to(project))
        for path in found
        if TABLES.keys() & set(block_names(path.read_text(encoding="utf-8")))
    ]


def fill(page: str, metrics: Path) -> str:
    """Replace each block of a page that has a table here."""
    return fill_blocks(page, lambda name: TABLES[name](metrics) if name in TABLES else None)


def main() -> None:
    """Bring all pages up to date."""
    command.parser(__doc__).parse_args()
    for name in pages_with_results(Path.cwd()):
        page = Path(name)
        before = page.read_text(encoding="utf-8")
        after = fill(before, Path("metrics"))
        page.write_text(after, encoding="utf-8")
        print(f"{name}: {'unchanged' if after == before else 'brought up to date'}")


if __name__ == "__main__":
    command.run(main)
