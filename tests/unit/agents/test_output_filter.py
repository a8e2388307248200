from __future__ import annotations

import time

import pytest

from agents.output_filter import clean_text

EVIL = "evil.example"


@pytest.mark.parametrize(
    "text",
    [
        "![x](https://evil.example/?q=1)",
        "![x][1] and\n[1]: https://evil.example/a",
        "![a[b]c](https://evil.example)",
        "[click](https://evil.example/x)",
        "[click](<https://evil.example/x>)",
        "[click][ref]\n\n[ref]: https://evil.example",
        "<img src=https://evil.example/x>",
        "<a href='//evil.example'>here</a>",
        "<https://evil.example>",
        "https://evil.example/%61",
        "//evil.example/x",
        "www.evil.example",
        "HTTPS://EVIL.EXAMPLE".lower(),
        "&#33;[x](https://evil.example)",
        "&lt;img src=https://evil.example&gt;",
        "![x](ht\ntps://evil.example) https://evil.example",
        "javascript:fetch('//evil.example')",
        "[1](https://evil.example)",
        "![x](data:text/html;base64,PGI+evil.example)",
        "[![x](https://evil.example/i)](https://evil.example/j)",
    ],
)
def test_no_address_of_a_stranger_survives(text: str) -> None:
    cleaned = clean_text(f"Before {text} after")

    assert EVIL not in cleaned
    assert "](" not in cleaned
    assert "<" not in cleaned
    assert cleaned.startswith("Before")


def test_the_words_of_a_link_stay() -> None:
    assert clean_text("See [the guide](https://evil.example).") == "See the guide."


def test_a_mark_with_a_link_is_still_a_mark() -> None:
    assert clean_text("Yes [1](https://evil.example).") == "Yes [1]."


def test_marks_stay() -> None:
    assert clean_text("Yes [1][2], no [3, 4].") == "Yes [1][2], no [3, 4]."


def test_an_address_that_a_passage_spells_out_stays_as_text() -> None:
    address = "https://uls.example/pmb"

    assert clean_text(f"Go to {address}.", allowed={address}) == f"Go to {address}."
    assert EVIL not in clean_text(f"{address}@evil.example/x", allowed={address})


@pytest.mark.parametrize("piece", ["[", "![", "<", "[a](", "](", "&#", "//"])
def test_time_is_bounded_for_hostile_text(piece: str) -> None:
    began = time.process_time()

    clean_text(piece * (20_000 // len(piece)))

    assert time.process_time() - began < 2
