"""
The client of Qdrant's engine in this process: `qdrant-edge-py`, called like a server.

`EdgeClient` answers the calls of `qdrant_client.QdrantClient` that `langchain-qdrant`
and `stores.vectors_points` make, by duck typing: `qdrant_client` is not imported.
"""

from __future__ import annotations

import json
import logging
import shutil
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

import qdrant_edge as edge

from domain.errors import RetrievalUnavailable
from stores.vectors_convert import (
    to_batched_request,
    to_filter,
    to_query_request,
    to_scored,
    to_vector,
)

log = logging.getLogger(__name__)

_CONFIG: Final = "edge_config.json"


class EdgeClient:
    """A shard that answers like `QdrantClient`; every method may run in any thread."""

    def __init__(self, folder: Path, *, on_write: Any) -> None:
        self._folder = folder
        self._on_write = on_write
        self._making = threading.Lock()
        self._shard: Any = None

    def load(self) -> None:
        """Load the shard where there is one; it is created by the first write."""
        if (self._folder / _CONFIG).exists():
            with _engine_errors():
                self._shard = edge.EdgeShard.load(str(self._folder))

    def close(self) -> None:
        """Flush and close; calls still under way end with `RetrievalUnavailable`."""
        shard, self._shard = self._shard, None
        if shard is not None:
            with _engine_errors():
                shard.flush()
                shard.close()

    def flush(self) -> None:
        """Write everything to the disk."""
        if self._shard is not None:
            with _engine_errors():
                self._shard.flush()

    def optimize(self) -> None:
        """Merge segments and build indexes; other calls go on meanwhile."""
        if self._shard is not None:
            with _engine_errors():
                self._shard.optimize()

    def points(self) -> int:
        """Return the number of points, cheaply."""
        return int(self._shard.info().points_count) if self._shard is not None else 0

    # What follows has the names and arguments of QdrantClient.

    def collection_exists(self, collection_name: str) -> bool:  # noqa: ARG002
        """Tell whether anything was ever written."""
        return self._shard is not None

    def find_dense_size(self, collection_name: str) -> int | None:  # noqa: ARG002
        """Return the length of the `dense` vectors, or None when there are none."""
        config = json.loads((self._folder / _CONFIG).read_text(encoding="utf-8"))
        params = (config.get("vectors") or {}).get("dense")
        return int(params["size"]) if params else None

    def create_collection(
        self,
        collection_name: str,  # noqa: ARG002
        *,
        vectors_config: Mapping[str, Any],  # noqa: ARG002
        sparse_vectors_config: Mapping[str, Any],
    ) -> None:
        """Create the shard with IDF on its sparse vectors, unless it is there."""
        with self._making, _engine_errors():
            if self._shard is not None:
                return
            # Left by a process that died before the engine had written its config.
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            self._shard = edge.EdgeShard.create(
                str(self._folder),
                edge.EdgeConfig(
                    sparse_vectors={
                        name: edge.EdgeSparseVectorParams(modifier=edge.Modifier.Idf)
                        for name in sparse_vectors_config
                    },
                ),
            )

    def create_vector_name(
        self,
        collection_name: str,  # noqa: ARG002
        vector_name: str,
        vector_name_config: Any,
    ) -> None:
        """Make room for dense vectors; points that are there have none yet."""
        self._update(
            edge.UpdateOperation.create_dense_vector(
                vector_name, vector_name_config.dense.size, edge.Distance.Cosine
            )
        )

    def delete_vector_name(self, collection_name: str, vector_name: str) -> None:  # noqa: ARG002
        """Drop the vectors of a name from every point."""
        self._update(edge.UpdateOperation.delete_vector_name(vector_name))

    def create_payload_index(
        self,
        collection_name: str,  # noqa: ARG002
        field_name: str,
        field_schema: Any,
    ) -> None:
        """Index a keyword field; a second time does nothing."""
        params = edge.KeywordIndexParams(is_tenant=bool(field_schema.is_tenant))
        self._update(edge.UpdateOperation.create_field_index(field_name, params))

    def upsert(self, collection_name: str, points: Sequence[Any]) -> None:  # noqa: ARG002
        """Insert or replace points."""
        self._update(
            edge.UpdateOperation.upsert_points(
                [
                    edge.Point(
                        str(point.id),
                        {
                            name: to_vector(value)
                            for name, value in point.vector.items()
                        },
                        point.payload,
                    )
                    for point in points
                ]
            )
        )

    def delete(self, collection_name: str, points_selector: Any) -> None:  # noqa: ARG002
        """Remove the points of a list of ids or of a `FilterSelector`."""
        if isinstance(points_selector, list):
            operation = edge.UpdateOperation.delete_points(
                [str(point_id) for point_id in points_selector]
            )
        else:
            operation = edge.UpdateOperation.delete_points_by_filter(
                to_filter(points_selector.filter)
            )
        self._update(operation)

    def retrieve(
        self,
        collection_name: str,  # noqa: ARG002
        ids: Sequence[str],
        *,
        with_payload: bool = True,
    ) -> list[Any]:
        """Return the points of *ids* that exist."""
        with _engine_errors():
            found: list[Any] = self._open().retrieve(list(ids), with_payload)
            return found

    def count(
        self,
        collection_name: str,  # noqa: ARG002
        *,
        count_filter: Any,
        exact: bool = True,
    ) -> Any:
        """Return an object with the `count` of matching points."""
        request = edge.CountRequest(exact=exact, filter=to_filter(count_filter))
        with _engine_errors():
            return SimpleNamespace(count=self._open().count(request))

    def scroll(
        self,
        collection_name: str,  # noqa: ARG002
        *,
        scroll_filter: Any,
        limit: int,
        offset: Any = None,
        with_payload: bool = True,
        with_vectors: bool = False,
    ) -> tuple[list[Any], Any]:
        """Return a page in the order of ids, and where the next one begins."""
        request = edge.ScrollRequest(
            offset=offset,
            limit=limit,
            filter=to_filter(scroll_filter),
            with_payload=with_payload,
            with_vector=with_vectors,
        )
        with _engine_errors():
            records, following = self._open().scroll(request)
        return records, following

    def query_points(
        self,
        collection_name: str,  # noqa: ARG002
        **options: Any,
    ) -> Any:
        """Return an object with the `points` nearest to a vector."""
        request = to_query_request(SimpleNamespace(**{**_QUERY_DEFAULTS, **options}))
        with _engine_errors():
            found = self._open().query(request)
        return SimpleNamespace(points=[to_scored(point) for point in found])

    def query_batch_points(
        self,
        collection_name: str,  # noqa: ARG002
        requests: Iterable[Any],
    ) -> list[Any]:
        """Return an object with `points` for each of the requests."""
        batch = edge.QueryBatchRequest([to_batched_request(item) for item in requests])
        with _engine_errors():
            answers = self._open().query_batch(batch)
        return [
            SimpleNamespace(points=[to_scored(point) for point in found])
            for found in answers
        ]

    def _update(self, operation: Any) -> None:
        with _engine_errors():
            self._open().update(operation)
        self._on_write()

    def _open(self) -> Any:
        shard = self._shard
        if shard is None:
            raise RetrievalUnavailable
        return shard


_QUERY_DEFAULTS: Final[Mapping[str, Any]] = {
    "query_filter": None,
    "search_params": None,
    "offset": 0,
    "with_payload": True,
    "with_vectors": False,
    "score_threshold": None,
}


@contextmanager
def _engine_errors() -> Iterator[None]:
    """Translate what the engine raises: plain `Exception`, with text for people."""
    try:
        yield
    except Exception as exc:
        # The binding has no class of its own; anything more specific is our fault.
        if type(exc) is not Exception:
            raise
        log.exception("vector_engine_failed")
        raise RetrievalUnavailable from exc
