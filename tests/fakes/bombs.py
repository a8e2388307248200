"""Hostile documents, made in code: small files that want to become huge, or lie."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

import openpyxl

_TYPES = (
    '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats'
    '-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
    '<Override PartName="/word/document.xml" ContentType="application/vnd.openxmlformats-'
    'officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<?xml version="1.0"?><Relationships xmlns="http://schemas.openxmlformats.org/package/'
    '2006/relationships"><Relationship Id="rId1" Type="http://schemas.openxmlformats.org/'
    'officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>'
    "</Relationships>"
)
_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_LAUGHS = (
    "<!DOCTYPE lolz ["
    '<!ENTITY a0 "lollollollollollol">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)


@dataclass(frozen=True, slots=True)
class Bomb:
    """A hostile file; *refused*: it must fail, else it may also yield little text."""

    name: str
    file: str
    content: bytes
    refused: bool = True


def make_zip(parts: Mapping[str, bytes], *, level: int = 9) -> bytes:
    """Return a ZIP archive of *parts*."""
    target = io.BytesIO()
    with zipfile.ZipFile(
        target, "w", zipfile.ZIP_DEFLATED, compresslevel=level
    ) as file:
        for name, content in parts.items():
            file.writestr(name, content)
    return target.getvalue()


def make_docx(document: bytes, extra: Mapping[str, bytes] | None = None) -> bytes:
    """Return a DOCX around the XML of a document."""
    return make_zip(
        {
            "[Content_Types].xml": _TYPES.encode(),
            "_rels/.rels": _RELATIONS.encode(),
            "word/document.xml": document,
            **(extra or {}),
        }
    )


def make_pdf(objects: list[bytes], *, root: int = 1) -> bytes:
    """Return a PDF of numbered *objects* with a proper table of references."""
    out = bytearray(b"%PDF-1.7\n")
    places = []
    for number, body in enumerate(objects, start=1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer\n<< /Size %d /Root %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        root,
        start,
    )
    return bytes(out)


def stream(content: bytes, entries: bytes = b"") -> bytes:
    """Return a PDF stream object."""
    return b"<< /Length %d %s >>\nstream\n%s\nendstream" % (
        len(content),
        entries,
        content,
    )


def all_bombs() -> list[Bomb]:
    """Return hostile files of every format."""
    return [*_archives(), *_word(), *_pdfs(), *_sheets(), *_pages(), *_texts()]


def _archives() -> list[Bomb]:
    zeros = b"\0" * 150_000_000
    nested = make_zip({"inner.zip": make_zip({"zeros": zeros[:90_000_000]})})
    lying = bytearray(make_docx(b"<a/>"))
    place = lying.find(b"PK\x01\x02")
    lying[place + 24 : place + 28] = struct.pack("<I", 0xFFFFFFF0)
    entries = {f"word/x{number}.xml": b"" for number in range(3_000)}
    return [
        Bomb("docx_of_150_mb_of_blanks", "a.docx", make_docx(b" " * 150_000_000)),
        Bomb("xlsx_of_150_mb_of_zeros", "a.xlsx", make_zip({"xl/workbook.xml": zeros})),
        Bomb("pptx_packed_too_tight", "a.pptx",
             make_zip({"ppt/presentation.xml": b"a" * 40_000_000})),
        Bomb("docx_of_3000_entries", "a.docx", make_docx(b"<a/>", entries)),
        Bomb("docx_that_lies_about_its_size", "a.docx", bytes(lying)),
        Bomb("docx_with_an_archive_inside", "a.docx",
             make_docx(b"<a/>", {"word/media/x.zip": nested})),
        Bomb("docx_cut_in_the_middle", "a.docx", make_docx(b"<a/>" * 1000)[:400]),
    ]  # fmt: skip


def _word() -> list[Bomb]:
    laughs = (
        f'<?xml version="1.0"?>{_LAUGHS}<w:document xmlns:w="{_WORD}"><w:body>'
        "<w:p><w:r><w:t>&a9;</w:t></w:r></w:p></w:body></w:document>"
    )
    outside = (
        '<?xml version="1.0"?><!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        f'<w:document xmlns:w="{_WORD}"><w:body><w:p><w:r><w:t>before &x; after</w:t></w:r>'
        "</w:p></w:body></w:document>"
    )
    deep = (
        f'<w:document xmlns:w="{_WORD}"><w:body>'
        + "<w:tbl><w:tr><w:tc>" * 5_000
        + "<w:p><w:r><w:t>deep</w:t></w:r></w:p>"
        + "</w:tc></w:tr></w:tbl>" * 5_000
        + "</w:body></w:document>"
    )
    span = (
        f'<w:document xmlns:w="{_WORD}"><w:body><w:tbl>'
        + '<w:tr><w:tc><w:tcPr><w:gridSpan w:val="99999999"/></w:tcPr><w:p/></w:tc></w:tr>'
        * 50
        + "</w:tbl></w:body></w:document>"
    )
    return [
        Bomb("docx_with_a_billion_laughs", "a.docx", make_docx(laughs.encode())),
        Bomb("docx_that_reads_a_file", "a.docx", make_docx(outside.encode()), refused=False),
        Bomb("docx_nested_5000_deep", "a.docx", make_docx(deep.encode())),
        Bomb("docx_with_a_cell_of_a_hundred_million_columns", "a.docx",
             make_docx(span.encode())),
    ]  # fmt: skip


def _pdfs() -> list[Bomb]:
    catalog = b"<< /Type /Catalog /Pages 2 0 R >>"
    pages = b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"
    page = (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R"
        b" /Resources << /Font << /F 5 0 R >> >> >>"
    )
    font = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"
    shown = b"BT /F 12 Tf 50 700 Td (" + b"lorem ipsum " * 10 + b") Tj ET\n"
    huge = zlib.compress(shown * 1_000_000, 9)
    twice = zlib.compress(zlib.compress(b"\0" * 300_000_000, 9), 9)
    form = b"<< /Type /XObject /Subtype /Form /BBox [0 0 1 1] /Resources << /XObject << /X %d 0 R >> >>"
    laugh = [catalog, pages,
             b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 800] /Contents 4 0 R"
             b" /Resources << /XObject << /X 5 0 R >> >> >>",
             stream(b"/X Do " * 30)]  # fmt: skip
    laugh += [stream(b"/X Do " * 30, form % (number + 1)) for number in range(5, 14)]
    laugh.append(
        stream(b"0 0 1 1 re f", b"/Type /XObject /Subtype /Form /BBox [0 0 1 1]")
    )
    lines = b"".join(b"%d %d m %d %d l S\n" % (x, y, x + 5, y)
                     for x in range(0, 600, 3) for y in range(0, 800, 2))  # fmt: skip
    return [
        Bomb("pdf_whose_page_unpacks_to_130_mb", "a.pdf",
             make_pdf([catalog, pages, page, stream(huge, b"/Filter /FlateDecode"), font])),
        Bomb("pdf_packed_twice", "a.pdf",
             make_pdf([catalog, pages, page,
                       stream(twice, b"/Filter [/FlateDecode /FlateDecode]"), font])),
        Bomb("pdf_of_forms_in_forms", "a.pdf", make_pdf(laugh)),
        Bomb("pdf_whose_pages_hold_themselves", "a.pdf",
             make_pdf([catalog, b"<< /Type /Pages /Kids [2 0 R 2 0 R] /Count 9999999 >>"])),
        Bomb("pdf_of_80000_lines", "a.pdf",
             make_pdf([catalog, pages, page,
                       stream(zlib.compress(lines + shown, 9), b"/Filter /FlateDecode"), font]),
             refused=False),
        Bomb("pdf_without_an_end", "a.pdf", b"%PDF-1.7\n" + b"1 0 obj\n<< " * 50_000),
        Bomb("pdf_of_noise", "a.pdf", b"%PDF-1.4\n" + bytes(range(256)) * 4_000),
    ]  # fmt: skip


def _sheets() -> list[Bomb]:
    book = openpyxl.Workbook()
    target = io.BytesIO()
    book.save(target)
    with zipfile.ZipFile(target) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    name = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    far = (
        f'<worksheet xmlns="{name}"><dimension ref="A1:XFD1048576"/><sheetData>'
        '<row r="1048576"><c r="XFD1048576" t="inlineStr"><is><t>far</t></is></c></row>'
        "</sheetData></worksheet>"
    )
    laughs = (
        f'<?xml version="1.0"?>{_LAUGHS}<worksheet xmlns="{name}"><sheetData><row r="1">'
        '<c r="A1" t="inlineStr"><is><t>&a9;</t></is></c></row></sheetData></worksheet>'
    )
    rows = "a,b,c\n" + "1,2,3\n" * 2_000_000
    return [
        Bomb("xlsx_with_one_cell_in_the_far_corner", "a.xlsx",
             make_zip({**parts, sheet: far.encode()}), refused=False),
        Bomb("xlsx_with_a_billion_laughs", "a.xlsx",
             make_zip({**parts, sheet: laughs.encode()})),
        Bomb("csv_of_two_million_rows", "a.csv", rows.encode()),
        Bomb("csv_with_a_cell_that_never_ends", "a.csv", b'a,b\n"' + b"x" * 5_000_000),
    ]  # fmt: skip


def _pages() -> list[Bomb]:
    deep = b"<html><body>" + b"<div>" * 300_000 + b"deep" + b"</div>" * 300_000
    tables = b"<html><body>" + b"<table><tr><td>" * 20_000 + b"deep"
    span = (
        b"<html><body><table>"
        + b'<tr><td rowspan="999999999" colspan="999999999">x</td></tr>' * 3_000
        + b"</table></body></html>"
    )
    laughs = f"{_LAUGHS}<html><body><p>&a9;</p></body></html>".encode()
    styles = b"<style>" + b"a{display:none}" * 100_000 + b"</style><p>text</p>" * 3
    return [
        Bomb("html_nested_300000_deep", "a.html", deep),
        Bomb("html_tables_nested_20000_deep", "a.html", tables, refused=False),
        Bomb("html_with_endless_spans", "a.html", span, refused=False),
        Bomb("html_with_a_billion_laughs", "a.html", laughs, refused=False),
        Bomb("html_with_100000_style_rules", "a.html", styles, refused=False),
    ]


def _texts() -> list[Bomb]:
    laughs = (
        "---\na0: &a0 [x,x,x,x,x,x,x,x,x]\n"
        + "".join(
            f"a{n}: &a{n} [{','.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
        )
        + "---\n\nText.\n"
    )
    brackets = b"[" * 200_000 + b"](" * 200_000
    stars = b"*_*_" * 200_000
    quotes = b"# T\n\n" + b"> " * 500_000 + b"x"
    return [
        Bomb("markdown_with_yaml_aliases", "a.md", laughs.encode(), refused=False),
        Bomb("markdown_of_brackets", "a.md", brackets, refused=False),
        Bomb("markdown_of_stars", "a.md", stars, refused=False),
        Bomb("markdown_quoted_half_a_million_times", "a.md", quotes, refused=False),
        Bomb("text_of_one_line_of_20_mb", "a.txt", b"word " * 4_000_000, refused=False),
    ]
