"""Evidence for a question: every wording searched, candidates reranked."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Final

from domain.documents import Passage, SearchQuery, SearchResult
from language.detection import detect_language
from language.sparse import encode_query
from stores.vectors import Hit, PassageStore

CANDIDATES: Final = 50
"""Passages looked at before the best are cut to the wanted number."""

GRAM_WEIGHT: Final = 0.2
"""Weight of a character gram against a stem's 1.0, where languages agree."""


def _today() -> date:
    return datetime.now(tz=UTC).date()


class PassageSearch:
    """
    Find passages; a `domain.ports.Retriever`.

    Args:
        store: Opened by its owner before the first search.
        candidates: Passages looked at before the cut.
        today: Which passages are valid is decided by this date.
    """

    def __init__(
        self,
        store: PassageStore,
        *,
        candidates: int = CANDIDATES,
        today: Callable[[], date] = _today,
    ) -> None:
        self._store = store
        self._candidates = candidates
        self._today = today
        self._threads: ThreadPoolExecutor | None = None

    async def search(self, query: SearchQuery) -> SearchResult:
        """
        Return passages of the query's tenant, best first.

        The embedded store answers in about a millisecond, less than a change of thread
        costs under load; what goes over a network leaves the event loop free.

        Raises:
            RetrievalUnavailable: The store cannot be reached.
        """
        if not self._store.remote and self._store.embeddings is None:
            return self.search_now(query)
        if self._threads is None:
            self._threads = ThreadPoolExecutor(16, thread_name_prefix="search")
        context = contextvars.copy_context()
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(
            self._threads, context.run, self.search_now, query
        )

    def search_now(self, query: SearchQuery) -> SearchResult:
        """Search in this thread; see `search`."""
        language = query.language or detect_language(query.text)
        wordings = tuple(dict.fromkeys((query.text, *query.alternatives)))
        hits: dict[str, Hit] = {}
        for wording in wordings:
            vector = encode_query(wording, language, gram_weight=GRAM_WEIGHT)
            for hit in self._store.query(query.tenant, vector, limit=self._candidates):
                known = hits.get(hit.passage.id)
                if known is None or hit.score > known.score:
                    hits[hit.passage.id] = hit
        ranked = _rank(list(hits.values()), today=self._today())
        return SearchResult(tuple(ranked[: query.limit]), language)


def _rank(hits: Sequence[Hit], *, today: date) -> list[Passage]:
    best = max((hit.score for hit in hits), default=1.0)
    ranked = sorted(hits, key=lambda hit: -hit.score)
    passages = [
        replace(hit.passage, score=hit.score / best, signals={"bm25": hit.score})
        for hit in ranked
    ]
    return sorted(passages, key=lambda passage: not is_valid(passage, today=today))


def is_valid(passage: Passage, *, today: date) -> bool:
    """Tell whether *passage* is current: by its status and by its dates."""
    if passage.validity == "superseded":
        return False
    day = today.isoformat()
    return (passage.valid_from or day)[:10] <= day <= (passage.valid_until or day)[:10]
