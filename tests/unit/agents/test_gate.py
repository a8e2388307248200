from __future__ import annotations

import pytest

from agents.evidence import PassageReader
from agents.gate import is_focus_named, judge
from agents.ranking import rank_sentences
from tests.fakes.answerer import make_passage

PASSAGE = make_passage(
    "The library opens at 08:00. Undergraduate students may borrow six books.",
    score=0.9,
)


def decide(question: str, *, score: float) -> tuple[str, float]:
    passage = make_passage(PASSAGE.text, score=score)
    evidence = PassageReader().gather(question, [passage], language="en")
    found = judge(evidence, rank_sentences(evidence))
    return found.decision, found.confidence


def test_a_covered_question_is_answered() -> None:
    assert decide("How many books may students borrow?", score=0.9)[0] == "answer"


def test_a_question_that_nothing_covers_is_refused() -> None:
    assert decide("Who is the president of France?", score=0.05)[0] == "refuse"


def test_no_passage_is_a_refusal_without_confidence() -> None:
    evidence = PassageReader().gather("Why?", [], language="en")

    assert judge(evidence, []).confidence == 0.0


def test_confidence_grows_with_coverage() -> None:
    covered = decide("When does the library open?", score=0.9)[1]
    half = decide("When does the swimming pool open?", score=0.4)[1]

    assert covered > half


@pytest.mark.parametrize(
    "question", ["Apakh jam buka perpustakaan?", "Dimankah perpustakaan buka?"]
)
def test_a_misspelt_question_word_is_not_what_is_asked_about(question: str) -> None:
    passage = make_passage("Perpustakaan buka pukul 08.00.", score=0.9)

    evidence = PassageReader().gather(question, [passage], language="id")

    assert is_focus_named(evidence)
