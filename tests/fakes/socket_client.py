"""A client of the realtime door in the test's own loop."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from api.bridge_types import ASGIApp, Message, Scope
from tests.fakes.services import KEY


def socket_scope(
    *,
    headers: Mapping[str, str] | None = None,
    protocols: Sequence[str] = (),
    query: str = "",
    path: str = "/v1/realtime",
) -> Scope:
    """Return the scope of a handshake."""
    fields = [(b"host", b"test.example"), (b"x-request-id", b"req-1")]
    for name, value in (headers or {}).items():
        fields.append((name.lower().encode(), value.encode()))
    return {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": fields,
        "subprotocols": list(protocols),
        "client": ("192.0.2.1", 4000),
        "server": ("test", 80),
        "extensions": {"websocket.http.response": {}},
    }


@dataclass
class SocketClient:
    """
    One connection.

    Attributes:
        sent: Messages of the application, in order.
        stuck: While it is set, the client takes nothing.
    """

    app: ASGIApp
    scope: Scope
    sent: list[Message] = field(default_factory=list)
    stuck: bool = False
    task: asyncio.Task[None] = field(init=False)
    _inbound: asyncio.Queue[Message] = field(default_factory=asyncio.Queue)
    _happened: asyncio.Event = field(default_factory=asyncio.Event)
    _read: int = 0

    async def __aenter__(self) -> SocketClient:
        self._inbound.put_nowait({"type": "websocket.connect"})
        self.task = asyncio.create_task(
            self._serve(self.app, self.scope)  # The server's task of a connection.
        )
        await self._until(lambda: bool(self.sent))
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.leave()
        async with asyncio.timeout(10):
            await asyncio.wait({self.task})

    async def _serve(self, app: ASGIApp, scope: Scope) -> None:
        await app(scope, self._inbound.get, self._take)

    async def _take(self, message: Message) -> None:
        if self.stuck and message["type"] == "websocket.send":
            await asyncio.Event().wait()
        self.sent.append(message)
        self._happened.set()
        if message["type"] in {"websocket.close", "websocket.http.response.body"}:
            self.leave()

    def leave(self) -> None:
        """Go away, as far as the server is told."""
        for _ in range(2):
            self._inbound.put_nowait({"type": "websocket.disconnect", "code": 1001})

    def send(self, event: Mapping[str, Any] | str) -> None:
        """Say something; a text goes as it is."""
        text = event if isinstance(event, str) else json.dumps(event)
        self._inbound.put_nowait({"type": "websocket.receive", "text": text})

    async def next(self, kind: str | None = None) -> dict[str, Any]:
        """Return the next event, or the next one of that type."""
        while True:
            await self._until(lambda: len(self.sent) > self._read)
            message = self.sent[self._read]
            self._read += 1
            if message["type"] != "websocket.send":
                continue
            event: dict[str, Any] = json.loads(message["text"])
            if kind is None or event["type"] == kind:
                return event

    async def closed(self) -> int:
        """Wait for the close; return its code."""

        def closes() -> list[Message]:
            return [one for one in self.sent if one["type"] == "websocket.close"]

        await self._until(lambda: bool(closes()))
        code: int = closes()[0]["code"]
        return code

    @property
    def status(self) -> int:
        """101 when it was let in, else the status of the refusal."""
        first = self.sent[0]
        accepted = first["type"] == "websocket.accept"
        return 101 if accepted else int(first["status"])

    @property
    def problem(self) -> dict[str, Any]:
        """Body of the refusal."""
        found: dict[str, Any] = json.loads(self.sent[1]["body"])
        return found

    async def _until(self, condition: Any) -> None:
        async with asyncio.timeout(10):
            while not condition():
                self._happened.clear()
                await self._happened.wait()


def with_key(key: str = KEY) -> dict[str, str]:
    """Return the headers of a program."""
    return {"Authorization": f"Bearer {key}"}
