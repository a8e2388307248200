"""More hostile documents: loops, lies and crowds of every format."""

from __future__ import annotations

import io
import zipfile

import openpyxl
import pptx

from tests.fakes.bombs import Bomb, make_docx, make_pdf, make_zip, stream

_WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_LAUGHS = (
    '<!DOCTYPE z [<!ENTITY a0 "lollollollol">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 10))
    + "]>"
)


def more_bombs() -> list[Bomb]:
    """Return hostile files beside those of `tests.fakes.bombs`."""
    return [*_pdfs(), *_office(), *_pages(), *_texts()]


def _pdfs() -> list[Bomb]:
    catalog = b"<< /Type /Catalog /Pages 2 0 R >>"
    many = make_pdf([catalog, b"<< /Type /Pages /Kids [] /Count 2147483647 >>"])
    deep = make_pdf([catalog, b"[" * 60_000 + b"]" * 60_000])
    loop = bytearray(many)
    place = loop.rfind(b"trailer\n<< ")
    start = loop.find(b"xref\n")
    loop[place + 11 : place + 11] = b"/Prev %d " % start
    locked = many.replace(
        b"trailer\n<< ",
        b"trailer\n<< /Encrypt << /Filter /Standard /V 2 /R 3 /Length 128 /P -1"
        b" /O <" + b"00" * 32 + b"> /U <" + b"00" * 32 + b"> >> /ID [<00> <00>] ",
    )
    image = make_pdf(
        [
            catalog,
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 1e9 1e9] /Contents 4 0 R >>",
            stream(
                b"q 1e9 0 0 1e9 0 0 cm BI /W 65000 /H 65000 /BPC 8 /CS /G ID x EI Q"
            ),
        ]
    )
    return [
        Bomb("pdf_of_two_billion_pages", "a.pdf", many),
        Bomb("pdf_nested_60000_deep", "a.pdf", deep),
        Bomb("pdf_whose_table_points_at_itself", "a.pdf", bytes(loop)),
        Bomb("pdf_behind_a_password", "a.pdf", locked),
        Bomb("pdf_of_a_page_as_large_as_a_town", "a.pdf", image),
    ]


def _office() -> list[Bomb]:
    slides = io.BytesIO()
    deck = pptx.Presentation()
    deck.slides.add_slide(deck.slide_layouts[6])
    deck.save(slides)
    book = io.BytesIO()
    openpyxl.Workbook().save(book)
    slide, sheet = "ppt/slides/slide1.xml", "xl/worksheets/sheet1.xml"
    space = "http://schemas.openxmlformats.org/presentationml/2006/main"
    grouped = (
        f'<p:sld xmlns:p="{space}"><p:cSld><p:spTree>'
        + "<p:grpSp>" * 20_000
        + "</p:grpSp>" * 20_000
        + "</p:spTree></p:cSld></p:sld>"
    )
    laughing = f'{_LAUGHS}<p:sld xmlns:p="{space}">&a9;</p:sld>'
    long = "x" * 30_000
    rows = "".join(
        f'<row r="{n}"><c r="A{n}" t="inlineStr"><is><t>{long}</t></is></c></row>'
        for n in range(1, 400)
    )
    cells = (
        '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"<sheetData>{rows}</sheetData></worksheet>"
    )
    paragraphs = (
        f'<w:document xmlns:w="{_WORD}"><w:body>'
        + "<w:p><w:r><w:t>a</w:t></w:r></w:p>" * 300_000
        + "</w:body></w:document>"
    )
    return [
        Bomb("pptx_of_groups_in_groups", "a.pptx", _swap(slides, slide, grouped)),
        Bomb("pptx_with_a_billion_laughs", "a.pptx", _swap(slides, slide, laughing)),
        Bomb("pptx_without_a_deck", "a.pptx",
             make_zip({"ppt/presentation.xml": b"<a/>"})),
        Bomb("xlsx_of_twelve_megabytes_of_x", "a.xlsx", _swap(book, sheet, cells),
             refused=False),
        Bomb("xlsx_without_a_sheet", "a.xlsx", make_zip({"xl/workbook.xml": b"<a/>"})),
        Bomb("docx_of_300000_paragraphs", "a.docx", make_docx(paragraphs.encode()),
             refused=False),
        Bomb("docx_that_is_html", "a.docx", b"<html><body>hello</body></html>"),
    ]  # fmt: skip


def _swap(file: io.BytesIO, part: str, content: str) -> bytes:
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    return make_zip({**parts, part: content.encode()})


def _pages() -> list[Bomb]:
    crowd = b"<html><body><p " + b"a=b " * 500_000 + b">text</p>"
    scripts = b"<html><script>" + b"x" * 8_000_000 + b"</script><p>text</p>"
    picture = b"<html><p>text</p><img src='data:image/png;base64," + b"A" * 8_000_000
    return [
        Bomb("html_of_half_a_million_attributes", "a.html", crowd, refused=False),
        Bomb("html_of_one_long_script", "a.html", scripts, refused=False),
        Bomb("html_with_a_picture_that_never_ends", "a.html", picture, refused=False),
    ]


def _texts() -> list[Bomb]:
    lists = "".join(f"{'  ' * n}- a\n" for n in range(2_000))
    columns = "|" + "a|" * 20_000 + "\n|" + "-|" * 20_000 + "\n|" + "b|" * 20_000
    return [
        Bomb("markdown_of_lists_in_lists", "a.md", lists.encode(), refused=False),
        Bomb("markdown_of_20000_columns", "a.md", columns.encode(), refused=False),
        Bomb("csv_of_100000_columns", "a.csv",
             b"a," * 100_000 + b"\n" + b"1," * 100_000, refused=False),
        Bomb("text_of_zeros", "a.txt", bytes(5_000_000)),
    ]  # fmt: skip
