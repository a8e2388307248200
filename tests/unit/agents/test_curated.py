from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from agents.curated import KEPT_SECONDS, CuratedBook, write_answer
from domain.curated import CuratedAnswer
from domain.errors import StoreUnavailable


def curated(
    question: str,
    answer: str = "Pukul 16.00.",
    *,
    language: str = "id",
    sources: tuple[str, ...] = (),
    tenant: str = "t",
) -> CuratedAnswer:
    return CuratedAnswer(
        id=f"cur_{question}",
        tenant=tenant,
        question=question,
        answer=answer,
        language=language,
        sources=sources,
    )


@dataclass
class Shelf:
    """Curated answers in a list; may be away."""

    kept: list[CuratedAnswer] = field(default_factory=list)
    away: bool = False
    reads: int = 0

    def list_answers(self, tenant: str) -> list[CuratedAnswer]:
        self.reads += 1
        if self.away:
            raise StoreUnavailable
        return [one for one in self.kept if one.tenant == tenant]


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


async def find(known: str, question: str, *, language: str = "id") -> bool:
    book = CuratedBook(Shelf([curated(known, language=language)]))
    return await book.find("t", question, language) is not None


@pytest.mark.parametrize(
    ("known", "question", "language"),
    [
        ("Kapan kantor tutup?", "kapan kantor tutup", "id"),
        ("Kapan kantor tutup?", "Kapan kantornya tutup ya?", "id"),
        ("Kapan pendaftaran dibuka?", "Kapan pendaftran dibuka?", "id"),
        ("When does the office close?", "when does the ofice close", "en"),
        ("How much is the fee for level 2?", "how much is level 2 fee", "en"),
    ],
)
async def test_a_question_that_asks_the_same_is_found(
    known: str, question: str, language: str
) -> None:
    assert await find(known, question, language=language)


@pytest.mark.parametrize(
    ("known", "question", "language"),
    [
        ("Kapan pendaftaran dibuka?", "Kapan pendaftaran ditutup?", "id"),
        ("Kapan pendaftaran dibuka?", "Di mana pendaftaran dibuka?", "id"),
        ("Berapa biaya pendaftaran jalur mandiri?", "Berapa biaya jalur tes?", "id"),
        ("Berapa UKT golongan 4?", "Berapa UKT golongan 5?", "id"),
        ("Apa syarat bagi yang lulus?", "Apa syarat bagi yang tidak lulus?", "id"),
        ("When does the office open?", "When does the library open?", "en"),
        ("When does the office open?", "When does the office open on Sunday?", "en"),
        ("When does the office open?", "When?", "en"),
    ],
)
async def test_a_question_that_asks_something_else_is_not_found(
    known: str, question: str, language: str
) -> None:
    assert not await find(known, question, language=language)


async def test_another_language_is_not_answered() -> None:
    book = CuratedBook(Shelf([curated("Kapan kantor tutup?")]))

    assert await book.find("t", "Kapan kantor tutup?", "en") is None


async def test_another_tenant_has_other_answers() -> None:
    book = CuratedBook(Shelf([curated("Kapan kantor tutup?")]))

    assert await book.find("other", "Kapan kantor tutup?", "id") is None


async def test_the_same_wording_goes_before_a_similar_one() -> None:
    similar = curated("Kapan pendaftaran dibukaa?", "Salah.")
    book = CuratedBook(Shelf([similar, curated("Kapan pendaftaran dibuka?", "Benar.")]))

    found = await book.find("t", "Kapan pendaftaran dibuka?", "id")

    assert found is not None
    assert found.answer == "Benar."


async def test_answers_are_read_again_after_some_seconds() -> None:
    shelf, clock = Shelf(), Clock()
    book = CuratedBook(shelf, clock=clock)
    assert await book.find("t", "Kapan kantor tutup?", "id") is None
    shelf.kept.append(curated("Kapan kantor tutup?"))

    early = await book.find("t", "Kapan kantor tutup?", "id")
    clock.now = KEPT_SECONDS
    late = await book.find("t", "Kapan kantor tutup?", "id")

    assert early is None
    assert late is not None
    assert shelf.reads == 2


async def test_what_is_known_holds_while_the_database_is_away() -> None:
    shelf, clock = Shelf([curated("Kapan kantor tutup?")]), Clock()
    book = CuratedBook(shelf, clock=clock)
    await book.find("t", "Kapan kantor tutup?", "id")
    shelf.away, clock.now = True, KEPT_SECONDS

    assert await book.find("t", "Kapan kantor tutup?", "id") is not None
    assert await CuratedBook(shelf).find("t", "Kapan kantor tutup?", "id") is None


def test_every_source_is_cited_once_behind_the_answer() -> None:
    answer = curated("?", "Pukul 16.00 [7].", sources=("https://a.example/x", "b.pdf"))

    text, citations = write_answer(answer)

    assert text == "Pukul 16.00. [1][2]"
    assert [one.link for one in citations] == ["https://a.example/x", "b.pdf"]
    assert all(one.supported and one.metadata["curated"] for one in citations)


def test_an_answer_without_sources_has_no_marks() -> None:
    assert write_answer(curated("?", "Ya.")) == ("Ya.", ())
