from __future__ import annotations

import pytest

from knowledge.loaders.blocks import Block, DocumentUnreadable
from knowledge.loaders.pdf import load_pdf
from tests.fakes.papers import Print, make_pages, ruled_table


def kinds(blocks: tuple[Block, ...]) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks]


def test_lines_become_paragraphs_and_a_gap_begins_a_new_one() -> None:
    page = [
        Print("The library opens at nine and", 700),
        Print("closes at eight in the evening.", 688),
        Print("Bring your student card.", 660),
        Print("It is free of charge for all of them.", 648),
    ]

    blocks = load_pdf(make_pages([page])).blocks

    assert [block.text for block in blocks] == [
        "The library opens at nine and closes at eight in the evening.",
        "Bring your student card. It is free of charge for all of them.",
    ]
    assert {block.page for block in blocks} == {1}


def test_larger_print_is_a_heading_and_the_larger_the_higher() -> None:
    page = [
        Print("The Guide", 740, size=20),
        Print("Opening hours", 710, size=14),
        Print("The library opens at nine every day of the week.", 690),
        Print("Loans", 660, bold=True),
        Print("Six books may be taken home by every student.", 640),
    ]

    blocks = load_pdf(make_pages([page])).blocks

    assert [(b.text, b.level) for b in blocks if b.kind == "heading"] == [
        ("The Guide", 1),
        ("Opening hours", 2),
        ("Loans", 3),
    ]


def test_running_heads_and_page_numbers_are_removed() -> None:
    pages = [
        [
            Print("University Handbook", 780, size=8),
            Print(
                f"Chapter {number} tells a different story about {number} things.", 600
            ),
            Print(
                f"It has its own words, number {number}, that stand in no other.", 588
            ),
            Print(f"Page {number} of 4", 20, size=8),
        ]
        for number in range(1, 5)
    ]

    text = " ".join(block.text for block in load_pdf(make_pages(pages)).blocks)

    assert "Handbook" not in text
    assert "Page" not in text
    assert all(f"Chapter {number}" in text for number in range(1, 5))


def test_a_paragraph_goes_on_over_the_page_and_keeps_its_first() -> None:
    pages = [
        [Print("The fee for the course is paid by every", 100)],
        [Print("student before the first of March.", 700), Print("Thank you.", 600)],
    ]

    blocks = load_pdf(make_pages(pages)).blocks

    assert blocks[0].text == (
        "The fee for the course is paid by every student before the first of March."
    )
    assert (blocks[0].page, blocks[1].page) == (1, 2)


def test_a_ruled_table_is_read_by_rows_between_its_neighbours() -> None:
    lines, drawing = ruled_table(
        [["Hall", "Beds"], ["Camar", "520"], ["Penyu", "260"]], top=650
    )
    page = [Print("Before the table.", 700), *lines, Print("After the table.", 500)]

    blocks = load_pdf(make_pages([page], drawing=drawing)).blocks

    assert kinds(blocks) == [
        ("text", "Before the table."),
        ("row", "Hall: Camar; Beds: 520"),
        ("row", "Hall: Penyu; Beds: 260"),
        ("text", "After the table."),
    ]


def test_a_table_that_goes_on_over_the_page_keeps_its_column_names() -> None:
    rows = [["Hall", "Beds"], ["Camar", "520"], ["Penyu", "260"]]
    first, drawing = ruled_table(rows, top=400)
    more, _ = ruled_table([["Elang", "498"], ["Pandan", "190"], ["Bima", "1"]], top=400)

    blocks = load_pdf(make_pages([first, more], drawing=drawing)).blocks

    assert "Hall: Elang; Beds: 498" in [block.text for block in blocks]
    assert len({block.table for block in blocks}) == 1


@pytest.mark.parametrize(
    "hidden",
    [
        Print("Secret orders.", 500, extra="3 Tr"),
        Print("Secret orders.", 500, extra="1 1 1 rg"),
        Print("Secret orders.", 500, size=0.5),
        Print("Secret orders.", 900),
        Print("Secret orders.", 500, x=-900),
    ],
    ids=["invisible", "white", "tiny", "above_the_page", "left_of_the_page"],
)
def test_print_that_nobody_sees_is_left_out(hidden: Print) -> None:
    page = [Print("The library opens at nine.", 700), hidden]

    text = " ".join(block.text for block in load_pdf(make_pages([page])).blocks)

    assert text == "The library opens at nine."


def test_white_print_on_a_dark_ground_is_seen() -> None:
    page = [Print("White on blue.", 700, extra="1 1 1 rg"), Print("Black.", 600)]

    text = [
        block.text
        for block in load_pdf(
            make_pages([page], drawing="q 0 0 0.5 rg 50 690 300 30 re f Q\n")
        ).blocks
    ]

    assert text == ["White on blue.", "Black."]


def test_a_doubled_word_keeps_its_hyphen_and_a_known_word_loses_it() -> None:
    page = [
        Print("The libraries buy buku-", 700),
        Print("buku about the informa-", 688),
        Print("tion. All information is free.", 676),
    ]

    text = load_pdf(make_pages([page])).blocks[0].text

    assert "buku-buku" in text
    assert "the information. All" in text


def test_the_stated_title_is_used_unless_it_is_a_file_name() -> None:
    page = [Print("The Guide", 740, size=20), Print("The library opens at nine.", 690)]

    assert load_pdf(make_pages([page], title="Guide 2026")).title == "Guide 2026"
    assert load_pdf(make_pages([page], title="guide_v2.docx")).title == "The Guide"


def test_bullets_are_items() -> None:
    page = [Print("\u2022 bring a card", 700), Print("\u2022 bring a pen", 688)]

    assert kinds(load_pdf(make_pages([page])).blocks) == [
        ("item", "- bring a card"),
        ("item", "- bring a pen"),
    ]


def test_a_damaged_file_is_unreadable() -> None:
    with pytest.raises(DocumentUnreadable, match="damaged"):
        load_pdf(b"%PDF-1.7 nothing of the kind")
