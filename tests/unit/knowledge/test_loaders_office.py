from __future__ import annotations

import datetime as dt

import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Pt, RGBColor

from knowledge.loaders.blocks import Block, DocumentUnreadable
from knowledge.loaders.sheets import load_csv, load_xlsx
from knowledge.loaders.slides import load_pptx
from knowledge.loaders.word import load_docx
from tests.fakes.papers import docx_bytes, make_pptx, make_xlsx, new_docx


def kinds(blocks: tuple[Block, ...]) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks]


def test_docx_keeps_the_order_of_headings_paragraphs_tables_and_items() -> None:
    document = new_docx()
    document.add_heading("Calendar", 0)
    document.add_heading("Odd semester", 1)
    document.add_paragraph("Before.")
    table = document.add_table(rows=2, cols=2)
    for number, value in enumerate(["Event", "Date", "Lectures", "31 August"]):
        table.cell(number // 2, number % 2).text = value
    document.add_paragraph("After.")
    document.add_paragraph("first", style="List Bullet")

    extract = load_docx(docx_bytes(document))

    assert extract.title == "Calendar"
    assert kinds(extract.blocks) == [
        ("heading", "Calendar"),
        ("heading", "Odd semester"),
        ("text", "Before."),
        ("row", "Event: Lectures; Date: 31 August"),
        ("text", "After."),
        ("item", "- first"),
    ]


def test_docx_merged_cells_speak_for_every_row_they_span() -> None:
    document = new_docx()
    table = document.add_table(rows=3, cols=2)
    for number, value in enumerate(["Faculty", "Course", "Science", "A", "", "B"]):
        table.cell(number // 2, number % 2).text = value
    table.cell(1, 0).merge(table.cell(2, 0))

    assert [block.text for block in load_docx(docx_bytes(document)).blocks] == [
        "Faculty: Science; Course: A",
        "Faculty: Science; Course: B",
    ]


def test_docx_hidden_white_and_tiny_runs_are_left_out() -> None:
    document = new_docx()
    paragraph = document.add_paragraph("Seen.")
    paragraph.add_run(" Hidden.").font.hidden = True
    paragraph.add_run(" White.").font.color.rgb = RGBColor(255, 255, 255)
    paragraph.add_run(" Tiny.").font.size = Pt(1)

    assert load_docx(docx_bytes(document)).blocks[0].text == "Seen."


def test_docx_tracked_deletions_are_gone_and_insertions_stay() -> None:
    document = new_docx()
    paragraph = document.add_paragraph("The fee is ")
    for tag, inner, text in (("w:del", "w:delText", "100"), ("w:ins", "w:t", "200")):
        change, run, words = (OxmlElement(name) for name in (tag, "w:r", inner))
        words.text = text
        run.append(words)
        change.append(run)
        paragraph._p.append(change)

    assert load_docx(docx_bytes(document)).blocks[0].text == "The fee is 200"


def test_docx_without_heading_styles_takes_short_bold_lines_for_headings() -> None:
    document = new_docx()
    document.add_paragraph().add_run("Opening hours").bold = True
    document.add_paragraph("The library opens at nine.")

    assert load_docx(docx_bytes(document)).blocks[0].kind == "heading"


def test_docx_a_table_of_one_column_is_a_box_of_paragraphs() -> None:
    document = new_docx()
    table = document.add_table(rows=2, cols=1)
    table.cell(0, 0).text = "In a box."
    table.cell(1, 0).text = "Still in it."

    assert kinds(load_docx(docx_bytes(document)).blocks) == [
        ("text", "In a box."),
        ("text", "Still in it."),
    ]


def test_docx_content_controls_are_read() -> None:
    document = new_docx()
    paragraph = document.add_paragraph("In a control.")
    control, content = OxmlElement("w:sdt"), OxmlElement("w:sdtContent")
    paragraph._p.addprevious(control)
    control.append(content)
    content.append(paragraph._p)

    assert [b.text for b in load_docx(docx_bytes(document)).blocks] == ["In a control."]
    assert qn("w:sdt")


def test_xlsx_gives_a_record_a_row_under_the_name_of_its_sheet() -> None:
    content = make_xlsx(
        {
            "Rooms": [
                ["Price list 2026", None, None],
                ["Hall", "Rent", "From"],
                ["Camar", 425000.0, dt.date(2026, 9, 1)],
                [None, None, None],
                ["Penyu", 1.5, None],
            ],
            "Secret": [["Pin", "Code"], ["a", "b"]],
        },
        hidden="Secret",
    )

    assert kinds(load_xlsx(content).blocks) == [
        ("heading", "Rooms"),
        ("text", "Price list 2026"),
        ("record", "Hall: Camar; Rent: 425000; From: 2026-09-01"),
        ("record", "Hall: Penyu; Rent: 1.5"),
    ]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_csv_is_cut_at_the_sign_that_cuts_every_line(mark: str) -> None:
    content = f"Name{mark}Room\nAni, S.T.{mark}12\nBudi{mark}14\n"
    quoted = content.replace("Ani, S.T.", '"Ani, S.T."')

    assert [b.text for b in load_csv(quoted.encode()).blocks] == [
        "Name: Ani, S.T.; Room: 12",
        "Name: Budi; Room: 14",
    ]


def test_csv_in_windows_encoding_keeps_its_letters() -> None:
    text = "Name,Room\nRen\u00e9 M\u00fcller,12\nJos\u00e9 Garc\u00eda,14\n"

    assert load_csv(text.encode("cp1252")).blocks[0].text == (
        "Name: Ren\u00e9 M\u00fcller; Room: 12"
    )


def test_csv_without_a_header_keeps_every_row() -> None:
    assert [b.text for b in load_csv(b"1,2\n3,4\n").blocks] == ["1; 2", "3; 4"]


def test_pptx_slides_are_headings_with_their_number_and_notes() -> None:
    content = make_pptx(
        [("Welcome", ["Nine o'clock", "Bima Hall"]), ("Rules", ["No smoking"])],
        notes="Say hello first.",
    )

    blocks = load_pptx(content).blocks

    assert [(b.kind, b.text, b.page) for b in blocks] == [
        ("heading", "Welcome", 1),
        ("item", "- Nine o'clock", 1),
        ("item", "- Bima Hall", 1),
        ("text", "Say hello first.", 1),
        ("heading", "Rules", 2),
        ("text", "No smoking", 2),
    ]


@pytest.mark.parametrize("loader", [load_docx, load_xlsx, load_pptx])
def test_a_damaged_archive_is_unreadable(loader: object) -> None:
    assert callable(loader)
    with pytest.raises(DocumentUnreadable, match="damaged"):
        loader(b"PK\x03\x04 not an archive")
