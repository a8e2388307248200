"""Tables of a page: spans filled in, header rows found, layout told from data."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bs4.element import Tag

from knowledge.hygiene import clean_line
from knowledge.loaders.blocks import Block
from knowledge.loaders.tables import iter_rows, render_row

_WIDEST = 100
_LONGEST_SPAN = 200


def is_layout(table: Tag) -> bool:
    """Tell whether *table* only arranges the page."""
    if table.get("role") in ("presentation", "none"):
        return True
    if table.find("table") is not None:
        return True
    return not table.find("th") and all(
        len(_cells_of(row)) < 2 for row in _rows_of(table)
    )


def iter_table(
    table: Tag, *, number: int, dropped: Callable[[Tag], bool]
) -> Iterator[Block]:
    """Yield the caption and the rows of *table*, hidden cells left out."""
    caption = table.find("caption")
    if isinstance(caption, Tag) and clean_line(caption.get_text(" ")):
        yield Block("text", clean_line(caption.get_text(" ")))
    rows = [row for row in _rows_of(table) if not dropped(row)]
    grid = _fill(rows, dropped)
    heads = _count_header_rows(rows)
    if heads:
        header = [
            " ".join(dict.fromkeys(filter(None, column)))
            for column in zip(*_even(grid[:heads]), strict=True)
        ]
        yield from iter_rows(grid[heads:], number=number, header=header)
    elif all(_is_key_row(row) for row in rows):
        for cells in grid:
            text = render_row([cells[0]], [cells[1]])
            if text:
                yield Block("row", text, table=number)
    else:
        yield from iter_rows(grid, number=number)


def _rows_of(table: Tag) -> list[Tag]:
    return [row for row in table.find_all("tr") if isinstance(row, Tag)]


def _cells_of(row: Tag) -> list[Tag]:
    found = row.find_all(["td", "th"], recursive=False)
    return [cell for cell in found if isinstance(cell, Tag)]


def _count_header_rows(rows: list[Tag]) -> int:
    count = 0
    for row in rows:
        cells = _cells_of(row)
        in_head = row.parent is not None and row.parent.name == "thead"
        all_heads = bool(cells) and all(cell.name == "th" for cell in cells)
        if not (in_head or (all_heads and len(cells) > 1)):
            break
        count += 1
    return count if count < len(rows) else 0


def _is_key_row(row: Tag) -> bool:
    cells = _cells_of(row)
    return len(cells) == 2 and cells[0].name == "th" and cells[1].name == "td"


def _fill(rows: list[Tag], dropped: Callable[[Tag], bool]) -> list[list[str]]:
    """Return the text of every cell; a cell spanning rows is repeated in each."""
    grid: list[list[str]] = []
    reaching: dict[int, tuple[int, str]] = {}
    for row in rows:
        line: list[str] = []
        for cell in _cells_of(row):
            _take_reaching(line, reaching)
            text = "" if dropped(cell) else _cell_text(cell, dropped)
            down, across = _span(cell, "rowspan"), _span(cell, "colspan")
            for step in range(across):
                if len(line) >= _WIDEST:
                    break
                # Only a header speaks for every column under it.
                value = text if step == 0 or cell.name == "th" else ""
                if down > 1:
                    reaching[len(line)] = (down - 1, value)
                line.append(value)
        _take_reaching(line, reaching)
        grid.append(line)
    return grid


def _take_reaching(line: list[str], reaching: dict[int, tuple[int, str]]) -> None:
    while len(line) in reaching and len(line) < _WIDEST:
        left, value = reaching.pop(len(line))
        if left > 1:
            reaching[len(line)] = (left - 1, value)
        line.append(value)


def _cell_text(cell: Tag, dropped: Callable[[Tag], bool]) -> str:
    for inner in cell.select("*"):
        if isinstance(inner, Tag) and not inner.decomposed and dropped(inner):
            inner.decompose()
    return clean_line(cell.get_text(" "))


def _span(cell: Tag, name: str) -> int:
    value = str(cell.get(name, "1"))
    return min(int(value), _LONGEST_SPAN) if value.isdecimal() and int(value) else 1


def _even(grid: list[list[str]]) -> list[list[str]]:
    width = max((len(line) for line in grid), default=0)
    return [line + [""] * (width - len(line)) for line in grid]
