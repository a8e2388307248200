"""Searches begun while somebody still speaks."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from agents.early_search import EarlySearch
from domain.documents import SearchQuery, SearchResult
from domain.errors import RetrievalUnavailable

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
