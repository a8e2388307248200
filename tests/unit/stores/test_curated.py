from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from domain.curated import CuratedAnswer
from stores.curated import SQLCuratedAnswers, make_curated_id
from stores.sql import Database

OPENING = CuratedAnswer(
    id="cur_1",
    tenant="t",
    question="Kapan buka?",
    answer="Pukul 08.00.",
    language="id",
    sources=("https://a.example/jam", "b.pdf"),
    created_at=1.0,
)


@pytest.fixture
def answers(tmp_path: Path) -> Iterator[SQLCuratedAnswers]:
    database = Database(f"sqlite:///{tmp_path / 'a.sqlite3'}")
    database.migrate()
    yield SQLCuratedAnswers(database)
    database.close()


def test_an_answer_comes_back_as_it_was_put(answers: SQLCuratedAnswers) -> None:
    answers.put(OPENING)

    assert answers.list_answers("t") == [OPENING]


def test_a_second_answer_to_a_question_replaces_the_first(
    answers: SQLCuratedAnswers,
) -> None:
    answers.put(OPENING)
    answers.put(replace(OPENING, answer="Pukul 09.00."))

    assert [one.answer for one in answers.list_answers("t")] == ["Pukul 09.00."]


def test_a_removed_answer_is_gone(answers: SQLCuratedAnswers) -> None:
    answers.put(OPENING)

    assert answers.remove("t", OPENING.id)
    assert not answers.remove("t", OPENING.id)
    assert answers.list_answers("t") == []


def test_tenants_do_not_see_each_other(answers: SQLCuratedAnswers) -> None:
    answers.put(OPENING)

    assert answers.list_answers("other") == []
    assert not answers.remove("other", OPENING.id)


def test_spacing_and_case_make_no_other_question() -> None:
    assert make_curated_id("t", "id", "Kapan  buka?") == make_curated_id(
        "t", "id", "kapan buka"
    )
    assert make_curated_id("t", "id", "Kapan buka?") != make_curated_id(
        "t", "en", "Kapan buka?"
    )
