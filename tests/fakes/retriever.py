"""A retriever from memory: shared words decide, nothing is indexed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from domain.documents import Passage, SearchQuery, SearchResult
from domain.errors import AppError
from language.analysis import stems
from language.detection import detect_language


class FakeRetriever:
    """
    A `domain.ports.Retriever` over a list of passages.

    Args:
        passages: Of any tenant; a query sees its own.
        failure: Raised by every search, when given.
    """

    def __init__(
        self, passages: Sequence[Passage] = (), *, failure: AppError | None = None
    ) -> None:
        self.passages = list(passages)
        self.failure = failure
        self.queries: list[SearchQuery] = []

    async def search(self, query: SearchQuery) -> SearchResult:
        """Return the passages that share a word, by the share of words they have."""
        self.queries.append(query)
        if self.failure is not None:
            raise self.failure
        language = query.language or detect_language(query.text)
        wanted = set(stems(" ".join((query.text, *query.alternatives)), language))
        found = [
            _scored(passage, wanted)
            for passage in self.passages
            if passage.tenant == query.tenant
        ]
        ranked = sorted(found, key=lambda passage: -passage.score)
        return SearchResult(
            tuple(passage for passage in ranked if passage.score > 0)[: query.limit],
            language,
        )


def _scored(passage: Passage, wanted: set[str]) -> Passage:
    words = (passage.title, *passage.headings, passage.text)
    found = set(stems(" ".join(words), passage.language))
    share = len(wanted & found) / len(wanted) if wanted else 0.0
    score = share * (0.6 if passage.validity == "superseded" else 1.0)
    return replace(
        passage,
        score=score,
        signals={
            "bm25": share,
            "bm25_max": 1.0,
            "coverage": share,
            "gram_coverage": share,
            "margin": 0.0,
        },
    )
