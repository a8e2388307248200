"""Tables as lines: one row a line, each cell with its column's name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from knowledge.hygiene import clean_line
from knowledge.loaders.blocks import Block

# A header cell longer than this is text, so the first row is not a header.
_LONGEST_HEADER = 80
_NUMBER = re.compile(r"[\W\d]*\d[\W\d]*")


def iter_rows(
    rows: Iterable[Sequence[str | None]],
    *,
    number: int,
    header: Sequence[str] | None = None,
    page: int | None = None,
) -> Iterator[Block]:
    """
    Yield the rows of a table as blocks.

    Args:
        rows: Cells of each row; a wrapped cell's lines are joined. Without *header*
            the first row gives the names of the columns when it looks like names.
        number: Number of the table in its document.
        header: Names of the columns, when the format marks them.
        page: Page of the table.
    """
    names = [clean_line(name) for name in header] if header else None
    for cells in rows:
        values = [clean_line(cell or "") for cell in cells]
        if not any(values):
            continue
        if names is None:
            if looks_like_header(values):
                names = values
                continue
            names = []
        text = render_row(names, values)
        if text:
            yield Block("row", text, page=page, table=number)


def looks_like_header(values: Sequence[str]) -> bool:
    """Tell whether *values* name columns: short, several, distinct, not numbers."""
    filled = [value for value in values if value]
    return (
        len(filled) > 1
        and len(filled) * 2 >= len(values)
        and len(set(filled)) == len(filled)
        and all(len(value) <= _LONGEST_HEADER for value in filled)
        and not any(_NUMBER.fullmatch(value) for value in filled)
    )


def render_row(names: Sequence[str], values: Sequence[str]) -> str:
    """Return `column: value; column: value`; a value without a column stands alone."""
    parts = []
    for position, value in enumerate(values):
        name = names[position] if position < len(names) else ""
        if value:
            parts.append(f"{name}: {value}" if name else value)
    return "; ".join(parts)
