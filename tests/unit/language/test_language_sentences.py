"""Where a sentence ends."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from language.sentences import is_table_row, split_sentences


def texts(source: str) -> list[str]:
    return [sentence.text for sentence in split_sentences(source)]


@pytest.mark.parametrize(
    "sentence",
    [
        "Dr. Budi tinggal di Jl. Merdeka No. 5 bersama Prof. Sari.",
        "Biayanya Rp. 5.000 per hari, lihat hlm. 12.",
        "Ia lulusan S.Kom. dari ITB.",
        "He said, e.g. this one, i.e. that one.",
        "The U.S. government paid 3.5 million to J. R. Smith.",
        "Buka pukul 08.00 s.d. 16.00 setiap hari.",
        "Mr. Smith met Mrs. Jones at St. Paul in Jan. 2024.",
        "Wait... what happened?",
    ],
)
def test_an_abbreviation_ends_no_sentence(sentence: str) -> None:
    assert texts(sentence) == [sentence]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Satu. Dua! Tiga? Empat.", ["Satu.", "Dua!", "Tiga?", "Empat."]),
        ("It was 5 p.m. The end.", ["It was 5 p.m.", "The end."]),
        ("The answer is no. He left.", ["The answer is no.", "He left."]),
        ("Berdiri pada 1998. Ada dua.", ["Berdiri pada 1998.", "Ada dua."]),
        ("Bawa pensil, dll. Ini wajib.", ["Bawa pensil, dll.", "Ini wajib."]),
        ('"Who?" he asked. Nobody.', ['"Who?" he asked.', "Nobody."]),
        ("mau tanya. kapan buka? ok", ["mau tanya.", "kapan buka?", "ok"]),
        ("Costs 2.50 each. Pay (now.) Go.", ["Costs 2.50 each.", "Pay (now.)", "Go."]),
    ],
)
def test_sentences_are_split(source: str, expected: list[str]) -> None:
    assert texts(source) == expected


def test_items_and_rows_are_one_sentence_a_line() -> None:
    source = (
        "Fees:\n- one thing\n- another thing. With detail.\n1. Open the portal.\n"
        "Nama: Budi. S; Kota: Solo; Umur: 5\nNama: Ani; Kota: Jakarta; Umur: 6"
    )

    assert texts(source) == [
        "Fees:",
        "one thing",
        "another thing.",
        "With detail.",
        "1. Open the portal.",
        "Nama: Budi. S; Kota: Solo; Umur: 5",
        "Nama: Ani; Kota: Jakarta; Umur: 6",
    ]


def test_lines_that_wrap_a_paragraph_are_joined() -> None:
    first = "This sentence is long enough to have been wrapped by somebody at\nlast."
    source = f"{first} The next one is short.\n\nA new paragraph"

    assert texts(source) == [
        first,
        "The next one is short.",
        "A new paragraph",
    ]


def test_a_title_does_not_run_into_the_text() -> None:
    assert texts("Library\nIt opens at 8.") == ["Library", "It opens at 8."]


def test_a_row_has_columns() -> None:
    assert is_table_row("Nama: Budi; Kota: Solo")
    assert not is_table_row("Note: this is one; that is another thing altogether; yes")
    assert not is_table_row("Hours: 8 to 5")


@given(st.text(max_size=400))
def test_offsets_lead_back_to_the_text(source: str) -> None:
    end = 0
    for sentence in split_sentences(source):
        assert source[sentence.start : sentence.end] == sentence.text
        assert sentence.start >= end
        end = sentence.end


@given(st.text(alphabet="aB. \n!?1-:;", max_size=200))
def test_no_letter_is_lost(source: str) -> None:
    kept = sum(
        character.isalnum()
        for sentence in split_sentences(source)
        for character in sentence.text
    )

    assert kept == sum(character.isalnum() for character in source)


@pytest.mark.parametrize(
    "piece", [".", ". ", "a. ", "a\n", "(", '."', "- ", "?! ", "A.B. ", "x: y; "]
)
def test_time_is_linear_in_the_text(piece: str) -> None:
    began = time.monotonic()

    split_sentences(piece * (200_000 // len(piece)))

    # A square would take minutes.
    assert time.monotonic() - began < 30
