"""Searching for what somebody is still saying."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass

from domain.documents import SearchQuery, SearchResult
from domain.errors import AppError
from domain.ports import Retriever
from language.analysis import words

log = logging.getLogger(__name__)

# From the last word to the search of the turn: the silence that ends an utterance and
# the recogniser's last pass. A passage that was removed meanwhile lives no longer.
FRESH_SECONDS = 5.0
MOST_RUNNING = 64

_Key = tuple[str, str, tuple[str, ...], str | None, int]


@dataclass(frozen=True, slots=True)
class _Ahead:
    task: asyncio.Task[SearchResult]
    begun_at: float


class EarlySearch:
    """
    Satisfies `domain.ports.Retriever`: *retriever*, with searches begun ahead.

    A search is found again by its tenant and by its words: how they are written does
    not matter. It is given out once.

    Args:
        fresh_seconds: How long a result may wait for its turn.
        most: Searches kept at once, of everybody.
    """

    def __init__(
        self,
        retriever: Retriever,
        *,
        fresh_seconds: float = FRESH_SECONDS,
        most: int = MOST_RUNNING,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._retriever = retriever
        self._fresh_seconds = fresh_seconds
        self._most = most
        self._clock = clock
        self._ahead: dict[_Key, _Ahead] = {}
        self.used = 0
        """Searches that were found when they were needed."""

    def begin(self, query: SearchQuery) -> bool:
        """Search ahead; False when there is no room, or it runs already."""
        self._sweep()
        key = _key(query)
        if key in self._ahead or len(self._ahead) >= self._most:
            return False
        task = asyncio.create_task(self._retriever.search(query))
        # Whoever needs it sees the failure; nobody else does.
        task.add_done_callback(_look_at)
        self._ahead[key] = _Ahead(task, self._clock())
        return True

    def is_same(self, query: SearchQuery, other: SearchQuery) -> bool:
        """Return whether one is found by the other."""
        return _key(query) == _key(other)

    def drop(self, query: SearchQuery) -> None:
        """Forget a search that nobody will ask for."""
        found = self._ahead.pop(_key(query), None)
        if found is not None:
            found.task.cancel()

    async def search(self, query: SearchQuery) -> SearchResult:
        """
        Return passages of the query's tenant, best first.

        Raises:
            RetrievalUnavailable: The store cannot be reached.
        """
        found = self._ahead.pop(_key(query), None)
        if found is not None and self._is_fresh(found):
            try:
                result = await found.task
            except AppError:
                log.info("early_search_failed")
            else:
                self.used += 1
                return result
        return await self._retriever.search(query)

    @property
    def running(self) -> int:
        """Searches that wait for their turn."""
        return len(self._ahead)

    async def close(self) -> None:
        """Cancel what runs."""
        waiting = [found.task for found in self._ahead.values()]
        self._ahead.clear()
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    def _is_fresh(self, found: _Ahead) -> bool:
        return self._clock() - found.begun_at <= self._fresh_seconds

    def _sweep(self) -> None:
        for key, found in list(self._ahead.items()):
            if not self._is_fresh(found):
                del self._ahead[key]
                found.task.cancel()


def _key(query: SearchQuery) -> _Key:
    return (
        query.tenant,
        _plain(query.text),
        tuple(_plain(text) for text in query.alternatives),
        query.language,
        query.limit,
    )


def _plain(text: str) -> str:
    return " ".join(words(text))


def _look_at(task: asyncio.Task[SearchResult]) -> None:
    if not task.cancelled():
        task.exception()
