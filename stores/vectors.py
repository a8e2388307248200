"""The passages of all tenants: one Qdrant collection, embedded or on a server."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from domain.documents import Passage
from domain.errors import RetrievalUnavailable
from language.sparse import SparseVector, encode_passage
from language.stopwords import LANGUAGES
from stores.vectors_edge import EdgeBackend
from stores.vectors_library import load_points
from stores.vectors_payload import indexed_text
from stores.vectors_remote import RemoteBackend

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from qdrant_client import models

    from stores.vectors_points import Points


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage and its raw score: BM25, or the cosine of a dense search."""

    passage: Passage
    score: float


class Backend(Protocol):
    """Where the collection lives."""

    @property
    def remote(self) -> bool:
        """True when a call goes over a network."""
        ...

    @property
    def client(self) -> Any:
        """A `QdrantClient`, or what answers like one."""
        ...

    def open(self) -> None:
        """Take possession. Raises `ConfigurationError`."""
        ...

    def close(self) -> None:
        """Give it back."""
        ...

    def state(self) -> str:
        """Return `embedded`, `ok` or `unavailable`, without I/O."""
        ...

    def guard(self) -> AbstractContextManager[None]:
        """Translate foreign errors into `RetrievalUnavailable`."""
        ...


def open_embedded(
    folder: Path, *, collection: str, embeddings: Embeddings | None = None
) -> PassageStore:
    """
    Return a store, not yet opened, on Qdrant's engine in this process.

    Args:
        folder: Owned by one process from `open` to `close`.
        collection: Name of a folder in it.
        embeddings: Model of the dense vectors; None: words only.
    """
    return PassageStore(
        EdgeBackend(folder / collection), collection=collection, embeddings=embeddings
    )


def open_remote(
    url: str,
    *,
    api_key: str | None = None,
    collection: str,
    timeout_seconds: float = 5.0,
    embeddings: Embeddings | None = None,
) -> PassageStore:
    """Return a store, not yet opened, on a Qdrant server."""
    backend = RemoteBackend(url, api_key=api_key, timeout_seconds=timeout_seconds)
    return PassageStore(backend, collection=collection, embeddings=embeddings)


