"""What callers of `QdrantClient` pass, as the types of the engine in this process."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import qdrant_edge as edge


def to_query_request(options: Any) -> Any:
    """Convert the arguments of `query_points`."""
    return edge.QueryRequest(
        limit=options.limit,
        offset=options.offset,
        query=edge.Query.Nearest(to_vector(options.query), options.using),
        filter=to_filter(options.query_filter),
        params=to_params(options.search_params),
        score_threshold=options.score_threshold,
        with_payload=options.with_payload,
        with_vector=options.with_vectors,
    )


def to_batched_request(item: Any) -> Any:
    """Convert one request of `query_batch_points`."""
    return edge.QueryRequest(
        limit=item.limit,
        query=edge.Query.Nearest(to_vector(item.query), item.using),
        filter=to_filter(item.filter),
        params=to_params(item.params),
        with_payload=bool(item.with_payload),
        with_vector=item.with_vector or False,
    )


def to_scored(point: Any) -> Any:
    """Return a found point with its id as text."""
    return SimpleNamespace(
        id=str(point.id),
        score=point.score,
        payload=point.payload,
        vector=point.vector,
    )


def to_vector(value: Any) -> Any:
    """Convert a sparse or dense vector."""
    if hasattr(value, "indices"):
        return edge.SparseVector(list(value.indices), list(value.values))
    return [float(number) for number in value]


def to_params(params: Any) -> Any:
    """Convert the corpus that IDF is counted in; nothing else is used."""
    corpus = getattr(getattr(params, "idf", None), "corpus", None)
    if corpus is None:
        return None
    return edge.SearchParams(idf=edge.IdfParams(corpus=to_filter(corpus)))


def to_filter(wanted: Any) -> Any:
    """Convert a filter of `must` and `must_not`; others are refused, never dropped."""
    if wanted is None:
        return None
    if wanted.should or wanted.min_should:
        raise ValueError("only must and must_not are converted")
    return edge.Filter(
        must=[to_condition(item) for item in wanted.must or ()],
        must_not=[to_condition(item) for item in wanted.must_not or ()],
    )


def to_condition(wanted: Any) -> Any:
    """Convert the three kinds of condition that this application uses."""
    if hasattr(wanted, "has_vector"):
        return edge.HasVectorCondition(wanted.has_vector)
    if hasattr(wanted, "has_id"):
        return edge.HasIdCondition({str(point_id) for point_id in wanted.has_id})
    return edge.FieldCondition(wanted.key, edge.MatchValue(wanted.match.value))
