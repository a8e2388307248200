"""DOCX: body in order, headings by style and outline, tables; no tracked deletions."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator

import docx
from docx.document import Document as WordDocument
from docx.opc.exceptions import PackageNotFoundError
from lxml import etree

from knowledge.hygiene import clean_line, clean_text
from knowledge.loaders.blocks import DEEPEST_HEADING, Block, DocumentUnreadable, Extract
from knowledge.loaders.tables import iter_rows, looks_like_header, render_row

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_HEADING_STYLE = re.compile(r"(?:heading|judul|kop)\s*(\d)", re.IGNORECASE)
_CONTENTS_STYLE = re.compile(r"(?:toc|daftar isi)\b", re.IGNORECASE)
_SKIPPED = frozenset({f"{_W}del", f"{_W}moveFrom", f"{_W}txbxContent", _FALLBACK})
_LONGEST_BOLD_HEADING = 100
_DEEPEST = 60
_BROKEN = (
    PackageNotFoundError,
    zipfile.BadZipFile,
    OSError,
    EOFError,
    KeyError,
    ValueError,
    AttributeError,
    TypeError,
    IndexError,
    etree.LxmlError,
)


def load_docx(content: bytes) -> Extract:
    """Return the blocks of a DOCX file; raises `DocumentUnreadable`."""
    try:
        document = docx.Document(io.BytesIO(content))
        blocks = tuple(_Walk(document).iter_blocks(document.element.body))
        properties = document.core_properties
        stated = clean_line(properties.title or "")
        language = str(properties.language or "")[:2].lower() or None
    except _BROKEN as exc:
        raise DocumentUnreadable("The DOCX file is damaged.") from exc
    title = next(
        (b.text for b in blocks[:3] if b.kind == "heading" and b.level == 1), None
    )
    return Extract(blocks=blocks, title=title or stated or None, language=language)


class _Walk:
    """One walk over the body of one document."""

    def __init__(self, document: WordDocument) -> None:
        self._tables = 0
        self._names = {
            style.style_id: str(style.name or "") for style in document.styles
        }
        self._outlines = {
            style.style_id: _outline(style.element) for style in document.styles
        }
        self._styled = any(
            self._style_level(p) for p in document.element.body.iter(f"{_W}p")
        )

    def iter_blocks(self, container: etree._Element, depth: int = 0) -> Iterator[Block]:
        """Yield the blocks of a body, a content control or a text box."""
        if depth > _DEEPEST:
            return
        for child in container:
            if child.tag == f"{_W}p":
                yield from self._iter_paragraph(child, depth)
            elif child.tag == f"{_W}tbl":
                yield from self._iter_table(child, depth)
            elif child.tag in (
                f"{_W}sdt",
                f"{_W}ins",
                f"{_W}sdtContent",
                f"{_W}customXml",
            ):
                yield from self.iter_blocks(child, depth + 1)

    def _iter_paragraph(self, paragraph: etree._Element, depth: int) -> Iterator[Block]:
        style = self._names.get(_style_id(paragraph), "")
        text = clean_text(text_of(paragraph)).strip()
        if text and not _CONTENTS_STYLE.match(style):
            level = self._level(paragraph, text)
            if level:
                yield Block("heading", clean_line(text), level=level)
            elif _is_item(paragraph, style):
                yield Block("item", f"- {clean_line(text)}")
            else:
                lines = (clean_line(line) for line in text.split("\n"))
                yield Block("text", "\n".join(line for line in lines if line))
        for box in paragraph.iter(f"{_W}txbxContent"):
            if not any(parent.tag == _FALLBACK for parent in box.iterancestors()):
                yield from self.iter_blocks(box, depth + 1)

    def _level(self, paragraph: etree._Element, text: str) -> int:
        level = self._style_level(paragraph)
        if level or self._styled:
            return level
        # No heading style in the whole file: a short paragraph in bold is one.
        short = len(text) <= _LONGEST_BOLD_HEADING and "\n" not in text
        if short and not text.endswith((".", ",", ";")) and _is_bold(paragraph):
            return 2
        return 0

    def _style_level(self, paragraph: etree._Element) -> int:
        own = _outline(paragraph)
        if own:
            return own
        style = _style_id(paragraph)
        name = self._names.get(style, "")
        if name.lower() in ("title", "judul"):
            return 1
        match = _HEADING_STYLE.match(name)
        if match:
            return min(max(int(match.group(1)), 1), DEEPEST_HEADING)
        return self._outlines.get(style, 0)

    def _iter_table(self, table: etree._Element, depth: int) -> Iterator[Block]:
        if depth > 8:
            return
        rows, marked = _grid(table)
        if max((len(row) for row in rows), default=0) < 2:
            # One column is a box around paragraphs.
            for cell in table.iter(f"{_W}tc"):
                if next(cell.iterancestors(f"{_W}tbl"), None) is table:
                    yield from self.iter_blocks(cell, depth + 1)
            return
        self._tables += 1
        number = self._tables
        if marked or _is_bold_row(table) or looks_like_header(rows[0]):
            head = max(marked, 1)
            names = [
                " ".join(dict.fromkeys(filter(None, c)))
                for c in zip(*rows[:head], strict=False)
            ]
            yield from iter_rows(rows[head:], number=number, header=names)
        else:
            for row in rows:
                text = render_row((), row)
                if text:
                    yield Block("row", text, table=number)
        for cell in table.iterfind(f"{_W}tr/{_W}tc"):
            for inner in cell.iterfind(f"{_W}tbl"):
                yield from self._iter_table(inner, depth + 1)


def text_of(element: etree._Element) -> str:
    """Return the text to be seen: insertions in, deletions and hidden runs out."""
    parts: list[str] = []
    stack = [iter([element])]
    while stack:
        child = next(stack[-1], None)
        if child is None:
            stack.pop()
        elif child.tag == f"{_W}t":
            parts.append(child.text or "")
        elif child.tag == f"{_W}tab":
            parts.append(" ")
        elif child.tag in (f"{_W}br", f"{_W}cr"):
            parts.append("\n")
        elif child.tag == f"{_W}noBreakHyphen":
            parts.append("-")
        elif (
            child.tag not in _SKIPPED
            and not _is_unseen(child)
            and child.tag != f"{_W}tabs"
        ):
            stack.append(iter(child))
    return "".join(parts)


def _is_unseen(element: etree._Element) -> bool:
    """Tell whether a run is marked hidden, in white on white, or too small to see."""
    if element.tag != f"{_W}r":
        return False
    marks = element.find(f"{_W}rPr")
    if marks is None:
        return False
    if _is_on(marks.find(f"{_W}vanish")) or _is_on(marks.find(f"{_W}webHidden")):
        return True
    size = marks.find(f"{_W}sz")
    # Half points.
    if (
        size is not None
        and (size.get(f"{_W}val") or "").isdecimal()
        and int(size.get(f"{_W}val", "22")) <= 3
    ):
        return True
    colour = marks.find(f"{_W}color")
    white = colour is not None and colour.get(f"{_W}val", "").upper() == "FFFFFF"
    shaded = (
        marks.find(f"{_W}shd") is not None or marks.find(f"{_W}highlight") is not None
    )
    return white and not shaded and not _on_dark(element)


def _on_dark(run: etree._Element) -> bool:
    """Tell whether the paragraph or the cell around *run* is shaded or a shape."""
    for parent in run.iterancestors():
        for name in ("pPr", "tcPr"):
            marks = parent.find(f"{_W}{name}")
            if marks is not None and marks.find(f"{_W}shd") is not None:
                return True
        if parent.tag in (f"{_W}tbl", f"{_W}txbxContent"):
            # A table style or a shape may be dark; it cannot be told from here.
            return True
    return False


def _is_on(mark: etree._Element | None) -> bool:
    return mark is not None and mark.get(f"{_W}val", "1") not in ("0", "false", "off")


def _style_id(paragraph: etree._Element) -> str:
    style = paragraph.find(f"{_W}pPr/{_W}pStyle")
    return style.get(f"{_W}val", "") if style is not None else ""


def _outline(element: etree._Element) -> int:
    level = element.find(f"{_W}pPr/{_W}outlineLvl")
    value = level.get(f"{_W}val", "") if level is not None else ""
    return int(value) + 1 if value.isdecimal() and int(value) < DEEPEST_HEADING else 0


def _is_item(paragraph: etree._Element, style: str) -> bool:
    return paragraph.find(f"{_W}pPr/{_W}numPr") is not None or style.startswith("List ")


def _is_bold(paragraph: etree._Element) -> bool:
    runs = [r for r in paragraph.iter(f"{_W}r") if text_of(r).strip()]
    return bool(runs) and all(_is_on(r.find(f"{_W}rPr/{_W}b")) for r in runs)


def _is_bold_row(table: etree._Element) -> bool:
    first = table.find(f"{_W}tr")
    paragraphs = [] if first is None else list(first.iter(f"{_W}p"))
    filled = [p for p in paragraphs if text_of(p).strip()]
    return len(filled) > 1 and all(_is_bold(p) for p in filled)


def _grid(table: etree._Element) -> tuple[list[list[str]], int]:
    """Return the cells by row, spans filled in, and how many rows are a header."""
    rows: list[list[str]] = []
    marked = 0
    for number, row in enumerate(table.iterfind(f"{_W}tr")):
        line: list[str] = []
        for cell in row.iter(f"{_W}tc"):
            if next(cell.iterancestors(f"{_W}tr"), None) is not row:
                continue
            merge = cell.find(f"{_W}tcPr/{_W}vMerge")
            above = rows[-1] if rows else []
            if (
                merge is not None
                and merge.get(f"{_W}val") != "restart"
                and len(line) < len(above)
            ):
                line.append(above[len(line)])
            else:
                line.append(
                    clean_line(" ".join(text_of(p) for p in cell.iterfind(f"{_W}p")))
                )
            span = cell.find(f"{_W}tcPr/{_W}gridSpan")
            width = span.get(f"{_W}val", "1") if span is not None else "1"
            line.extend([""] * (min(int(width), 100) - 1 if width.isdecimal() else 0))
        rows.append(line)
        header = row.find(f"{_W}trPr/{_W}tblHeader")
        marked += _is_on(header) and marked == number
    return rows, marked if marked < len(rows) else 0
