"""Other ASGI applications beside Flask, found by path prefix."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from api.bridge_exchange import Exchange
from api.bridge_guard import choose_request_id, clean_headers
from api.bridge_types import ASGIApp, Message, Receive, Scope, Send
from domain.errors import AppError, NotFound, PayloadTooLarge

_LAST_WORD_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Mount:
    """One application and the prefix it serves, without a slash at its end."""

    prefix: str
    app: ASGIApp

    def owns(self, path: str) -> bool:
        """Whether *path* is the prefix or lies below it."""
        return path == self.prefix or path.startswith(f"{self.prefix}/")

    async def http(
        self, scope: Scope, receive: Receive, exchange: Exchange, *, limit: int
    ) -> None:
        """
        Let the application answer; its body is counted as it reads.

        Raises:
            PayloadTooLarge: The body went over *limit* bytes.
        """
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise PayloadTooLarge
            return message

        await self.app(self.below(scope), counted, exchange.send)

    def below(self, scope: Scope) -> Scope:
        """Return *scope* as the application sees it: `root_path` holds the prefix."""
        return {**scope, "root_path": scope.get("root_path", "") + self.prefix}


class SocketApp(ASGIApp, Protocol):
    """An application of WebSockets, which last longer than a drain."""

    def begin_drain(self) -> None:
        """Let nobody in, and let go who can go."""
        ...

    def end_streams(self) -> None:
        """Let everybody go now."""
        ...


class Mounts:
    """
    The mounted applications, longest prefix first.

    Args:
        apps: Applications by prefix, such as `/mcp`.
        sockets: Applications of WebSockets alone, by path.
    """

    def __init__(
        self,
        apps: Mapping[str, ASGIApp],
        sockets: Mapping[str, SocketApp] | None = None,
    ) -> None:
        longest_first = sorted(apps.items(), key=lambda item: -len(item[0]))
        self._mounts = [Mount(name.rstrip("/"), app) for name, app in longest_first]
        self._sockets = dict(sockets or {})

    def find(self, path: str) -> Mount | None:
        """Return the mount that owns *path*, or None."""
        return next((mount for mount in self._mounts if mount.owns(path)), None)

    async def websocket(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a WebSocket, or refuse the handshake."""
        app = self._sockets.get(scope["path"])
        mount = self.find(scope["path"]) if app is None else None
        request_id = choose_request_id(scope["headers"])
        try:
            headers = clean_headers(scope["headers"], request_id=request_id)
            if app is None and mount is None:
                raise NotFound
        except AppError as exc:
            await receive()
            await refuse_handshake(exc, scope, receive, send, request_id=request_id)
            return
        scope["headers"] = headers.fields
        if app is not None:
            await app(scope, receive, send)
        elif mount is not None:
            await mount.app(mount.below(scope), receive, send)

    def begin_drain(self) -> None:
        """Tell those whose connections last."""
        for app in self._sockets.values():
            app.begin_drain()

    def end_streams(self) -> None:
        """End the connections that last."""
        for app in self._sockets.values():
            app.end_streams()


async def refuse_handshake(
    error: AppError, scope: Scope, receive: Receive, send: Send, *, request_id: str
) -> None:
    """Answer a WebSocket handshake, its `websocket.connect` read, with a problem."""

    async def as_denial(message: Message) -> None:
        # The ASGI extension "WebSocket Denial Response".
        kind = message["type"].removeprefix("http")
        await send({**message, "type": f"websocket.http{kind}"})

    await Exchange(scope, as_denial, request_id=request_id).deny(error)
    # The server calls a return before the connection has ended a fault of ours, and
    # says "disconnect" twice: when it has answered, and when the connection ended.
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LAST_WORD_SECONDS):
            for _ in range(2):
                await receive()
