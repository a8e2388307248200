"""Honest documents, made in code: PDF with places and sizes, DOCX, XLSX, PPTX."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import docx
import openpyxl
import pptx
from docx.document import Document as WordDocument

from tests.fakes.bombs import make_pdf, stream


@dataclass(frozen=True, slots=True)
class Print:
    """A line on a PDF page; *extra*: operators in front, such as `3 Tr` or a colour."""

    text: str
    y: float
    x: float = 60.0
    size: float = 10.0
    bold: bool = False
    extra: str = ""


def make_pages(
    pages: Sequence[Sequence[Print]], *, drawing: str = "", title: str = ""
) -> bytes:
    """Return a PDF with a page for each list of lines; *drawing* goes under them."""
    kids = " ".join(f"{5 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        _font("Helvetica"),
        _font("Helvetica-Bold"),
    ]
    for number, lines in enumerate(pages):
        content = drawing + "".join(map(_operators, lines))
        objects.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800]"
            b" /Resources << /Font << /R 3 0 R /B 4 0 R >> >>"
            + f" /Contents {6 + 2 * number} 0 R >>".encode()
        )
        objects.append(stream(content.encode("cp1252")))
    made = make_pdf(objects)
    if title:
        objects.append(f"<< /Title ({title}) >>".encode())
        info = b"/Info %d 0 R /Size" % len(objects)
        made = make_pdf(objects).replace(b"/Size", info)
    return made


def _font(name: str) -> bytes:
    return (
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{name}"
        " /Encoding /WinAnsiEncoding >>"
    ).encode()


def _operators(line: Print) -> str:
    text = line.text.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")
    font = "B" if line.bold else "R"
    return (
        f"q BT {line.extra} /{font} {line.size} Tf {line.x} {line.y} Td"
        f" ({text}) Tj ET Q\n"
    )


def ruled_table(
    rows: Sequence[Sequence[str]],
    *,
    top: float,
    width: float = 120.0,
    row: float = 20.0,
) -> tuple[list[Print], str]:
    """Return the lines and the drawing of a table with rules around every cell."""
    lines = [
        Print(cell, top - row * down - 14, x=64 + width * across)
        for down, cells in enumerate(rows)
        for across, cell in enumerate(cells)
    ]
    columns, height = len(rows[0]), row * len(rows)
    rules = [
        f"60 {top - row * down} m {60 + width * columns} {top - row * down} l S\n"
        for down in range(len(rows) + 1)
    ]
    rules += [
        f"{60 + width * across} {top} m {60 + width * across} {top - height} l S\n"
        for across in range(columns + 1)
    ]
    return lines, "".join(rules)


def new_docx() -> WordDocument:
    """Return an empty DOCX with its styles."""
    return docx.Document()


def docx_bytes(document: WordDocument) -> bytes:
    """Return a DOCX as a file."""
    target = io.BytesIO()
    document.save(target)
    return target.getvalue()


def make_xlsx(
    sheets: dict[str, Sequence[Sequence[object]]], *, hidden: str = ""
) -> bytes:
    """Return an XLSX; the sheet named *hidden* is not to be seen."""
    book = openpyxl.Workbook()
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for cells in rows:
            sheet.append(list(cells))
        if name == hidden:
            sheet.sheet_state = "hidden"
    del book["Sheet"]
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def make_pptx(slides: Sequence[tuple[str, Sequence[str]]], *, notes: str = "") -> bytes:
    """Return a PPTX of titles and bullets; *notes* go under the first slide."""
    show = pptx.Presentation()
    for number, (title, bullets) in enumerate(slides):
        slide = show.slides.add_slide(show.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = "\n".join(bullets)
        if notes and number == 0:
            slide.notes_slide.notes_text_frame.text = notes
    target = io.BytesIO()
    show.save(target)
    return target.getvalue()
