"""One request and its answer: what is sent, what is added, what was cut."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterable

from api.bridge_types import ClientGone, Header, Message, Scope, Send
from api.refusals import refuse
from domain.errors import AppError

log = logging.getLogger(__name__)

HSTS = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
DEFAULT_HEADERS: tuple[Header, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)
_CLOSE: Header = (b"connection", b"close")


class Exchange:
    """
    The way out of one request.

    Adds the headers every answer carries, merges a body of known length into one
    message, and refuses to send to a client that left.

    Attributes:
        request_id: Validated or new.
        disconnected: Set when the client left.
        started: The status was sent.
        complete: The last byte was sent.
        restarting: The server stops; what runs must come to an end.
        closing: The connection ends with this answer.
        cancellable: The work may be cancelled; a thread cannot.
        began_at: When the request came, by `time.perf_counter`.
    """

    def __init__(self, scope: Scope, send: Send, *, request_id: str) -> None:
        self._scope = scope
        self._send = send
        self.request_id = request_id
        self.disconnected = asyncio.Event()
        self.started = False
        self.complete = False
        self.restarting = False
        self.closing = False
        self.cancellable = True
        self.began_at = time.perf_counter()
        self._left: int | None = None

    async def send(self, message: Message) -> None:
        """
        Send an ASGI message.

        Raises:
            ClientGone: Nobody is there to read it.
        """
        if self.disconnected.is_set():
            raise ClientGone
        if self.complete:
            return
        if message["type"] == "http.response.start":
            self._start(message)
        elif message["type"] == "http.response.body":
            self._count(message)
        await self._send(message)

    async def answer(
        self, status: int, headers: Iterable[Header], body: bytes = b""
    ) -> None:
        """Send a whole answer."""
        await self.begin(status, headers)
        await self.write(body, last=True)

    async def begin(self, status: int, headers: Iterable[Header]) -> None:
        """Send the status and the headers."""
        await self.send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": list(headers),
            }
        )

    async def write(self, body: bytes, *, last: bool = False) -> None:
        """Send a part of the body."""
        await self.send(
            {"type": "http.response.body", "body": body, "more_body": not last}
        )

    async def write_early(self, body: bytes) -> None:
        """Send the whole body of a refusal, but let the connection wait for its end."""
        self._left = None
        await self.write(body)

    def problem(self, error: AppError) -> tuple[int, list[Header], bytes]:
        """Return status, headers and body that tell *error*."""
        told = refuse(error, path=self._scope["path"], request_id=self.request_id)
        headers = [
            (name.lower().encode(), value.encode())
            for name, value in told.headers.items()
        ]
        headers.append((b"content-length", str(len(told.body)).encode()))
        return told.status, headers, told.body

    async def deny(self, error: AppError, *, extra: Iterable[Header] = ()) -> None:
        """Answer with *error*, unless something was sent already."""
        if self.started:
            return
        status, headers, body = self.problem(error)
        await self.answer(status, [*headers, *extra], body)

    def _start(self, message: Message) -> None:
        self.started = True
        message["headers"] = self._finish(message.get("headers", ()))

    def _finish(self, headers: Iterable[Header]) -> list[Header]:
        present: set[bytes] = set()
        kept: list[Header] = []
        for name, value in headers:
            key = name.lower()
            if key == b"x-request-id":
                continue
            if not value.isascii():
                log.warning("response_header_dropped", extra={"header": key.decode()})
                continue
            if key == b"content-length":
                self._left = int(value)
            present.add(key)
            kept.append((key, value))
        kept += [item for item in DEFAULT_HEADERS if item[0] not in present]
        kept.append((b"x-request-id", self.request_id.encode()))
        if self._scope.get("scheme") in {"https", "wss"} and HSTS[0] not in present:
            kept.append(HSTS)
        if self.closing and b"connection" not in present:
            kept.append(_CLOSE)
        return kept

    def _count(self, message: Message) -> None:
        # A body of known length ends with its last byte. A separate closing message
        # would leave a moment in which the client's next request on this connection
        # starts inside the finished one.
        if self._left is not None:
            self._left -= len(message.get("body", b""))
            if self._left <= 0:
                message["more_body"] = False
        if not message.get("more_body", False):
            self.complete = True
