"""Words, stems, grams, spelling, lexicon, vectors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from language.analysis import grams, is_stop_word, stems, words
from language.detection import detect_language
from language.lexicon import find_meanings, translate
from language.sparse import encode_passage, encode_query, term_index
from language.spelling import respell


def test_words_are_lower_case_without_accents() -> None:
    assert words("Café Señor ﬁn") == ["cafe", "senor", "fin"]


def test_a_number_is_one_word_whatever_its_separator() -> None:
    assert words("5.000.000 5,000,000 2,5 18.640 1.50") == [
        "5000000",
        "5000000",
        "2.5",
        "18640",
        "1.50",
    ]


def test_stems_follow_the_language() -> None:
    assert stems("The libraries were opened", "en") == ["librari", "open"]
    assert stems("perpustakaan itu dibuka", "id") == stems("pustaka membuka", "id")


@pytest.mark.parametrize("question", ["What is it?", "apakah itu dan siapa dia"])
def test_questions_of_function_words_have_no_stems(question: str) -> None:
    assert stems(question, detect_language(question)) == []


def test_stop_words_belong_to_a_language() -> None:
    assert is_stop_word("YANG", "id")
    assert not is_stop_word("yang", "en")


def test_grams_mark_the_edges_of_a_word() -> None:
    assert grams("the bukit") == ["_buk", "buki", "ukit", "kit_"]
    assert grams("ab") == ["_ab_"]


@pytest.mark.parametrize(
    ("english", "indonesian"),
    [
        ("construction", "konstruksi"),
        ("philosophy", "filosofi"),
        ("university", "universitas"),
        ("vaccine", "vaksin"),
        ("temperature", "temperatur"),
        ("quality", "kualitas"),
        ("active", "aktif"),
    ],
)
def test_loanwords_are_spelt_alike(english: str, indonesian: str) -> None:
    assert respell(english) == respell(indonesian)


def test_a_word_has_meanings_in_the_other_language() -> None:
    assert ("librari",) in translate("jam buka perpustakaan", "id")
    found = {stem for meanings in translate("scholarship", "en") for stem in meanings}
    assert "beasiswa" in found


def test_a_phrase_means_more_than_its_words() -> None:
    found = dict(find_meanings("rumah sakit terdekat", "id"))

    assert found[("rumah", "sakit")] == ("hospit",)
    assert ("sakit",) not in found


def test_a_passage_saturates_a_word_said_often() -> None:
    once = encode_passage("walnut", "en")
    often = encode_passage("walnut " * 30, "en")
    index = term_index("w:walnut")
    weight_once = dict(zip(once.indices, once.values, strict=True))[index]
    weight_often = dict(zip(often.indices, often.values, strict=True))[index]

    assert weight_once < weight_often < 2.2


def test_a_question_asks_for_stems_grams_and_meanings() -> None:
    vector = encode_query("perpustakaan", "id", gram_weight=0.2)
    weights = dict(zip(vector.indices, vector.values, strict=True))

    assert weights[term_index("w:" + stems("perpustakaan", "id")[0])] == 1.0
    assert weights[term_index("w:librari")] == 1.0
    assert weights[term_index("c:_per")] == pytest.approx(0.2)


def test_grams_and_meanings_can_be_left_out() -> None:
    vector = encode_query("perpustakaan", "id", gram_weight=0.0, translation_weight=0.0)

    assert len(vector.indices) == 1


def test_indices_rise_and_are_unique() -> None:
    vector = encode_passage("a text with several words, words and more words", "en")

    assert list(vector.indices) == sorted(set(vector.indices))
    assert len(vector.indices) == len(vector.values)


@pytest.mark.parametrize(
    "text",
    [
        "When does the library open?",
        "library hours",
        "wht is the tuition fee",
        "How do I apply",
        "The quick brown fox",
    ],
)
def test_english_is_detected(text: str) -> None:
    assert detect_language(text, default="id") == "en"


@pytest.mark.parametrize(
    "text",
    [
        "Kapan perpustakaan buka?",
        "berapa biaya kuliah",
        "brp biaya wisuda",
        "syarat beasiswa",
        "gimana cara daftar",
        "jadwal ujian akhir semester",
    ],
)
def test_indonesian_is_detected(text: str) -> None:
    assert detect_language(text, default="en") == "id"


@pytest.mark.parametrize("text", ["", "   ", "12345", "?!", "你好"])
def test_what_speaks_for_nothing_gets_the_default(text: str) -> None:
    assert detect_language(text, default="id") == "id"
    assert detect_language(text, default="en") == "en"


@given(st.text(max_size=300))
def test_any_text_can_be_analysed(text: str) -> None:
    language = detect_language(text)

    assert language in {"en", "id"}
    vector = encode_passage(text, language)
    assert all(0 <= index < 2**32 for index in vector.indices)
    assert all(value > 0 for value in vector.values)
    encode_query(text, language)
