from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.questions import Case, load_cases


def read(folder: Path, *rows: object) -> list[Case]:
    path = folder / "questions.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return load_cases(path)


def test_a_question_needs_nothing_but_its_answer(tmp_path: Path) -> None:
    [case] = read(
        tmp_path, {"question": "Kapan buka?", "answer": "08.00", "source": "a.md"}
    )

    assert case.answers == (("08.00",),)
    assert case.sources == ("a.md",)
    assert (case.kind, case.language) == ("answerable", "id")


def test_groups_of_wordings_stay_groups(tmp_path: Path) -> None:
    [case] = read(
        tmp_path, {"question": "When?", "answers": [["2 March"], ["24 April", "24/4"]]}
    )

    assert case.answers == (("2 March",), ("24 April", "24/4"))


@pytest.mark.parametrize(
    "row",
    [
        {"question": "Why?"},
        {"question": "Why?", "answers": []},
        {"question": "Why?", "unanswerable": True, "answers": ["x"]},
        {"question": "Why?", "type": "unanswerable"},
    ],
)
def test_a_question_without_an_answer_asks_for_a_refusal(
    tmp_path: Path, row: object
) -> None:
    [case] = read(tmp_path, row)

    assert case.kind == "unanswerable"
    assert case.answers == ()


def test_questions_that_follow_each_other_are_one_conversation(tmp_path: Path) -> None:
    first, alone, second, third = read(
        tmp_path,
        {"id": "a", "question": "How much is it?", "answer": "5"},
        {"id": "b", "question": "Who?", "answer": "X"},
        {"id": "c", "question": "And for two?", "answer": "9", "follow_up_of": "a"},
        {"id": "d", "question": "When?", "answer": "May", "follow_up_of": "c"},
    )

    assert first.conversation == second.conversation == third.conversation is not None
    assert alone.conversation is None
    assert [one.kind for one in (first, second, third)] == [
        "answerable",
        "followup",
        "followup",
    ]


def test_history_is_asked_first_and_not_counted(tmp_path: Path) -> None:
    before, asked = read(
        tmp_path, {"question": "And then?", "answer": "x", "history": ["What is it?"]}
    )

    assert (before.question, before.kind) == ("What is it?", "history")
    assert before.conversation == asked.conversation


def test_a_line_without_a_question_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="question 2"):
        read(tmp_path, {"question": "Why?"}, {"answer": "x"})
