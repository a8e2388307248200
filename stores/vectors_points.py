"""
Passages as points of one Qdrant collection, embedded or remote.

Heavy to import (`langchain_qdrant` takes a second): `stores.vectors` does it late.

`QdrantVectorStore` embeds, writes and searches. Its traps are kept out: it is built
without its paid validation call, fusion is ours (it would fuse no more candidates than
are asked for, by rank), and its sparse embeddings are the vectors we computed already.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from langchain_core.embeddings import Embeddings
from langchain_qdrant import QdrantVectorStore, RetrievalMode, SparseEmbeddings
from langchain_qdrant import SparseVector as LangchainSparseVector
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

from domain.documents import Passage
from language.sparse import SparseVector
from stores.vectors_payload import (
    CONTENT_KEY,
    DOCUMENT_KEY,
    LANGUAGE_KEY,
    METADATA_KEY,
    TENANT_KEY,
    indexed_text,
    to_metadata,
    to_passage,
)

log = logging.getLogger(__name__)

DENSE: Final = "dense"
SPARSE: Final = "sparse"
_BATCH = 256
_PAGE = 256


def tenant_filter(
    tenant: str,
    *,
    document_id: str | None = None,
    language: str | None = None,
    among: Collection[str] = (),
    without: Collection[str] = (),
    lacking: str | None = None,
) -> models.Filter:
    """
    Return the condition under which a tenant sees a passage; the only such place.

    Every read and every removal goes through here, IDF statistics included.

    Args:
        tenant: The only one whose passages match.
        document_id: Only of this document.
        language: Only of this language.
        among: Ids to look among; empty: all.
        without: Ids that do not match.
        lacking: Only passages without the vector of this name.
    """
    must: list[Any] = [_equals(TENANT_KEY, tenant)]
    if document_id is not None:
        must.append(_equals(DOCUMENT_KEY, document_id))
    if language is not None:
        must.append(_equals(LANGUAGE_KEY, language))
    if among:
        must.append(models.HasIdCondition(has_id=list(among)))
    must_not: list[Any] = []
    if without:
        must_not.append(models.HasIdCondition(has_id=list(without)))
    if lacking is not None:
        must_not.append(models.HasVectorCondition(has_vector=lacking))
    return models.Filter(must=must, must_not=must_not or None)


class Points:
    """The calls of `stores.vectors.PassageStore`, without its locks and errors."""

    def __init__(
        self, client: Any, collection: str, *, embeddings: Embeddings | None
    ) -> None:
        self._client = client
        self._collection = collection
        self._embeddings = embeddings

    def exists(self) -> bool:
        """Tell whether the collection was created."""
        return bool(self._client.collection_exists(self._collection))

    def find_dense_size(self) -> int | None:
        """Return the length of stored dense vectors, or None when there are none."""
        if hasattr(self._client, "find_dense_size"):
            size: int | None = self._client.find_dense_size(self._collection)
            return size
        vectors = self._client.get_collection(self._collection).config.params.vectors
        params = vectors.get(DENSE) if isinstance(vectors, Mapping) else None
        return params.size if params is not None else None

    def create(self) -> None:
        """Create the collection and its indexes; a second time does nothing."""
        try:
            self._client.create_collection(
                self._collection,
                vectors_config={},
                sparse_vectors_config={
                    SPARSE: models.SparseVectorParams(modifier=models.Modifier.IDF)
                },
            )
        except UnexpectedResponse as exc:
            # Another process was a moment faster.
            if exc.status_code != HTTPStatus.CONFLICT:
                raise
        for key in (TENANT_KEY, DOCUMENT_KEY, LANGUAGE_KEY):
            self._client.create_payload_index(
                self._collection,
                key,
                models.KeywordIndexParams(
                    type=models.KeywordIndexType.KEYWORD, is_tenant=key == TENANT_KEY
                ),
            )

    def prepare_dense(self, size: int) -> None:
        """
        Make room for dense vectors of *size* numbers.

        Those of another size, by another model, are dropped: nothing could find them.
        """
        stored = self.find_dense_size()
        if stored == size:
            return
        if stored is not None:
            log.warning("dense_vectors_dropped", extra={"old": stored, "new": size})
            self._client.delete_vector_name(self._collection, DENSE)
        config = models.DenseVectorConfig(size=size, distance=models.Distance.COSINE)
        self._client.create_vector_name(
            self._collection, DENSE, models.DenseVectorNameConfig(dense=config)
        )

    def add(
        self, passages: Sequence[Passage], vectors: Mapping[str, SparseVector]
    ) -> None:
        """Write passages; *vectors* by indexed text."""
        hybrid = self._embeddings is not None
        mode = RetrievalMode.HYBRID if hybrid else RetrievalMode.SPARSE
        self._library(vectors, mode=mode, embedding=self._embeddings).add_texts(
            [indexed_text(passage) for passage in passages],
            [to_metadata(passage) for passage in passages],
            [passage.id for passage in passages],
            batch_size=_BATCH,
        )

    def remove(self, wanted: models.Filter) -> None:
        """Remove every passage that matches."""
        self._client.delete(
            self._collection, points_selector=models.FilterSelector(filter=wanted)
        )

    def count(self, wanted: models.Filter) -> int:
        """Return how many passages match, exactly."""
        answer = self._client.count(self._collection, count_filter=wanted, exact=True)
        return int(answer.count)

    def iter_passages(self, wanted: models.Filter) -> Iterator[Passage]:
        """Yield matching passages in the order of their ids."""
        offset = None
        while True:
            records, offset = self._client.scroll(
                self._collection,
                scroll_filter=wanted,
                limit=_PAGE,
                offset=offset,
                with_payload=True,
                with_vectors=False,
            )
            for record in records:
                yield to_passage(
                    record.payload[CONTENT_KEY], record.payload[METADATA_KEY]
                )
            if offset is None:
                return

    def query_sparse(
        self, vector: SparseVector, wanted: models.Filter, *, limit: int
    ) -> list[tuple[Passage, float]]:
        """Return the passages with the highest BM25 score; IDF is the tenant's own."""
        found = self._library({"": vector}).similarity_search_with_score(
            "", limit, filter=wanted, search_params=_idf_of(wanted)
        )
        return [(to_passage(item.page_content, item.metadata), s) for item, s in found]

    def query_dense(
        self, vector: Sequence[float], wanted: models.Filter, *, limit: int
    ) -> list[tuple[Passage, float]]:
        """Return the passages nearest by cosine."""
        library = self._library({}, mode=RetrievalMode.DENSE, embedding=_Given(vector))
        found = library.similarity_search_with_score("", limit, filter=wanted)
        return [(to_passage(item.page_content, item.metadata), s) for item, s in found]

    def inverse_frequencies(
        self, terms: Sequence[int], wanted: models.Filter
    ) -> list[float | None]:
        """
        Return the IDF of each term id, None where no matching passage has it.

        The store does not tell its statistics, but a search for one term does: its
        score is IDF times the weight stored in the point that was found.
        """
        answers = self._client.query_batch_points(
            self._collection,
            requests=[
                models.QueryRequest(
                    query=models.SparseVector(indices=[term], values=[1.0]),
                    using=SPARSE,
                    filter=wanted,
                    params=_idf_of(wanted),
                    limit=1,
                    with_payload=False,
                    with_vector=[SPARSE],
                )
                for term in terms
            ],
        )
        return [
            _frequency(term, answer.points[0]) if answer.points else None
            for term, answer in zip(terms, answers, strict=True)
        ]

    def _library(
        self,
        vectors: Mapping[str, SparseVector],
        *,
        mode: RetrievalMode = RetrievalMode.SPARSE,
        embedding: Embeddings | None = None,
    ) -> QdrantVectorStore:
        return QdrantVectorStore(
            self._client,
            self._collection,
            embedding=embedding,
            retrieval_mode=mode,
            vector_name=DENSE,
            sparse_embedding=_Encoded(vectors),
            sparse_vector_name=SPARSE,
            content_payload_key=CONTENT_KEY,
            metadata_payload_key=METADATA_KEY,
            validate_embeddings=False,
            # It would embed a dummy text at every start: a paid call.
            validate_collection_config=False,
        )


