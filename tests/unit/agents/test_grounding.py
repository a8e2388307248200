from __future__ import annotations

import re
from collections.abc import Iterable

import pytest

from agents.grounding import AnswerChecker
from tests.fakes.answerer import make_passage

PASSAGES = [
    make_passage("The library opens at 08:00 and closes at 20:00 on working days."),
    make_passage("Undergraduate students may borrow six books for 14 days."),
    make_passage("The parking fee is Rp2.000 a day for motorcycles."),
]


def run(
    answer: str, *, pieces: Iterable[str] | None = None, question: str = "Library?"
) -> tuple[AnswerChecker, str]:
    checker = AnswerChecker(PASSAGES, question=question, language="en")
    shown = [checker.feed(piece) for piece in pieces or [answer]]
    shown.append(checker.finish())
    return checker, "".join(shown)


def test_marks_are_renumbered_in_order_of_first_use() -> None:
    checker, shown = run(
        "The parking fee is Rp2.000 a day [3]. Students may borrow six books [2]."
        " It is for motorcycles [3]."
    )

    assert shown == (
        "The parking fee is Rp2.000 a day [1]. Students may borrow six books [2]."
        " It is for motorcycles [1]."
    )
    assert [(one.number, one.index) for one in checker.citations()] == [(3, 1), (2, 2)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50])
def test_the_result_does_not_depend_on_how_the_text_was_cut(size: int) -> None:
    answer = (
        "Students may borrow six books for 14 days [2]. The library opens at 08:00 [1]."
        " See ![x](https://evil.example/a) the [guide](https://evil.example)! [9]\n"
        "- The parking fee is Rp2.000 a day [3]\n"
    )
    pieces = [answer[at : at + size] for at in range(0, len(answer), size)]

    whole, at_once = run(answer)
    cut, shown = run(answer, pieces=pieces)

    assert shown == at_once == cut.text == whole.text
    assert cut.citations() == whole.citations()
    assert "evil" not in shown
    assert "[9]" not in shown


def test_what_was_shown_is_what_is_kept() -> None:
    checker, shown = run("Students may borrow six books for 14 days [2].\n\n")

    assert shown == checker.text


def test_marks_of_passages_that_were_not_given_fall() -> None:
    checker, shown = run("Students may borrow six books for 14 days [2][7][0][99].")

    assert re.findall(r"\[\d+\]", shown) == ["[1]"]
    assert [one.number for one in checker.citations()] == [2]


def test_a_wrong_number_loses_its_citation_and_is_reported() -> None:
    checker, shown = run(
        "Students may borrow six books for 14 days [2]. The fee is Rp9.000 a day [3]."
    )

    assert shown.count("[") == 1
    assert [(one.number, one.supported) for one in checker.citations()] == [
        (2, True),
        (3, False),
    ]


def test_a_sentence_without_a_mark_gets_the_one_that_carries_it() -> None:
    _, shown = run("Undergraduate students may borrow six books for 14 days.")

    assert shown.endswith(("[1].", "[1]"))


def test_nothing_leaves_while_nothing_is_supported() -> None:
    checker, shown = run(
        "The moon is made of 77 sorts of cheese [1]. It is yellow [2]."
    )

    assert shown == ""
    assert not checker.supported


def test_giving_up_is_recognised() -> None:
    for answer in (
        "NO_ANSWER",
        "I'm sorry, the passages do not say.",
        "Maaf, tidak ada.",
    ):
        checker, shown = run(answer)
        assert shown == ""
        assert checker.gave_up


def test_words_leave_before_their_sentence_ends() -> None:
    checker = AnswerChecker(PASSAGES, question="Books?", language="en")

    shown = checker.feed("Undergraduate students may borrow six books for fourteen ")

    assert shown.startswith("Undergraduate students may borrow")


def test_an_unknown_number_is_held_back_until_its_sentence_is_decided() -> None:
    checker = AnswerChecker(PASSAGES, question="Books?", language="en")

    shown = checker.feed(
        "Undergraduate students may borrow six books for 99 years, yes "
    )

    assert "99" not in shown
