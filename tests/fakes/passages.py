"""A store of passages in memory, with the failures that tests ask for."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Sequence

from domain.documents import Passage
from domain.errors import RetrievalUnavailable


class MemoryPassages:
    """
    What `knowledge.pipeline.Passages` asks for.

    Attributes:
        away: Every call raises `RetrievalUnavailable`.
        log: Names of the calls, in order, with the document they were for.
    """

    def __init__(self) -> None:
        self.away = False
        self.log: list[tuple[str, str]] = []
        self._kept: dict[str, Passage] = {}
        self._lock = threading.Lock()

    def add(self, passages: Sequence[Passage]) -> None:
        """Write passages; the same id is written over."""
        self._note("add", passages[0].document_id if passages else "")
        with self._lock:
            self._kept |= {passage.id: passage for passage in passages}

    def remove(
        self, tenant: str, document_id: str, *, keep: Collection[str] = ()
    ) -> None:
        """Remove the passages of a document, but those with an id in *keep*."""
        self._note("remove", document_id)
        with self._lock:
            self._kept = {
                key: passage
                for key, passage in self._kept.items()
                if (passage.tenant, passage.document_id) != (tenant, document_id)
                or key in keep
            }

    def iter_passages(
        self, tenant: str, document_id: str | None = None
    ) -> Iterator[Passage]:
        """Yield passages of a tenant, or of one document."""
        self._note("iter", document_id or "")
        with self._lock:
            found = list(self._kept.values())
        for passage in found:
            if passage.tenant == tenant and document_id in (None, passage.document_id):
                yield passage

    def count(self, tenant: str, document_id: str | None = None) -> int:
        """Return how many passages there are."""
        return sum(1 for _ in self.iter_passages(tenant, document_id))

    def _note(self, call: str, document_id: str) -> None:
        if self.away:
            raise RetrievalUnavailable
        self.log.append((call, document_id))
