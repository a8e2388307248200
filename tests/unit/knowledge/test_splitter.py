from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from knowledge.loaders.blocks import Block
from knowledge.splitter import (
    CUT_CHARACTERS,
    JOIN_CHARACTERS,
    OVERLAP,
    cut,
    join_blocks,
    split_blocks,
)


def heading(text: str, level: int = 1) -> Block:
    return Block("heading", text, level=level)


def text(words: str) -> Block:
    return Block("text", words)


def test_small_blocks_under_one_heading_share_a_passage() -> None:
    pieces = split_blocks([heading("Rooms"), text("One."), text("Two.")])

    assert [piece.text for piece in pieces] == ["One.\n\nTwo."]
    assert pieces[0].headings == ("Rooms",)


def test_a_heading_always_begins_a_passage() -> None:
    blocks = [heading("A"), text("One."), heading("B"), text("Two.")]

    pieces = split_blocks(blocks)

    assert [(piece.headings, piece.text) for piece in pieces] == [
        (("A",), "One."),
        (("B",), "Two."),
    ]


def test_the_path_holds_the_headings_above_and_drops_those_beside() -> None:
    blocks = [
        heading("Book"),
        heading("Part", 2),
        text("One."),
        heading("Other", 2),
        heading("Deep", 3),
        text("Two."),
    ]

    assert [piece.headings for piece in split_blocks(blocks)] == [
        ("Book", "Part"),
        ("Book", "Other", "Deep"),
    ]


def test_the_title_is_not_repeated_in_the_path() -> None:
    blocks = [heading("The Guide"), heading("Rent", 2), text("Low.")]

    assert split_blocks(blocks, title="THE GUIDE")[0].headings == ("Rent",)


def test_a_heading_with_nothing_under_it_is_text() -> None:
    pieces = split_blocks([heading("Closed on Sunday"), heading("Open on Monday")])

    assert [piece.text for piece in pieces] == ["Closed on Sunday", "Open on Monday"]


def test_blocks_are_not_joined_beyond_the_cap() -> None:
    paragraph = "Word " * 119 + "end."

    pieces = split_blocks([text(paragraph), text(paragraph)])

    assert [piece.text for piece in pieces] == [paragraph, paragraph]


def test_a_paragraph_up_to_the_cut_stays_whole() -> None:
    paragraph = ("A sentence of words. " * 80)[: CUT_CHARACTERS - 1] + "."

    assert len(split_blocks([text(paragraph)])) == 1


def test_a_long_paragraph_is_cut_between_sentences_with_some_overlap() -> None:
    sentences = [f"Sentence number {number} says a thing." for number in range(200)]
    paragraph = " ".join(sentences)

    pieces = split_blocks([text(paragraph)])

    assert all(len(piece.text) <= JOIN_CHARACTERS for piece in pieces)
    assert all(piece.text.endswith("thing.") for piece in pieces)
    for before, after in pairwise(pieces):
        shared = before.end - after.start
        assert 0 < shared <= OVERLAP * len(before.text)
    assert all(any(one in piece.text for piece in pieces) for one in sentences)


def test_rows_of_one_table_share_passages_and_no_text_joins_them() -> None:
    rows = [Block("row", f"Hall: {n}; Beds: {n}", table=1) for n in range(3)]

    pieces = split_blocks([text("Halls:"), *rows, text("That is all.")])

    assert [(piece.table, piece.text.count("\n")) for piece in pieces] == [
        (False, 0),
        (True, 2),
        (False, 0),
    ]


def test_two_tables_are_two_passages() -> None:
    rows = [Block("row", "A: 1; B: 2", table=number) for number in (1, 2)]

    assert len(split_blocks(rows)) == 2


def test_a_record_is_a_passage_by_itself() -> None:
    records = [Block("record", f"Name: {n}; Age: 3", table=1) for n in range(3)]

    assert len(split_blocks(records)) == 3


def test_list_items_are_lines_of_one_passage() -> None:
    items = [Block("item", f"- item {number}") for number in range(3)]

    assert split_blocks(items)[0].text == "- item 0\n- item 1\n- item 2"


def test_the_page_is_that_of_the_first_block() -> None:
    blocks = [Block("text", "One.", page=3), Block("text", "Two.", page=4)]

    assert split_blocks(blocks)[0].page == 3


@pytest.mark.parametrize("mark", [" ", "", "\n"])
def test_text_without_sentences_is_cut_too(mark: str) -> None:
    words = mark.join(["wordwordword"] * 900)

    extents = list(cut(words))

    assert all(end - begin <= JOIN_CHARACTERS for begin, end in extents)
    assert extents[0][0] == 0
    assert extents[-1][1] == len(words)


_BLOCKS = st.lists(
    st.one_of(
        st.builds(heading, st.text("ab c", min_size=1, max_size=9), st.integers(1, 6)),
        st.builds(text, st.text("abc. \n", min_size=1, max_size=3_000)),
        st.builds(
            lambda row, table: Block("row", row, table=table),
            st.text("abc: ;", min_size=1, max_size=90),
            st.integers(1, 3),
        ),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(_BLOCKS)
def test_offsets_lead_back_to_the_text_and_ordinals_count(blocks: list[Block]) -> None:
    whole = join_blocks(blocks)

    pieces = split_blocks(blocks)

    assert [piece.ordinal for piece in pieces] == list(range(len(pieces)))
    for piece in pieces:
        assert whole[piece.start : piece.end] == piece.text
        assert len(piece.text) <= CUT_CHARACTERS
