"""Long texts in parts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.chunking import split_text

SENTENCE = "Pendaftaran dibuka pada bulan Maret, dan ditutup pada bulan Mei."


def test_a_short_text_stays_whole() -> None:
    assert split_text(SENTENCE, max_chars=280) == [SENTENCE]


@pytest.mark.parametrize("text", ["", " ", "\n\t"])
def test_nothing_has_no_parts(text: str) -> None:
    assert split_text(text, max_chars=280) == []


def test_long_texts_are_cut_between_sentences() -> None:
    parts = split_text(" ".join([SENTENCE] * 10), max_chars=150)

    assert parts == [f"{SENTENCE} {SENTENCE}"] * 5


def test_a_long_sentence_is_cut_after_a_comma() -> None:
    parts = split_text(SENTENCE, max_chars=50)

    assert parts == [
        "Pendaftaran dibuka pada bulan Maret,",
        "dan ditutup pada bulan Mei.",
    ]


def test_a_long_word_is_cut_anywhere() -> None:
    assert split_text("a" * 25, max_chars=10) == ["a" * 10, "a" * 10, "a" * 5]


@given(st.text(alphabet="ab ,.;!\n", max_size=400), st.integers(5, 60))
def test_no_part_is_too_long_or_blank_and_no_letter_is_lost(
    text: str, max_chars: int
) -> None:
    parts = split_text(text, max_chars=max_chars)

    assert all(0 < len(part) <= max_chars for part in parts)
    assert all(part.strip() for part in parts)
    letters = [char for char in text if char.isalpha()]
    assert [char for char in "".join(parts) if char.isalpha()] == letters
