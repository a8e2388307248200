"""Searches begun while somebody still speaks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from agents.early_search import EarlySearch
from agents.follow_ups import understand
from agents.rag import RagAgent
from agents.steps import plan_search
from domain.documents import SearchQuery, SearchResult
from domain.errors import RetrievalUnavailable
from tests.fakes.answerer import (
    CALLER,
    FakeConversations,
    FakeRetriever,
    make_passage,
    make_turn,
)

QUERY = SearchQuery("acme", "Where is the library", language="en", limit=8)


@dataclass
class Slow:
    """Finds nothing, when told to."""

    asked: list[SearchQuery] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    failure: RetrievalUnavailable | None = None

    async def search(self, query: SearchQuery) -> SearchResult:
        self.asked.append(query)
        await self.go.wait()
        if self.failure is not None:
            raise self.failure
        return SearchResult((), query.text)


async def test_a_search_begun_ahead_is_found_by_its_words() -> None:
    slow = Slow()
    early = EarlySearch(slow)
    assert early.begin(QUERY)
    await asyncio.sleep(0)

    asking = asyncio.create_task(
        early.search(replace(QUERY, text="where is the library?"))
    )
    await asyncio.sleep(0)
    slow.go.set()

    assert (await asking).language == QUERY.text
    assert len(slow.asked) == 1
    assert (early.used, early.running) == (1, 0)


@pytest.mark.parametrize(
    "other",
    [
        replace(QUERY, tenant="other"),
        replace(QUERY, text="where is the canteen"),
        replace(QUERY, alternatives=("library",)),
        replace(QUERY, language="id"),
        replace(QUERY, limit=5),
    ],
)
async def test_another_search_is_made_anew(other: SearchQuery) -> None:
    slow = Slow()
    slow.go.set()
    early = EarlySearch(slow)
    early.begin(QUERY)

    assert (await early.search(other)).language == other.text
    assert early.used == 0
    await early.close()


async def test_a_result_is_given_out_once() -> None:
    slow = Slow()
    slow.go.set()
    early = EarlySearch(slow)
    early.begin(QUERY)

    await early.search(QUERY)
    await early.search(QUERY)

    assert len(slow.asked) == 2


async def test_an_old_result_is_not_given_out() -> None:
    slow, now = Slow(), [0.0]
    slow.go.set()
    early = EarlySearch(slow, fresh_seconds=5, clock=lambda: now[0])
    early.begin(QUERY)
    await asyncio.sleep(0)

    now[0] = 5.1
    await early.search(QUERY)

    assert len(slow.asked) == 2


async def test_a_search_that_failed_ahead_is_tried_again() -> None:
    slow = Slow(failure=RetrievalUnavailable())
    slow.go.set()
    early = EarlySearch(slow)
    early.begin(QUERY)
    await asyncio.sleep(0.01)
    slow.failure = None

    assert (await early.search(QUERY)).passages == ()
    assert early.used == 0


async def test_there_is_room_for_few_and_old_ones_make_room() -> None:
    slow, now = Slow(), [0.0]
    early = EarlySearch(slow, most=2, clock=lambda: now[0])

    begun = [early.begin(replace(QUERY, text=f"word{n}")) for n in range(3)]
    assert begun == [True, True, False]
    assert not early.begin(replace(QUERY, text="word0"))
    now[0] = 60.0
    assert early.begin(replace(QUERY, text="word3"))
    assert early.running == 1
    early.drop(replace(QUERY, text="word3"))
    assert early.running == 0
    await early.close()


@pytest.mark.parametrize(
    ("heard", "language"),
    [
        ("when does the library open", "en"),
        ("kapan pendaftaran mahasiswa baru dibuka", "id"),
    ],
)
async def test_the_answerer_finds_what_was_begun_while_the_question_was_spoken(
    heard: str, language: str
) -> None:
    passage = make_passage("The library opens at 08:00. Pendaftaran mahasiswa baru.")
    retriever = FakeRetriever([passage])
    early = EarlySearch(retriever)
    agent = RagAgent(
        retriever=early,
        conversations=FakeConversations(),
        checkpointer=InMemorySaver(),
    )
    ahead = plan_search(
        understand(heard, language), tenant=CALLER.tenant, max_results=5
    )
    assert early.begin(ahead)

    question = f"{heard.capitalize()}?"
    async for _ in agent.stream(make_turn(question, language=language)):
        pass

    assert early.used == 1
    assert len(retriever.queries) == 1
