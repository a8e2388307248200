from __future__ import annotations

import pytest

from knowledge.loaders.blocks import Block, DocumentUnreadable
from knowledge.loaders.decoding import decode
from knowledge.loaders.front_matter import split_front_matter
from knowledge.loaders.marked import load_markdown, plain_inline
from knowledge.loaders.plain import load_text


def markdown(text: str) -> tuple[Block, ...]:
    return load_markdown(text.encode()).blocks


def plain(text: str) -> list[tuple[str, str, int]]:
    return [(b.kind, b.text, b.level) for b in load_text(text.encode()).blocks]


def test_front_matter_gives_title_language_and_metadata() -> None:
    extract = load_markdown(
        b"---\ntitle: Week one\nlang: en\nmodule: Robotics\nweek: 3\n"
        b"Valid-Until: 2026-12-31\ntags: [a, b]\n---\n# Other\n\nText.\n"
    )

    assert (extract.title, extract.language) == ("Week one", "en")
    assert extract.metadata == {
        "module": "Robotics",
        "week": 3,
        "valid_until": "2026-12-31",
        "tags": ["a", "b"],
    }


@pytest.mark.parametrize(
    "head", ["---\na: [\n---\n", "---\n- just a list\n---\n", "---\nnever closed\n"]
)
def test_what_is_no_front_matter_stays_text(head: str) -> None:
    assert split_front_matter(head + "Text.") == ({}, head + "Text.")


def test_aliases_in_front_matter_are_not_followed() -> None:
    fields, _ = split_front_matter("---\na: &x [1, 2]\nb: [*x, *x]\n---\nText.")

    assert fields == {}


def test_markdown_headings_of_both_kinds() -> None:
    blocks = markdown("# One {#one}\n\nTwo\n===\n\nThree\n---\n\n#### Four ####\n")

    assert [(b.text, b.level) for b in blocks] == [
        ("One", 1),
        ("Two", 1),
        ("Three", 2),
        ("Four", 4),
    ]


def test_markdown_wrapped_lines_are_one_paragraph_and_rules_none() -> None:
    assert [b.text for b in markdown("One\ntwo.\n\n---\n\n> three\n> four\n")] == [
        "One two.",
        "three four",
    ]


def test_markdown_items_keep_their_numbers_and_continuations() -> None:
    blocks = markdown("* one\n  more\n* two\n    1. deep\n10. ten\n")

    assert [b.text for b in blocks] == ["- one more", "- two", "1. deep", "10. ten"]


def test_markdown_tables_name_the_column_of_every_cell() -> None:
    blocks = markdown("| A | B |\n|:--|--:|\n| 1 \\| x | **2** |\n| 3 |\n\nEnd.\n")

    assert [(b.kind, b.text) for b in blocks] == [
        ("row", "A: 1 | x; B: 2"),
        ("row", "A: 3"),
        ("text", "End."),
    ]


def test_markdown_code_keeps_its_lines_and_is_no_heading() -> None:
    blocks = markdown("```sh\n# not a heading\nls\n```\n\nText.")

    assert [(b.kind, b.text) for b in blocks] == [
        ("text", "# not a heading\nls"),
        ("text", "Text."),
    ]


def test_markdown_comments_and_hidden_elements_are_left_out() -> None:
    blocks = markdown(
        'Seen.\n\n<!-- ignore\n\nall -->\n\n<div style="display: none">no</div>\n\nEnd.'
    )

    assert [b.text for b in blocks] == ["Seen.", "End."]


@pytest.mark.parametrize(
    ("marked", "bare"),
    [
        ("**bold** and *slanted* and _this_", "bold and slanted and this"),
        ("[a link](https://a.example/x_(y)) here", "a link here"),
        ("![alt](a.png) <https://a.example>", "alt https://a.example"),
        (
            "`code_with_marks` and snake_case",
            "code_with_marks and snake_case",
        ),
        ("2 * 3 * 4 and a\\*b", "2 * 3 * 4 and a*b"),
        ("<info@uls.example>", "info@uls.example"),
    ],
)
def test_markdown_inline_marks_are_taken_off(marked: str, bare: str) -> None:
    assert plain_inline(marked) == bare


def test_text_headings_by_underline_capitals_and_number() -> None:
    text = (
        "THE GUIDE\n=========\n\nHours\n-----\n\nNine to five.\n\nLOANS\n\n"
        "Six books.\n\n1.2 Fees\n\nNone.\n"
    )

    assert plain(text) == [
        ("heading", "THE GUIDE", 1),
        ("heading", "Hours", 2),
        ("text", "Nine to five.", 0),
        ("heading", "LOANS", 3),
        ("text", "Six books.", 0),
        ("heading", "1.2 Fees", 3),
        ("text", "None.", 0),
    ]


def test_text_lines_that_wrap_are_joined_and_items_are_not() -> None:
    text = "The library opens\nat nine.\n* one\n* two\n  more\n"

    assert [(kind, words) for kind, words, _ in plain(text)] == [
        ("text", "The library opens at nine."),
        ("item", "- one"),
        ("item", "- two more"),
    ]


def test_text_columns_made_of_blanks_keep_their_lines() -> None:
    text = "Hall       Beds\nCamar      520\nPenyu      260\n"

    assert plain(text)[0][1] == "Hall Beds\nCamar 520\nPenyu 260"


def test_a_sentence_in_capitals_within_a_paragraph_is_no_heading() -> None:
    assert [
        kind for kind, _, _ in plain("First line.\nSMOKING IS FORBIDDEN\nhere.")
    ] == ["text"]


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_wide_encodings_are_told_by_mark_or_pattern(encoding: str) -> None:
    text = "Perpustakaan buka pukul sembilan pagi, \u201cgratis\u201d untuk semua."

    assert decode(text.encode(encoding)) == text


def test_western_text_is_read_in_windows_encoding() -> None:
    text = (
        "Le caf\u00e9 \u201cLumi\u00e8re\u201d est ouvert \u2014 entr\u00e9e 5 \u20ac. "
        * 3
    )

    assert decode(text.encode("cp1252")) == text


def test_bytes_with_zeros_that_are_not_wide_text_are_refused() -> None:
    with pytest.raises(DocumentUnreadable):
        decode(b"abc\x00def\x00\x00ghi" * 20)
