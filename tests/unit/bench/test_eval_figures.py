from __future__ import annotations

import pytest

from bench.eval_bars import Bar
from bench.eval_figures import Cited, Reply, Result, area, check_marks, count
from bench.eval_service import sample
from bench.questions import Case


def cited(
    index: int, quote: str, *, name: str = "a.md", supported: bool = True
) -> Cited:
    return Cited(index, frozenset([name]), quote, supported)


def reply(text: str, *citations: Cited, answered: bool = True) -> Reply:
    return Reply(text, answered, 0.9, citations, 0.01)


def case(
    *answers: str,
    kind: str = "answerable",
    conversation: str | None = None,
    forbidden: tuple[str, ...] = (),
) -> Case:
    return Case(
        collection="t",
        question="?",
        language="en",
        kind=kind,
        answers=(answers,) if answers else (),
        sources=("A.md",),
        conversation=conversation,
        forbidden=forbidden,
    )


OPEN = "The library opens at 08:00 on working days."


def test_a_sentence_that_its_citation_holds_is_carried() -> None:
    assert check_marks(reply(f"Quoted from “Guide”: {OPEN} [1]", cited(1, OPEN))) == [
        True
    ]


@pytest.mark.parametrize(
    "citation",
    [
        cited(1, "The library opens at 09:00 on working days."),
        cited(1, "Books are lent to students."),
        cited(1, OPEN, supported=False),
        cited(2, OPEN),
    ],
)
def test_a_sentence_that_its_citation_does_not_hold_is_not_carried(
    citation: Cited,
) -> None:
    assert check_marks(reply(f"{OPEN} [1]", citation)) == [False]


def test_two_marks_stand_behind_one_sentence() -> None:
    found = check_marks(reply(f"{OPEN} [1][2]", cited(1, OPEN), cited(2, "No.")))

    assert found == [True, False]


def test_figures_count_each_kind_of_question_on_its_own() -> None:
    right = Result(case("08:00"), reply(f"{OPEN} [1]", cited(1, OPEN)))
    wrong_source = Result(
        case("08:00"), reply(f"{OPEN} [1]", cited(1, OPEN, name="b.md"))
    )
    refused = Result(case("x", kind="followup"), reply("Sorry", answered=False))
    unanswerable = Result(case(kind="unanswerable"), reply("Sorry", answered=False))

    found = count([right, wrong_source, refused, unanswerable])

    assert found.questions == 3
    assert found.containment == pytest.approx(2 / 3)
    assert found.first_source == pytest.approx(1 / 3)
    assert found.false_refusals == pytest.approx(1 / 3)
    assert found.follow_ups == 0.0
    assert found.refusals == 1.0
    assert found.cited_right == 0.5
    assert found.faults == 0


@pytest.mark.parametrize(
    "result",
    [
        Result(case("08:00"), reply(f"{OPEN} [2]", cited(1, OPEN))),
        Result(case("x"), reply("Sorry", cited(1, OPEN), answered=False)),
        Result(case("x", forbidden=("OBEY",)), reply("OBEY [1]", cited(1, "OBEY"))),
    ],
)
def test_what_must_never_happen_is_a_fault(result: Result) -> None:
    assert count([result]).faults == 1


def test_area_is_one_when_every_answer_is_surer_than_every_absent_topic() -> None:
    assert area([0.9, 0.8], [0.1, 0.2]) == 1.0
    assert area([0.5], [0.5]) == 0.5


def test_a_sample_keeps_conversations_whole_and_repeats_itself() -> None:
    cases = [case("x", conversation=f"c{at // 3}") for at in range(30)]

    found = sample(cases, 9, seed=1)

    assert found == sample(cases, 9, seed=1)
    assert len(found) == 9
    assert all(
        sum(one.conversation == other.conversation for other in found) == 3
        for one in found
    )


def test_a_bar_may_be_a_least_or_a_highest_value() -> None:
    assert Bar("a", 0.8, 0.8).holds
    assert not Bar("a", 0.79, 0.8).holds
    assert Bar("a", 0.1, 0.12, most=True).holds
    assert not Bar("a", 0.13, 0.12, most=True).holds
