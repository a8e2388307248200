"""Numbers, dates and names in one spelling."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from language.values import find_dates, find_names, find_numbers


@pytest.mark.parametrize(
    "text",
    [
        "5.000.000",
        "5,000,000",
        "5 juta",
        "5 million",
        "Rp5.000.000",
        "Rp 5 juta,",
        "US$5,000,000.",
        "5000000",
        "5.000 ribu",
        "5 jt",
    ],
)
def test_five_million_is_one_number(text: str) -> None:
    assert find_numbers(text) == {"5000000"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.234,56", {"1234.56"}),
        ("1,234.56", {"1234.56"}),
        ("2,5 juta", {"2500000"}),
        ("IPK 3,50", {"3.5"}),
        ("0.125", {"0.125"}),
        ("45 %", {"45%"}),
        ("45 persen", {"45%"}),
        ("45 percent", {"45%"}),
        ("2,5%", {"2.5%"}),
        ("in 1998.", {"1998"}),
        ("tahun 2026/2027", {"2026", "2027"}),
        ("no numbers", set()),
    ],
)
def test_numbers_are_normalised(text: str, expected: set[str]) -> None:
    assert find_numbers(text) == expected


@pytest.mark.parametrize(
    "text",
    ["08.00 WIB", "8:00", "8 am", "pukul 8", "pukul 08.00", "8 a.m.", "jam 8 pagi"],
)
def test_eight_in_the_morning_is_one_time(text: str) -> None:
    assert find_numbers(text) == {"08:00"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("08.00-16.30", {"08:00", "16:30"}),
        ("from 8.30 to 10 pm", {"08:30", "22:00"}),
        ("jam 8 malam", {"20:00"}),
        ("jam 1 siang", {"13:00"}),
        ("12 am", {"00:00"}),
        ("12 pm", {"12:00"}),
        ("nilai 3.50", {"3.5"}),
    ],
)
def test_clock_times_are_told_from_numbers(text: str, expected: set[str]) -> None:
    assert find_numbers(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1 Maret 2026",
        "1 March 2026",
        "March 1, 2026",
        "March 1st 2026",
        "2026-03-01",
        "1/3/2026",
        "01-03-2026",
        "1st of March 2026",
        "1 Mar 2026",
    ],
)
def test_the_first_of_march_is_one_date(text: str) -> None:
    assert find_dates(text) == {"2026-03-01", "2026-03", "--03-01"}
    assert find_numbers(text) == {"2026"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("24 Agustus", {"--08-24"}),
        ("Maret 2026", {"2026-03"}),
        ("1-3 March", {"--03-01", "--03-03"}),
        ("from 1 to 3 March", {"--03-01", "--03-03"}),
        ("32 Maret", set()),
        ("you may go", set()),
        ("12/31/2026", {"2026-12-31", "2026-12", "--12-31"}),
    ],
)
def test_dates_are_normalised(text: str, expected: set[str]) -> None:
    assert find_dates(text) == expected


def test_names_are_found_word_by_word() -> None:
    text = "Rektor sekarang ialah Widyasari Anggraeni, lulusan ITB pada Maret 2026."

    assert find_names(text) == {"widyasari", "anggraeni", "itb"}


def test_the_first_word_is_a_name_only_before_another() -> None:
    assert find_names("Buku itu tebal.") == set()
    assert find_names("Bukit Lintang is a campus.") == {"bukit", "lintang"}
    assert find_names("NASA launched it.") == {"nasa"}


@given(st.text(max_size=300))
def test_any_text_has_values(text: str) -> None:
    assert isinstance(find_numbers(text), frozenset)
    assert isinstance(find_dates(text), frozenset)
    assert isinstance(find_names(text), frozenset)


@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "1.", "1.1.", "1 Mei ", "1.234 ", "jan ", "A ", "1/1", "08.00-"],
)
def test_time_is_linear_in_the_text(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    began = time.monotonic()

    find_numbers(text)
    find_dates(text)
    find_names(text)

    # A square would take minutes.
    assert time.monotonic() - began < 30
