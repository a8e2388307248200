"""An ASGI server in the test's own loop: says what a real one says, keeps answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from api.bridge_types import ASGIApp, Header, Message, Scope


def http_scope(
    path: str,
    *,
    method: str = "GET",
    headers: Iterable[Header] = (),
    scheme: str = "http",
) -> Scope:
    """Return the scope of a request."""
    path, _, query = path.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": scheme,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(b"host", b"test"), *headers],
        "client": ("192.0.2.1", 4000),
        "server": ("test", 80),
    }


@dataclass(slots=True)
class Call:
    """
    One request: what the application received and what it sent.

    Attributes:
        parts: Pieces of the body, in order.
        ends: False when the client never sends the end of its body.
        sent: Messages of the application.
    """

    scope: Scope
    parts: list[bytes] = field(default_factory=list)
    ends: bool = True
    sent: list[Message] = field(default_factory=list)
    _left: asyncio.Event = field(default_factory=asyncio.Event)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def receive(self) -> Message:
        """Give the body, then wait until the client leaves or is answered."""
        if self.parts:
            part = self.parts.pop(0)
            more = bool(self.parts) or not self.ends
            return {"type": "http.request", "body": part, "more_body": more}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        """Keep *message*; the last one of an answer frees `receive`, as uvicorn's."""
        self.sent.append(message)
        self._arrived.set()
        body = message["type"] == "http.response.body"
        if body and not message.get("more_body", False):
            self._left.set()

    def leave(self) -> None:
        """Let the client go."""
        self._left.set()

    async def wait_for_body(self) -> None:
        """Wait until the application has sent something of a body."""
        while not self.body:
            self._arrived.clear()
            await self._arrived.wait()

    @property
    def status(self) -> int:
        """Status of the answer."""
        status: int = self.sent[0]["status"]
        return status

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the answer."""
        return {
            name.decode(): value.decode() for name, value in self.sent[0]["headers"]
        }

    @property
    def body(self) -> bytes:
        """Body of the answer so far."""
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def is_complete(self) -> bool:
        """The answer came to its proper end."""
        return bool(self.sent) and not self.sent[-1].get("more_body", False)

    def json(self) -> Any:
        """Body of the answer as JSON."""
        return json.loads(self.body)


def make_call(path: str, *, body: bytes | list[bytes] = b"", **scope: Any) -> Call:
    """Return a request that was not sent yet."""
    parts = body if isinstance(body, list) else [body]
    return Call(http_scope(path, **scope), list(parts))


async def ask(app: ASGIApp, path: str, **options: Any) -> Call:
    """Send a request and wait for the application's end."""
    call = make_call(path, **options)
    await app(call.scope, call.receive, call.send)
    return call


async def run_lifespan(app: ASGIApp) -> list[Message]:
    """Start and stop the application; return what it said."""
    inbox: list[Message] = [
        {"type": "lifespan.startup"},
        {"type": "lifespan.shutdown"},
    ]
    said: list[Message] = []

    async def receive() -> Message:
        return inbox.pop(0)

    async def send(message: Message) -> None:
        said.append(message)

    await app({"type": "lifespan"}, receive, send)
    return said
