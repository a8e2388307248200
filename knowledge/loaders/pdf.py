"""PDF: text by PDFium, ruled tables by pdfplumber, running heads removed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pypdfium2

from knowledge.hygiene import clean_line
from knowledge.loaders.blocks import Block, DocumentUnreadable, Extract
from knowledge.loaders.pdf_layout import Layout, is_item
from knowledge.loaders.pdf_lines import Line, PageReader
from knowledge.loaders.pdf_running import drop_running
from knowledge.loaders.pdf_tables import Table, TableFinder
from knowledge.loaders.tables import looks_like_header, render_row

MOST_PAGES = 5_000
_NO_TITLE = re.compile(
    r"untitled|document\d*|microsoft \w+ - .*"
    r"|.*\.(?:docx?|pdf|indd|tex|pptx?|xlsx?|odt)",
    re.IGNORECASE,
)
_SENTENCE_END = (".", "!", "?", ":", ";", "…", "”", '"')


def load_pdf(content: bytes) -> Extract:
    """
    Return the blocks of a PDF.

    Raises:
        DocumentUnreadable: Damaged, protected by a password, or too many pages.
    """
    try:
        pdf = pypdfium2.PdfDocument(content)
    except pypdfium2.PdfiumError as exc:
        if "password" in str(exc).lower():
            raise DocumentUnreadable("The PDF is protected by a password.") from exc
        raise DocumentUnreadable("The PDF is damaged.") from exc
    if len(pdf) > MOST_PAGES:
        raise DocumentUnreadable(f"The PDF has more than {MOST_PAGES:,} pages.")
    lines, tables = _read_pages(pdf, TableFinder(content))
    lines = drop_running(lines)
    layout = Layout([line for page in lines.values() for line in page])
    blocks = tuple(_joined_over_pages(_iter_blocks(lines, tables, layout), layout))
    return Extract(blocks=blocks, title=_find_title(pdf, blocks))


def _read_pages(
    pdf: pypdfium2.PdfDocument, finder: TableFinder
) -> tuple[dict[int, list[Line]], dict[int, list[Table]]]:
    lines: dict[int, list[Line]] = {}
    tables: dict[int, list[Table]] = {}
    for number in range(1, len(pdf) + 1):
        try:
            page = pdf[number - 1]
            reader = PageReader(page, number)
            lines[number] = reader.lines()
            page.close()
        except pypdfium2.PdfiumError:
            # One broken page does not cost the others.
            continue
        if lines[number]:
            tables[number] = finder.find(number, shapes=reader.shapes)
    return lines, tables


def _iter_blocks(
    lines: dict[int, list[Line]], tables: dict[int, list[Table]], layout: Layout
) -> Iterator[Block]:
    writer = _TableWriter()
    for number, page in lines.items():
        waiting = sorted(tables.get(number, ()), key=lambda table: -table.top)
        run: list[Line] = []
        for line in page:
            if any(_is_inside(line, table) for table in waiting):
                continue
            while (
                waiting
                and line.baseline < waiting[0].top
                and not _below_open(line, waiting[0])
            ):
                yield from layout.iter_blocks(run)
                run = []
                yield from writer.iter_rows(waiting.pop(0), page=number)
            run.append(line)
        yield from layout.iter_blocks(run)
        for table in waiting:
            yield from writer.iter_rows(table, page=number)


def _is_inside(line: Line, table: Table) -> bool:
    return table.holds((line.left + line.right) / 2, (line.top + line.bottom) / 2)


def _below_open(line: Line, table: Table) -> bool:
    """Tell whether *line* stands beside *table* rather than under it."""
    return line.baseline > table.bottom


class _TableWriter:
    """Writes rows; a table that goes on over the page keeps its column names."""

    def __init__(self) -> None:
        self._number = 0
        self._names: Sequence[str] = ()
        self._width = 0
        self._page = 0

    def iter_rows(self, table: Table, *, page: int) -> Iterator[Block]:
        rows = [[clean_line(cell) for cell in row] for row in table.rows]
        width = max(len(row) for row in rows)
        goes_on = (
            self._names and width == self._width and page == self._page + 1
        ) and (rows[0] == list(self._names) or not looks_like_header(rows[0]))
        if not goes_on:
            self._number += 1
            self._names = rows[0] if looks_like_header(rows[0]) else ()
            self._width = width
        self._page = page
        for row in rows:
            text = render_row(self._names, row)
            if text and row != list(self._names):
                yield Block("row", text, page=page, table=self._number)


def _joined_over_pages(blocks: Iterator[Block], layout: Layout) -> Iterator[Block]:
    """Join a paragraph that goes on over the page; it keeps its first page."""
    kept: Block | None = None
    for block in blocks:
        if kept is None:
            kept = block
        elif (
            kept.kind in ("text", "item")
            and block.kind == "text"
            and kept.page != block.page
            and not kept.text.endswith(_SENTENCE_END)
            and (block.text[:1].islower() or block.text[:1].isdigit())
            and not is_item(block.text)
        ):
            before = kept.text.removesuffix("-")
            text = layout.join_words(
                before, block.text, hyphen=len(before) < len(kept.text)
            )
            kept = replace(kept, text=text)
        else:
            yield kept
            kept = block
    if kept is not None:
        yield kept


def _find_title(pdf: pypdfium2.PdfDocument, blocks: Sequence[Block]) -> str | None:
    """Return the title of the metadata when it is one, else the first large heading."""
    headings = [
        block for block in blocks if block.kind == "heading" and block.page == 1
    ]
    heading = min(headings, key=lambda block: block.level, default=None)
    stated = clean_line(pdf.get_metadata_value("Title"))[:300]
    if stated and not _NO_TITLE.fullmatch(stated) and any(map(str.isalpha, stated)):
        return stated
    return heading.text if heading else None
