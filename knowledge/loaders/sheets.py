"""CSV and XLSX: every row by itself, with the names of its columns."""

from __future__ import annotations

import csv
import datetime as dt
import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

import openpyxl
from openpyxl.utils.exceptions import InvalidFileException

from knowledge.hygiene import clean_line
from knowledge.loaders.blocks import Block, DocumentUnreadable, Extract
from knowledge.loaders.decoding import decode
from knowledge.loaders.tables import looks_like_header, render_row

MOST_ROWS = 100_000
_MOST_COLUMNS = 200
_DELIMITERS = ",;\t|"
_HEADER_SEARCH = 10


def load_csv(content: bytes) -> Extract:
    """Return the rows of a CSV file; raises `DocumentUnreadable`."""
    text = decode(content)
    try:
        rows = list(
            csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
        )
    except csv.Error as exc:
        raise DocumentUnreadable("The CSV file is damaged.") from exc
    return Extract(blocks=tuple(_iter_records(rows, table=1)))


def load_xlsx(content: bytes) -> Extract:
    """Return the rows of the visible sheets; raises `DocumentUnreadable`."""
    try:
        book = openpyxl.load_workbook(
            io.BytesIO(content), read_only=True, data_only=True, keep_links=False
        )
        blocks = tuple(_iter_sheets(book))
        title = clean_line(book.properties.title or "")
    except (
        InvalidFileException,
        zipfile.BadZipFile,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        SyntaxError,
        OSError,
        EOFError,
    ) as exc:
        raise DocumentUnreadable("The XLSX file is damaged.") from exc
    return Extract(blocks=blocks, title=title or None)


def _iter_sheets(book: openpyxl.Workbook) -> Iterator[Block]:
    visible = [s for s in book.worksheets if s.sheet_state == "visible"]
    for number, sheet in enumerate(visible, start=1):
        # A stated size may be a lie that costs a row for every line up to it.
        sheet.reset_dimensions()
        rows = (
            [_cell_text(value) for value in row[:_MOST_COLUMNS]]
            for row in sheet.iter_rows(values_only=True)
        )
        blocks = list(_iter_records(rows, table=number))
        if blocks:
            yield Block(
                "heading", clean_line(sheet.title) or f"Sheet {number}", level=2
            )
            yield from blocks


def _iter_records(rows: Iterable[Sequence[str]], *, table: int) -> Iterator[Block]:
    """Yield notes above the table as text, then a record a row."""
    names: list[str] | None = None
    above: list[list[str]] = []
    count = 0
    for row in rows:
        values = [clean_line(cell) for cell in row[:_MOST_COLUMNS]]
        if not any(values):
            continue
        count += 1
        if count > MOST_ROWS:
            raise DocumentUnreadable(f"The table has more than {MOST_ROWS:,} rows.")
        if names is None and looks_like_header(values):
            names = values
            yield from (Block("text", " ".join(filter(None, note))) for note in above)
        elif names is None and len(above) < _HEADER_SEARCH:
            above.append(values)
        else:
            if names is None:
                names = []
                yield from (_record(names, early, table) for early in above)
            yield _record(names, values, table)
    if names is None:
        yield from (_record([], early, table) for early in above)


def _record(names: Sequence[str], values: Sequence[str], table: int) -> Block:
    return Block("record", render_row(names, values), table=table)


def _delimiter(text: str) -> str:
    """Return the sign that cuts the first lines into the same number of cells."""
    sample = text[:20_000]
    best, best_score = ",", 0.0
    for sign in _DELIMITERS:
        try:
            lines = [
                r
                for r in csv.reader(io.StringIO(sample, newline=""), delimiter=sign)
                if r
            ]
        except csv.Error:
            continue
        widths = Counter(len(line) for line in lines[:50])
        if not widths:
            continue
        width, lines_alike = widths.most_common(1)[0]
        score = lines_alike / min(len(lines), 50) * (width > 1) + width / 10_000
        if score > best_score:
            best, best_score = sign, score
    return best


def _cell_text(value: object) -> str:
    """Return a cell as a reader sees it: whole numbers without `.0`, ISO dates."""
    if value is None:
        return ""
    if isinstance(value, dt.datetime):
        return (
            value.date().isoformat()
            if value.time() == dt.time()
            else value.isoformat(" ", "minutes")
        )
    if isinstance(value, dt.time):
        return value.isoformat("minutes")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)
