"""
The ASGI application around Flask.

    server -> guard -> mounted ASGI application
                    -> body -> async view: this loop, Flask's hooks around it
                            -> plain view: a thread, through asgiref

Source: measured traps of Flask under ASGI, `docs/serving.md`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from inspect import iscoroutinefunction

from flask import Flask, Response, request

from api.bridge_body import (
    BODY_BYTES_PER_SECOND,
    BODY_GRACE_SECONDS,
    BodyLedger,
    RequestBody,
)
from api.bridge_environ import build_environ, wire_fields
from api.bridge_exchange import Exchange
from api.bridge_guard import (
    check_length,
    check_target,
    choose_request_id,
    clean_headers,
    find_header,
)
from api.bridge_lifespan import Hook, Lifespan
from api.bridge_mounts import Mounts, SocketApp
from api.bridge_native import NativeDispatch, answer_restarting
from api.bridge_refusals import Count, Refusals
from api.bridge_supervise import Supervisor
from api.bridge_threads import ThreadDispatch
from api.bridge_types import ASGIApp, ClientGone, Header, Receive, Scope, Send
from api.refusals import refuse
from domain.errors import (
    AppError,
    ConfigurationError,
    InternalError,
    NotAuthenticated,
    Overloaded,
    PayloadTooLarge,
    ServerRestarting,
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BridgeLimits:
    """
    What one worker takes on at once.

    Attributes:
        requests: Requests in progress, streams included.
        threads: Plain views in progress.
        body_bytes: Bytes of request bodies held.
        body_grace_seconds: Time that a body of any size has to arrive.
        body_bytes_per_second: Slowest rate accepted after the grace.
        linger_seconds: How long a refused body is read on, so that the refusal
            arrives.
        linger_bytes: How much of it.
    """

    requests: int = 1000
    threads: int = 48
    body_bytes: int = 160 * 1024 * 1024
    stranger_bytes: int = 128 * 1024
    body_grace_seconds: float = BODY_GRACE_SECONDS
    body_bytes_per_second: float = BODY_BYTES_PER_SECOND
    linger_seconds: float = 2.0
    linger_bytes: int = 4 * 1024 * 1024


class Bridge:
    """
    Serves a Flask application, and others mounted beside it, to an ASGI server.

    A view finds in `request.environ`: `tanya.request_id`, `tanya.disconnected` (an
    `asyncio.Event`), `tanya.draining` and `tanya.saturated`.

    Args:
        flask_app: Routes, hooks and error handlers.
        starters: Run in order after the fork (ASGI lifespan).
        closers: Run in reverse order when the worker ends.
        body_limit: Largest body of a path, bytes.
        knows: Whether these headers carry a valid key. A stranger's body is not kept
            beyond `BridgeLimits.stranger_bytes`, whatever the path allows.
        mounts: Other ASGI applications by path prefix, WebSocket included.
        sockets: Applications of WebSockets alone, by path.
        cors_origins: `*` or exact origins, for refusals made here.
        probes: Paths that are answered whatever the load.
        limits: What one worker takes on at once.
        on_refused: Told of requests that no view saw.
    """

    def __init__(
        self,
        flask_app: Flask,
        *,
        starters: Sequence[Hook] = (),
        closers: Sequence[Hook] = (),
        body_limit: Callable[[str], int] = lambda _path: 128 * 1024,
        knows: Callable[[Sequence[Header]], bool] = lambda _fields: True,
        mounts: Mapping[str, ASGIApp] | None = None,
        sockets: Mapping[str, SocketApp] | None = None,
        cors_origins: Collection[str] = (),
        probes: Collection[str] = ("/health", "/ready"),
        limits: BridgeLimits | None = None,
        on_refused: Count | None = None,
    ) -> None:
        _check_handlers(flask_app)
        if not flask_app.error_handler_spec[None][500]:
            flask_app.register_error_handler(500, _answer_500)
        self.flask_app = flask_app
        self.draining = False
        self._lifespan = Lifespan(starters, closers)
        self._body_limit = body_limit
        self._knows = knows
        self._mounts = Mounts(mounts or {}, sockets)
        self._cors_origins = frozenset(cors_origins)
        self._probes = frozenset(probes)
        self._limits = limits or BridgeLimits()
        self._refusals = Refusals(on_refused)
        self._ledger = BodyLedger(self._limits.body_bytes)
        readers = ThreadPoolExecutor(8, thread_name_prefix="body")
        self._native = NativeDispatch(flask_app, readers=readers)
        self._threads = ThreadDispatch(flask_app, slots=self._limits.threads)
        self._open: dict[Exchange, asyncio.Task[None]] = {}
        self._left_over: set[Exchange] = set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope."""
        if scope["type"] == "lifespan":
            await self._lifespan.run(receive, send)
        elif scope["type"] == "websocket":
            await self._mounts.websocket(scope, receive, send)
        else:
            await self._http(scope, receive, send)

    @property
    def in_progress(self) -> int:
        """Requests to Flask that are being answered, streams included."""
        return len(self._open)

    @property
    def saturated(self) -> bool:
        """Whether the next request would be refused."""
        return len(self._open) >= self._limits.requests

    def begin_drain(self) -> None:
        """Say `Connection: close` on every answer and be not ready from now on."""
        self.draining = True
        self._left_over = set(self._open)
        for exchange in self._left_over:
            exchange.closing = True
        self._mounts.begin_drain()

    @property
    def left_over(self) -> int:
        """Requests from before the drain that are still being answered."""
        return len(self._left_over & self._open.keys())

    def end_streams(self) -> None:
        """End what still runs: streams say their last bytes, the rest 503."""
        for exchange, task in list(self._open.items()):
            if exchange.cancellable and not exchange.complete:
                exchange.restarting = True
                task.cancel()
        self._mounts.end_streams()

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        fields: list[Header] = list(scope["headers"])
        exchange = Exchange(scope, send, request_id=choose_request_id(fields))
        exchange.closing = self.draining
        limit = self._body_limit(scope["path"])
        most = self._limits.stranger_bytes
        stranger = limit > most and not self._knows(fields)
        limit = most if stranger else limit
        body = RequestBody(
            receive,
            limit=limit,
            ledger=self._ledger,
            grace_seconds=self._limits.body_grace_seconds,
            bytes_per_second=self._limits.body_bytes_per_second,
        )
        try:
            await self._admit(scope, receive, exchange, body, limit=limit)
        except AppError as exc:
            exchange.closing = exchange.closing or not body.ended
            too_large = isinstance(exc, PayloadTooLarge)
            error = NotAuthenticated() if stranger and too_large else exc
            self._refusals.note(scope, exchange, error)
            await self._refuse(error, exchange, fields, body)
        except ClientGone:
            exchange.disconnected.set()
        finally:
            body.release()

    async def _admit(
        self,
        scope: Scope,
        receive: Receive,
        exchange: Exchange,
        body: RequestBody,
        *,
        limit: int,
    ) -> None:
        path = scope["path"]
        headers = clean_headers(scope["headers"], request_id=exchange.request_id)
        scope["headers"] = headers.fields
        if self.saturated and path not in self._probes:
            raise Overloaded(retry_after_seconds=1)
        check_target(scope)
        check_length(headers.content_length, limit=limit)
        mount = self._mounts.find(path)
        if mount is not None:
            await mount.http(scope, receive, exchange, limit=limit)
            return
        content = await body.read()
        exchange.closing = self.draining
        supervisor = Supervisor(exchange, receive)
        task = supervisor.start(self._work(scope, content, exchange))
        self._open[exchange] = task
        try:
            await supervisor.watch(task)
        finally:
            self._open.pop(exchange, None)

    async def _work(self, scope: Scope, body: bytes, exchange: Exchange) -> None:
        try:
            await self._dispatch(scope, body, exchange)
        except ClientGone:
            exchange.disconnected.set()
        except asyncio.CancelledError:
            if not exchange.restarting or exchange.started:
                raise
            self._refusals.note(scope, exchange, ServerRestarting())
            await answer_restarting(exchange)
        except AppError as exc:
            self._refusals.note(scope, exchange, exc)
            await exchange.deny(exc, extra=self._cors(scope["headers"]))
        except Exception:
            # The formatter writes the kind and the frames; messages may hold what
            # people wrote.
            log.exception("request_failed", extra={"request_id": exchange.request_id})
            self._refusals.note(scope, exchange, InternalError())
            await exchange.deny(InternalError(), extra=self._cors(scope["headers"]))

    async def _dispatch(self, scope: Scope, body: bytes, exchange: Exchange) -> None:
        extra = {
            "tanya.request_id": exchange.request_id,
            "tanya.disconnected": exchange.disconnected,
            "tanya.draining": self.draining,
            # Without the request that asks.
            "tanya.saturated": len(self._open) > self._limits.requests,
        }
        environ = build_environ(scope, scope["headers"], body) | extra
        ctx = self._native.match(environ)
        if self._native.takes(ctx):
            await self._native.run(ctx, exchange)
            return
        exchange.cancellable = False
        scope["headers"] = wire_fields(scope["headers"], body)
        await self._threads.run(scope, body, exchange, extra=extra)

    async def _refuse(
        self,
        error: AppError,
        exchange: Exchange,
        fields: list[Header],
        body: RequestBody,
    ) -> None:
        if exchange.started:
            return
        status, headers, content = exchange.problem(error)
        await exchange.begin(status, [*headers, *self._cors(fields)])
        limits = self._limits
        if body.ended:
            await exchange.write(content, last=True)
            return
        await exchange.write_early(content)
        await body.discard(
            seconds=limits.linger_seconds, most_bytes=limits.linger_bytes
        )
        await exchange.write(b"", last=True)

    def _cors(self, fields: list[Header]) -> list[Header]:
        origin = find_header(fields, b"origin")
        if origin is None:
            return []
        if "*" in self._cors_origins:
            return [(b"access-control-allow-origin", b"*")]
        if origin.decode("latin-1") in self._cors_origins:
            return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
        return [(b"vary", b"Origin")]


def _answer_500(_error: Exception) -> Response:
    """Take what no handler of the application took: one JSON shape for all."""
    request_id = request.environ["tanya.request_id"]
    told = refuse(InternalError(), path=request.path, request_id=request_id)
    return Response(told.body, status=told.status, headers=told.headers)


def _check_handlers(app: Flask) -> None:
    """Raise `ConfigurationError` for functions that Flask calls without awaiting."""
    handlers: list[object] = [
        handler
        for by_code in app.error_handler_spec.values()
        for by_class in by_code.values()
        for handler in by_class.values()
    ]
    handlers += app.teardown_appcontext_funcs
    for functions in app.teardown_request_funcs.values():
        handlers += functions
    for handler in handlers:
        if iscoroutinefunction(handler):
            name = getattr(handler, "__qualname__", "?")
            raise ConfigurationError(
                f"{name}: error handlers and teardown functions must be plain functions"
            )
