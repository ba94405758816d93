"""Small pages of text, made of what the server knows, in the style of its page."""

from collections.abc import Iterable, Sequence
from html import escape

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="page.css">
</head>
<body>
<header><h1>{title}</h1></header>
<main class="text">
{body}
<p class="small"><a href="./">To the page</a></p>
</main>
</body>
</html>
"""


def page(title: str, parts: Iterable[str]) -> str:
    """Make a page of parts that are HTML."""
    return _PAGE.format(title=escape(title), body="\n".join(parts))


def heading(text: str, *, level: int = 2) -> str:
    """Make a heading of plain text; `level` is from 2 to 6."""
    return f"<h{level}>{escape(text)}</h{level}>"


def paragraph(text: str) -> str:
    """Make a paragraph of plain text."""
    return f"<p>{escape(text)}</p>"


def code(text: str) -> str:
    """Make a block that keeps its spaces and lines."""
    return f"<pre>{escape(text)}</pre>"


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Make a table of plain text; the first column names the rows."""
    head = "".join(f'<th scope="col">{escape(it)}</th>' for it in columns)
    lines = (
        f'<tr><th scope="row">{escape(first)}</th>'
        + "".join(f"<td>{escape(it)}</td>" for it in rest)
        + "</tr>"
        for first, *rest in rows
    )
    return (
        f'<div class="scroll"><table><thead><tr>{head}</tr></thead>\n<tbody>\n'
        + "\n".join(lines)
        + "\n</tbody></table></div>"
    )