class _Given(Embeddings):
    """Hands out a vector that the caller has: a search by vector would cost a call."""

    def __init__(self, vector: Sequence[float]) -> None:
        self._vector = list(vector)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self._vector for _ in texts]

    def embed_query(self, text: str) -> list[float]:  # noqa: ARG002
        return self._vector


class _Encoded(SparseEmbeddings):
    """Hands out vectors that were computed where the language is known."""

    def __init__(self, vectors: Mapping[str, SparseVector]) -> None:
        self._vectors = vectors

    def embed_documents(self, texts: list[str]) -> list[LangchainSparseVector]:
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> LangchainSparseVector:
        vector = self._vectors[text]
        return LangchainSparseVector(
            indices=list(vector.indices), values=list(vector.values)
        )


def _equals(key: str, value: str) -> models.FieldCondition:
    return models.FieldCondition(key=key, match=models.MatchValue(value=value))


def _idf_of(corpus: models.Filter) -> models.SearchParams:
    """Count words among the tenant's own passages: what others own must not show."""
    return models.SearchParams(idf=models.IdfCorpusParams(corpus=corpus))


def _frequency(term: int, point: Any) -> float:
    stored = point.vector[SPARSE]
    weights = dict(zip(stored.indices, stored.values, strict=True))
    return float(point.score) / float(weights[term])
