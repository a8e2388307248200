"""HTTP/1.1 with deadlines: for headers, for fresh connections, for slow readers."""

from __future__ import annotations

import asyncio
import resource
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request as WebSocketRequest
from websockets.server import ServerProtocol

from api.bridge_exchange import DEFAULT_HEADERS
from api.bridge_guard import new_request_id
from api.problems import problem_bytes, problem_headers
from domain.errors import AppError, BadRequest, HeadersTooLarge, RequestTimeout

HEADER_SECONDS = 10.0
"""From the connection, or the first byte of a further request, to its last header."""

STALL_SECONDS = 30.0
"""A client that takes nothing for this long is not reading any more."""

MAX_CONNECTIONS = 4096
_SPARE_FILES = 128
"""Descriptors left for Redis, files, the model."""


def connection_limit() -> int:
    """Return how many connections one process may hold with its file descriptors."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return MAX_CONNECTIONS
    return max(16, min(MAX_CONNECTIONS, soft - _SPARE_FILES))


class DeadlineH11(H11Protocol):
    """
    uvicorn's h11 protocol with the deadlines it lacks.

    Without them two header lines a second keep a connection for ever, and so does a
    connection on which nothing is ever sent (Kludex/uvicorn, issue 157). Refusals at
    this level are problem documents like all others.
    """

    header_seconds = HEADER_SECONDS
    stall_seconds = STALL_SECONDS
    max_connections = MAX_CONNECTIONS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._header_timer: asyncio.TimerHandle | None = None
        self._stall_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; the one that idles longest makes room for it."""
        if len(self.connections) >= self.max_connections:
            self._make_room()
        super().connection_made(transport)
        self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Drop every timer."""
        self._disarm()
        self._stop_stall()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read; a request begun is a request to be finished in time."""
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Go on with what the client sent ahead."""
        super().on_response_complete()
        self._follow()

    def handle_websocket_upgrade(self, event: h11.Request) -> None:
        """Hand the connection over; its deadlines are the WebSocket's now."""
        self._disarm()
        if _is_handshake(event, self.headers):
            super().handle_websocket_upgrade(event)
        else:
            self._refuse(BadRequest("The WebSocket handshake is not well formed."))

    def pause_writing(self) -> None:
        """Start to count how long the client takes nothing."""
        super().pause_writing()
        if self._stall_timer is None:
            self._stall_timer = self.loop.call_later(self.stall_seconds, self._abort)

    def resume_writing(self) -> None:
        """The client reads again."""
        self._stop_stall()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP; called while h11's error is being handled."""
        hint = getattr(sys.exc_info()[1], "error_status_hint", 400)
        self._refuse(HeadersTooLarge() if hint == 431 else BadRequest(msg))

    @property
    def is_idle(self) -> bool:
        """No request of this connection is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def _follow(self) -> None:
        if not self.is_idle:
            self._disarm()
        elif self._header_timer is None and self.conn.trailing_data[0]:
            self._arm()

    def _arm(self) -> None:
        self._header_timer = self.loop.call_later(self.header_seconds, self._expire)

    def _disarm(self) -> None:
        if self._header_timer is not None:
            self._header_timer.cancel()
            self._header_timer = None

    def _expire(self) -> None:
        self._header_timer = None
        if not self.is_idle or self.transport.is_closing():
            return
        if self.conn.trailing_data[0]:
            self._refuse(RequestTimeout())
        else:
            self.transport.close()

    def _refuse(self, error: AppError) -> None:
        cycle = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.abort()
                return
        self.transport.write(_raw_answer(error))
        self.transport.close()

    def _make_room(self) -> None:
        for other in self.connections:
            if isinstance(other, DeadlineH11) and other.is_idle:
                other._abort()  # noqa: SLF001 - The same class.
                return

    def _stop_stall(self) -> None:
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None

    def _abort(self) -> None:
        self.transport.abort()


def _is_handshake(event: h11.Request, fields: list[tuple[bytes, bytes]]) -> bool:
    """Tell whether the WebSocket library would accept; its own refusal is bare text."""
    head = [event.method, b" ", event.target, b" HTTP/1.1\r\n"]
    for name, value in fields:
        head += [name, b": ", value, b"\r\n"]
    protocol = ServerProtocol(extensions=[ServerPerMessageDeflateFactory()])
    protocol.receive_data(b"".join([*head, b"\r\n"]))
    said = protocol.events_received()
    if protocol.parser_exc is not None or not said:
        return False
    request = said[0]
    return (
        isinstance(request, WebSocketRequest)
        and protocol.accept(request).status_code == 101
    )


def _raw_answer(error: AppError) -> bytes:
    request_id = new_request_id()
    body = problem_bytes(error, request_id=request_id)
    fields = [
        *((name, value) for name, value in problem_headers(error).items()),
        *((name.decode(), value.decode()) for name, value in DEFAULT_HEADERS),
        ("X-Request-ID", request_id),
        ("Content-Length", str(len(body))),
        ("Connection", "close"),
    ]
    head = "".join(f"{name}: {value}\r\n" for name, value in fields)
    return f"HTTP/1.1 {error.status} {error.title}\r\n{head}\r\n".encode() + body
