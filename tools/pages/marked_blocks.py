"""Blocks of a page that a program writes: between a mark with a name and an end, all else stays as it is.

In Markdown a block begins with ``<!-- results: NAME -->``, or ``<!-- dag: NAME -->`` for a graph, and ends
with ``<!-- end -->``; in the heading of a model card, which is YAML, these are comments of YAML,
``# results: NAME`` and ``# end``.
"""

import re
from collections.abc import Callable

_BLOCKS = (
    re.compile(r"(<!-- (?:results|dag): (\w+) -->\n).*?(<!-- end -->)", flags=re.DOTALL),
    re.compile(r"(^# results: (\w+)\n).*?(^# end$)", flags=re.DOTALL | re.MULTILINE),
)


def block_names(page: str) -> list[str]:
    """List the names of a page's blocks, those of a heading last."""
    return [name for pattern in _BLOCKS for _, name, _ in pattern.findall(page)]


def fill_blocks(page: str, table: Callable[[str], str | None]) -> str:
    """Replace the content of each block of a page.

    Parameters
    ----------
    page
        Text of the page, in Markdown.
    table
        Gives a block's content by its name; None leaves it as it is.
    """

    def filled(block: re.Match[str]) -> str:
        content = table(block[2])
        return block[0] if content is None else f"{block[1]}{content}\n{block[3]}"

    for pattern in _BLOCKS:
        page = pattern.sub(filled, page)
    return page
