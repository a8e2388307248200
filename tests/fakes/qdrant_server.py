"""
Qdrant's REST interface over an in-memory engine, on loopback.

Every request is decoded into the models of `qdrant_client`, which refuse a field they
do not know, and handed to its own in-memory client behind one lock. Any number of
client processes may use it. By hand: `python -m tests.fakes.qdrant_server PORT`.
"""

from __future__ import annotations

import json
import re
import socket
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from pydantic import BaseModel, TypeAdapter, ValidationError
from qdrant_client import QdrantClient, models

Body = dict[str, Any]


class Refused(Exception):
    """The server would answer with an error status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass
class FakeQdrant:
    """The running stand-in."""

    url: str
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of everything that was asked."""
    failing: int | None = None
    """Status that every call is answered with, while set."""
    api_key: str | None = None
    """Key that callers must send, when set."""


class Engine:
    """What each route does; given to a second stand-in, its data is there again."""

    def __init__(self) -> None:
        self._client = QdrantClient(":memory:")
        self._lock = threading.Lock()
        self._routes: list[tuple[str, re.Pattern[str], Callable[..., Any]]] = [
            (method, re.compile(f"/collections/([^/]+){path}"), action)
            for method, path, action in (
                ("GET", "/exists", self._exists),
                ("GET", "", self._info),
                ("PUT", "", self._create),
                ("DELETE", "", self._drop),
                ("PUT", "/index", self._index),
                ("PUT", "/vectors/([^/]+)", self._create_vector),
                ("DELETE", "/vectors/([^/]+)", self._drop_vector),
                ("PUT", "/points", self._upsert),
                ("POST", "/points", self._retrieve),
                ("POST", "/points/query", self._query),
                ("POST", "/points/query/batch", self._query_batch),
                ("POST", "/points/delete", self._delete),
                ("POST", "/points/count", self._count),
                ("POST", "/points/scroll", self._scroll),
            )
        ]

    def handle(self, method: str, path: str, body: Body) -> Any:
        for wanted, pattern, action in self._routes:
            match = pattern.fullmatch(path)
            if match and wanted == method:
                with self._lock:
                    return action(*match.groups(), body)
        raise Refused(404, f"no route {method} {path}")

    def _exists(self, name: str, _: Body) -> Any:
        return {"exists": self._client.collection_exists(name)}

    def _info(self, name: str, _: Body) -> Any:
        self._require(name)
        return self._client.get_collection(name)

    def _create(self, name: str, body: Body) -> Any:
        wanted = models.CreateCollection.model_validate(body)
        if self._client.collection_exists(name):
            raise Refused(409, f"Collection `{name}` already exists!")
        return self._client.create_collection(
            name,
            vectors_config=wanted.vectors or {},
            sparse_vectors_config=wanted.sparse_vectors,
        )

    def _drop(self, name: str, _: Body) -> Any:
        return self._client.delete_collection(name)

    def _index(self, name: str, body: Body) -> Any:
        self._require(name)
        # The in-memory engine needs none, and says so by a warning.
        models.CreateFieldIndex.model_validate(body)
        return _DONE

    def _create_vector(self, name: str, vector: str, body: Body) -> Any:
        self._require(name)
        config: Any = TypeAdapter(models.VectorNameConfig).validate_python(body)
        return self._client.create_vector_name(name, vector, config)

    def _drop_vector(self, name: str, vector: str, _: Body) -> Any:
        self._require(name)
        return self._client.delete_vector_name(name, vector)

    def _upsert(self, name: str, body: Body) -> Any:
        self._require(name)
        wanted = models.PointsList.model_validate(body)
        return self._client.upsert(name, wanted.points)

    def _retrieve(self, name: str, body: Body) -> Any:
        self._require(name)
        wanted = models.PointRequest.model_validate(body)
        return self._client.retrieve(
            name,
            wanted.ids,
            with_payload=wanted.with_payload or False,
            with_vectors=wanted.with_vector or False,
        )

    def _query(self, name: str, body: Body) -> Any:
        self._require(name)
        return self._answer(name, models.QueryRequest.model_validate(body))

    def _query_batch(self, name: str, body: Body) -> Any:
        self._require(name)
        wanted = models.QueryRequestBatch.model_validate(body)
        return [self._answer(name, search) for search in wanted.searches]

    def _answer(self, name: str, wanted: models.QueryRequest) -> Any:
        return self._client.query_points(
            name,
            query=wanted.query,
            using=wanted.using,
            prefetch=wanted.prefetch,
            query_filter=wanted.filter,
            search_params=wanted.params,
            score_threshold=wanted.score_threshold,
            limit=wanted.limit or 10,
            offset=wanted.offset,
            with_payload=wanted.with_payload or False,
            with_vectors=wanted.with_vector or False,
        )

    def _delete(self, name: str, body: Body) -> Any:
        self._require(name)
        wanted: Any = TypeAdapter(models.PointsSelector).validate_python(body)
        return self._client.delete(name, points_selector=wanted)

    def _count(self, name: str, body: Body) -> Any:
        self._require(name)
        wanted = models.CountRequest.model_validate(body)
        return self._client.count(name, count_filter=wanted.filter)

    def _scroll(self, name: str, body: Body) -> Any:
        self._require(name)
        wanted = models.ScrollRequest.model_validate(body)
        points, following = self._client.scroll(
            name,
            scroll_filter=wanted.filter,
            limit=wanted.limit or 10,
            offset=wanted.offset,
            with_payload=wanted.with_payload or False,
            with_vectors=wanted.with_vector or False,
        )
        return {
            "points": [_plain(point) for point in points],
            "next_page_offset": following,
        }

    def _require(self, name: str) -> None:
        if not self._client.collection_exists(name):
            raise Refused(404, f"Collection `{name}` doesn't exist!")


