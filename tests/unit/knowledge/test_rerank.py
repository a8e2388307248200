"""What makes one candidate better than another."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.documents import Passage
from knowledge.rerank import WEIGHTS, Match, match
from knowledge.terms import (
    MOST_UNITS,
    QuestionTerms,
    TermsCache,
    read_passage,
    read_question,
)


def ask(text: str, language: str = "en") -> QuestionTerms:
    def frequencies(terms: list[int]) -> Mapping[int, float | None]:
        return dict.fromkeys(terms, 2.0)

    return read_question(text, language, frequencies=frequencies, passages=100)


def passage(text: str, language: str = "en", **fields: object) -> Passage:
    values: dict[str, object] = {
        "id": text,
        "document_id": "d",
        "tenant": "t",
        "ordinal": 0,
        "title": "",
        "file": "",
        "language": language,
        **fields,
    }
    return Passage(text=text, **values)  # type: ignore[arg-type]


def meet(question: QuestionTerms, text: str, **fields: object) -> Match:
    language = str(fields.pop("language", "en"))
    terms = read_passage(passage(text, language, **fields))
    return match(question, terms, bm25=0.5)


def test_words_near_each_other_beat_words_far_apart() -> None:
    question = ask("tuition fee refund")
    padding = "Many other things are said here about unrelated subjects. " * 4

    near = meet(question, f"The tuition fee refund is slow. {padding}")
    far = meet(question, f"A tuition. {padding} A fee. {padding} A refund.")

    assert near.score > far.score
    assert near.features["closeness"] > far.features["closeness"]


def test_a_heading_counts_as_part_of_its_sentences() -> None:
    question = ask("parking fee")

    headed = meet(question, "It costs 5,000.", headings=("Parking fee",))

    assert headed.features["coverage"] == 1.0
    assert headed.features["sentence_and_heading"] == 1.0


def test_a_missing_name_costs() -> None:
    question = ask("Where was Kublai Khan born?")

    assert meet(question, "He was born in Kublai Khan's tent.").features["names"] == 1.0
    assert meet(question, "He was born in a tent.").features["names"] == 0.0


def test_a_misspelt_word_counts_by_its_letters() -> None:
    found = meet(ask("dormitry"), "The dormitory is open.").features

    assert 0 < found["coverage"] < 1


def test_meanings_count_in_the_other_language() -> None:
    question = ask("rumah sakit terdekat", "id")

    found = meet(question, "The nearest hospital is near.").features

    assert found["coverage"] == pytest.approx(1.0)


def test_meanings_do_not_count_in_the_same_language() -> None:
    question = ask("air", "id")

    assert meet(question, "The water", language="id").features["coverage"] == 0.0


def test_a_long_question_is_cut() -> None:
    question = ask(" ".join(f"word{n}" for n in range(500)))

    assert len(question.weights) == MOST_UNITS


def test_an_unseen_word_weighs_the_most() -> None:
    def frequencies(terms: list[int]) -> Mapping[int, float | None]:
        return {term: (1.0 if n == 0 else None) for n, term in enumerate(terms)}

    question = read_question(
        "known quokka", "en", frequencies=frequencies, passages=100
    )

    assert question.known == (True, False)
    assert question.weights[1] > question.weights[0]


@given(st.text(max_size=120), st.text(max_size=200))
def test_features_lie_between_nought_and_one(text: str, body: str) -> None:
    found = meet(ask(text), body)

    assert found.features.keys() == WEIGHTS.keys()
    assert all(-1e-9 <= value <= 1 + 1e-9 for value in found.features.values())
    assert -1e-9 <= found.score <= 1 + 1e-9


def test_a_passage_is_analysed_once_while_it_stays_the_same() -> None:
    cache = TermsCache(size=2)
    first = passage("one text")

    assert cache.read(first) is cache.read(first)
    changed = passage("another text", id="one text")
    assert cache.read(changed).written == " another text "
    for number in range(5):
        cache.read(passage(f"text {number}"))
    assert len(cache._terms) == 2
