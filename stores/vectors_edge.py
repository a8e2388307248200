"""
Qdrant's engine in this process: `qdrant-edge-py` behind the client that we need.

`EdgeClient` answers the calls of `qdrant_client.QdrantClient` that `langchain-qdrant`
and `stores.vectors_points` make, by duck typing: `qdrant_client` is not imported.

The folder has one owner. A second `load` is refused by the engine, but the attempt
damages the first handle, so that its flushes fail from then on: our own lock file is
taken before the engine is touched.
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
from filelock import FileLock, Timeout

from domain.errors import ConfigurationError, RetrievalUnavailable
from stores.vectors_convert import (
    to_batched_request,
    to_filter,
    to_query_request,
    to_scored,
    to_vector,
)

log = logging.getLogger(__name__)

_SHARD: Final = "shard"
_LOCK: Final = "owner.lock"
_CONFIG: Final = "edge_config.json"


class EdgeBackend:
    """
    One folder with one collection, owned by this process between open and close.

    Args:
        folder: Made when it is missing; nobody else may write in it.
        flush_seconds: Quiet time after which writes are flushed to the disk. They
            survive a killed process at once, and a power cut from then on.
        optimize_above: Points from which segments are merged in the background.
    """

    remote = False

    def __init__(
        self, folder: Path, *, flush_seconds: float = 2.0, optimize_above: int = 10_000
    ) -> None:
        self._folder = folder
        self._lock = FileLock(folder / _LOCK, timeout=0, thread_local=False)
        self._keeper = _Keeper(flush_seconds, optimize_above=optimize_above)
        self._client: EdgeClient | None = None

    @property
    def client(self) -> EdgeClient:
        """The client. Raises `RetrievalUnavailable` when the store is not open."""
        if self._client is None:
            raise RetrievalUnavailable
        return self._client

    def open(self) -> None:
        """
        Take the folder and load what is in it.

        Raises:
            ConfigurationError: Another process has it, or it cannot be written.
        """
        if self._client is not None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()
        except Timeout:
            raise ConfigurationError(
                "Another process owns the embedded vector store of this DATA_DIR. "
                "Stop it, speak to the running service, or set QDRANT_URL."
            ) from None
        except OSError as exc:
            raise ConfigurationError(
                "The embedded vector store of this DATA_DIR cannot be written."
            ) from exc
        client = EdgeClient(self._folder / _SHARD, on_write=self._keeper.note_write)
        try:
            client.load()
        except RetrievalUnavailable as exc:
            self._lock.release()
            raise ConfigurationError(
                "The embedded vector store of this DATA_DIR is damaged. Move its "
                "`vectors` folder away and ingest the documents again."
            ) from exc
        self._client = client
        self._keeper.start(client)

    def close(self) -> None:
        """Flush, close and give the folder back; a second call does nothing."""
        client, self._client = self._client, None
        if client is not None:
            self._keeper.stop()
            client.close()
            self._lock.release()

    def state(self) -> str:
        """Return `embedded`, or `unavailable` while the store is closed."""
        return "embedded" if self._client is not None else "unavailable"

    @contextmanager
    def guard(self) -> Iterator[None]:
        """Pass every error on: the client speaks our errors already."""
        yield


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


class _Keeper:
    """A thread that flushes after writes, and merges segments when they are many."""

    def __init__(self, quiet_seconds: float, *, optimize_above: int) -> None:
        self._quiet_seconds = quiet_seconds
        self._optimize_above = optimize_above
        self._optimized_at = 0
        self._written = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, client: EdgeClient) -> None:
        self._stopping.clear()
        self._optimized_at = client.points()
        self._thread = threading.Thread(
            target=self._run, args=(client,), name="vectors-keeper", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._written.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def note_write(self) -> None:
        self._written.set()

    def _run(self, client: EdgeClient) -> None:
        while True:
            self._written.wait()
            self._written.clear()
            if self._stopping.wait(self._quiet_seconds):
                return
            if self._written.is_set():
                continue
            try:
                client.flush()
                self._optimize(client)
            except RetrievalUnavailable:
                log.warning("vector_upkeep_failed")

    def _optimize(self, client: EdgeClient) -> None:
        points = client.points()
        # A tenth more than last time: merging is worth its seconds by then.
        if points >= self._optimize_above and points > self._optimized_at * 1.1:
            client.optimize()
            self._optimized_at = points
            log.info("vectors_optimized", extra={"points": points})
