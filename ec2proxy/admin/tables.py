"""Tables and their cells as HTML, with everything escaped on its way in."""

from collections.abc import Iterable, Sequence
from html import escape

from attrs import frozen


@frozen
class Html:
    """Text that is HTML already; all other text is escaped."""

    text: str


Cell = str | Html


def html(cell: Cell) -> str:
    """A cell's content, safe to stand in a page."""
    return cell.text if isinstance(cell, Html) else escape(cell)


def table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[Cell]], empty: str) -> str:
    """A table with its caption; a head that ends with ``#`` is that of a column of figures.

    :param empty: what is said where there are no rows.
    """
    body = "".join(_row(heads, row) for row in rows)
    if not body:
        return f'<p class="empty">{escape(empty)}</p>'
    head = "".join(f'<th scope="col"{_kind(name)}>{escape(name.rstrip("#"))}</th>' for name in heads)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption)}">'
        f'<table><caption class="unseen">{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def mark(kind: str, text: str) -> Html:
    """A word with a dot before it, whose colour says the same as the word.

    :param kind: ``good``, ``warning``, ``bad`` or ``quiet``.
    """
    return Html(f'<span class="mark {kind}">{escape(text)}</span>')


def _row(heads: Sequence[str], row: Sequence[Cell]) -> str:
    first, *others = row
    cells = "".join(f"<td{_kind(head)}>{html(cell)}</td>" for head, cell in zip(heads[1:], others, strict=True))
    return f'<tr><th scope="row">{html(first)}</th>{cells}</tr>'


def _kind(head: str) -> str:
    return ' class="figure"' if head.endswith("#") else ""
