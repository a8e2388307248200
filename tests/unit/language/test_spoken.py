from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from language.spoken import to_spoken
from language.spoken_numbers import cardinal, decimal, ordinal, year

_FRAGMENTS = [
    "1",
    "23",
    "2026",
    "007",
    "5.000",
    "3,5",
    ".",
    ",",
    "-",
    "/",
    ":",
    "%",
    "Rp",
    "$",
    "semester",
    "I",
    "IV",
    "S.Kom.",
    "Dr.",
    "No.",
    "UKT",
    "ULS",
    "ke-",
    "[1]",
    "(",
    ")",
    "@",
    "a.id",
    "pukul",
    "Maret",
    "March",
    "am",
    "p.m.",
    "s.d.",
    "km",
    "m2",
    "|",
    "*",
    "_",
    "`",
    "x",
    "+",
    "A",
    "the",
    "Sen",
    "K",
    "'",
    "&lt;",
    "https://",
    "telepon",
    "hal.",
    "i.e.",
    "z",
    "St.",
    "J.",
    "etc.",
    "per",
    "–",
    "²",
    "½",
    "①",
    "٣",
    "°C",
    "#",
]
_PIECES = st.lists(st.sampled_from([*_FRAGMENTS, " ", "\n", "- ", "1. "]), max_size=12)
_TEXTS = st.one_of(_PIECES.map("".join), _PIECES.map(" ".join), st.text(max_size=40))
_LANGUAGES = st.sampled_from(["id", "en"])


@settings(max_examples=400, deadline=None)
@given(_TEXTS, _LANGUAGES)
def test_only_letters_and_plain_marks_are_left(text: str, language: str) -> None:
    spoken = to_spoken(text, language)

    assert not any(character.isdigit() for character in spoken)
    assert all(one.isalpha() or one in " ,.;:!?'-" for one in spoken)
    assert spoken == spoken.strip()


@settings(max_examples=400, deadline=None)
@given(_TEXTS, _LANGUAGES)
def test_what_is_spoken_already_stays(text: str, language: str) -> None:
    spoken = to_spoken(text, language)

    assert to_spoken(spoken, language) == spoken


@given(st.integers(-(10**15) + 1, 10**15 - 1), _LANGUAGES)
def test_every_whole_number_has_words(number: int, language: str) -> None:
    words = cardinal(number, language)

    assert words.replace(" ", "").replace("-", "").isalpha()
    assert to_spoken(words, language) == words


@settings(deadline=None)
@given(st.integers(0, 10**15 - 1), _LANGUAGES)
def test_words_of_a_number_say_its_value(number: int, language: str) -> None:
    assert _value(cardinal(number, language), language) == number


@pytest.mark.parametrize(
    "unit",
    [
        "1", "a.", "a-", "a@", "[", "[1", "(", "<a ", "Rp", "1.", "1,000", "0812-",
        "I, ", "semester I ", "a/", "di ", "://", "*", "| a ", "\n", "\n- ", "www.",
        "12:30 ", "- ", ":a", "A. ", "1/2/", "UKT ", "'", "&amp;", "\u3010",
        "jam 1.", "rasio ", "telepon ", "1-", "12-12 ", "S.", "[a](", "x ",
    ],
)  # fmt: skip
def test_time_grows_with_the_text_only(unit: str) -> None:
    hostile = unit * (60_000 // len(unit))

    started = time.process_time()
    to_spoken(hostile, "id")

    assert time.process_time() - started < 10


def test_an_unknown_language_is_read_as_english() -> None:
    assert to_spoken("5", "fr") == "five"
    assert to_spoken("5", "id-ID") == "lima"


def test_nothing_to_say_is_empty() -> None:
    assert to_spoken("", "id") == ""
    assert to_spoken("[1] \U0001f600 ---", "en") == ""


def test_ranks_years_and_decimals_have_words() -> None:
    assert [ordinal(one, "en") for one in (1, 12, 20, 21, 100)] == [
        "first", "twelfth", "twentieth", "twenty-first", "one hundredth",
    ]  # fmt: skip
    assert [year(one, "en") for one in (1900, 1905, 2000, 2010)] == [
        "nineteen hundred", "nineteen oh five", "two thousand", "twenty ten",
    ]  # fmt: skip
    assert decimal("0", "05", "id") == "nol koma nol lima"


_WORD_VALUES = {
    word: value
    for language in ("id", "en")
    for value in range(100)
    for word in [cardinal(value, language)]
    if " " not in word
}
_SCALES = {
    "belas": 0, "puluh": 10, "ratus": 100, "hundred": 100, "ribu": 10**3,
    "thousand": 10**3, "juta": 10**6, "million": 10**6, "miliar": 10**9,
    "billion": 10**9, "triliun": 10**12, "trillion": 10**12,
}  # fmt: skip


def _value(words: str, language: str) -> int:
    """Read number words back, the plain way."""
    total = part = last = 0
    for word in (
        words.replace("seribu", "satu ribu").replace("seratus", "satu ratus").split()
    ):
        if word == "and":
            continue
        scale = _SCALES.get(word)
        if scale is None:
            last = _WORD_VALUES[word]
            part += last
        elif word == "belas":
            part += 10
        elif scale <= 100:
            # Only the digit in front of it counts: `seratus dua puluh`.
            part += last * (scale - 1)
            last = 0
        else:
            total, part, last = total + part * scale, 0, 0
    return total + part
