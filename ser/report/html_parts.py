"""Parts of an HTML page: tables, figures, numbers. A result is a ``<data>`` element with its very value."""

import base64
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from ser.evaluation.model_names import capitalized


@dataclass(frozen=True)
class Plain:
    """A number that is no proportion, shown as it is, with two decimals."""

    value: float


@dataclass(frozen=True)
class Written:
    """A number that is written already, perhaps with its interval; nothing where it is empty."""

    text: str


Cell = str | int | float | Plain | Written | tuple[float, float] | None
"""Cell of a table: words, a count, a proportion (shown in percent), another number, a range, or nothing."""

RAVDESS_MANIFEST = "ser/ravdess_manifest.csv"
"""A run that is held to any other manifest is not one on RAVDESS."""


def banner(manifest: str) -> str:
    """Say above all else that a run was held to another manifest than `RAVDESS_MANIFEST`."""
    return (
        '<p class="banner" role="note"><strong>Synthetic recordings, not RAVDESS.</strong> This run was held '
        f"to the manifest <code>{escape(manifest)}</code>. Its numbers show that the pipeline works; they "
        "say nothing about speech, and must not be quoted as results on RAVDESS.</p>"
    )


def figure(png: bytes, caption: str, alternative: str) -> str:
    """Write a PNG into the page, with its caption and what stands for it where it cannot be seen."""
    # The PNG header's first chunk begins with width and height: the browser keeps their place free.
    width, height = struct.unpack(">II", png[16:24])
    return (
        f'<figure><div class="scroll" role="group" aria-label="{escape(caption)}" tabindex="0">'
        f'<img src="data:image/png;base64,{base64.b64encode(png).decode()}" width="{width}" '
        f'height="{height}" alt="{escape(alternative)}"></div>\n'
        f"<figcaption>{escape(caption)}</figcaption></figure>\n"
    )


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Cell]], *, bars: bool = False) -> str:
    """Write a table whose first column names the row; `bars` underlays proportions with a bar."""
    rows = list(rows)
    body = "\n".join(
        f'<tr><th scope="row">{_content(first)}</th>{"".join(_cell(cell, bars=bars) for cell in rest)}</tr>'
        for first, *rest in rows
    )
    kinds = ["" if isinstance(cell, str) else ' class="number"' for cell in rows[0]]
    heads = zip(columns, kinds, strict=True)
    head = "".join(f'<th scope="col"{kind}>{escape(column)}</th>' for column, kind in heads)
    name = escape(caption)
    # What scrolls must take the focus, or the keyboard cannot scroll it.
    return (
        f'<div class="scroll" role="group" aria-label="{name}" tabindex="0"><table>\n'
        f"<caption><span>{name}</span></caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>\n{body}\n</tbody>\n</table></div>"
    )


def _cell(cell: Cell, *, bars: bool) -> str:
    if isinstance(cell, str):
        return f"<td>{_content(cell)}</td>"
    bar = f' style="--share:{cell:.4f}"' if bars and isinstance(cell, float) else ""
    return f'<td class="number"{bar}>{_content(cell)}</td>'


def _content(cell: Cell) -> str:
    match cell:
        case None:
            return "\N{EN DASH}"
        case Plain(value):
            return f'<data class="plain" value="{value}">{value:.2f}</data>'
        case float():
            return percent(cell)
        case Written(text):
            number, _, interval = text.partition(" (")
            below = f"<small>{escape(interval.removesuffix(')'))}</small>" if interval else ""
            return f"{escape(number)}{below}".replace("-", "\N{MINUS SIGN}")
        case (low, high):
            return f"{percent(low)} to {percent(high)}"
        case _:
            return escape(capitalized(str(cell)))


def percent(share: float, *, digits: int = 1) -> str:
    """Write a proportion as a percentage."""
    return f'<data value="{share}">{100 * share:.{digits}f}</data>'