_DONE = {"operation_id": 0, "status": "completed"}


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in two writes; without this each answer waits 40 ms.
    disable_nagle_algorithm = True
    fake: FakeQdrant
    engine: Engine

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        raw = self.rfile.read(length)
        path = self.path.split("?")[0]
        self.fake.requests.append((self.command, path))
        try:
            self._admit()
            body = json.loads(raw) if raw else {}
            found = self.engine.handle(self.command, path, body)
            self._answer(200, {"result": _plain(found), "status": "ok", "time": 0.001})
        except Refused as exc:
            self._answer(exc.status, {"status": {"error": str(exc)}, "time": 0.0})
        except (ValidationError, ValueError) as exc:
            self._answer(400, {"status": {"error": str(exc)}, "time": 0.0})

    do_GET = do_PUT = do_POST = do_DELETE = _serve  # noqa: N815

    def _admit(self) -> None:
        if self.fake.failing is not None:
            raise Refused(self.fake.failing, "made to fail")
        if self.fake.api_key not in (None, self.headers.get("api-key")):
            raise Refused(401, "Must provide an API key")

    def _answer(self, status: int, content: Body) -> None:
        raw = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: weakref.WeakSet[socket.socket] = weakref.WeakSet()
        super().__init__(("127.0.0.1", port), handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._open.add(connection)
        return connection, address

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing when a client goes away without a word."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def server_close(self) -> None:
        super().server_close()
        # Clients that kept their connection would be answered for ever.
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


@contextmanager
def serve_qdrant(
    port: int = 0, *, engine: Engine | None = None, api_key: str | None = None
) -> Iterator[FakeQdrant]:
    """
    Run the stand-in until the block ends; then nobody answers on its port.

    Args:
        port: 0 takes a free one.
        engine: With the data of an earlier stand-in; None: empty.
        api_key: Key that callers must send.
    """
    fake = FakeQdrant(url="", api_key=api_key)
    handler = type("Handler", (_Handler,), {"fake": fake, "engine": engine or Engine()})
    server = _Server(port, handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


if __name__ == "__main__":
    with serve_qdrant(int(sys.argv[1]) if len(sys.argv) > 1 else 6333) as running:
        print(running.url, flush=True)
        threading.Event().wait()
