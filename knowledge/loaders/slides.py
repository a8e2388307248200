"""PPTX: a heading a slide, its texts from top to bottom, tables, speaker notes."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

import pptx
from lxml import etree
from pptx.exc import PythonPptxError
from pptx.shapes.base import BaseShape
from pptx.slide import Slide

from knowledge.hygiene import clean_line
from knowledge.loaders.blocks import Block, DocumentUnreadable, Extract
from knowledge.loaders.tables import iter_rows

_DEEPEST_GROUP = 8


def load_pptx(content: bytes) -> Extract:
    """Return the blocks of a PPTX file; raises `DocumentUnreadable`."""
    try:
        show = pptx.Presentation(io.BytesIO(content))
        blocks = tuple(_Walk().iter_blocks(show.slides))
        stated = clean_line(show.core_properties.title or "")
    except (
        PythonPptxError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        zipfile.BadZipFile,
        etree.LxmlError,
        OSError,
        EOFError,
    ) as exc:
        raise DocumentUnreadable("The PPTX file is damaged.") from exc
    first = next((block.text for block in blocks if block.kind == "heading"), None)
    if stated.lower() in ("", "powerpoint presentation", "presentation"):
        stated = first or ""
    return Extract(blocks=blocks, title=stated or None)


class _Walk:
    """One walk over the slides of one file."""

    def __init__(self) -> None:
        self._tables = 0

    def iter_blocks(self, slides: Iterable[Slide]) -> Iterator[Block]:
        for number, slide in enumerate(slides, start=1):
            if slide.element.get("show") in ("0", "false"):
                continue
            yield from self._iter_slide(slide, number)

    def _iter_slide(self, slide: Slide, number: int) -> Iterator[Block]:
        title = slide.shapes.title
        name = clean_line(title.text_frame.text) if title is not None else ""
        yield Block("heading", name or f"Slide {number}", level=2, page=number)
        own = title.shape_id if title is not None else None
        for shape in _in_reading_order(slide.shapes):
            if shape.shape_id != own:
                yield from self._iter_shape(shape, number)
        if slide.has_notes_slide and slide.notes_slide.notes_text_frame is not None:
            yield from _iter_text(slide.notes_slide.notes_text_frame, number)

    def _iter_shape(
        self, shape: BaseShape, number: int, depth: int = 0
    ) -> Iterator[Block]:
        if _is_unseen(shape):
            return
        if hasattr(shape, "shapes"):
            if depth < _DEEPEST_GROUP:
                for inner in _in_reading_order(shape.shapes):
                    yield from self._iter_shape(inner, number, depth + 1)
        elif getattr(shape, "has_table", False):
            self._tables += 1
            table: Any = shape.table  # type: ignore[attr-defined]
            rows = [[cell.text for cell in row.cells] for row in table.rows]
            yield from iter_rows(rows, number=self._tables, page=number)
        elif shape.has_text_frame:
            yield from _iter_text(shape.text_frame, number)  # type: ignore[attr-defined]


def _iter_text(frame: Any, number: int) -> Iterator[Block]:
    paragraphs = [clean_line(p.text) for p in frame.paragraphs]
    filled = [text for text in paragraphs if text]
    for text in filled:
        if len(filled) > 1:
            yield Block("item", f"- {text}", page=number)
        else:
            yield Block("text", text, page=number)


def _in_reading_order(shapes: Iterable[BaseShape]) -> list[BaseShape]:
    return sorted(shapes, key=lambda shape: (shape.top or 0, shape.left or 0))


def _is_unseen(shape: BaseShape) -> bool:
    marks = shape.element.xpath(".//p:cNvPr")
    if marks and marks[0].get("hidden") in ("1", "true"):
        return True
    placeholder = shape.is_placeholder and shape.placeholder_format.type
    # Date, footer and slide number repeat on every slide.
    return str(placeholder).split(" ")[0] in ("DATE", "FOOTER", "SLIDE_NUMBER")
