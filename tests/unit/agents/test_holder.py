"""Who holds a post: "Rektor ... adalah X" says it, "Wakil Rektor ..." does not."""

from __future__ import annotations

import pytest

from agents.evidence import PassageReader
from agents.ranking import rank_sentences
from domain.documents import Passage

TEXT = (
    "- Wakil Dekan I: Dr. Satu Pertama\n"
    "- Wakil Dekan II: Dr. Dua Kedua\n\n"
    "Dekan periode 2024-2028 adalah Prof. Tiga Ketiga. Ia dibantu dua wakil dekan."
)
PASSAGE = Passage(
    id="p", document_id="d", tenant="t", ordinal=0, text=TEXT, title="Fakultas",
    file="f.md", language="id", end=len(TEXT), score=1.0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("question", "language", "expected"),
    [
        ("Siapa dekan?", "id", "Tiga Ketiga"),
        ("Siapa dekan sekarang?", "id", "Tiga Ketiga"),
        ("Who is the dean?", "en", "Tiga Ketiga"),
        ("Siapa wakil dekan I?", "id", "Satu Pertama"),
    ],
)
def test_the_holder_of_the_post_comes_first(
    question: str, language: str, expected: str
) -> None:
    evidence = PassageReader().gather(question, (PASSAGE,), language=language)

    best = rank_sentences(evidence)[0]

    assert expected in best.sentence.text