class PassageStore:
    """
    Passages of all tenants. Blocking; every method may run in any thread.

    Each method but `open` and `close` raises `RetrievalUnavailable` when the store is
    closed or cannot be reached.

    Args:
        embeddings: Model of the `dense` vectors; None: words only.
    """

    def __init__(
        self, backend: Backend, *, collection: str, embeddings: Embeddings | None = None
    ) -> None:
        self._backend = backend
        self._collection = collection
        self._embeddings = embeddings
        self._making = threading.Lock()
        self._points: Points | None = None
        self._created = False
        self._dense_ready = False
        self._dense_size: int | None = None
        self._version = 0

    @property
    def remote(self) -> bool:
        """True when a call goes over a network: keep it off the event loop."""
        return self._backend.remote

    @property
    def embeddings(self) -> Embeddings | None:
        """The model of the dense vectors, or None."""
        return self._embeddings

    @property
    def version(self) -> int:
        """Counts the writes made through this object: what is cached beyond is old."""
        return self._version

    def open(self) -> None:
        """
        Take the store over; the libraries it needs are loaded in the background.

        Raises:
            ConfigurationError: Another process owns the folder, or it is damaged.
        """
        self._backend.open()
        threading.Thread(target=load_points, name="vectors-warm-up").start()

    def close(self) -> None:
        """Give the store back; a second call does nothing."""
        self._backend.close()
        with self._making:
            self._points, self._dense_size = None, None
            self._created = self._dense_ready = False

    def state(self) -> str:
        """Return `embedded`, `ok` or `unavailable`, without I/O."""
        return self._backend.state()

    def add(self, passages: Sequence[Passage]) -> None:
        """Write passages; one with a known id replaces what was there."""
        if not passages:
            return
        texts = {indexed_text(passage): passage.language for passage in passages}
        vectors = {
            text: encode_passage(text, language if language in LANGUAGES else "en")
            for text, language in texts.items()
        }
        with self._guard():
            points = self._created_points()
            self._prepare_dense(points)
            points.add(passages, vectors)
        self._version += 1

    def remove(
        self, tenant: str, document_id: str, *, keep: Collection[str] = ()
    ) -> None:
        """Remove the passages of a document, except those whose ids are in *keep*."""
        with self._guard():
            points = self._found_points()
            if points is not None:
                points.remove(_filter(tenant, document_id=document_id, without=keep))
        self._version += 1

    def count(
        self,
        tenant: str,
        document_id: str | None = None,
        *,
        language: str | None = None,
    ) -> int:
        """Return how many passages a tenant, one of its documents or languages has."""
        with self._guard():
            points = self._found_points()
            if points is None:
                return 0
            return points.count(
                _filter(tenant, document_id=document_id, language=language)
            )

    def count_without_dense(self, tenant: str) -> int:
        """Return how many passages of a tenant have no dense vector yet."""
        with self._guard():
            points = self._found_points()
            if points is None:
                return 0
            if points.find_dense_size() is None:
                return points.count(_filter(tenant))
            return points.count(_filter(tenant, lacking="dense"))

    def iter_passages(
        self, tenant: str, document_id: str | None = None
    ) -> Iterator[Passage]:
        """Yield passages: a document's in reading order, a tenant's in any order."""
        with self._guard():
            points = self._found_points()
            if points is None:
                return
            found = points.iter_passages(_filter(tenant, document_id=document_id))
            if document_id is None:
                yield from found
            else:
                yield from sorted(found, key=lambda passage: passage.ordinal)

    def query(
        self,
        tenant: str,
        vector: SparseVector,
        *,
        limit: int,
        among: Collection[str] = (),
    ) -> list[Hit]:
        """Return the tenant's passages with the highest BM25 score, best first."""
        if not vector.indices:
            return []
        with self._guard():
            points = self._found_points()
            if points is None:
                return []
            found = points.query_sparse(
                vector, _filter(tenant, among=among), limit=limit
            )
        return [Hit(passage, score) for passage, score in found]

    def query_dense(
        self,
        tenant: str,
        vector: Sequence[float],
        *,
        limit: int,
        among: Collection[str] = (),
    ) -> list[Hit] | None:
        """
        Return the tenant's passages nearest to *vector* by cosine, best first.

        None is returned where the store has no vectors of that length yet: they were
        made by another model, or none was configured. `reindex` makes them.
        """
        with self._guard():
            points = self._found_points()
            if points is None:
                return []
            if self._dense_size != len(vector):
                self._dense_size = points.find_dense_size()
            if self._dense_size != len(vector):
                return None
            found = points.query_dense(
                vector, _filter(tenant, among=among), limit=limit
            )
        return [Hit(passage, score) for passage, score in found]

    def inverse_frequencies(
        self, tenant: str, terms: Sequence[int]
    ) -> Mapping[int, float | None]:
        """Return the IDF of term ids among a tenant's passages, None for unknown."""
        with self._guard():
            points = self._found_points()
            if points is None or not terms:
                return dict.fromkeys(terms)
            found = points.inverse_frequencies(terms, _filter(tenant))
        return dict(zip(terms, found, strict=True))

    @contextmanager
    def _guard(self) -> Iterator[None]:
        try:
            with self._backend.guard():
                yield
        except RetrievalUnavailable:
            # The collection may be gone when the server is back.
            self._created = self._dense_ready = False
            self._dense_size = None
            raise

    def _library(self) -> Points:
        module = load_points()
        with self._making:
            if self._points is None:
                self._points = module.Points(
                    self._backend.client, self._collection, embeddings=self._embeddings
                )
            return self._points

    def _found_points(self) -> Points | None:
        """Return the points, or None while nothing was ever written."""
        points = self._library()
        if not self._created:
            self._created = points.exists()
        return points if self._created else None

    def _prepare_dense(self, points: Points) -> None:
        """Learn the length of a vector from the model, once a process."""
        if self._embeddings is not None and not self._dense_ready:
            points.prepare_dense(len(self._embeddings.embed_query("length")))
            self._dense_ready, self._dense_size = True, None

    def _created_points(self) -> Points:
        points = self._library()
        if self._found_points() is None:
            points.create()
            self._created = True
        return points


def _filter(tenant: str, **conditions: Any) -> models.Filter:
    wanted: models.Filter = load_points().tenant_filter(tenant, **conditions)
    return wanted
